//! SMTP replies as facts: the three-digit code (RFC 5321 section 4.2) and the enhanced status (RFC 3463).

use std::fmt;
use std::str::FromStr;

/// A three-digit reply code, 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// From a number; `None` outside 200 to 599.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 200 && code <= 599 { Some(Self(code)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// 2xx: done.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 / 100 == 2
    }

    /// 3xx: go on.
    #[must_use]
    pub const fn is_intermediate(self) -> bool {
        self.0 / 100 == 3
    }

    /// 4xx: not now.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        self.0 / 100 == 4
    }

    /// 5xx: never.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        self.0 / 100 == 5
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// An enhanced status code such as `5.1.1` (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedStatus {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl EnhancedStatus {
    /// One number for a column: class × 1,000,000 + subject × 1,000 + detail.
    #[must_use]
    pub fn to_number(self) -> u32 {
        u32::from(self.class) * 1_000_000 + u32::from(self.subject) * 1000 + u32::from(self.detail)
    }

    /// The inverse of [`Self::to_number`]; `None` for a number that it never gives.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let class = u8::try_from(number / 1_000_000).ok()?;
        let subject = u16::try_from(number / 1000 % 1000).ok()?;
        let detail = u16::try_from(number % 1000).ok()?;
        matches!(class, 2 | 4 | 5).then_some(Self { class, subject, detail })
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for EnhancedStatus {
    type Err = ();

    /// Reads `5.1.1`; anything else, also leading zeros over three digits, is refused.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.').map(|part| {
            let plain = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if plain { part.parse::<u16>().map_err(|_| ()) } else { Err(()) }
        });
        let mut next = || parts.next().ok_or(())?;
        let (class, subject, detail) = (next()?, next()?, next()?);
        let class = u8::try_from(class).ok().filter(|class| matches!(class, 2 | 4 | 5)).ok_or(())?;
        if parts.next().is_some() { Err(()) } else { Ok(Self { class, subject, detail }) }
    }
}

/// A whole reply of a server. The text may quote addresses: it is shown, never logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The code.
    pub code: ReplyCode,
    /// The enhanced status, where the server gave one.
    pub enhanced: Option<EnhancedStatus>,
    /// The lines' text, joined by a space; without code and enhanced status; control characters replaced.
    pub text: String,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_status_reads_and_prints() {
        let check = |text: &str, expected: Option<&str>| {
            let status = text.parse::<EnhancedStatus>().ok();
            assert_eq!(status.map(|s| s.to_string()).as_deref(), expected, "{text}");
            assert_eq!(status.and_then(|s| EnhancedStatus::from_number(s.to_number())), status, "{text}");
        };
        check("5.1.1", Some("5.1.1"));
        check("4.7.650", Some("4.7.650"));
        check("2.0.0", Some("2.0.0"));
        for refused in ["3.1.1", "5.1", "5.1.1.1", "5.1.1000", "5..1", "+5.1.1", "", "5.1.x"] {
            check(refused, None);
        }
    }

    #[test]
    fn reply_codes_are_bounded() {
        assert_eq!(ReplyCode::new(199), None);
        assert_eq!(ReplyCode::new(600), None);
    }

    #[test]
    fn the_first_digit_says_what_a_reply_means() {
        let check = |number: u16, expected: [bool; 4]| {
            let code = ReplyCode::new(number).expect("a reply code");
            let found =
                [code.is_positive(), code.is_intermediate(), code.is_transient(), code.is_permanent()];
            assert_eq!(found, expected, "{number}");
        };
        for (first, expected) in [
            (200, [true, false, false, false]),
            (300, [false, true, false, false]),
            (400, [false, false, true, false]),
            (500, [false, false, false, true]),
        ] {
            check(first, expected);
            check(first + 99, expected);
        }
    }
}
