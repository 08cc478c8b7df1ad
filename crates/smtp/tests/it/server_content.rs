//! DATA and BDAT at the server: smuggling, limits, slices.

use smtp::server::{BareLineEnds, ContentMode, Extensions, ServerConfig};

use crate::server_script::{ENVELOPE, OPEN, check, config};

const DATA: &[&str] = &["C: DATA", "E: data", "S: 354 End data with <CR><LF>.<CR><LF>"];

fn run(lines: &[&str]) {
    check(config(), &[OPEN, ENVELOPE, DATA, lines]);
}

#[test]
fn nothing_but_crlf_dot_crlf_ends_data() {
    let smuggled = "MAIL FROM:<evil@example.jp>\\r\\nRCPT TO:<v@example.jp>\\r\\nDATA\\r\\nboo\\r\\n.";
    for end in [
        "\\n.\\n",
        "\\n.\\r\\n",
        "\\r\\n.\\n",
        "\\r.\\r",
        "\\r\\n.\\r",
        "\\r.\\r\\n",
        "\\0\\n.\\r\\n",
        "\\r\\n\\n.\\r\\n",
        "\\r\\r\\n.\\r\\r\\n",
        "\\n.\\r",
    ] {
        let line = format!("C: hello{end}{smuggled}");
        let refused = "E: refused the message has a line end that is not CRLF";
        run(&[
            &line,
            refused,
            "S: 550 5.6.0 Message has a bare CR or LF; lines must end in CRLF",
            "C: RSET",
            "E: reset",
            "S: 250 2.0.0 Ok",
        ]);
    }
}

#[test]
fn a_nul_is_refused_and_ends_nothing() {
    for end in ["\\r\\n\\0.\\r\\n", "\\r\\n.\\0\\r\\n", "\\r\\n.\\r\\0\\r\\n"] {
        let line = format!("C: a{end}QUIT\\r\\n.");
        let bare = end.contains("\\r\\0");
        let (fault, text) = if bare {
            ("line end that is not CRLF", "bare CR or LF; lines must end in CRLF")
        } else {
            ("NUL octet", "NUL octet; encode it (MIME base64)")
        };
        let refusal = [
            line.as_str(),
            &format!("E: refused the message has a {fault}"),
            &format!("S: 550 5.6.0 Message has a {text}"),
        ];
        check(ServerConfig { refuse_nul: true, ..config() }, &[OPEN, ENVELOPE, DATA, &refusal]);
    }
}

/// Whoever takes the message from here may send it on with DATA, where a dot alone in a line ends it.
#[test]
fn chunks_with_bare_line_ends_are_refused() {
    for chunks in [
        "BDAT 4 LAST\\r\\na\\n.\\n",
        "BDAT 2\\r\\na\\rBDAT 1 LAST\\r\\nb",
        "BDAT 3 LAST\\r\\na\\r.",
        "BDAT 1 LAST\\r\\n\\r",
    ] {
        let octets_received: &[&str] =
            if chunks.contains("BDAT 2\\r") { &["S: 250 2.0.0 2 octets received"] } else { &[] };
        check(
            config(),
            &[
                OPEN,
                ENVELOPE,
                &[&format!("C- {chunks}"), "E: refused the message has a line end that is not CRLF"],
                octets_received,
                &["S: 550 5.6.0 Message has a bare CR or LF; lines must end in CRLF"],
            ],
        );
    }
}

