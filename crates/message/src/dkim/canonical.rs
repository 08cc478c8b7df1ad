//! The relaxed canonical forms of RFC 6376 section 3.4: header fields (3.4.2) and body (3.4.4).
//!
//! The body may come in pieces of any length; the hash depends on their sum alone.

use crate::digest::Sha256;

/// One header field as it stands in the header, with its CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) whole: &'a [u8],
}

impl Field<'_> {
    /// Whether its name is `name`, in any case.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let own = memchr::memchr(b':', self.whole).and_then(|colon| self.whole.get(..colon));
        own.is_some_and(|own| own.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// The fields of a header whose every line ends with CRLF.
pub(super) fn fields(header: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::with_capacity(16);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', header).map(|at| at + 1) {
        if matches!(header.get(end), Some(b' ' | b'\t')) {
            continue;
        }
        if let Some(whole) = header.get(start..end) {
            fields.push(Field { whole });
        }
        start = end;
    }
    fields
}

/// Appends a field's relaxed form: lower-case name, no white space around the colon or at the end, runs of white
/// space (folds too) as one space, CRLF.
pub(super) fn write_field(whole: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', whole).unwrap_or(whole.len());
    let (name, value) = whole.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut words = value.get(1..).unwrap_or_default().split(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    let mut first = true;
    for word in words.by_ref().filter(|w| !w.is_empty()) {
        if !first {
            out.push(b' ');
        }
        out.extend_from_slice(word);
        first = false;
    }
    out.extend_from_slice(b"\r\n");
}

/// The hash of a body's relaxed form: white space at line ends dropped, runs of it as one space, empty lines at
/// the end dropped, an empty body hashed as nothing.
pub(super) struct BodyHash {
    sha: Sha256,
    /// Line breaks not hashed yet: they count only if something follows.
    breaks: usize,
    /// White space not hashed yet: it counts only if something follows on its line.
    space: bool,
    /// A CR whose LF has not come yet.
    carriage_return: bool,
    empty: bool,
}

impl BodyHash {
    pub(super) fn new() -> Self {
        Self { sha: Sha256::new(), breaks: 0, space: false, carriage_return: false, empty: true }
    }

    /// Takes in the next piece.
    pub(super) fn update(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            match byte {
                b'\n' if self.carriage_return => {
                    (self.breaks, self.space, self.carriage_return) = (self.breaks + 1, false, false);
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ if self.carriage_return => {
                    self.carriage_return = false;
                    self.text(b"\r");
                }
                b'\r' => {
                    self.carriage_return = true;
                    rest = rest.get(1..).unwrap_or_default();
                }
                b' ' | b'\t' => {
                    self.space = true;
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ => {
                    let end = memchr::memchr3(b' ', b'\t', b'\r', rest).unwrap_or(rest.len());
                    let (text, after) = rest.split_at(end);
                    self.text(text);
                    rest = after;
                }
            }
        }
    }

    /// The hash of all that was taken in.
    pub(super) fn finish(mut self) -> [u8; 32] {
        if self.carriage_return {
            self.text(b"\r");
        }
        if !self.empty {
            self.sha.update(b"\r\n");
        }
        self.sha.finish()
    }

    fn text(&mut self, text: &[u8]) {
        for _ in 0..std::mem::take(&mut self.breaks) {
            self.sha.update(b"\r\n");
        }
        if std::mem::take(&mut self.space) {
            self.sha.update(b" ");
        }
        self.sha.update(text);
        self.empty = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkim::sha256;

    fn check_field(field: &str, expected: &str) {
        let mut out = Vec::new();
        write_field(field.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{field:?}");
    }

    #[test]
    fn fields_relax_as_rfc_6376_says() {
        check_field("A: X\r\n", "a:X\r\n");
        check_field("B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n");
        check_field("Subject:  a \t b\r\n \r\n", "subject:a b\r\n");
        check_field("X:\r\n", "x:\r\n");
    }

    #[test]
    fn headers_split_at_unfolded_lines() {
        let header = b"A: 1\r\n 2\r\nB: 3\r\n\t4\r\nC: 5\r\n";
        let found: Vec<&[u8]> = fields(header).into_iter().map(|f| f.whole).collect();
        assert_eq!(found, [&b"A: 1\r\n 2\r\n"[..], b"B: 3\r\n\t4\r\n", b"C: 5\r\n"]);
    }

    fn check_body(body: &str, canonical: &str) {
        for cut in 0..=body.len() {
            let mut hash = BodyHash::new();
            let (a, b) = body.as_bytes().split_at(cut);
            hash.update(a);
            hash.update(b);
            assert_eq!(hash.finish(), sha256(canonical.as_bytes()), "{body:?} cut at {cut}");
        }
    }

    #[test]
    fn bodies_relax_as_rfc_6376_says_however_they_are_cut() {
        check_body("", "");
        check_body("\r\n\r\n", "");
        check_body(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        check_body("a\r\n \r\nb", "a\r\n\r\nb\r\n");
        check_body("a \r\n\t\r\n", "a\r\n");
        check_body("a\rb\r\n", "a\rb\r\n");
    }
}
