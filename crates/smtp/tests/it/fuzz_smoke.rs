//! The fuzz targets' bodies on the stable toolchain: octets at random, and octets from the words of SMTP.

use proptest::prelude::*;
use smtp::fuzzing::{client_replies, server_commands};

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(word, 0..60).prop_map(|pieces| pieces.concat())
}

const REPLIES: &[&str] = &[
    "220 mx\r\n",
    "250 ok\r\n",
    "250-mx\r\n",
    "250 PIPELINING\r\n",
    "250-AUTH PLAIN LOGIN CRAM-MD5\r\n",
    "250 STARTTLS\r\n",
    "250-CHUNKING\r\n",
    "334 \r\n",
    "235 ok\r\n",
    "354 go\r\n",
    "421 4.3.2 bye\r\n",
    "450 no\r\n",
    "550 5.1.1 no\r\n",
    "250 ",
    "\r\n",
    "\n",
    "-",
];

const COMMANDS: &[&str] = &[
    "EHLO c\r\n",
    "HELO c\r\n",
    "MAIL FROM:<a@example.jp>\r\n",
    "MAIL FROM:<> SIZE=3\r\n",
    "RCPT TO:<b@example.jp>\r\n",
    "DATA\r\n",
    "BDAT 3\r\n",
    "BDAT 4 LAST\r\n",
    "BDAT 0 LAST\r\n",
    "RSET\r\n",
    "AUTH PLAIN AHRlc3QAMTIzNA==\r\n",
    "AUTH LOGIN\r\n",
    "dGVzdA==\r\n",
    "*\r\n",
    "STARTTLS\r\n",
    "NOOP\r\n",
    "VRFY x\r\n",
    ".\r\n",
    "..\r\n",
    "\r\n.\r\n",
    "\n.\n",
    "\r",
    "\n",
    "text\r\n",
];

proptest! {
    #[test]
    fn replies_at_random(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        client_replies(&octets);
    }

    #[test]
    fn replies_by_words(octets in words(REPLIES), setting: u8) {
        client_replies(&[&[setting], octets.as_slice()].concat());
    }

    #[test]
    fn commands_at_random(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        server_commands(&octets);
    }

    #[test]
    fn commands_by_words(octets in words(COMMANDS), setting: u8) {
        server_commands(&[&[setting], octets.as_slice()].concat());
    }
}