#[test]
fn content_behind_a_refused_data_is_no_command() {
    let config = ServerConfig { expel_early_content: true, ..config() };
    check(
        config.clone(),
        &[
            OPEN,
            &[
                "C: MAIL FROM:<a@example.jp>\\r\\nDATA\\r\\nMAIL FROM:<evil@example.jp>\\r\\n.",
                "E: mail a@example.jp",
                "E: expelled",
                "S: 250 2.1.0 Ok",
                "S: 554 5.5.1 No valid recipients",
                "S: 421 5.5.0 Content came before it was asked for",
                "A: closed",
            ],
        ],
    );
    check(
        config,
        &[
            OPEN,
            &[
                "C: MAIL FROM:<a@example.jp>\\r\\nDATA",
                "E: mail a@example.jp",
                "S: 250 2.1.0 Ok",
                "S: 554 5.5.1 No valid recipients",
                "C: NOOP",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}

#[test]
fn bare_line_ends_can_be_allowed_and_still_end_nothing() {
    let config = ServerConfig { bare_line_ends: BareLineEnds::Allow, ..config() };
    check(
        config,
        &[
            OPEN,
            ENVELOPE,
            DATA,
            &["C: a\\n.\\nQUIT\\r\\n.", "E: message a\\n.\\nQUIT\\r\\n", "S: 250 2.0.0 Ok"],
        ],
    );
}

#[test]
fn the_end_is_found_however_it_is_cut() {
    run(&[
        "C- a",
        "C- \\r",
        "C- \\n",
        "C- .",
        "C- \\r",
        "C- \\nNOOP\\r\\n",
        "E: message a\\r\\n",
        "S: 250 2.0.0 Ok",
        "S: 250 2.0.0 Ok",
    ]);
    run(&["C: .", "E: message ", "S: 250 2.0.0 Ok"]);
}

#[test]
fn a_message_that_is_too_large_is_refused_whole() {
    let line = format!("C- {}\\r\\n", "x".repeat(600));
    run(&[
        &line,
        &line,
        &line,
        "C: .",
        "E: refused the message is too large",
        "S: 552 5.3.4 Message is too large",
        "C: MAIL FROM:<a@example.jp>",
        "E: mail a@example.jp",
        "S: 250 2.1.0 Ok",
    ]);
}

#[test]
fn slices_come_without_a_copy() {
    let config =
        ServerConfig { content: ContentMode::Slices, bare_line_ends: BareLineEnds::Allow, ..config() };
    check(
        config.clone(),
        &[
            OPEN,
            ENVELOPE,
            DATA,
            &[
                "C- a\\r\\n..b",
                "E: content stuffed a\\r\\n..b",
                "C: \\r\\n.\\r\\nNOOP",
                "E: content stuffed \\r\\n",
                "E: message end 8",
                "S: 250 2.0.0 Ok",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
    check(config.clone(), &[OPEN, ENVELOPE, DATA, &["C: .", "E: message end 0", "S: 250 2.0.0 Ok"]]);
    check(
        config,
        &[
            OPEN,
            ENVELOPE,
            &[
                "C- BDAT 4 LAST\\r\\na\\n",
                "E: content a\\n",
                "C- .\\nNOOP\\r\\n",
                "E: content .\\n",
                "E: message end 4",
                "S: 250 2.0.0 Ok",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}

#[test]
fn bdat_by_chunks() {
    check(
        config(),
        &[
            OPEN,
            ENVELOPE,
            &[
                "C- BDAT 5\\r\\n.\\r\\n.\\rBDAT 1\\r\\n\\nBDAT 0 LAST\\r\\nNOOP\\r\\n",
                "E: message .\\r\\n.\\r\\n",
                "S: 250 2.0.0 5 octets received",
                "S: 250 2.0.0 1 octets received",
                "S: 250 2.0.0 Ok",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}

#[test]
fn octets_of_a_refused_chunk_are_no_commands() {
    let evil = "BDAT 6 LAST\\r\\nQUIT\\r\\nNOOP";
    check(config(), &[OPEN, &[&format!("C: {evil}"), "S: 503 5.5.1 MAIL and RCPT first", "S: 250 2.0.0 Ok"]]);
    let mut without = config();
    without.extensions = Extensions { chunking: false, ..without.extensions };
    check(
        without,
        &[&[
            "S: 220 mx.example.jp ESMTP",
            &format!("C: {evil}"),
            "S: 502 5.5.1 BDAT is not offered",
            "S: 250 2.0.0 Ok",
        ]],
    );
    check(
        ServerConfig { require_tls: true, ..config() },
        &[OPEN, &[&format!("C: {evil}"), "S: 503 5.5.1 MAIL and RCPT first", "S: 250 2.0.0 Ok"]],
    );
}

#[test]
fn data_and_bdat_do_not_mix() {
    check(
        config(),
        &[
            OPEN,
            ENVELOPE,
            &[
                "C: BDAT 2\\r\\n\\r\\nDATA",
                "S: 250 2.0.0 2 octets received",
                "S: 503 5.5.1 MAIL and RCPT first",
                "C: RCPT TO:<c@example.jp>",
                "S: 503 5.5.1 MAIL first",
                "C: RSET",
                "E: reset",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}

#[test]
fn a_chunk_that_is_too_large_is_used_up_and_refused() {
    let octets = "x".repeat(1001);
    check(
        config(),
        &[
            OPEN,
            ENVELOPE,
            &[
                &format!("C: BDAT 1001\\r\\n{octets}NOOP"),
                "E: refused the message is too large",
                "S: 552 5.3.4 Message is too large",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}
