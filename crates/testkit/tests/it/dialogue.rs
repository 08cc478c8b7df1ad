//! A scripted SMTP client over a blocking socket, as simple as can be: the sink is judged by something else
//! than the product's own client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any reply takes; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Talk {
    link: TcpStream,
    unread: Vec<u8>,
}

impl Talk {
    /// Connects and reads nothing.
    pub fn connect(addr: SocketAddr) -> Self {
        let link = TcpStream::connect(addr).expect("connect");
        link.set_read_timeout(Some(PATIENCE)).expect("time limit");
        Self { link, unread: Vec::new() }
    }

    /// Connects, reads the greeting, says EHLO and reads its reply.
    pub fn greeted(addr: SocketAddr) -> Self {
        let mut talk = Self::connect(addr);
        talk.expect("220");
        talk.say("EHLO test");
        talk.expect("250");
        talk
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// Sends octets; a link that is gone is no news here.
    pub fn send(&mut self, octets: &[u8]) {
        let _ = self.link.write_all(octets);
    }

    /// Reads one whole reply and checks how its last line starts.
    #[track_caller]
    pub fn expect(&mut self, start: &str) -> String {
        let reply = self.reply();
        let last = reply.lines().last().unwrap_or_default();
        assert!(last.starts_with(start), "expected {start}, got {reply:?}");
        reply
    }

    /// Reads until the other side ends the link; gives what came.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.unread);
        let _ = self.link.read_to_end(&mut rest);
        rest
    }

    /// MAIL, RCPT, DATA and a small mail; every reply but the last is checked.
    pub fn send_mail(&mut self, to: &str, id: &str) {
        self.say("MAIL FROM:<from@example.jp>");
        self.expect("250");
        self.say(&format!("RCPT TO:<{to}>"));
        self.expect("250");
        self.say("DATA");
        self.expect("354");
        self.say(&format!("Message-ID: <{id}@example.jp>\r\nX-Release: r1\r\n\r\nBody\r\n..dot\r\n."));
    }

    /// One reply, all its lines; empty when the link ended.
    fn reply(&mut self) -> String {
        loop {
            if let Some(end) = end_of_reply(&self.unread) {
                let reply = self.unread.drain(..end).collect::<Vec<_>>();
                return String::from_utf8_lossy(&reply).into_owned();
            }
            let mut piece = [0; 4096];
            match self.link.read(&mut piece) {
                Ok(octets) if octets > 0 => self.unread.extend_from_slice(&piece[..octets]),
                _ => return String::new(),
            }
        }
    }
}

fn end_of_reply(octets: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let end = start + octets[start..].windows(2).position(|pair| pair == b"\r\n")? + 2;
        if octets.get(start + 3) != Some(&b'-') {
            return Some(end);
        }
        start = end;
    }
}
