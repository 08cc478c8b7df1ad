//! Lists of numbered recipients, and the way back from an address in any text to its number.
//!
//! An address is `u00000042@r7.crash.example`: recipient 42 of round 7. It is found in a sink's log and in the
//! books' output by its form alone, so that no judge depends on another's file format.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;

const DIGITS: usize = 8;
const AFTER_NUMBER: &[u8] = b"@r";
const DOMAIN: &str = ".crash.example";

/// A recipient of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient {
    /// Round, counted from 0.
    pub round: u32,
    /// Number within its round, counted from 0.
    pub number: u32,
}

impl Recipient {
    /// Its address.
    pub fn address(self) -> String {
        format!("u{:0DIGITS$}@r{}{DOMAIN}", self.number, self.round)
    }
}

/// Writes the list of a round.
///
/// # Errors
/// What the file system says.
pub fn write_list(path: &Path, round: u32, recipients: u32) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    let mut out = BufWriter::new(file);
    writeln!(out, "email,会社名,氏名")?;
    for number in 0..recipients {
        writeln!(out, "{},㈱毎朝新報社,髙橋 {number}", Recipient { round, number }.address())?;
    }
    out.flush().with_context(|| format!("writing {}", path.display()))
}

/// The first recipient named in a text.
pub fn first_recipient(text: &[u8]) -> Option<Recipient> {
    recipients(text).next()
}

/// Every recipient named in a text, in its order, as often as it is named.
pub fn recipients(text: &[u8]) -> impl Iterator<Item = Recipient> {
    let is_start = |at: &usize| text[*at] == b'u';
    (0..text.len().saturating_sub(DIGITS)).filter(is_start).filter_map(|at| parse(&text[at + 1..]))
}

/// Reads the address whose `u` stands before.
fn parse(text: &[u8]) -> Option<Recipient> {
    let (number, rest) = text.split_at_checked(DIGITS)?;
    let rest = rest.strip_prefix(AFTER_NUMBER)?;
    let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (round, rest) = rest.split_at(digits);
    rest.starts_with(DOMAIN.as_bytes()).then_some(())?;
    Some(Recipient { round: read(round)?, number: read(number)? })
}

fn read(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_any_text() {
        let check = |text: &str, expected: &[(u32, u32)]| {
            let found: Vec<_> = recipients(text.as_bytes()).map(|r| (r.round, r.number)).collect();
            assert_eq!(found, expected, "{text}");
        };
        let some = Recipient { round: 12, number: 345 }.address();
        assert_eq!(some, "u00000345@r12.crash.example");
        check(&format!(r#"{{"mail":{{"user":"u","to":["{some}"]}}}}"#), &[(12, 345)]);
        check(&format!("[\"{some}\",\"u00000001@r0.crash.example\"]"), &[(12, 345), (0, 1)]);
        check("u0000345@r12.crash.example", &[]);
        check("u00000345@r12.other.example u00000345@r", &[]);
        check("", &[]);
    }

    #[test]
    fn a_list_names_every_recipient() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list.csv");
        write_list(&path, 3, 50).expect("written");
        let text = std::fs::read(&path).expect("read");
        assert_eq!(recipients(&text).filter(|r| r.round == 3).count(), 50);
    }
}
