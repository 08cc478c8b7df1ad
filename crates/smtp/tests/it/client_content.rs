//! Content: BDAT, long shared tails, and where a message ends in the stream.

use std::sync::Arc;

use domain::Moment;
use smtp::client::{Body, Client, ClientConfig, Envelope, Event, MessageEnd};

use crate::client_script::{check, config};

const OPEN: &[&str] = &[
    "S: 220 mx",
    "C: EHLO client.example",
    "S: 250-mx",
    "S: 250-PIPELINING",
    "S: 250 CHUNKING",
    "E: ready",
    "A: offer 1 a@example.jp",
    "C: MAIL FROM:<s@example.jp>",
    "C: RCPT TO:<a@example.jp>",
];

fn chunking() -> ClientConfig {
    ClientConfig { use_chunking: true, ..config() }
}

fn bdat(lines: &[&str]) {
    check(chunking(), &[OPEN, lines]);
}

#[test]
fn bdat_in_flights() {
    bdat(&[
        "S: 250 ok",
        "S: 250 ok",
        "E: permitted 1",
        "A: offer 2 b@example.jp",
        "A: send a\\r\\n.\\r\\nb",
        "C: BDAT 9 LAST",
        "C: a",
        "C: .",
        "C: b",
        "C: MAIL FROM:<s@example.jp>",
        "C: RCPT TO:<b@example.jp>",
        "S: 250 9 octets",
        "E: settled 1 at reply: accepted 250 9 octets",
        "S: 250 ok",
        "S: 250 ok",
        "E: permitted 2",
    ]);
}

#[test]
fn bdat_sends_content_only_to_someone() {
    bdat(&[
        "S: 250 ok",
        "S: 550 nobody",
        "E: settled 1 at rcpt: rejected at rcpt, 550 nobody",
        "A: offer 2 b@example.jp",
        "C: RSET",
        "C: MAIL FROM:<s@example.jp>",
        "C: RCPT TO:<b@example.jp>",
    ]);
    bdat(&["S: 451 later", "S: 503 mail", "E: settled 1 at mail: deferred at mail, 451 later"]);
}

#[test]
fn bdat_refused_early_closes_the_session() {
    bdat(&[
        "S: 250 ok",
        "S: 250 ok",
        "E: permitted 1",
        "A: send abc\\r\\ndef\\r\\n",
        "C: BDAT 10 LAST",
        "C: abc",
        "S- 552 5.3.4 too large\\r\\n",
        "E: settled 1 at data: rejected at data, 552 5.3.4 too large",
        "E: closed at data: the server refused: 552 5.3.4 too large",
    ]);
}

#[test]
fn chunking_in_lock_step() {
    check(
        chunking(),
        &[&[
            "S: 220 mx",
            "C: EHLO client.example",
            "S: 250-mx",
            "S: 250 CHUNKING",
            "E: ready",
            "A: offer 1 a@example.jp",
            "C: MAIL FROM:<s@example.jp>",
            "S: 250 ok",
            "C: RCPT TO:<a@example.jp>",
            "S: 250 ok",
            "E: permitted 1",
            "A: send x\\r\\n",
            "C: BDAT 3 LAST",
            "C: x",
            "S: 250 ok",
            "E: settled 1 at reply: accepted 250 ok",
        ]],
    );
}

#[test]
fn without_chunking_data_is_used() {
    check(
        chunking(),
        &[
            crate::client_script::OPEN,
            &[
                "A: offer 1 a@example.jp",
                "C: MAIL FROM:<s@example.jp> SIZE=100",
                "C: RCPT TO:<a@example.jp>",
                "C: DATA",
            ],
        ],
    );
}

