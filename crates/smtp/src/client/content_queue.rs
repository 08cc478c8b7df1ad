//! The content of the message that is being written, and where its end stands in the stream.
//!
//! Small messages are queued at once; of a long shared tail only a window is in memory. Leaves to
//! [`super::Client`] when content may be sent. Invariant: the end is known only when it is queued.

use std::sync::Arc;

use crate::content::stuff;
use crate::outgoing::Outgoing;

/// How far ahead of the kernel content is queued.
const WINDOW_OCTETS: usize = 128 * 1024;

/// Where a message ends in the plaintext stream: the octets that make it count as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageEnd {
    /// The engine's number of the envelope.
    pub id: u64,
    /// Offset of its first octet: of CRLF "." CRLF after DATA, of the last chunk's last octet after BDAT.
    pub first: u64,
    /// Offset of the octet after its last.
    pub past: u64,
}

/// The rest of a message that is not queued yet.
struct Rest {
    id: u64,
    tail: Option<Arc<[u8]>>,
    taken: usize,
    line_start: bool,
    needs_crlf: bool,
    chunked: bool,
}

#[derive(Default)]
pub(super) struct ContentQueue {
    rest: Option<Rest>,
    end: Option<MessageEnd>,
}

impl ContentQueue {
    /// The end of the message that was queued last and has no reply yet.
    pub fn end(&self) -> Option<MessageEnd> {
        self.end
    }

    /// True while part of a message is not queued.
    pub fn is_queueing(&self) -> bool {
        self.rest.is_some()
    }

    /// The reply to the message arrived.
    pub fn answered(&mut self) {
        self.end = None;
    }

    /// Queues the head, and remembers the tail for [`Self::queue_more`].
    pub fn start(
        &mut self,
        out: &mut Outgoing,
        id: u64,
        head: &[u8],
        tail: Option<&Arc<[u8]>>,
        chunked: bool,
    ) {
        let tail = tail.filter(|tail| !tail.is_empty());
        let needs_crlf = !ends_in_crlf(head, tail.map_or(&[], |tail| tail));
        if chunked {
            let octets = head.len() + tail.map_or(0, |tail| tail.len()) + if needs_crlf { 2 } else { 0 };
            out.push(format!("BDAT {octets} LAST\r\n").as_bytes());
        }
        let mut rest = Rest { id, tail: tail.cloned(), taken: 0, line_start: true, needs_crlf, chunked };
        rest.push(out, head);
        self.end = None;
        self.rest = Some(rest);
    }

    /// Queues as much of the tail as fits the window; true when the message end is queued.
    pub fn queue_more(&mut self, out: &mut Outgoing) -> bool {
        let Some(rest) = &mut self.rest else { return false };
        if let Some(tail) = rest.tail.take() {
            while rest.taken < tail.len() && out.len() < WINDOW_OCTETS {
                let past = tail.len().min(rest.taken + WINDOW_OCTETS / 2);
                rest.push(out, &tail[rest.taken..past]);
                rest.taken = past;
            }
            if rest.taken < tail.len() {
                rest.tail = Some(tail);
                return false;
            }
        }
        self.end = Some(rest.finish(out));
        self.rest = None;
        true
    }
}

impl Rest {
    fn push(&mut self, out: &mut Outgoing, octets: &[u8]) {
        if self.chunked {
            out.push(octets);
        } else {
            stuff(out.tail(), octets, &mut self.line_start);
        }
    }

    fn finish(&self, out: &mut Outgoing) -> MessageEnd {
        if self.needs_crlf {
            out.push(b"\r\n");
        }
        if !self.chunked {
            out.push(b".\r\n");
        }
        let past = out.queued();
        MessageEnd { id: self.id, first: past - if self.chunked { 1 } else { 5 }, past }
    }
}

fn ends_in_crlf(head: &[u8], tail: &[u8]) -> bool {
    match tail {
        [] => head.ends_with(b"\r\n"),
        [b'\n'] => head.ends_with(b"\r"),
        _ => tail.ends_with(b"\r\n"),
    }
}
