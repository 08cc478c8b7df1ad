//! What a client does not send: what the server announced it would not take, what has no permission, what is unsafe.

use crate::client_script::{OPEN, OPEN_LOCK_STEP, check, config};

const OFFER_1: &[&str] = &[
    "A: offer 1 a@example.jp",
    "C: MAIL FROM:<s@example.jp> SIZE=100",
    "C: RCPT TO:<a@example.jp>",
    "C: DATA",
];
const REPLIES_1: &[&str] = &["S: 250 ok", "S: 250 ok", "S: 354 go", "E: permitted 1"];

#[test]
fn limits_that_the_server_announced() {
    check(
        config(),
        &[
            OPEN,
            &[
                "A: offer 1+size=1001 a@example.jp b@example.jp",
                "E: settled 1 at permit: unsendable, the message has 1001 octets and the server takes at most 1000; unsendable, the message has 1001 octets and the server takes at most 1000",
                "A: offer 2+8bit+utf8+null+size=1000 a@example.jp",
                "C: MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8",
                "C: RCPT TO:<a@example.jp>",
                "C: DATA",
            ],
        ],
    );
    let needs_utf8 = "unsendable, the address or message needs SMTPUTF8, which the server does not offer";
    check(
        config(),
        &[
            OPEN_LOCK_STEP,
            &[
                "A: offer 1+utf8 a@example.jp",
                &format!("E: settled 1 at permit: {needs_utf8}"),
                "A: offer 2 太郎@example.jp",
                &format!("E: settled 2 at permit: {needs_utf8}"),
                "A: offer 3+8bit a@example.jp",
                "E: settled 3 at permit: unsendable, the message needs 8BITMIME, which the server does not offer",
            ],
        ],
    );
    check(
        config(),
        &[
            OPEN,
            &[
                "A: offer 1 太郎@example.jp",
                "C: MAIL FROM:<s@example.jp> SIZE=100 SMTPUTF8",
                "C: RCPT TO:<太郎@example.jp>",
                "C: DATA",
            ],
        ],
    );
}

#[test]
fn unsafe_envelopes_are_not_taken() {
    check(
        config(),
        &[
            OPEN,
            &[
                "A: offer-fails UnsafeAddress 1 a@example.jp\\r\\nRCPT",
                "A: offer-fails UnsafeAddress 1 a@example.jp>",
                "A: offer-fails UnsafeAddress 1 \\0a@example.jp",
                "A: offer-fails RecipientCount 1 ",
                &format!("A: offer-fails RecipientCount 1{}", " a@example.jp".repeat(101)),
            ],
        ],
    );
    check(config(), &[&["A: offer-fails NotReady 1 a@example.jp"]]);
    check(config(), &[OPEN, &["A: quit", "A: offer-fails NotReady 1 a@example.jp", "C: QUIT"]]);
}

#[test]
fn content_without_permission_or_form_is_not_taken() {
    check(
        config(),
        &[
            OPEN,
            &["A: send-fails NotPermitted x\\r\\n"],
            OFFER_1,
            &["A: send-fails NotPermitted x"],
            REPLIES_1,
            &[
                "A: send-fails Empty ",
                "A: send-fails BareLineEnd a\\nb\\r\\n",
                "A: send-fails BareLineEnd a\\r\\n.\\n.\\r\\n",
                "A: send x",
                "C: x",
                "C: .",
                "A: send-fails NotPermitted x",
            ],
        ],
    );
}

#[test]
fn a_refused_permit_closes_the_session() {
    check(
        config(),
        &[
            OPEN,
            OFFER_1,
            REPLIES_1,
            &[
                "A: offer 2 b@example.jp",
                "A: abandon",
                "E: settled 1 at data: deferred at data (the session was abandoned)",
                "E: settled 2 at permit: deferred at permit (the session was abandoned)",
                "E: closed at data: the session was abandoned",
            ],
        ],
    );
}

#[test]
fn quit_gives_the_held_envelope_back() {
    check(
        config(),
        &[
            OPEN,
            OFFER_1,
            REPLIES_1,
            &[
                "A: offer 2 b@example.jp",
                "A: quit",
                "E: settled 2 at permit: deferred at permit (the session was ended with QUIT)",
                "A: send x\\r\\n",
                "C: x",
                "C: .",
                "S: 250 ok",
                "E: settled 1 at reply: accepted 250 ok",
                "C: QUIT",
            ],
        ],
    );
}
