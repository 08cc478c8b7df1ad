//! The bytes of the newest mails, for tests that read content and for the inbox page.
//!
//! Bounded by number and by octets; the oldest mails go first.

use std::collections::{VecDeque, vec_deque};
use std::sync::Arc;

use super::arena::MailView;
use super::config::Keep;
use super::scan::header_block_octets;

/// A mail whose bytes were kept.
#[derive(Debug, Clone)]
pub struct KeptMail {
    /// Number of the mail, counted from 1 over the sink's life.
    pub seq: u64,
    /// MAIL FROM.
    pub from: String,
    /// RCPT TO.
    pub to: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Octets of the whole mail, also when only the header block was kept.
    pub octets: u64,
    /// The content, or its header block.
    pub content: Arc<[u8]>,
}

/// The newest mails.
#[derive(Debug)]
pub struct KeptMails {
    mails: VecDeque<KeptMail>,
    octets: usize,
    mails_max: usize,
    octets_max: usize,
}

impl KeptMails {
    /// None yet.
    #[must_use]
    pub fn new(mails_max: usize, octets_max: usize) -> Self {
        Self { mails: VecDeque::new(), octets: 0, mails_max, octets_max }
    }

    /// Keeps what `keep` asks for, and lets the oldest go.
    pub fn push(&mut self, keep: Keep, seq: u64, view: &MailView<'_>, content: &[u8]) {
        let content = match keep {
            Keep::Nothing | Keep::Digest => return,
            Keep::Headers => &content[..header_block_octets(content)],
            Keep::Full => content,
        };
        self.octets += content.len();
        self.mails.push_back(KeptMail {
            seq,
            from: view.from.to_owned(),
            to: view.to.to_vec(),
            at_ms: view.at_ms,
            octets: view.octets,
            content: content.into(),
        });
        while self.mails.len() > self.mails_max || self.octets > self.octets_max {
            let Some(oldest) = self.mails.pop_front() else { break };
            self.octets -= oldest.content.len();
        }
    }

    /// Oldest first.
    pub fn iter(&self) -> vec_deque::Iter<'_, KeptMail> {
        self.mails.iter()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.mails.clear();
        self.octets = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::record::Verdict;

    fn check(keep: Keep, mails_max: usize, octets_max: usize, expected: &[(u64, usize)]) {
        let mut kept = KeptMails::new(mails_max, octets_max);
        let view = MailView {
            session: 1,
            message_no: 1,
            credential: 0,
            from: "",
            to: &[],
            message_id: b"",
            headers: &[],
            octets: 10,
            digest: None,
            verdict: Verdict::Accepted,
            at_ms: 0,
        };
        (1..=4).for_each(|seq| kept.push(keep, seq, &view, b"A: b\r\n\r\nxx"));
        let left: Vec<_> = kept.iter().map(|mail| (mail.seq, mail.content.len())).collect();
        assert_eq!(left, expected, "{keep:?} {mails_max} {octets_max}");
    }

    #[test]
    fn the_oldest_go_first() {
        check(Keep::Digest, 10, 1000, &[]);
        check(Keep::Headers, 2, 1000, &[(3, 8), (4, 8)]);
        check(Keep::Full, 10, 35, &[(2, 10), (3, 10), (4, 10)]);
        check(Keep::Full, 0, 35, &[]);
    }
}