/// A client whose envelope 1 waits for content.
fn permitted(config: ClientConfig, ehlo: &[u8], replies: &[u8]) -> Client {
    let now = Moment::ZERO;
    let mut client = Client::new(config, now);
    client.receive(b"220 mx\r\n", now);
    client.receive(ehlo, now);
    let envelope = Envelope {
        id: 1,
        reverse_path: "",
        recipients: &["a@example.jp"],
        size: 1,
        body: Body::SevenBit,
        smtputf8: false,
    };
    client.offer(&envelope, now).expect("ready");
    client.written(client.pending().len(), now);
    client.receive(replies, now);
    assert_eq!(client.permitted(), Some(1));
    client
}

fn permitted_data() -> Client {
    permitted(config(), b"250-mx\r\n250 PIPELINING\r\n", b"250 a\r\n250 b\r\n354 c\r\n")
}

#[test]
fn the_message_end_is_where_it_is_said_to_be() {
    let mut client = permitted_data();
    client.send_message(b"abc\r\n", None, Moment::ZERO).expect("permitted");
    assert_eq!(client.pending(), b"abc\r\n.\r\n");
    let start = client.accepted_octets();
    assert_eq!(client.message_end(), Some(MessageEnd { id: 1, first: start + 3, past: start + 8 }));
    assert_eq!(client.octets_before_message_end(), Some(3));
    client.written(5, Moment::ZERO);
    assert_eq!(client.octets_before_message_end(), Some(0));
    client.written(3, Moment::ZERO);
    assert_eq!((client.message_end(), client.octets_before_message_end()), (None, None));

    let config = ClientConfig { use_chunking: true, ..config() };
    let ehlo = b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
    let mut client = permitted(config, ehlo, b"250 a\r\n250 b\r\n");
    let start = client.accepted_octets();
    client.send_message(b"abc\r\n", None, Moment::ZERO).expect("permitted");
    assert_eq!(client.pending(), b"BDAT 5 LAST\r\nabc\r\n");
    assert_eq!(client.message_end(), Some(MessageEnd { id: 1, first: start + 17, past: start + 18 }));
}

#[test]
fn a_long_tail_is_copied_by_windows() {
    let line = b".0123456789abcdef0123456789abcdef\r\n";
    let tail: Arc<[u8]> = line.repeat(30_000).into();
    let mut client = permitted_data();
    client.send_message(b"head\r\n", Some(&tail), Moment::ZERO).expect("permitted");
    let (mut wire, mut most) = (Vec::new(), 0);
    while !client.pending().is_empty() {
        most = most.max(client.pending().len());
        let count = client.pending().len().min(10_007);
        wire.extend_from_slice(&client.pending()[..count]);
        client.written(count, Moment::ZERO);
        if client.message_end().is_none() && !client.pending().is_empty() {
            assert_eq!(client.octets_before_message_end(), None);
        }
    }
    let stuffed =
        [b"head\r\n".as_slice(), &[b".".as_slice(), line].concat().repeat(30_000), b".\r\n"].concat();
    assert!(wire == stuffed, "{} octets on the wire, {} due", wire.len(), stuffed.len());
    assert!((100 * 1024..300 * 1024).contains(&most), "{most} octets were pending at once");
    client.receive(b"250 ok\r\n", Moment::ZERO);
    let settled = std::iter::from_fn(|| client.poll_event()).last();
    assert!(matches!(settled, Some(Event::Settled(settlement)) if settlement.id == 1));
}

#[test]
fn head_and_tail_join_without_a_seam() {
    let check = |head: &[u8], tail: &[u8], wire: &[u8]| {
        let mut client = permitted_data();
        client.send_message(head, Some(&Arc::from(tail)), Moment::ZERO).expect("permitted");
        assert_eq!(client.pending().escape_ascii().to_string(), wire.escape_ascii().to_string());
    };
    check(b"a\r\n", b".b\r\n", b"a\r\n..b\r\n.\r\n");
    check(b"a\r", b"\n.b", b"a\r\n..b\r\n.\r\n");
    check(b"a\r", b"\n", b"a\r\n.\r\n");
    check(b"", b".", b"..\r\n.\r\n");
    check(b"a", b"", b"a\r\n.\r\n");
}
