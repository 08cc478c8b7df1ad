//! Finds Message-ID and the wanted headers in a mail's bytes, without parsing more of it.
//!
//! Values are unfolded (RFC 5322 section 2.2.3) and trimmed, and capped. Lines may end in CRLF or bare LF.
//! Reading stops at the empty line, or as soon as all names were found.

/// Octets of a value that are kept.
const VALUE_OCTETS_MAX: usize = 1000;

/// The values of one mail; kept by a connection and refilled, so that scanning allocates nothing.
#[derive(Debug, Default)]
pub struct Scan {
    /// Message-ID's value; empty when absent.
    pub message_id: Vec<u8>,
    /// Values of the wanted headers, in the wanted order; empty when absent.
    pub values: Vec<Vec<u8>>,
}

impl Scan {
    /// Forgets all values.
    pub fn clear(&mut self) {
        self.message_id.clear();
        self.values.iter_mut().for_each(Vec::clear);
    }

    /// Reads the header block at the start of `content`. The first header of a name counts. True when nothing
    /// more can be found: the block is over, or every name was seen and the last value ended.
    pub fn read(&mut self, content: &[u8], wanted: &[String]) -> bool {
        self.clear();
        self.values.resize_with(wanted.len(), Vec::new);
        let (mut missing, mut filling, mut start) = (wanted.len() + 1, None, 0);
        while start < content.len() {
            let line_end = memchr::memchr(b'\n', &content[start..]).map_or(content.len(), |at| start + at);
            let line = trim_end(&content[start..line_end]);
            start = line_end + 1;
            if line.first().is_some_and(|first| matches!(first, b' ' | b'\t')) {
                if let Some(slot) = filling {
                    append(self.slot(slot), line);
                }
                continue;
            }
            if line.is_empty() || missing == 0 {
                return true;
            }
            filling = self.begin(line, wanted);
            missing -= usize::from(filling.is_some());
        }
        false
    }

    /// Takes a line that starts a wanted header; gives the slot that its folded lines go to.
    fn begin(&mut self, line: &[u8], wanted: &[String]) -> Option<usize> {
        let slot = if is_named(line, "Message-ID") {
            0
        } else {
            1 + wanted.iter().position(|name| is_named(line, name))?
        };
        let name_octets = if slot == 0 { "Message-ID".len() } else { wanted[slot - 1].len() };
        let value = self.slot(slot);
        if !value.is_empty() {
            return None;
        }
        append(value, &line[name_octets + 1..]);
        Some(slot)
    }

    fn slot(&mut self, slot: usize) -> &mut Vec<u8> {
        if slot == 0 { &mut self.message_id } else { &mut self.values[slot - 1] }
    }
}

/// Octets of the header block with its empty line; all octets when there is no empty line.
#[must_use]
pub fn header_block_octets(content: &[u8]) -> usize {
    memchr::memmem::find(content, b"\r\n\r\n").map_or(content.len(), |at| at + 4)
}

fn is_named(line: &[u8], name: &str) -> bool {
    line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
}

fn append(value: &mut Vec<u8>, part: &[u8]) {
    let part = part.trim_ascii();
    if !value.is_empty() && !part.is_empty() {
        value.push(b' ');
    }
    let room = VALUE_OCTETS_MAX.saturating_sub(value.len());
    value.extend_from_slice(&part[..part.len().min(room)]);
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: [&str; 3]) {
        let mut scan = Scan::default();
        let wanted = ["X-Release".to_owned(), "X-Intent".to_owned()];
        scan.read(b"Message-ID: <stale@x>\r\nX-Release: stale\r\n\r\n", &wanted);
        scan.read(content.as_bytes(), &wanted);
        let found = [&scan.message_id, &scan.values[0], &scan.values[1]].map(|v| String::from_utf8_lossy(v));
        assert_eq!(found, expected, "{content:?}");
    }

    #[test]
    fn headers_are_found() {
        check("Message-ID: <a@x>\r\nX-Release: r1\r\nX-Intent: 7\r\n\r\nbody", ["<a@x>", "r1", "7"]);
        check("x-intent:7\r\nmessage-id:<a@x>\r\n\r\nX-Release: in the body\r\n", ["<a@x>", "", "7"]);
        check(
            "Message-ID:\r\n <a@x>\r\nSubject: x\r\n y\r\nX-Release: a\r\n\tb\r\n\r\n",
            ["<a@x>", "a b", ""],
        );
        check("Message-ID: <a@x>\nX-Release: r1\n\n", ["<a@x>", "r1", ""]);
        check("Message-ID: <a@x>\r\nMessage-ID: <b@x>\r\n\r\n", ["<a@x>", "", ""]);
        check("X-Release: cut short", ["", "cut short", ""]);
        check("\r\nMessage-ID: <a@x>\r\n", ["", "", ""]);
        check("", ["", "", ""]);
    }

    #[test]
    fn header_block_ends_with_the_empty_line() {
        assert_eq!(header_block_octets(b"A: b\r\n\r\nbody\r\n\r\n"), 8);
        assert_eq!(header_block_octets(b"A: b\r\n"), 6);
    }
}
