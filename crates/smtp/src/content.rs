//! Message content on the wire: dot-stuffing (RFC 5321 section 4.5.2), the search for the end of DATA, and the
//! check that only CRLF ends a line.
//!
//! Leaves commands and limits to the two machines. Invariants: what [`stuff`] writes never holds CRLF "." CRLF;
//! [`DataScanner`] takes nothing but CRLF "." CRLF for the end, however the octets are cut into reads.

use memchr::memmem;

/// True when each CR is followed by LF and each LF follows a CR in `head` and `tail` taken as one.
pub(crate) fn lines_end_in_crlf(head: &[u8], tail: &[u8]) -> bool {
    match (head.split_last(), tail.split_first()) {
        (Some((b'\r', front)), Some((b'\n', rest))) => crlf_only(front) && crlf_only(rest),
        _ => crlf_only(head) && crlf_only(tail),
    }
}

/// Without a branch in the loop, so that it is vectorised: it reads every mail.
fn crlf_only(octets: &[u8]) -> bool {
    let (Some(first), Some(last)) = (octets.first(), octets.last()) else { return true };
    let pairs = octets.iter().zip(&octets[1..]);
    let odd =
        pairs.fold(0, |odd, (before, after)| odd | (u8::from(*before == b'\r') ^ u8::from(*after == b'\n')));
    *first != b'\n' && *last != b'\r' && odd == 0
}

/// Judges content that comes in pieces: whether only CRLF ends its lines, and no octet is NUL.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    after_cr: bool,
    bare: bool,
    /// A NUL was seen.
    pub nul: bool,
}

impl LineEnds {
    pub fn scan(&mut self, octets: &[u8]) {
        let Some(first) = octets.first() else { return };
        let joined = self.after_cr && *first == b'\n';
        self.bare |= self.after_cr && !joined;
        let rest = &octets[usize::from(joined)..];
        self.after_cr = rest.last() == Some(&b'\r');
        self.bare |= !crlf_only(&rest[..rest.len() - usize::from(self.after_cr)]);
        self.nul |= memchr::memchr(0, octets).is_some();
    }

    /// A CR or LF that is no part of a CRLF was seen, were this the end.
    pub fn bare(&self) -> bool {
        self.bare || self.after_cr
    }
}

/// Appends `content` to `out` with each dot at a line's start doubled. `line_start` says whether `content` starts
/// a line, and is updated to say whether what follows does.
pub(crate) fn stuff(out: &mut Vec<u8>, content: &[u8], line_start: &mut bool) {
    let Some(last) = content.last() else { return };
    out.reserve(content.len() + 64);
    if *line_start && content[0] == b'.' {
        out.push(b'.');
    }
    let mut copied = 0;
    for at in memmem::find_iter(content, b"\n.") {
        out.extend_from_slice(&content[copied..=at]);
        out.push(b'.');
        copied = at + 1;
    }
    out.extend_from_slice(&content[copied..]);
    *line_start = *last == b'\n';
}

/// What one call of [`DataScanner::scan`] found at the front of its input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Octets of content (still stuffed) at the front.
    pub content: usize,
    /// Octets that are done with: content, and the terminator's own "." CRLF.
    pub consumed: usize,
    /// The end of the message was found.
    pub ended: bool,
}

/// Finds the end of DATA in a stream.
pub(crate) struct DataScanner {
    line_start: bool,
    /// A CR or LF that is no part of a CRLF was seen.
    pub bare: bool,
    /// A NUL was seen.
    pub nul: bool,
}

impl DataScanner {
    pub fn new() -> Self {
        Self { line_start: true, bare: false, nul: false }
    }

