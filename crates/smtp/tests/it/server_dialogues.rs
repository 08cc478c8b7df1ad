//! The server's commands: order, limits, TLS, AUTH.

use smtp::Mechanism;
use smtp::server::{Extensions, ServerConfig};

use crate::server_script::{ENVELOPE, OPEN, check, config};

fn run(lines: &[&str]) {
    check(config(), &[OPEN, lines]);
}

#[test]
fn a_message_is_taken() {
    check(
        config(),
        &[
            OPEN,
            ENVELOPE,
            &[
                "C: DATA",
                "E: data",
                "S: 354 End data with <CR><LF>.<CR><LF>",
                "C: hello\\r\\n..dot\\r\\n.",
                "E: message hello\\r\\n.dot\\r\\n",
                "S: 250 2.0.0 Ok",
                "C: QUIT",
                "E: quit",
                "S: 221 2.0.0 Bye",
                "A: closed",
            ],
        ],
    );
}

#[test]
fn a_pipelined_flight_is_answered_in_order() {
    run(&[
        "C: MAIL FROM:<> SIZE=9\\r\\nRCPT TO:<refuse@example.jp>\\r\\nRCPT TO:<b@example.jp>\\r\\nDATA",
        "E: mail  size=9",
        "E: rcpt refuse@example.jp",
        "E: rcpt b@example.jp",
        "E: data",
        "S: 250 2.1.0 Ok",
        "S: 550 nobody",
        "S: 250 2.1.5 Ok",
        "S: 354 End data with <CR><LF>.<CR><LF>",
        "C: refuse\\r\\n.\\r\\nMAIL FROM:<x@example.jp>\\r\\nRSET\\r\\nNOOP",
        "E: message refuse\\r\\n",
        "E: mail x@example.jp",
        "E: reset",
        "S: 554 spam",
        "S: 250 2.1.0 Ok",
        "S: 250 2.0.0 Ok",
        "S: 250 2.0.0 Ok",
    ]);
}

#[test]
fn commands_out_of_order() {
    check(
        config(),
        &[&["S: 220 mx.example.jp ESMTP", "C: MAIL FROM:<a@example.jp>", "S: 503 5.5.1 EHLO first"]],
    );
    run(&["C: RCPT TO:<b@example.jp>", "S: 503 5.5.1 MAIL first"]);
    run(&["C: DATA", "S: 503 5.5.1 MAIL and RCPT first"]);
    check(config(), &[OPEN, ENVELOPE, &["C: MAIL FROM:<a@example.jp>", "S: 503 5.5.1 Nested MAIL command"]]);
    run(&[
        "C: MAIL FROM:<a@example.jp>",
        "E: mail a@example.jp",
        "S: 250 2.1.0 Ok",
        "C: DATA",
        "S: 554 5.5.1 No valid recipients",
    ]);
    run(&["C: AUTH PLAIN AAAA", "S: 504 5.5.4 Unrecognized authentication type"]);
    run(&["C: STARTTLS", "S: 502 5.5.1 STARTTLS is not offered"]);
}

#[test]
fn bad_commands() {
    let check_refused = |line: &str, reply: &str| run(&[&format!("C: {line}"), &format!("S: {reply}")]);
    check_refused("FOO", "500 5.5.2 Unknown command");
    check_refused("LHLO x", "502 5.5.1 Command is not implemented");
    check_refused("DATA now", "501 5.5.4 This command takes no argument");
    check_refused("MAIL FROM: a@example.jp", "501 5.5.4 Syntax: MAIL FROM:<reverse-path> [parameters]");
    check_refused("MAIL FROM:<a@example.jp> X=1", "555 5.5.4 Parameter is not offered");
    check_refused("MAIL FROM:<a@example.jp> RET=FULL", "555 5.5.4 Parameter is not offered");
    check_refused("MAIL FROM:<太郎@example.jp>", "553 5.6.7 Address needs SMTPUTF8");
    check_refused("NO\\0OP", "500 5.5.2 Control characters in a command; lines must end in CRLF");
    check_refused("NOOP\\nNOOP", "500 5.5.2 Control characters in a command; lines must end in CRLF");
    check_refused("NOOP\\rNOOP", "500 5.5.2 Control characters in a command; lines must end in CRLF");
    check_refused("NOOP \\xff", "500 5.5.2 The command is not valid UTF-8");
    check_refused("BDAT 18446744073709551619 LAST", "501 5.5.4 Number too large");
    check_refused("BDAT x", "501 5.5.4 Syntax: BDAT chunk-size [LAST]");
    check_refused(&format!("NOOP {}", "x".repeat(3000)), "500 5.5.6 Line too long");
}

