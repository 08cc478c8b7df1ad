//! Envelopes with and without PIPELINING, refusals at each step, several recipients, limits of the server.

use crate::client_script::{OPEN, OPEN_LOCK_STEP, check, config};

const OFFER_1: &[&str] = &[
    "A: offer 1 a@example.jp",
    "C: MAIL FROM:<s@example.jp> SIZE=100",
    "C: RCPT TO:<a@example.jp>",
    "C: DATA",
];
const REPLIES_1: &[&str] = &["S: 250 ok", "S: 250 ok", "S: 354 go", "E: permitted 1"];

fn pipelined(lines: &[&str]) {
    check(config(), &[OPEN, OFFER_1, lines]);
}

fn lock_step(lines: &[&str]) {
    check(config(), &[OPEN_LOCK_STEP, &["A: offer 1 a@example.jp", "C: MAIL FROM:<s@example.jp>"], lines]);
}

#[test]
fn three_messages_in_flights() {
    check(
        config(),
        &[
            OPEN,
            OFFER_1,
            REPLIES_1,
            &[
                "A: offer 2 b@example.jp",
                "A: offer-fails Occupied 3 c@example.jp",
                "A: send one\\r\\n",
                "C: one",
                "C: .",
                "C: MAIL FROM:<s@example.jp> SIZE=100",
                "C: RCPT TO:<b@example.jp>",
                "C: DATA",
                "S: 250 2.0.0 taken 1\\r\\n250 ok\\r\\n250 ok\\r\\n354 go",
                "E: settled 1 at reply: accepted 250 2.0.0 taken 1",
                "E: permitted 2",
                "A: send two\\r\\n",
                "C: two",
                "C: .",
                "A: offer 3 c@example.jp",
                "C: MAIL FROM:<s@example.jp> SIZE=100",
                "C: RCPT TO:<c@example.jp>",
                "C: DATA",
                "S: 250 taken 2",
                "E: settled 2 at reply: accepted 250 taken 2",
                "S: 250 ok",
                "S: 250 ok",
                "S: 354 go",
                "E: permitted 3",
                "A: send three\\r\\n",
                "C: three",
                "C: .",
                "A: quit",
                "S: 250 taken 3",
                "E: settled 3 at reply: accepted 250 taken 3",
                "C: QUIT",
                "S: 221 bye",
                "E: closed at permit: the session was ended with QUIT",
            ],
        ],
    );
}

/// Commands behind the unanswered DATA of the second envelope would become its content.
#[test]
fn a_third_envelope_waits_for_the_content_of_the_second() {
    check(
        config(),
        &[
            OPEN,
            OFFER_1,
            REPLIES_1,
            &[
                "A: offer 2 b@example.jp",
                "A: send one\\r\\n",
                "A: offer 3 c@example.jp",
                "C: one",
                "C: .",
                "C: MAIL FROM:<s@example.jp> SIZE=100",
                "C: RCPT TO:<b@example.jp>",
                "C: DATA",
                // Nothing else is pending, here and after the reply.
                "S: 250 taken",
                "E: settled 1 at reply: accepted 250 taken",
                "S: 250 ok",
                "S: 250 ok",
                "S: 354 go",
                "E: permitted 2",
                "A: send two\\r\\n",
                "C: two",
                "C: .",
                "C: MAIL FROM:<s@example.jp> SIZE=100",
                "C: RCPT TO:<c@example.jp>",
                "C: DATA",
            ],
        ],
    );
}

#[test]
fn two_messages_in_lock_step() {
    lock_step(&[
        "S: 250 ok",
        "C: RCPT TO:<a@example.jp>",
        "S: 250 ok",
        "C: DATA",
        "A: offer 2 b@example.jp",
        "S: 354 go",
        "E: permitted 1",
        "A: send one\\r\\n",
        "C: one",
        "C: .",
        "S: 250 taken",
        "E: settled 1 at reply: accepted 250 taken",
        "C: MAIL FROM:<s@example.jp>",
        "S: 250 ok",
        "C: RCPT TO:<b@example.jp>",
        "S: 250 ok",
        "C: DATA",
        "S: 354 go",
        "E: permitted 2",
    ]);
}

#[test]
fn mail_refused() {
    pipelined(&[
        "S: 550 5.7.1 no",
        "S: 503 mail first",
        "S: 503 rcpt first",
        "E: settled 1 at mail: rejected at mail, 550 5.7.1 no",
        // The server holds no transaction: no RSET.
        "A: offer 2 b@example.jp",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "C: RCPT TO:<b@example.jp>",
        "C: DATA",
    ]);
    pipelined(&["S: 451 later", "S: 503 x", "S: 503 x", "E: settled 1 at mail: deferred at mail, 451 later"]);
    lock_step(&["S: 530 5.7.0 log in", "E: settled 1 at mail: rejected at mail, 530 5.7.0 log in"]);
    lock_step(&[
        "S: 354 ?",
        "E: settled 1 at mail: deferred at mail (the server answered out of step (MAIL))",
        "E: closed at mail: the server answered out of step (MAIL)",
    ]);
}

