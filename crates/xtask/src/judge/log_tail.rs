//! Reads a sink's log while it grows: how often each recipient of each round got the mail.
//!
//! A line stands for one mail if it names a recipient. Where it also has a `verdict` (our own sink's lines do),
//! only the verdicts count by which the mail is in the sink's hands.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;

use crate::rig::list::{Recipient, first_recipient};

/// Verdicts of our sink by which it has the mail, whatever it told the sender.
const KEPT: [&[u8]; 4] = [b"accepted", b"cut-after-dot", b"no-reply", b"garbage"];
const VERDICT: &[u8] = br#""verdict":""#;
const LOGIN: &[u8] = br#"{"login":"#;

/// A log being read, and what it said so far.
#[derive(Debug)]
pub struct LogTail {
    reader: BufReader<File>,
    line: Vec<u8>,
    rounds: Vec<Round>,
    mails: u64,
    logins: u64,
    strangers: u64,
}

/// The mails of one round.
#[derive(Debug, Clone, Default)]
struct Round {
    copies: Vec<u8>,
    received: u32,
}

impl LogTail {
    /// Opens a log at its beginning.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("opening the sink's log {}", path.display()))?;
        Ok(Self {
            reader: BufReader::with_capacity(1 << 20, file),
            line: Vec::new(),
            rounds: Vec::new(),
            mails: 0,
            logins: 0,
            strangers: 0,
        })
    }

    /// Begins the next round, of so many recipients.
    pub fn begin(&mut self, recipients: u32) {
        self.rounds.push(Round { copies: vec![0; recipients as usize], received: 0 });
    }

    /// Reads what was added. A line without its end waits for the next call.
    ///
    /// # Errors
    /// What the file system says.
    pub fn poll(&mut self) -> anyhow::Result<()> {
        loop {
            let read = self.reader.read_until(b'\n', &mut self.line).context("reading the sink's log")?;
            if read == 0 || self.line.last() != Some(&b'\n') {
                return Ok(());
            }
            let line = std::mem::take(&mut self.line);
            self.take(&line);
        }
    }

    fn take(&mut self, line: &[u8]) {
        if line.starts_with(LOGIN) {
            self.logins += 1;
            return;
        }
        let Some(recipient) = kept_recipient(line) else { return };
        self.mails += 1;
        let Some(round) = self.rounds.get_mut(recipient.round as usize) else {
            self.strangers += 1;
            return;
        };
        match round.copies.get_mut(recipient.number as usize) {
            Some(copies) => {
                round.received += u32::from(*copies == 0);
                *copies = copies.saturating_add(1);
            }
            None => self.strangers += 1,
        }
    }

    /// Mails per recipient of a round.
    pub fn copies(&self, round: usize) -> &[u8] {
        self.rounds.get(round).map_or(&[], |round| &round.copies)
    }

    /// Recipients of the last round that got the mail.
    pub fn received(&self) -> u32 {
        self.rounds.last().map_or(0, |round| round.received)
    }

    /// Mails since the log began.
    pub fn mails(&self) -> u64 {
        self.mails
    }

    /// Logins since the log began.
    pub fn logins(&self) -> u64 {
        self.logins
    }

    /// Mails to nobody of any list.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }
}

/// The recipient of a line, if the line is a mail that the sink has.
fn kept_recipient(line: &[u8]) -> Option<Recipient> {
    let recipient = first_recipient(line)?;
    let verdict = line.windows(VERDICT.len()).position(|window| window == VERDICT);
    let is_kept = verdict.is_none_or(|at| {
        let rest = &line[at + VERDICT.len()..];
        KEPT.iter().any(|word| rest.starts_with(word))
    });
    is_kept.then_some(recipient)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn mail(round: u32, number: u32, verdict: &str) -> String {
        let to = Recipient { round, number }.address();
        format!("{{\"mail\":{{\"session\":1,\"to\":[\"{to}\"],\"verdict\":\"{verdict}\",\"at_ms\":1}}}}\n")
    }

    #[test]
    fn only_mails_that_the_sink_has_count() {
        let check = |line: String, kept: bool| {
            assert_eq!(kept_recipient(line.as_bytes()).is_some(), kept, "{line}");
        };
        check(mail(0, 1, "accepted"), true);
        check(mail(0, 1, "cut-after-dot"), true);
        check(mail(0, 1, "cut-before-dot"), false);
        check(mail(0, 1, "refused-rcpt"), false);
        check("Nov 23 smtpd: 250 to=<u00000001@r0.crash.example> queued".to_owned(), true);
        check("Nov 23 smtpd: connect".to_owned(), false);
    }

    #[test]
    fn a_growing_log_is_read_line_by_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let mut file = File::create(&path).expect("a file");
        let mut tail = LogTail::open(&path).expect("open");
        tail.begin(1);
        tail.begin(3);
        let (first, second) = (mail(1, 0, "accepted"), mail(1, 2, "accepted"));
        let (half, rest) = second.split_at(20);
        write!(file, "{first}{{\"login\":{{}}}}\n{half}").expect("written");
        tail.poll().expect("read");
        assert_eq!((tail.received(), tail.logins(), tail.copies(1)), (1, 1, &[1, 0, 0][..]));
        let others = [mail(0, 0, "accepted"), mail(1, 3, "accepted"), mail(2, 0, "accepted")].concat();
        write!(file, "{rest}{second}{others}").expect("written");
        tail.poll().expect("read");
        assert_eq!((tail.received(), tail.strangers(), tail.copies(1)), (2, 2, &[1, 0, 2][..]));
        assert_eq!(tail.copies(0), [1]);
    }
}
