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
    let config = ServerConfig { content: ContentMode::Slices, ..config() };
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
