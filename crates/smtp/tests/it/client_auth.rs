//! AUTH: every mechanism, the choice among them, and refusals.

use smtp::client::{Client, ClientConfig, Credentials, TlsMode};
use smtp::{Mechanism, Secret};

use crate::client_script::{check, config};

fn with(user: &str, secret: &str, mechanism: Option<Mechanism>) -> ClientConfig {
    let credentials = Credentials { user: user.to_owned(), secret: Secret::from(secret), mechanism };
    ClientConfig { tls: TlsMode::Implicit, credentials: Some(credentials), ..config() }
}

fn open(auth: &str) -> Vec<String> {
    ["E: starttls", "A: tls", "S: 220 mx", "C: EHLO client.example", "S: 250-mx", auth]
        .map(str::to_owned)
        .to_vec()
}

fn check_auth(config: ClientConfig, offered: &str, lines: &[&str]) {
    let mut open = open(&format!("S: 250 AUTH {offered}"));
    if config.tls == TlsMode::None {
        open.drain(..2);
    }
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    check(config, &[&open, lines]);
}

#[test]
fn plain_of_rfc_4954() {
    let lines = &["C: AUTH PLAIN AHRlc3QAMTIzNA==", "S: 235 2.7.0 ok", "E: ready"];
    check_auth(with("test", "1234", None), "PLAIN LOGIN CRAM-MD5", lines);
}

#[test]
fn login() {
    let lines = &[
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        "C: dGVzdA==",
        "S: 334 UGFzc3dvcmQ6",
        "C: MTIzNA==",
        "S: 235 ok",
        "E: ready",
    ];
    check_auth(with("test", "1234", None), "LOGIN", lines);
    // Prompts that are no base64 are answered all the same.
    let lines =
        &["C: AUTH LOGIN", "S: 334 User?", "C: dGVzdA==", "S: 334 ", "C: MTIzNA==", "S: 235 ok", "E: ready"];
    check_auth(with("test", "1234", None), "LOGIN", lines);
}

#[test]
fn cram_md5_of_rfc_2195() {
    let lines = &[
        "C: AUTH CRAM-MD5",
        "S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
        "S: 235 ok",
        "E: ready",
    ];
    check_auth(with("tim", "tanstaaftanstaaf", None), "CRAM-MD5", lines);
    let lines =
        &["C: AUTH CRAM-MD5", "S: 334 !!", "E: closed at auth: the server answered out of step (AUTH)"];
    check_auth(with("tim", "tanstaaftanstaaf", None), "CRAM-MD5", lines);
}

#[test]
fn xoauth2_of_the_vendor_example() {
    let token = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";
    let config = || with("someuser@example.com", token, Some(Mechanism::XOAuth2));
    let command = "C: AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja0JoZEhSaGRtbHpkR0V1WTI5dENnPT0BAQ==";
    check_auth(config(), "PLAIN XOAUTH2", &[command, "S: 235 ok", "E: ready"]);
    // An error comes as a challenge, which wants an empty answer.
    let lines = &[
        command,
        "S: 334 eyJzdGF0dXMiOiI0MDEifQ==",
        "C: ",
        "S: 535 5.7.1 no",
        "E: closed at auth: the server refused: 535 5.7.1 no",
    ];
    check_auth(config(), "PLAIN XOAUTH2", lines);
}

#[test]
fn oauthbearer() {
    let config = with("a,b=c", "tok", Some(Mechanism::OAuthBearer));
    let lines = &[
        "C: AUTH OAUTHBEARER bixhPWE9MkNiPTNEYywBYXV0aD1CZWFyZXIgdG9rAQE=",
        "S: 334 e30=",
        "C: AQ==",
        "S: 535 no",
        "E: closed at auth: the server refused: 535 no",
    ];
    check_auth(config, "OAUTHBEARER", lines);
}

#[test]
fn a_long_initial_response_waits_for_the_server() {
    let secret = "s".repeat(400);
    let encoded = format!("C: AHUA{}", "c3Nz".repeat(133) + "cw==");
    let lines = &["C: AUTH PLAIN", "S: 334 ", &encoded, "S: 235 ok", "E: ready"];
    check_auth(with("u", &secret, None), "PLAIN", lines);
}

#[test]
fn refusals_end_the_session() {
    let sent = "C: AUTH PLAIN AHUAcA==";
    let run = |lines: &[&str]| check_auth(with("u", "p", None), "PLAIN", lines);
    run(&[sent, "S: 535 5.7.8 bad", "E: closed at auth: the server refused: 535 5.7.8 bad"]);
    run(&[sent, "S: 454 4.7.0 later", "E: closed at auth: the server refused: 454 4.7.0 later"]);
    run(&[sent, "S: 421 4.7.0 later", "E: closed at auth: the server refused: 421 4.7.0 later"]);
    run(&[sent, "S: 250 ok", "E: closed at auth: the server answered out of step (AUTH)"]);
    run(&[sent, "S: 334 ", "E: closed at auth: the server answered out of step (AUTH)"]);
    run(&[sent, "A: eof", "E: closed at auth: the server closed the connection"]);
}

#[test]
fn no_common_mechanism_names_what_is_offered() {
    let end = "E: closed at auth: no common AUTH mechanism; the server offers: GSSAPI X-NEW";
    check_auth(with("u", "p", None), "GSSAPI X-NEW", &[end]);
    let end = "E: closed at auth: no common AUTH mechanism; the server offers: PLAIN";
    check_auth(with("u", "p", Some(Mechanism::CramMd5)), "PLAIN", &[end]);
    let lines: &[&str] = &["S: 220 mx", "C: EHLO client.example", "S: 250 mx"];
    let end: &[&str] = &["E: closed at auth: no common AUTH mechanism; the server offers: none"];
    check(ClientConfig { tls: TlsMode::None, ..with("u", "p", None) }, &[lines, end]);
}

#[test]
fn in_the_clear_the_password_is_sent_only_by_leave() {
    let clear =
        |allow| ClientConfig { tls: TlsMode::None, allow_plaintext_auth: allow, ..with("u", "p", None) };
    let end = "E: closed at auth: refusing to send the password without TLS; the server offers: PLAIN LOGIN";
    check_auth(clear(false), "PLAIN LOGIN", &[end]);
    check_auth(clear(true), "PLAIN LOGIN", &["C: AUTH PLAIN AHUAcA==", "S: 235 ok", "E: ready"]);
    // A mechanism that hides the secret is preferred, and needs no leave.
    check_auth(clear(false), "PLAIN CRAM-MD5", &["C: AUTH CRAM-MD5"]);
    let opportunistic = ClientConfig { tls: TlsMode::StartTlsIfOffered, ..clear(false) };
    let lines: &[&str] = &["S: 220 mx", "C: EHLO client.example", "S: 250 AUTH PLAIN LOGIN"];
    check(opportunistic, &[&lines[..2], &["S: 250-mx", "S: 250 AUTH PLAIN LOGIN", end]]);
}

#[test]
fn the_secret_is_in_no_debug_output() {
    let config = with("user-name", "very-secret", None);
    let client = Client::new(config.clone(), domain::Moment::ZERO);
    let shown = format!("{config:?} {:?} {client:?}", config.credentials);
    assert!(!shown.contains("very-secret") && !shown.contains("user-name"), "{shown}");
}

#[test]
fn control_characters_in_credentials_are_refused() {
    let end =
        "E: closed at connect: the configured user name or password holds characters that SMTP cannot carry";
    check(with("a\0b", "p", None), &[&[end]]);
    check(with("a", "p\r\n", None), &[&[end]]);
}
