//! Time limits by step (RFC 5321 section 4.5.3.2).

use smtp::Secret;
use smtp::client::{ClientConfig, Credentials, TlsMode};

use crate::client_script::{OPEN, check, config};

/// Nothing happens a second before the limit; at the limit the session ends with `ends`.
fn check_limit(config: &ClientConfig, lines: &[&str], seconds: u64, step: &str, ends: &[&str]) {
    let almost = format!("A: wait {}", seconds - 1);
    let ends: Vec<String> = ends
        .iter()
        .map(|end| {
            format!(
                "{}the server did not answer in time (waiting for {step}){}",
                end,
                if end.contains('(') { ")" } else { "" }
            )
        })
        .collect();
    let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
    check(config.clone(), &[lines, &[&almost, "A: wait 1"], &ends]);
}

#[test]
fn the_opening() {
    let plain = config();
    check_limit(&plain, &[], 300, "the greeting", &["E: closed at connect: "]);
    let ehlo = &["S: 220 mx", "C: EHLO client.example"];
    check_limit(&plain, ehlo, 300, "the reply to EHLO", &["E: closed at auth: "]);
    let implicit = ClientConfig { tls: TlsMode::Implicit, ..config() };
    check_limit(&implicit, &["E: starttls"], 60, "the TLS handshake", &["E: closed at tls: "]);
    let starttls = ClientConfig { tls: TlsMode::StartTls, ..config() };
    let lines = &["S: 220 mx", "C: EHLO client.example", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS"];
    check_limit(&starttls, lines, 300, "the reply to STARTTLS", &["E: closed at tls: "]);
    let credentials = Credentials { user: "u".into(), secret: Secret::from("p"), mechanism: None };
    let auth = ClientConfig { credentials: Some(credentials), allow_plaintext_auth: true, ..config() };
    let lines =
        &["S: 220 mx", "C: EHLO client.example", "S: 250-mx", "S: 250 AUTH PLAIN", "C: AUTH PLAIN AHUAcA=="];
    check_limit(&auth, lines, 120, "the reply to AUTH", &["E: closed at auth: "]);
}

#[test]
fn the_mail() {
    let mut lines = OPEN.to_vec();
    let mut then = |more: &[&'static str], seconds, step: &str, phase: &str, word: &str| {
        lines.extend_from_slice(more);
        let settled = if word == "unknown" {
            format!("E: settled 1 at {phase}: unknown (")
        } else {
            format!("E: settled 1 at {phase}: deferred at {phase} (")
        };
        check_limit(&config(), &lines, seconds, step, &[&settled, &format!("E: closed at {phase}: ")]);
    };
    let offer = &[
        "A: offer 1 a@example.jp",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "C: RCPT TO:<a@example.jp>",
        "C: DATA",
    ];
    then(offer, 300, "the reply to MAIL", "mail", "deferred");
    then(&["A: wait 200", "S: 250 ok"], 300, "the reply to RCPT", "rcpt", "deferred");
    then(&["S: 250 ok"], 120, "the reply to DATA", "data", "deferred");
    then(
        &["S: 354 go", "E: permitted 1", "A: wait 500", "A: send abc\\r\\ndef\\r\\n", "C: abc"],
        180,
        "the message to be taken",
        "data",
        "deferred",
    );
    // Each octet that the kernel takes is progress.
    then(&["A: wait 179", "A: written 1", "A: wait 100"], 80, "the message to be taken", "data", "deferred");
    then(&["C: ef", "C: ."], 600, "the reply to the message", "dot", "unknown");
    // A part of a reply is none.
    then(&["A: wait 599", "S- 250 o"], 1, "the reply to the message", "dot", "unknown");
}

#[test]
fn an_idle_session_has_no_limit() {
    check(config(), &[OPEN, &["A: wait 1000000"]]);
}