#[test]
fn rcpt_refused() {
    pipelined(&[
        "S: 250 ok",
        "S: 550 5.1.1 nobody",
        "S: 554 no valid recipients",
        "E: settled 1 at rcpt: rejected at rcpt, 550 5.1.1 nobody",
        "A: offer 2 b@example.jp",
        "C: RSET",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "C: RCPT TO:<b@example.jp>",
        "C: DATA",
        "S: 250 reset",
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "E: permitted 2",
    ]);
    lock_step(&[
        "S: 250 ok",
        "C: RCPT TO:<a@example.jp>",
        "A: offer 2 b@example.jp",
        "S: 450 4.2.1 full",
        "E: settled 1 at rcpt: deferred at rcpt, 450 4.2.1 full",
        "C: RSET",
        "S: 250 reset",
        "C: MAIL FROM:<s@example.jp>",
    ]);
}

#[test]
fn an_empty_message_is_never_sent() {
    pipelined(&[
        "S: 250 ok",
        "S: 550 nobody",
        "S: 354 go",
        "E: settled 1 at rcpt: rejected at rcpt, 550 nobody",
        "E: closed at rcpt: the server asked for content although it accepted no recipient",
    ]);
    pipelined(&[
        "S: 451 no",
        "S: 250 ok",
        "S: 354 go",
        "E: settled 1 at mail: deferred at mail, 451 no",
        "E: closed at mail: the server asked for content although it accepted no recipient",
    ]);
}

#[test]
fn data_refused() {
    pipelined(&[
        "S: 250 ok",
        "S: 250 ok",
        "S: 451 4.3.0 disk",
        "E: settled 1 at data: deferred at data, 451 4.3.0 disk",
    ]);
    pipelined(&["S: 250 ok", "S: 250 ok", "S: 554 no", "E: settled 1 at data: rejected at data, 554 no"]);
    pipelined(&[
        "S: 250 ok",
        "S: 250 ok",
        "S: 250 ok",
        "E: settled 1 at data: deferred at data (the server answered out of step (DATA))",
        "E: closed at data: the server answered out of step (DATA)",
    ]);
}

#[test]
fn several_recipients_settle_one_by_one() {
    let offer: &[&str] = &[
        "A: offer 7 a@example.jp b@example.jp c@example.jp",
        "C: MAIL FROM:<s@example.jp> SIZE=100",
        "C: RCPT TO:<a@example.jp>",
        "C: RCPT TO:<b@example.jp>",
        "C: RCPT TO:<c@example.jp>",
        "C: DATA",
        "S: 250 ok",
        "S: 550 5.1.1 nobody",
        "S: 250 ok",
        "S: 452 4.5.3 too many",
        "S: 354 go",
        "E: permitted 7",
        "A: send x\\r\\n",
        "C: x",
        "C: .",
    ];
    let run = |lines: &[&str]| check(config(), &[OPEN, offer, lines]);
    let others = ("rejected at rcpt, 550 5.1.1 nobody", "deferred at rcpt, 452 4.5.3 too many");
    let settled = |phase: &str, b: &str| format!("E: settled 7 at {phase}: {}; {b}; {}", others.0, others.1);
    run(&["S: 250 taken", &settled("reply", "accepted 250 taken")]);
    run(&["S: 554 5.6.0 spam", &settled("dot", "rejected at dot, 554 5.6.0 spam")]);
    run(&[
        "A: eof",
        &settled("dot", "unknown (the server closed the connection)"),
        "E: closed at dot: the server closed the connection",
    ]);
}

#[test]
fn several_recipients_in_lock_step() {
    check(
        config(),
        &[
            OPEN_LOCK_STEP,
            &[
                "A: offer 7 a@example.jp b@example.jp",
                "C: MAIL FROM:<s@example.jp>",
                "S: 250 ok",
                "C: RCPT TO:<a@example.jp>",
                "S: 550 nobody",
                "C: RCPT TO:<b@example.jp>",
                "S: 251 will forward",
                "C: DATA",
                "S: 354 go",
                "E: permitted 7",
            ],
        ],
    );
}

#[test]
fn replies_to_the_dot() {
    let sent: &[&str] = &["A: send x\\r\\n", "C: x", "C: ."];
    let run = |lines: &[&str]| check(config(), &[OPEN, OFFER_1, REPLIES_1, sent, lines]);
    run(&["S: 250 2.0.0 Ok", "E: settled 1 at reply: accepted 250 2.0.0 Ok"]);
    run(&["S: 451 4.3.0 try later", "E: settled 1 at dot: deferred at dot, 451 4.3.0 try later"]);
    run(&["S: 554 5.7.1 spam", "E: settled 1 at dot: rejected at dot, 554 5.7.1 spam"]);
    run(&[
        "S: 421 4.3.2 closing",
        "E: settled 1 at dot: deferred at dot, 421 4.3.2 closing",
        "E: closed at permit: the server refused: 421 4.3.2 closing",
    ]);
    let unknown = |line: &str, cause: &str| {
        run(&[
            line,
            &format!("E: settled 1 at dot: unknown ({cause})"),
            &format!("E: closed at dot: {cause}"),
        ]);
    };
    unknown("S: 354 go", "the server answered out of step (content)");
    unknown("S: hello", "the server sent something that is not an SMTP reply");
    unknown("S- 250 ok\\n", "the server ended a reply line with a bare LF");
    unknown("A: eof", "the server closed the connection");
    unknown("A: broken reset", "the connection failed: reset");
    unknown("A: abandon", "the session was abandoned");
    unknown("A: wait 600", "the server did not answer in time (waiting for the reply to the message)");
    run(&[
        "S- 250 o",
        "A: eof",
        "E: settled 1 at dot: unknown (the server closed the connection)",
        "E: closed at dot: the server closed the connection",
    ]);
}
