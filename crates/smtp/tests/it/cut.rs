//! The law of the message end: the link is cut at every octet, in both directions.
//!
//! The oracle is what the octets themselves say: the test finds the message ends in the stream of an uncut run
//! and the replies to them, without asking the client.

use domain::Phase;
use smtp::client::{ClientConfig, DeliveryResult};
use smtp::server::{Extensions, ServerConfig};

use crate::link::{Cut, NO_CUT, Seen, run};

const MESSAGES: [&[u8]; 3] = [b"one\r\n", b"Subject: two\r\n\r\n.dot\r\n..\r\n", b"three\r\n"];

struct Setting {
    chunking: bool,
    pipelining: bool,
}

impl Setting {
    fn run(&self, cut: Cut, step: usize) -> Seen {
        let client = ClientConfig { use_chunking: self.chunking, ..ClientConfig::new("client.example") };
        let mut server = ServerConfig::new("mx.example.jp");
        server.extensions =
            Extensions { pipelining: self.pipelining, chunking: self.chunking, ..server.extensions };
        run(client, server, &MESSAGES, cut, step)
    }

    /// Offsets just past each message end in the client's stream.
    fn ends(&self, stream: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut at = 0;
        while let Some(found) = self.next_end(&stream[at..]) {
            at += found;
            ends.push(at);
        }
        ends
    }

    fn next_end(&self, stream: &[u8]) -> Option<usize> {
        let find = |word: &[u8]| stream.windows(word.len()).position(|window| window == word);
        if !self.chunking {
            return find(b"\r\n.\r\n").map(|at| at + 5);
        }
        let number = find(b"BDAT ")? + 5;
        let line = number + stream[number..].iter().position(|octet| *octet == b'\n').expect("a line") + 1;
        let digits: String =
            stream[number..].iter().take_while(|o| o.is_ascii_digit()).map(|o| char::from(*o)).collect();
        Some(line + digits.parse::<usize>().expect("a number"))
    }
}

/// Offsets just past the replies to the three message ends, in the server's stream of an uncut run.
fn reply_ends(stream: &[u8]) -> Vec<usize> {
    let word = b"250 2.0.0 Ok\r\n";
    let at = stream.windows(word.len()).enumerate().filter(|(_, window)| window == word);
    at.map(|(at, _)| at + word.len()).collect()
}

fn check(setting: &Setting, cut: Cut, step: usize, ends: &[usize], reply_ends: &[usize]) {
    let seen = setting.run(cut, step);
    let context =
        format!("{cut:?} by {step}, chunking {}, pipelining {}", setting.chunking, setting.pipelining);
    for (number, message) in MESSAGES.iter().enumerate() {
        let wanted = if message.is_empty() { Vec::new() } else { message.to_vec() };
        let taken = seen.taken.iter().filter(|taken| **taken == wanted).count();
        let settled: Vec<_> = seen.settlements.iter().filter(|s| s.id == number as u64).collect();
        assert!(settled.len() <= 1, "{number} settled twice: {context}");
        let end_accepted = seen.accepted.len() >= ends[number];
        let replied = seen.received.len() >= reply_ends[number];
        let result = settled.first().map(|settlement| &settlement.results[..]);
        match result {
            // Never offered.
            None => assert!(!end_accepted && taken == 0, "{number} unsettled: {context}"),
            Some([DeliveryResult::Accepted(reply)]) => {
                assert!(
                    end_accepted && replied && taken == 1 && reply.code.get() == 250,
                    "{number}: {context}"
                );
            }
            Some([DeliveryResult::Unknown { .. }]) => {
                assert!(end_accepted && !replied && taken <= 1, "{number} unknown: {context}");
                assert_eq!(settled[0].phase, Phase::Dot, "{context}");
            }
            Some([DeliveryResult::Deferred { phase, .. }]) => {
                assert!(!end_accepted && taken == 0 && *phase < Phase::Dot, "{number} deferred: {context}");
            }
            Some(other) => panic!("{other:?}: {context}"),
        }
    }
    let unknown =
        seen.settlements.iter().filter(|s| matches!(s.results[..], [DeliveryResult::Unknown { .. }]));
    assert!(unknown.count() <= 1, "more than one unknown: {context}");
    assert!(seen.closed.is_some(), "not closed: {context}");
}

fn check_every_offset(setting: &Setting) {
    let whole = setting.run(NO_CUT, usize::MAX);
    assert_eq!(whole.taken, MESSAGES.map(<[u8]>::to_vec));
    let (ends, replies) = (setting.ends(&whole.accepted), reply_ends(&whole.received));
    assert_eq!((ends.len(), replies.len()), (3, 3));
    assert_eq!(whole.received.len(), whole.server_octets);
    for step in [1, usize::MAX] {
        for kernel_accepts in 0..=whole.accepted.len() {
            for lost in [0, 1, 6] {
                check(setting, Cut { kernel_accepts, lost, ..NO_CUT }, step, &ends, &replies);
            }
        }
        for client_receives in 0..=whole.received.len() {
            check(setting, Cut { client_receives, ..NO_CUT }, step, &ends, &replies);
        }
    }
}

#[test]
fn data_pipelined() {
    check_every_offset(&Setting { chunking: false, pipelining: true });
}

#[test]
fn data_in_lock_step() {
    check_every_offset(&Setting { chunking: false, pipelining: false });
}

#[test]
fn bdat_pipelined() {
    check_every_offset(&Setting { chunking: true, pipelining: true });
}

#[test]
fn bdat_in_lock_step() {
    check_every_offset(&Setting { chunking: true, pipelining: false });
}
