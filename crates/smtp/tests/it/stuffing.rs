//! Any content with CRLF line ends arrives as it was sent, plus the last CRLF where it lacked one.

use proptest::prelude::*;
use smtp::client::ClientConfig;
use smtp::server::ServerConfig;

use crate::link::{NO_CUT, run};

/// Content that is rich in what matters: dots, line ends, and dots at line starts.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b".".to_vec()),
        Just(b"\r\n.\r\n".to_vec()),
        Just(b"QUIT\r\n".to_vec()),
        prop::collection::vec(any::<u8>().prop_filter("no line ends", |o| !b"\r\n".contains(o)), 0..20),
    ];
    prop::collection::vec(piece, 1..40)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("not empty", |all| !all.is_empty())
}

proptest! {
    #[test]
    fn content_survives(bodies in prop::collection::vec(content(), 1..4), chunking: bool, step in 1..200_usize) {
        let messages: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let client = ClientConfig { use_chunking: chunking, ..ClientConfig::new("client.example") };
        let seen = run(client, ServerConfig::new("mx.example.jp"), &messages, NO_CUT, step);
        let whole: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| if body.ends_with(b"\r\n") { body.clone() } else { [body.as_slice(), b"\r\n"].concat() })
            .collect();
        prop_assert_eq!(seen.taken, whole);
        prop_assert_eq!(seen.settlements.len(), bodies.len());
    }
}
