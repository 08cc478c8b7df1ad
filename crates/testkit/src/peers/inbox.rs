//! Mails as the relay filed them: a Maildir folder, one file a mail or a recipient.
//!
//! A server first writes to `tmp/` and then renames to `new/`, so what is read is whole. Waiting is on the
//! kernel's notice of such a rename, never on a nap.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::{Clock as _, SystemClock};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// A mail in a relay's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The reverse-path of MAIL FROM; empty for `<>`.
    pub sender: String,
    /// The forward-paths of RCPT TO. Postfix and OpenSMTPD file each recipient's copy by itself.
    pub recipients: Vec<String>,
    /// The message with the server's own trace fields in front (Received), line ends as the server stored them.
    pub content: Vec<u8>,
}

impl ReceivedMail {
    /// The message with CRLF line ends: Maildir stores LF alone.
    #[must_use]
    pub fn wire_content(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.content.len() + self.content.len() / 32);
        let mut before = 0;
        for &octet in &self.content {
            if octet == b'\n' && before != b'\r' {
                wire.push(b'\r');
            }
            wire.push(octet);
            before = octet;
        }
        wire
    }
}

/// The Maildir folder of a relay.
pub(super) struct Inbox {
    new: PathBuf,
}

impl Inbox {
    /// Makes the folder.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        for part in ["tmp", "cur", "new"] {
            fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self { new: folder.join("new") })
    }

    /// All mails, oldest first.
    pub(super) fn read(&self) -> io::Result<Vec<ReceivedMail>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.new)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        files.iter().map(|(_, path)| fs::read(path).map(|octets| parse(&octets))).collect()
    }

    /// Waits until there are `count` mails or `within` is over; how many there are then.
    pub(super) fn wait(&self, count: usize, within: Duration) -> io::Result<usize> {
        let notices = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&notices, &self.new, inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CREATE)?;
        let deadline = SystemClock.moment() + within;
        loop {
            // Counted after the watch stands: no arrival falls between.
            let received = fs::read_dir(&self.new)?.count();
            let left = deadline.since(SystemClock.moment());
            if received >= count || left.is_zero() {
                return Ok(received);
            }
            let limit = Timespec::try_from(left).map_err(io::Error::other)?;
            poll(&mut [PollFd::new(&notices, PollFlags::IN)], Some(&limit))?;
            let mut events = [0; 4096];
            // Only the wake-up counts; an empty queue is no error.
            let _ = rustix::io::read(&notices, &mut events);
        }
    }
}

/// Takes the trace fields that the delivering program put in front: they carry the envelope.
fn parse(octets: &[u8]) -> ReceivedMail {
    let mut mail = ReceivedMail { sender: String::new(), recipients: Vec::new(), content: Vec::new() };
    let mut rest = octets;
    while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
        let line = String::from_utf8_lossy(&rest[..end]);
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let address = value.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
        match name {
            "Return-Path" => mail.sender = address,
            "X-Original-To" | "Delivered-To" if mail.recipients.contains(&address) => {}
            "X-Original-To" | "Delivered-To" => mail.recipients.push(address),
            _ => break,
        }
        rest = &rest[end + 1..];
    }
    mail.content = rest.to_vec();
    mail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, sender: &str, recipients: &[&str], content: &str) {
        let mail = parse(file.as_bytes());
        assert_eq!(
            (mail.sender.as_str(), mail.recipients),
            (sender, recipients.iter().map(ToString::to_string).collect())
        );
        assert_eq!(String::from_utf8(mail.content).expect("text"), content);
    }

    #[test]
    fn the_envelope_is_read_from_the_trace_fields() {
        let one =
            "Return-Path: <a@x.test>\nX-Original-To: b@y.test\nDelivered-To: b@y.test\nSubject: s\n\nt\n";
        check(one, "a@x.test", &["b@y.test"], "Subject: s\n\nt\n");
        let two = "Return-Path: <>\r\nDelivered-To: b@y.test\r\nDelivered-To: c@y.test\r\n\r\nt";
        check(two, "", &["b@y.test", "c@y.test"], "\r\nt");
        check(
            "Subject: Delivered-To\n\nDelivered-To: no\n",
            "",
            &[],
            "Subject: Delivered-To\n\nDelivered-To: no\n",
        );
    }

    #[test]
    fn line_ends_become_those_of_the_wire() {
        let mail = parse(b"\na\r\nb\n");
        assert_eq!(mail.wire_content(), b"\r\na\r\nb\r\n");
    }

    #[test]
    fn waiting_ends_with_the_time_when_nothing_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let inbox = Inbox::create(folder.path()).expect("an inbox");
        assert_eq!(inbox.wait(1, Duration::from_millis(20)).expect("a count"), 0);
    }
}
