//! Reads the replies of a server from a stream (RFC 5321 section 4.2), strictly and within limits.
//!
//! Leaves the meaning of a code to the caller. Invariants: a reply is whole (CRLF seen, one code on every line)
//! or it is none; only CRLF ends a line; what is kept of the text is bounded and free of control characters.

use domain::{EnhancedStatus, Reply, ReplyCode};

/// Octets of one line, CRLF included; RFC 5321 section 4.5.3.1.5 asks for 512.
const LINE_OCTETS_MAX: usize = 4 * 1024;
/// Lines of one reply.
const LINES_MAX: usize = 100;
/// Octets of one reply.
const REPLY_OCTETS_MAX: usize = 64 * 1024;
/// Characters that are kept of a reply's text.
const TEXT_CHARS_MAX: usize = 512;

/// Why what a server sent is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// No three digits and a separator at a line's start.
    #[error("the server sent something that is not an SMTP reply")]
    NotAReply,
    /// A line that ends in a bare LF.
    #[error("the server ended a reply line with a bare LF")]
    BareLineFeed,
    /// Lines of one reply with different codes.
    #[error("the server gave different codes on the lines of one reply")]
    CodesDiffer,
    /// More than 4 KiB a line, 100 lines or 64 KiB a reply.
    #[error("the server's reply is too long")]
    TooLong,
}

/// The reader's state between two reads.
#[derive(Default)]
pub(crate) struct ReplyReader {
    /// The start of a line whose end has not arrived.
    partial: Vec<u8>,
    code: Option<ReplyCode>,
    enhanced: Option<EnhancedStatus>,
    text: String,
    text_chars: usize,
    lines: usize,
    octets: usize,
    finished: bool,
    /// Keeps the raw lines of the reply too, for the EHLO response.
    pub keep_raw: bool,
    raw: Vec<u8>,
}

impl ReplyReader {
    /// Takes octets off the front of `input` up to the end of one reply; its code, or `None` when more input is
    /// needed (then `input` is empty).
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<ReplyCode>, ReplyError> {
        if self.finished {
            self.restart();
        }
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (line, rest) = input.split_at(end + 1);
            *input = rest;
            if self.take_line(line)? {
                self.finished = true;
                return Ok(self.code);
            }
        }
        self.keep_partial(input)?;
        *input = &[];
        Ok(None)
    }

    /// The code of the reply that [`Self::read`] just completed.
    pub fn code(&self) -> Option<ReplyCode> {
        self.code
    }

    /// The reply that [`Self::read`] just completed.
    pub fn reply(&self) -> Option<Reply> {
        self.code.map(|code| Reply { code, enhanced: self.enhanced, text: self.text.clone() })
    }

    /// The text of the reply that was just completed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The raw lines of the reply that was just completed, if [`Self::keep_raw`] was set.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The start of an unfinished line.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    fn restart(&mut self) {
        self.finished = false;
        self.code = None;
        self.enhanced = None;
        self.text.clear();
        self.text_chars = 0;
        self.lines = 0;
        self.octets = 0;
        self.raw.clear();
    }

    fn keep_partial(&mut self, input: &[u8]) -> Result<(), ReplyError> {
        if self.partial.len() + input.len() > LINE_OCTETS_MAX {
            return Err(ReplyError::TooLong);
        }
        self.partial.extend_from_slice(input);
        let digits = self.partial.iter().take(3);
        if digits.copied().all(|octet| octet.is_ascii_digit()) { Ok(()) } else { Err(ReplyError::NotAReply) }
    }

    /// True when the line was the last of its reply.
    fn take_line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        if self.partial.is_empty() {
            return self.parse_line(line);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(line);
        let last = self.parse_line(&whole);
        // On an error the start of the line stays readable, so that it can be shown.
        if last.is_ok() {
            whole.clear();
        }
        self.partial = whole;
        last
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        self.lines += 1;
        self.octets += line.len();
        if line.len() > LINE_OCTETS_MAX || self.lines > LINES_MAX || self.octets > REPLY_OCTETS_MAX {
            return Err(ReplyError::TooLong);
        }
        let (code, last, text) = split_line(line)?;
        if *self.code.get_or_insert(code) != code {
            return Err(ReplyError::CodesDiffer);
        }
        if self.keep_raw {
            self.raw.extend_from_slice(line);
        }
        let text = self.take_enhanced(text);
        self.add_text(text);
        Ok(last)
    }

    /// Cuts the enhanced status (RFC 2034) off the start of a line's text.
    fn take_enhanced<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        if !matches!(text, [b'2' | b'4' | b'5', b'.', ..]) {
            return text;
        }
        let end = memchr::memchr(b' ', text).unwrap_or(text.len());
        let status = std::str::from_utf8(&text[..end]).ok().and_then(|word| word.parse().ok());
        match (status, self.enhanced) {
            (Some(status), None) => self.enhanced = Some(status),
            (Some(status), Some(first)) if status == first => {}
            _ => return text,
        }
        text.get(end + 1..).unwrap_or_default()
    }

    fn add_text(&mut self, text: &[u8]) {
        if text.is_empty() || self.text_chars >= TEXT_CHARS_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
            self.text_chars += 1;
        }
        let room = TEXT_CHARS_MAX - self.text_chars;
        if text.len() <= room && text.iter().all(|octet| (b' '..=b'~').contains(octet)) {
            self.text.extend(text.iter().copied().map(char::from));
            self.text_chars += text.len();
            return;
        }
        for c in String::from_utf8_lossy(text).chars().take(room) {
            self.text.push(if is_unsafe_to_show(c) { char::REPLACEMENT_CHARACTER } else { c });
            self.text_chars += 1;
        }
    }
}