/// AUTH= belongs to AUTH (RFC 4954 section 5): whoever offers that must take it.
#[test]
fn parameters_without_effect_are_taken_where_that_is_configured() {
    run(&["C: MAIL FROM:<a@example.jp> AUTH=b+3Dc@example.jp", "E: mail a@example.jp", "S: 250 2.1.0 Ok"]);
    check(
        ServerConfig { dsn_parameters: true, ..config() },
        &[
            OPEN,
            &[
                "C: MAIL FROM:<a@example.jp> RET=HDRS ENVID=QQ314159 AUTH=<> SIZE=9",
                "E: mail a@example.jp size=9",
                "S: 250 2.1.0 Ok",
                "C: RCPT TO:<b@example.jp> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.jp",
                "E: rcpt b@example.jp",
                "S: 250 2.1.5 Ok",
                "C: RCPT TO:<c@example.jp> NOTIFY=NEVER",
                "E: rcpt c@example.jp",
                "S: 250 2.1.5 Ok",
            ],
        ],
    );
    check(
        config(),
        &[
            OPEN,
            ENVELOPE,
            &["C: RCPT TO:<c@example.jp> NOTIFY=NEVER", "S: 555 5.5.4 Parameter is not offered"],
        ],
    );
}

#[test]
fn commands_that_lead_nowhere_are_counted_until_a_message_comes() {
    check(
        ServerConfig { idle_commands_max: 3, ..config() },
        &[
            OPEN,
            &["C: NOOP\\r\\nRSET", "E: reset", "S: 250 2.0.0 Ok", "S: 250 2.0.0 Ok"],
            ENVELOPE,
            &[
                "C: DATA",
                "E: data",
                "S: 354 End data with <CR><LF>.<CR><LF>",
                "C: hello\\r\\n.",
                "E: message hello\\r\\n",
                "S: 250 2.0.0 Ok",
                "C: NOOP\\r\\nNOOP\\r\\nNOOP\\r\\nVRFY x\\r\\nNOOP",
                "E: expelled",
                "S: 250 2.0.0 Ok",
                "S: 250 2.0.0 Ok",
                "S: 250 2.0.0 Ok",
                "S: 421 4.7.0 Too many commands without a message",
                "A: closed",
            ],
        ],
    );
}

#[test]
fn a_long_line_is_skipped_whole() {
    run(&[
        &format!("C- {}", "x".repeat(3000)),
        "S: 500 5.5.6 Line too long",
        "C- MAIL FROM:<a@example.jp>\\r",
        "C- \\nNOOP\\r\\n",
        "S: 250 2.0.0 Ok",
    ]);
}

#[test]
fn a_size_that_is_too_large_is_refused_before_the_content() {
    run(&[
        "C: MAIL FROM:<a@example.jp> SIZE=1001",
        "E: limit MessageSize",
        "S: 552 5.3.4 Message is too large",
    ]);
}

