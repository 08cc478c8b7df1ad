//! Greeting, EHLO, HELO and STARTTLS.

use smtp::client::{ClientConfig, TlsMode};

use crate::client_script::{check, config};

fn with_tls(tls: TlsMode) -> ClientConfig {
    ClientConfig { tls, ..config() }
}

#[test]
fn a_server_without_extensions() {
    check(
        config(),
        &[&["S: 220 mx", "C: EHLO client.example", "S: 250 mx", "E: ready", "A: quit", "C: QUIT"]],
    );
}

#[test]
fn quit_ends_the_session() {
    let open: &[&str] =
        &["S: 220 mx", "C: EHLO client.example", "S: 250 mx", "E: ready", "A: quit", "C: QUIT"];
    check(config(), &[open, &["S: 221 bye", "E: closed at permit: the session was ended with QUIT"]]);
    check(config(), &[open, &["A: eof", "E: closed at permit: the session was ended with QUIT"]]);
    check(
        config(),
        &[
            open,
            &[
                "A: wait 10",
                "E: closed at permit: the server did not answer in time (waiting for the reply to QUIT)",
            ],
        ],
    );
}

#[test]
fn an_old_server_gets_helo() {
    let open: &[&str] = &["S: 220 mx", "C: EHLO client.example", "S: 500 what?"];
    check(config(), &[open, &["C: HELO client.example", "S: 250 mx", "E: ready"]]);
    check(with_tls(TlsMode::StartTls), &[open, &["E: closed at auth: the server refused: 500 what?"]]);
}

#[test]
fn refused_greetings() {
    let check_greeting = |greeting: &str, end: &str| check(config(), &[&[greeting, end]]);
    check_greeting("S: 554 5.7.1 go away", "E: closed at connect: the server refused: 554 5.7.1 go away");
    check_greeting("S: 421 busy", "E: closed at connect: the server refused: 421 busy");
    check_greeting("S: 250 hello", "E: closed at connect: the server answered out of step (greeting)");
    check_greeting("A: eof", "E: closed at connect: the server closed the connection");
    check_greeting("A: broken reset by peer", "E: closed at connect: the connection failed: reset by peer");
    let not_smtp = |sent: &str, shown: &str| {
        let end = format!("E: closed at connect: the server does not speak SMTP; it sent \"{shown}\"");
        check_greeting(sent, &end);
    };
    not_smtp("S: SSH-2.0-OpenSSH_9.9", "SSH-2.0-OpenSSH_9.9\\r\\n");
    not_smtp("S- HT", "HT");
    not_smtp("S- \\x15\\x03\\x01", "\\x15\\x03\\x01");
    not_smtp("S- 220 hi\\n", "220 hi\\n");
    not_smtp("S: +OK pop3", "+OK pop3\\r\\n");
    check(
        config(),
        &[&[
            "S- 22",
            "S: x hello",
            "E: closed at connect: the server does not speak SMTP; it sent \"22x hello\\r\\n\"",
        ]],
    );
}

#[test]
fn a_refused_ehlo() {
    let open: &[&str] = &["S: 220 mx", "C: EHLO client.example"];
    check(
        config(),
        &[open, &["S: 550 5.7.1 bad name", "E: closed at auth: the server refused: 550 5.7.1 bad name"]],
    );
    check(config(), &[open, &["S: 354 go", "E: closed at auth: the server answered out of step (EHLO)"]]);
    check(
        config(),
        &[
            open,
            &[
                "S: 250-mx",
                "S: 550 no",
                "E: closed at auth: the server gave different codes on the lines of one reply",
            ],
        ],
    );
    check(config(), &[open, &["S: 421 later", "E: closed at auth: the server refused: 421 later"]]);
}

const OFFERED: &[&str] = &[
    "S: 220 mx",
    "C: EHLO client.example",
    "S: 250-mx",
    "S: 250-CHUNKING",
    "S: 250 STARTTLS",
    "C: STARTTLS",
];