/// Control characters, and those that turn the direction of what stands around them.
fn is_unsafe_to_show(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Code, whether the line is the reply's last, and text without CRLF.
fn split_line(line: &[u8]) -> Result<(ReplyCode, bool, &[u8]), ReplyError> {
    let [a, b, c, rest @ ..] = line else { return Err(ReplyError::NotAReply) };
    if ![a, b, c].into_iter().all(u8::is_ascii_digit) {
        return Err(ReplyError::NotAReply);
    }
    let number = [a, b, c].into_iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let code = ReplyCode::new(number).ok_or(ReplyError::NotAReply)?;
    let rest = rest.strip_suffix(b"\r\n").ok_or(ReplyError::BareLineFeed)?;
    match rest {
        [] => Ok((code, true, rest)),
        [b' ', text @ ..] => Ok((code, true, text)),
        [b'-', text @ ..] => Ok((code, false, text)),
        _ => Err(ReplyError::NotAReply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `input` whole, then octet by octet; both must give the same.
    fn read_all(input: &[u8]) -> Vec<Result<Reply, ReplyError>> {
        let run = |step: usize| {
            let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
            for mut piece in input.chunks(step) {
                while !piece.is_empty() {
                    match reader.read(&mut piece) {
                        Ok(Some(_)) => replies.extend(reader.reply().map(Ok)),
                        Ok(None) => {}
                        Err(error) => {
                            replies.push(Err(error));
                            return replies;
                        }
                    }
                }
            }
            replies
        };
        let whole = run(input.len().max(1));
        assert_eq!(whole, run(1), "{}", input.escape_ascii());
        whole
    }

    fn check(input: &[u8], expected: &[&str]) {
        let shown: Vec<String> = read_all(input)
            .into_iter()
            .map(|reply| reply.map_or_else(|error| format!("{error:?}"), |reply| reply.to_string()))
            .collect();
        assert_eq!(shown, expected, "{}", input.escape_ascii());
    }

    #[test]
    fn well_formed_replies() {
        check(b"250 2.1.0 Ok\r\n", &["250 2.1.0 Ok"]);
        check(b"250\r\n354 go\r\n", &["250", "354 go"]);
        check(b"250 \r\n", &["250"]);
        check(b"250-one\r\n250-two\r\n250 three\r\n", &["250 one two three"]);
        check(b"550-5.7.1 first\r\n550 5.7.1 second\r\n", &["550 5.7.1 first second"]);
        check(b"451 4.7.650 slow\r\n", &["451 4.7.650 slow"]);
        check(b"550 5.1.1\r\n", &["550 5.1.1"]);
        check(b"550 5.1.x no\r\n", &["550 5.1.x no"]);
        check("550 宛先不明\r\n".as_bytes(), &["550 宛先不明"]);
        check(b"250 Ok\r", &[]);
    }

    #[test]
    fn text_is_made_harmless() {
        check(b"550 a\x1b[31mb\x07\r\n", &["550 a\u{fffd}[31mb\u{fffd}"]);
        check(b"550 a\rb\0c\r\n", &["550 a\u{fffd}b\u{fffd}c"]);
        check("550 \u{202e}x\r\n".as_bytes(), &["550 \u{fffd}x"]);
        check(b"550 \xff\xfe\r\n", &["550 \u{fffd}\u{fffd}"]);
        let long = format!("250 {}\r\n", "x".repeat(2000));
        check(long.as_bytes(), &[&format!("250 {}", "x".repeat(512))]);
        let (x, y) = ("x".repeat(300), "y".repeat(300));
        let over_lines = format!("250-{x}\r\n250-{y}\r\n250 z\r\n");
        check(over_lines.as_bytes(), &[&format!("250 {x} {}", &y[..211])]);
    }

    #[test]
    fn what_is_no_reply() {
        check(b"SSH-2.0-OpenSSH\r\n", &["NotAReply"]);
        check(b"25 ok\r\n", &["NotAReply"]);
        check(b"250ok\r\n", &["NotAReply"]);
        check(b"199 x\r\n", &["NotAReply"]);
        check(b"600 x\r\n", &["NotAReply"]);
        check(b"\r\n", &["NotAReply"]);
        check(b"250 ok\n", &["BareLineFeed"]);
        check(b"250 quoted\n250 ok\r\n", &["BareLineFeed"]);
        check(b"250-a\r\n550 b\r\n", &["CodesDiffer"]);
    }

    #[test]
    fn limits_hold() {
        check(&[b"250 ".as_slice(), &[b'x'; 5000], b"\r\n"].concat(), &["TooLong"]);
        check(&[b'2'; 5000], &["TooLong"]);
        check(&b"250-x\r\n".repeat(101), &["TooLong"]);
        let wide = [b"250-".as_slice(), &[b'x'; 3000], b"\r\n"].concat();
        check(&wide.repeat(22), &["TooLong"]);
        let most = [b"250-x\r\n".repeat(99), b"250 y\r\n".to_vec()].concat();
        assert!(matches!(read_all(&most)[..], [Ok(_)]));
    }
}