#[test]
fn smtputf8_addresses() {
    run(&[
        "C: MAIL FROM:<太郎@example.jp> SMTPUTF8 BODY=8BITMIME",
        "E: mail 太郎@example.jp utf8",
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<花子@example.jp>",
        "E: rcpt 花子@example.jp",
        "S: 250 2.1.5 Ok",
    ]);
    check(
        config(),
        &[OPEN, ENVELOPE, &["C: RCPT TO:<花子@example.jp>", "S: 553 5.6.7 Address needs SMTPUTF8"]],
    );
}

#[test]
fn limits_hold() {
    let config = ServerConfig { recipients_max: 1, bad_commands_max: 2, ..config() };
    check(
        config,
        &[
            OPEN,
            ENVELOPE,
            &[
                "C: RCPT TO:<c@example.jp>",
                "E: limit Recipients",
                "S: 452 4.5.3 Too many recipients",
                "C: A\\r\\nB\\r\\nC\\r\\nNOOP",
                "E: expelled",
                "S: 500 5.5.2 Unknown command",
                "S: 500 5.5.2 Unknown command",
                "S: 421 4.7.0 Too many errors",
                "A: closed",
                "C: NOOP",
            ],
        ],
    );
}

fn with_tls() -> ServerConfig {
    let mut config = config();
    let extensions = Extensions { starttls: true, auth: Mechanism::ALL.to_vec(), ..config.extensions };
    config.extensions = Extensions { chunking: false, smtputf8: false, eight_bit_mime: false, ..extensions };
    config
}

const OPEN_TLS: &[&str] = &[
    "S: 220 mx.example.jp ESMTP",
    "C: EHLO c.example",
    "E: ehlo c.example",
    "S: 250-mx.example.jp",
    "S: 250-PIPELINING",
    "S: 250-SIZE 1000",
    "S: 250-STARTTLS",
    "S: 250-AUTH CRAM-MD5",
    "S: 250 ENHANCEDSTATUSCODES",
];

const ENCRYPTED: &[&str] = &[
    "C: STARTTLS",
    "E: starttls",
    "S: 220 2.0.0 Ready to start TLS",
    "A: tls",
    "C: EHLO c.example",
    "E: ehlo c.example",
    "S: 250-mx.example.jp",
    "S: 250-PIPELINING",
    "S: 250-SIZE 1000",
    "S: 250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER",
    "S: 250 ENHANCEDSTATUSCODES",
];

#[test]
fn octets_before_tls_are_dropped() {
    check(
        with_tls(),
        &[
            OPEN_TLS,
            &[
                "C: STARTTLS\\r\\nEHLO evil\\r\\nMAIL FROM:<evil@example.jp>",
                "E: starttls",
                "S: 220 2.0.0 Ready to start TLS",
                "C: MAIL FROM:<evil@example.jp>",
                "A: tls",
                "C: MAIL FROM:<a@example.jp>",
                "S: 503 5.5.1 EHLO first",
            ],
        ],
    );
    check(with_tls(), &[OPEN_TLS, ENCRYPTED, &["C: STARTTLS", "S: 503 5.5.1 TLS is active already"]]);
}

/// Nothing arrives during the handshake here: what stood behind the command must be gone by itself.
#[test]
fn octets_in_the_same_read_as_starttls_are_dropped() {
    check(
        with_tls(),
        &[
            OPEN_TLS,
            &[
                "C: STARTTLS\\r\\nEHLO evil\\r\\nNOOP",
                "E: starttls",
                "S: 220 2.0.0 Ready to start TLS",
                "A: tls",
                "C: NOOP",
                "S: 250 2.0.0 Ok",
            ],
        ],
    );
}