    /// Scans `input`; with `collect` the unstuffed content is appended to it. What is not consumed (at most two
    /// octets) must stand at the front of the next call's input.
    pub fn scan(&mut self, input: &[u8], mut collect: Option<&mut Vec<u8>>) -> Scanned {
        let (mut at, mut copied, mut lines) = (0, 0, 0);
        let (content, consumed, ended) = loop {
            if self.line_start {
                match &input[at..] {
                    [b'.', b'\r', b'\n', ..] => break (at, at + 3, true),
                    [] | [b'.'] | [b'.', b'\r'] => break (at, at, false),
                    [b'.', ..] => {
                        if let Some(message) = collect.as_deref_mut() {
                            message.extend_from_slice(&input[copied..at]);
                        }
                        copied = at + 1;
                        at += 1;
                    }
                    _ => {}
                }
            }
            let Some(line) = memchr::memchr(b'\n', &input[at..]) else {
                self.line_start = false;
                // A last CR waits for its LF.
                let end = input.len() - usize::from(input.last() == Some(&b'\r') && input.len() > at);
                break (end, end, false);
            };
            let feed = at + line;
            self.line_start = feed > 0 && input[feed - 1] == b'\r';
            self.bare |= !self.line_start;
            lines += usize::from(self.line_start);
            at = feed + 1;
        };
        if let Some(message) = collect {
            message.extend_from_slice(&input[copied.min(content)..content]);
        }
        self.bare |= memchr::memchr_iter(b'\r', &input[..content]).count() != lines;
        self.nul |= memchr::memchr(0, &input[..content]).is_some();
        Scanned { content, consumed, ended }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut line_start) = (Vec::new(), true);
        for piece in pieces {
            stuff(&mut out, piece, &mut line_start);
        }
        out
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        let check = |pieces: &[&[u8]], expected: &[u8]| assert_eq!(stuffed(pieces), expected, "{pieces:?}");
        check(&[b"a\r\nb\r\n"], b"a\r\nb\r\n");
        check(&[b".\r\n"], b"..\r\n");
        check(&[b"a\r\n.\r\n"], b"a\r\n..\r\n");
        check(&[b"a\r\n", b".b\r\n"], b"a\r\n..b\r\n");
        check(&[b"a\r", b"\n", b"", b"..b\r\n"], b"a\r\n...b\r\n");
        check(&[b"a.", b".b\r\n"], b"a..b\r\n");
    }

    #[test]
    fn bare_line_ends_are_found() {
        let check =
            |head: &[u8], tail: &[u8], fine| assert_eq!(lines_end_in_crlf(head, tail), fine, "{head:?}");
        check(b"a\r\nb", b"\r\n", true);
        check(b"a\r", b"\nb", true);
        check(b"a\nb", b"", false);
        check(b"\na", b"", false);
        check(b"a\rb", b"", false);
        check(b"a\r", b"b", false);
        check(b"a\r", b"", false);
        check(b"a", b"\n", false);
        check(b"a\r\r\n", b"", false);
        check(b"a\r\n\n", b"", false);
    }

    #[test]
    fn pieces_are_judged_as_one() {
        let check = |octets: &[u8], bare: bool, nul: bool| {
            for step in 1..=octets.len() {
                let mut lines = LineEnds::default();
                octets.chunks(step).for_each(|piece| lines.scan(piece));
                assert_eq!((lines.bare(), lines.nul), (bare, nul), "{} by {step}", octets.escape_ascii());
            }
        };
        check(b"a\r\nb\r\n", false, false);
        check(b"\r\n", false, false);
        check(b"no end", false, false);
        check(b"a\nb", true, false);
        check(b"a\rb", true, false);
        check(b"a\r\n\r", true, false);
        check(b"\n", true, false);
        check(b"a\r\r\n", true, false);
        check(b"a\r\n\n", true, false);
        check(b"a\0\r\n", false, true);
    }

    /// Scans `input` in pieces of `step` octets: content, bare, and what is left after the end.
    fn scan(input: &[u8], step: usize) -> (Vec<u8>, bool, Option<Vec<u8>>) {
        let (mut scanner, mut message, mut kept) = (DataScanner::new(), Vec::new(), Vec::new());
        let mut pieces = input.chunks(step);
        while let Some(piece) = pieces.next() {
            kept.extend_from_slice(piece);
            let found = scanner.scan(&kept, Some(&mut message));
            kept.drain(..found.consumed);
            if found.ended {
                kept.extend(pieces.flatten());
                return (message, scanner.bare, Some(kept));
            }
            assert!(kept.len() <= 2, "holds back {} octets", kept.len());
        }
        (message, scanner.bare, None)
    }

    #[test]
    fn only_crlf_dot_crlf_ends_data() {
        let check = |input: &[u8], content: &[u8], bare: bool, left: Option<&[u8]>| {
            for step in 1..=input.len() {
                let expected = (content.to_vec(), bare, left.map(<[u8]>::to_vec));
                assert_eq!(scan(input, step), expected, "{} by {step}", input.escape_ascii());
            }
        };
        check(b"a\r\n.\r\nQUIT\r\n", b"a\r\n", false, Some(b"QUIT\r\n"));
        check(b".\r\n", b"", false, Some(b""));
        check(b"..\r\n.\r\n", b".\r\n", false, Some(b""));
        check(b".a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n", false, Some(b""));
        check(b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", true, Some(b""));
        check(b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", true, Some(b""));
        check(b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", true, Some(b""));
        check(b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", true, Some(b""));
        check(b"a\r.\r\n.\r\n", b"a\r.\r\n", true, Some(b""));
        check(b"\n.\r\n\r\n.\r\n", b"\n.\r\n\r\n", true, Some(b""));
        check(b"\r\r\n.\r\n", b"\r\r\n", true, Some(b""));
        check(b"a\r\n.\n.\r\n.\r\n", b"a\r\n\n.\r\n", true, Some(b""));
    }
}
