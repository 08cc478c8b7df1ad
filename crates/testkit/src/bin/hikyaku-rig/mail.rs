//! One prebuilt mail of an exact size, of which only the recipient's number changes.
//!
//! The whole text of a mail and of the envelope after it lies in one buffer, so that a number is patched and
//! one write carries everything.

use std::io::Write;

/// Digits of a recipient's number.
const DIGITS: usize = 8;
/// Stands where the number goes.
const BLANK: &str = "00000000";
/// A line of the body, its end included.
const LINE_OCTETS: usize = 78;

/// Buffers for one connection.
#[derive(Debug, Clone)]
pub struct MailBuffer {
    octets: Vec<u8>,
    content_places: Vec<usize>,
    envelope_at: usize,
    envelope_places: Vec<usize>,
    end_at: usize,
}

impl MailBuffer {
    /// A mail whose content has exactly `octets` (at least what its headers need), without the final dot line.
    pub fn new(from: &str, domain: &str, octets: usize) -> Self {
        let mut content = format!(
            "From: {from}\r\nTo: u{BLANK}@{domain}\r\nSubject: =?UTF-8?B?5paw6KO95ZOB44Gu44GK55+l44KJ44Gb?=\r\n\
             Date: Mon, 23 Nov 2026 09:00:00 +0900\r\nMessage-ID: <{BLANK}.load@{domain}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        .into_bytes();
        let mut left = octets.saturating_sub(content.len());
        // Two octets are the shortest line; a line end alone in two pieces would be a bare LF.
        while left >= 2 {
            let line = if left == LINE_OCTETS + 1 { LINE_OCTETS - 1 } else { left.min(LINE_OCTETS) };
            content.extend(std::iter::repeat_n(b'5', line - 2));
            content.extend_from_slice(b"\r\n");
            left -= line;
        }
        let content_places = places(&content);
        content.extend_from_slice(b".\r\n");
        let envelope_at = content.len();
        let envelope = format!("MAIL FROM:<{from}>\r\nRCPT TO:<u{BLANK}@{domain}>\r\nDATA\r\n");
        content.extend_from_slice(envelope.as_bytes());
        let envelope_places = places(envelope.as_bytes()).into_iter().map(|at| at + envelope_at).collect();
        Self { end_at: content.len(), octets: content, content_places, envelope_at, envelope_places }
    }

    /// The envelope of mail `number` alone: the first write of a connection.
    pub fn envelope(&mut self, number: u64) -> &[u8] {
        patch(&mut self.octets, &self.envelope_places, number);
        &self.octets[self.envelope_at..self.end_at]
    }

    /// Content and end of mail `number`, and the envelope of the one after it.
    pub fn content_and_envelope(&mut self, number: u64, next: u64) -> &[u8] {
        patch(&mut self.octets, &self.content_places, number);
        patch(&mut self.octets, &self.envelope_places, next);
        &self.octets[..self.end_at]
    }

    /// Content and end of mail `number`: the last of a connection.
    pub fn content(&mut self, number: u64) -> &[u8] {
        patch(&mut self.octets, &self.content_places, number);
        &self.octets[..self.envelope_at]
    }
}

/// Where the number goes.
fn places(text: &[u8]) -> Vec<usize> {
    let places = memchr::memmem::find_iter(text, BLANK.as_bytes());
    places.collect()
}

fn patch(octets: &mut [u8], places: &[usize], number: u64) {
    for place in places {
        let mut target = &mut octets[*place..*place + DIGITS];
        // The slice has room for eight digits; a longer number is cut, and the sink would show it.
        let _ = write!(target, "{number:0DIGITS$}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(octets: &[u8]) -> String {
        String::from_utf8(octets.to_vec()).expect("ASCII")
    }

    #[test]
    fn a_mail_has_the_size_asked_for() {
        let check = |octets: usize| {
            let mut mail = MailBuffer::new("a@x.example", "y.example", octets);
            let content = text(mail.content(7));
            assert_eq!(content.len(), octets + ".\r\n".len());
            assert!(content.ends_with("\r\n.\r\n") && content.matches("\r\n.").count() == 1);
            assert_eq!(content.matches('\n').count(), content.matches("\r\n").count(), "a bare LF");
        };
        for octets in (1000..1200).chain([5120, 30 << 10]) {
            check(octets);
        }
    }

    #[test]
    fn numbers_stand_in_content_and_envelope() {
        let mut mail = MailBuffer::new("a@x.example", "y.example", 600);
        assert!(text(mail.envelope(3)).contains("RCPT TO:<u00000003@y.example>"));
        let both = text(mail.content_and_envelope(3, 12_345_678));
        assert!(both.contains("To: u00000003@y.example\r\n") && both.contains("<00000003.load@"));
        assert!(both.ends_with("RCPT TO:<u12345678@y.example>\r\nDATA\r\n"));
    }
}
