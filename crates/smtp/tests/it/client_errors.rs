//! Links that end, 421 at each step, and replies that nobody asked for.

use crate::client_script::{OPEN, OPEN_LOCK_STEP, check, config};

const OFFER_1: &[&str] = &[
    "A: offer 1 a@example.jp",
    "C: MAIL FROM:<s@example.jp> SIZE=100",
    "C: RCPT TO:<a@example.jp>",
    "C: DATA",
];

fn pipelined(lines: &[&str]) {
    check(config(), &[OPEN, OFFER_1, lines]);
}

/// The session ends by `last`, with `replies` before it: envelope 1 is deferred at `phase`.
fn check_end(replies: &[&str], last: &str, phase: &str, cause: &str) {
    let settled = format!("E: settled 1 at {phase}: deferred at {phase} ({cause})");
    let closed = format!("E: closed at {phase}: {cause}");
    check(config(), &[OPEN, OFFER_1, replies, &[last, &settled, &closed]]);
}

#[test]
fn the_phase_tells_which_reply_is_missing() {
    for (last, cause) in [
        ("A: eof", "the server closed the connection"),
        ("A: broken timed out", "the connection failed: timed out"),
        ("S: what", "the server sent something that is not an SMTP reply"),
        ("A: abandon", "the session was abandoned"),
    ] {
        check_end(&[], last, "mail", cause);
        check_end(&["S: 250 ok"], last, "rcpt", cause);
        check_end(&["S: 250 ok", "S: 250 ok"], last, "data", cause);
        check_end(&["S: 250 ok", "S: 250 ok", "S: 354 go", "E: permitted 1"], last, "data", cause);
    }
}

#[test]
fn nothing_sent_is_the_phase_permit() {
    let lines: &[&str] = &[
        "A: offer 1 a@example.jp",
        "A: eof",
        "E: settled 1 at permit: deferred at permit (the server closed the connection)",
        "E: closed at permit: the server closed the connection",
    ];
    check(config(), &[OPEN, lines]);
    check(config(), &[OPEN_LOCK_STEP, lines]);
}

#[test]
fn a_421_settles_what_it_answers_and_ends_the_session() {
    let refused = "421 4.3.2 closing";
    let check_421 = |replies: &[&str], phase: &str| {
        let settled = format!("E: settled 1 at {phase}: deferred at {phase}, {refused}");
        let closed = format!("E: closed at {phase}: the server refused: {refused}");
        check(config(), &[OPEN, OFFER_1, replies, &["S: 421 4.3.2 closing", &settled, &closed]]);
    };
    check_421(&[], "mail");
    check_421(&["S: 250 ok"], "rcpt");
    let closed = "E: closed at permit: the server refused: 421 4.3.2 closing";
    pipelined(&[
        "S: 250 ok",
        "S: 250 ok",
        "S: 421 4.3.2 closing",
        "E: settled 1 at data: deferred at data, 421 4.3.2 closing",
        closed,
    ]);
    check(config(), &[OPEN, &["S: 421 4.3.2 closing", closed]]);
    // While the server waits for content.
    pipelined(&[
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "E: permitted 1",
        "S: 421 4.3.2 closing",
        "E: settled 1 at data: deferred at data (the server refused: 421 4.3.2 closing)",
        "E: closed at data: the server refused: 421 4.3.2 closing",
    ]);
}

#[test]
fn replies_that_nobody_asked_for() {
    let cause = "the server answered out of step (nothing due)";
    check(config(), &[OPEN, &["S: 250 hello?", &format!("E: closed at permit: {cause}")]]);
    pipelined(&[
        "S: 250 ok\\r\\n250 ok\\r\\n354 go\\r\\n250 taken",
        "E: permitted 1",
        &format!("E: settled 1 at data: deferred at data ({cause})"),
        &format!("E: closed at data: {cause}"),
    ]);
}

#[test]
fn a_reply_to_content_that_is_not_there_yet() {
    let permitted: &[&str] = &["S: 250 ok", "S: 250 ok", "S: 354 go", "E: permitted 1", "A: send abc\\r\\n"];
    let run = |lines: &[&str]| check(config(), &[OPEN, OFFER_1, permitted, lines]);
    let out_of_step = &[
        "S- 250 taken\\r\\n",
        "E: settled 1 at data: deferred at data (the server answered out of step (content))",
        "E: closed at data: the server answered out of step (content)",
    ];
    run(out_of_step);
    // All but the last octet of the message end.
    run(&[&["A: written 7"], out_of_step as &[&str]].concat());
    run(&[
        "A: written 7",
        "S- 451 disk full\\r\\n",
        "E: settled 1 at data: deferred at data, 451 disk full",
        "E: closed at data: the server refused: 451 disk full",
    ]);
    run(&["A: written 8", "S: 250 taken", "E: settled 1 at reply: accepted 250 taken"]);
}

#[test]
fn the_envelope_behind_an_unanswered_message_is_not_unknown() {
    pipelined(&[
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "E: permitted 1",
        "A: offer 2 b@example.jp",
        "A: send x\\r\\n",
        "A: offer 3 c@example.jp",
        "C: x",
        "C: .",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "A: eof",
        "E: settled 1 at dot: unknown (the server closed the connection)",
        "E: settled 2 at mail: deferred at mail (the server closed the connection)",
        "E: settled 3 at permit: deferred at permit (the server closed the connection)",
        "E: closed at dot: the server closed the connection",
    ]);
}

#[test]
fn a_refused_rset_ends_the_session() {
    pipelined(&[
        "S: 250 ok",
        "S: 550 nobody",
        "S: 554 none",
        "E: settled 1 at rcpt: rejected at rcpt, 550 nobody",
        "A: offer 2 b@example.jp",
        "C: RSET",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "C: RCPT TO:<b@example.jp>",
        "C: DATA",
        "S: 500 what",
        "E: settled 2 at mail: deferred at mail (the server refused: 500 what)",
        "E: closed at mail: the server refused: 500 what",
    ]);
}

#[test]
fn oversized_replies_end_the_session() {
    let cause = "the server's reply is too long";
    let long = format!("S- 250 {}", "x".repeat(5000));
    let settled = format!("E: settled 1 at mail: deferred at mail ({cause})");
    pipelined(&[&long, &settled, &format!("E: closed at mail: {cause}")]);
    let many = format!("S- {}", "250-x\\r\\n".repeat(101));
    pipelined(&[&many, &settled, &format!("E: closed at mail: {cause}")]);
}

#[test]
fn nothing_happens_after_the_end() {
    check(
        config(),
        &[
            OPEN,
            &[
                "A: eof",
                "E: closed at permit: the server closed the connection",
                "S: 250 ok",
                "A: eof",
                "A: quit",
                "A: wait 10000",
                "A: abandon",
                "A: tls",
                "A: offer-fails NotReady 1 a@example.jp",
                "A: send-fails NotPermitted x",
            ],
        ],
    );
}
