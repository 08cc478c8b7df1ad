//! What a connection remembers of the mail that it is reading: wanted headers, and a copy where one is kept.

use super::config::Keep;
use super::scan::{Scan, header_block_octets};

/// Octets of a header block that is looked at when it comes in pieces.
const HEAD_OCTETS_MAX: usize = 64 << 10;

/// The mail at hand. Its buffers are reused from mail to mail.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The headers found.
    pub scan: Scan,
    /// The header block's first pieces, when the first slice did not hold all of it.
    head: Vec<u8>,
    head_done: bool,
    kept: Option<(Keep, Vec<u8>)>,
}

impl Content {
    /// Forgets the mail.
    pub fn clear(&mut self) {
        self.scan.clear();
        self.head.clear();
        self.head_done = false;
        self.kept = None;
    }

    /// Looks at a whole mail.
    pub fn scan_whole(&mut self, octets: &[u8], wanted: &[String]) {
        self.scan.read(octets, wanted);
    }

    /// Looks at the next piece of a mail; once the header block is over, at nothing. The usual mail comes with
    /// its header block in one piece, and is not copied.
    pub fn scan_slice(&mut self, octets: &[u8], wanted: &[String]) {
        if self.head_done {
            return;
        }
        if self.head.is_empty() && self.scan.read(octets, wanted) {
            self.head_done = true;
            return;
        }
        let room = HEAD_OCTETS_MAX.saturating_sub(self.head.len());
        self.head.extend_from_slice(&octets[..octets.len().min(room)]);
        self.head_done = self.scan.read(&self.head, wanted) || room == 0;
    }

    /// Copies what the book will keep.
    pub fn keep(&mut self, octets: &[u8], keep: Keep) {
        let kept = if keep == Keep::Headers { &octets[..header_block_octets(octets)] } else { octets };
        self.kept = Some((keep, kept.to_vec()));
    }

    /// The copy.
    pub fn kept(&self) -> Option<(Keep, &[u8])> {
        self.kept.as_ref().map(|(keep, octets)| (*keep, octets.as_slice()))
    }
}

/// The first 16 octets of the SHA-256.
pub(super) fn digest(octets: &[u8]) -> [u8; 16] {
    let full = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    let mut first = [0; 16];
    first.copy_from_slice(&full.as_ref()[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_wherever_the_slices_part() {
        let mail = b"Subject: s\r\nMessage-ID: <a@x>\r\nX-Release: one\r\n two\r\n\r\nX-Release: body\r\n";
        let wanted = ["X-Release".to_owned(), "X-Absent".to_owned()];
        let mut content = Content::default();
        for first in 0..mail.len() {
            for second in first..mail.len() {
                content.clear();
                for slice in [&mail[..first], &mail[first..second], &mail[second..]] {
                    content.scan_slice(slice, &wanted);
                }
                let found = (content.scan.message_id.as_slice(), content.scan.values[0].as_slice());
                assert_eq!(found, (&b"<a@x>"[..], &b"one two"[..]), "{first} {second}");
            }
        }
    }
}