#[test]
fn starttls_forgets_what_was_said_before() {
    check(
        with_tls(TlsMode::StartTls),
        &[
            OFFERED,
            &["S: 220 go", "E: starttls", "A: tls", "C: EHLO client.example", "S: 250 mx", "E: ready"],
        ],
    );
}

#[test]
fn what_was_offered_in_the_clear_is_not_used_by_a_server_that_then_knows_helo_only() {
    check(
        with_tls(TlsMode::StartTlsIfOffered),
        &[&[
            "S: 220 mx",
            "C: EHLO client.example",
            "S: 250-mx",
            "S: 250-PIPELINING",
            "S: 250 STARTTLS",
            "C: STARTTLS",
            "S: 220 go",
            "E: starttls",
            "A: tls",
            "C: EHLO client.example",
            "S: 502 what?",
            "C: HELO client.example",
            "S: 250 mx",
            "E: ready",
            "A: offer 1 a@example.jp",
            "C: MAIL FROM:<s@example.jp>",
            "S: 250 ok",
            "C: RCPT TO:<a@example.jp>",
        ]],
    );
}

#[test]
fn starttls_failures() {
    let run = |tls, lines: &[&str]| check(with_tls(tls), &[OFFERED, lines]);
    run(TlsMode::StartTls, &["S: 454 4.7.0 no", "E: closed at tls: the server refused: 454 4.7.0 no"]);
    run(TlsMode::StartTls, &["S: 250 ok", "E: closed at tls: the server answered out of step (STARTTLS)"]);
    run(
        TlsMode::StartTls,
        &[
            "S: 220 go",
            "E: starttls",
            "A: tls-failed certificate expired",
            "E: closed at tls: the TLS handshake failed: certificate expired",
        ],
    );
    run(TlsMode::StartTlsIfOffered, &["S: 454 no", "E: ready"]);
    run(TlsMode::StartTlsIfOffered, &["S: 421 no", "E: closed at tls: the server refused: 421 no"]);
}

#[test]
fn starttls_not_offered() {
    let open: &[&str] = &["S: 220 mx", "C: EHLO client.example", "S: 250 mx"];
    check(
        with_tls(TlsMode::StartTls),
        &[open, &["E: closed at tls: TLS is required and the server does not offer STARTTLS"]],
    );
    check(with_tls(TlsMode::StartTlsIfOffered), &[open, &["E: ready"]]);
}

#[test]
fn octets_in_the_clear_behind_starttls_are_an_attack() {
    let injected =
        "E: closed at tls: data arrived in the clear after STARTTLS (an attack or a broken server)";
    let tls = TlsMode::StartTls;
    check(with_tls(tls), &[OFFERED, &["S: 220 go\\r\\n250-evil", injected]]);
    check(with_tls(tls), &[OFFERED, &["S- 220 go\\r\\n2", injected]]);
    check(with_tls(tls), &[OFFERED, &["S: 220 go", "E: starttls", "S: 250 evil", injected]]);
}

#[test]
fn implicit_tls_comes_first() {
    check(
        with_tls(TlsMode::Implicit),
        &[&[
            "E: starttls",
            "A: tls",
            "S: 220 mx",
            "C: EHLO client.example",
            "S: 250-mx",
            "S: 250 STARTTLS",
            "E: ready",
        ]],
    );
    check(
        with_tls(TlsMode::Implicit),
        &[&[
            "E: starttls",
            "S: 220 mx",
            "E: closed at tls: data arrived in the clear after STARTTLS (an attack or a broken server)",
        ]],
    );
}

#[test]
fn unsafe_names_never_reach_the_wire() {
    for name in ["", "a b", "a\r\nMAIL FROM:<x@y>", "a\0"] {
        let config = ClientConfig { ehlo_name: name.to_owned(), ..config() };
        let end = "E: closed at connect: the configured EHLO name holds characters that SMTP cannot carry";
        check(config, &[&[end]]);
    }
}