#[test]
fn tls_and_auth_can_be_required() {
    let config = ServerConfig { require_tls: true, require_auth: true, ..with_tls() };
    check(
        config,
        &[
            OPEN_TLS,
            &[
                "C: MAIL FROM:<a@example.jp>",
                "S: 530 5.7.0 Must issue a STARTTLS command first",
                "C: AUTH CRAM-MD5",
                "S: 530 5.7.0 Must issue a STARTTLS command first",
            ],
            ENCRYPTED,
            &[
                "C: MAIL FROM:<a@example.jp>",
                "S: 530 5.7.0 Authentication required",
                "C: AUTH PLAIN AHRlc3QAMTIzNA==",
                "E: auth PLAIN test",
                "S: 235 2.7.0 Authentication successful",
                "C: MAIL FROM:<a@example.jp>",
                "E: mail a@example.jp",
                "S: 250 2.1.0 Ok",
            ],
        ],
    );
}

#[test]
fn every_mechanism() {
    let run = |lines: &[&str]| {
        check(
            with_tls(),
            &[
                OPEN_TLS,
                ENCRYPTED,
                lines,
                &[
                    "S: 235 2.7.0 Authentication successful",
                    "C: AUTH PLAIN AHRlc3QAMTIzNA==",
                    "S: 503 5.5.1 AUTH is not allowed now",
                ],
            ],
        );
    };
    run(&["C: AUTH PLAIN AHRlc3QAMTIzNA==", "E: auth PLAIN test"]);
    run(&["C: auth plain", "S: 334 ", "C: AHRlc3QAMTIzNA==", "E: auth PLAIN test"]);
    run(&[
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        "C: dGVzdA==",
        "S: 334 UGFzc3dvcmQ6",
        "C: MTIzNA==",
        "E: auth LOGIN test",
    ]);
    run(&["C: AUTH LOGIN dGVzdA==", "S: 334 UGFzc3dvcmQ6", "C: MTIzNA==", "E: auth LOGIN test"]);
    run(&[
        "C: AUTH CRAM-MD5",
        "S: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
        "C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
        "E: auth CRAM-MD5 tim",
    ]);
    // user=u^Aauth=Bearer 1234^A^A, and n,a=u,^Aauth=Bearer 1234^A^A
    run(&["C: AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIDEyMzQBAQ==", "E: auth XOAUTH2 u"]);
    run(&["C: AUTH OAUTHBEARER bixhPXUsAWF1dGg9QmVhcmVyIDEyMzQBAQ==", "E: auth OAUTHBEARER u"]);
}

#[test]
fn refused_and_malformed_authentication() {
    let run = |lines: &[&str]| check(with_tls(), &[OPEN_TLS, ENCRYPTED, lines]);
    // The shell's text cannot break the line.
    run(&["C: AUTH PLAIN AHRlc3QAd3Jvbmc=", "E: auth PLAIN test", "S: 535 bad??credentials"]);
    run(&["C: AUTH PLAIN !!!", "S: 501 5.5.2 Malformed authentication data"]);
    run(&["C: AUTH PLAIN AAAA", "S: 501 5.5.2 Malformed authentication data"]);
    run(&["C: AUTH PLAIN b3RoZXIAdGVzdAAxMjM0", "S: 501 5.5.2 Malformed authentication data"]);
    run(&["C: AUTH PLAIN =", "S: 501 5.5.2 Malformed authentication data"]);
    run(&[
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        "C: *",
        "S: 501 5.7.0 Authentication cancelled",
        "C: NOOP",
        "S: 250 2.0.0 Ok",
    ]);
    run(&[
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        &format!("C: {}", "A".repeat(13_000)),
        "S: 500 5.5.6 Authentication exchange line is too long",
        "C: NOOP",
        "S: 250 2.0.0 Ok",
    ]);
    run(&[
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6",
        &format!("C- {}", "A".repeat(13_000)),
        "S: 500 5.5.6 Authentication exchange line is too long",
        "C- AAA\\r\\nNOOP\\r\\n",
        "S: 250 2.0.0 Ok",
    ]);
    check(
        with_tls(),
        &[
            OPEN_TLS,
            &[
                "C: AUTH PLAIN AHRlc3QAMTIzNA==",
                "S: 538 5.7.11 Encryption required for requested authentication mechanism",
            ],
        ],
    );
}
