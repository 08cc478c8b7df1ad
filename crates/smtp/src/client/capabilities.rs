//! What a server offers: its EHLO response, read by `smtp-proto`.
//!
//! Invariant: an extension that was not announced after TLS is not used after TLS.

use smtp_proto::{
    EXT_8BIT_MIME, EXT_AUTH, EXT_CHUNKING, EXT_ENHANCED_STATUS_CODES, EXT_PIPELINING, EXT_SIZE,
    EXT_SMTP_UTF8, EXT_START_TLS, EhloResponse,
};

use crate::sasl::Mechanism;

/// The extensions that matter to a sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SIZE (RFC 1870): `None` when not offered, 0 when offered without a limit.
    pub size_max: Option<u64>,
    mechanisms: u64,
    mechanism_names: String,
}

impl Capabilities {
    /// Reads the raw lines of a 250 reply to EHLO; `None` when they make no EHLO response.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        let response = EhloResponse::parse(&mut raw.iter()).ok()?;
        let has = |extension: u32| response.capabilities & extension != 0;
        Some(Self {
            pipelining: has(EXT_PIPELINING),
            chunking: has(EXT_CHUNKING),
            eight_bit_mime: has(EXT_8BIT_MIME),
            smtputf8: has(EXT_SMTP_UTF8),
            starttls: has(EXT_START_TLS),
            enhanced_status_codes: has(EXT_ENHANCED_STATUS_CODES),
            size_max: has(EXT_SIZE).then_some(response.size as u64),
            mechanisms: if has(EXT_AUTH) { response.auth_mechanisms } else { 0 },
            mechanism_names: mechanism_names(raw),
        })
    }

    /// True when the server offers the mechanism.
    #[must_use]
    pub fn offers(&self, mechanism: Mechanism) -> bool {
        self.mechanisms & mechanism.bit() != 0
    }

    /// The names of all mechanisms offered, known or not, as the server wrote them; `none` when there are none.
    #[must_use]
    pub fn mechanism_names(&self) -> &str {
        if self.mechanism_names.is_empty() { "none" } else { &self.mechanism_names }
    }
}

/// The words of the AUTH line, printable and at most 200 characters.
fn mechanism_names(raw: &[u8]) -> String {
    let mut lines = raw.split(|octet| *octet == b'\n').filter_map(|line| line.get(4..));
    let is_auth = |line: &&[u8]| line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "));
    let names = lines.find(is_auth).and_then(|line| line.get(5..)).unwrap_or_default();
    names
        .trim_ascii()
        .iter()
        .take(200)
        .map(|octet| if octet.is_ascii_graphic() { char::from(*octet) } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ehlo_response_is_read() {
        let raw = b"250-mx.example.jp hello\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-ENHANCEDSTATUSCODES\r\n\
            250-8bitmime\r\n250-CHUNKING\r\n250-X-UNKNOWN foo\r\n250-AUTH=LOGIN\r\n250-AUTH PLAIN LOGIN GSSAPI X-ODD\r\n\
            250-STARTTLS\r\n250 SMTPUTF8\r\n";
        let found = Capabilities::parse(raw).expect("a response");
        assert!(
            found.pipelining && found.chunking && found.eight_bit_mime && found.smtputf8 && found.starttls
        );
        assert!(found.enhanced_status_codes);
        assert_eq!(found.size_max, Some(10_240_000));
        assert_eq!(found.mechanism_names(), "PLAIN LOGIN GSSAPI X-ODD");
        assert!(found.offers(Mechanism::Plain) && found.offers(Mechanism::Login));
        assert!(!found.offers(Mechanism::CramMd5));
    }

    #[test]
    fn the_least_response_offers_nothing() {
        let found = Capabilities::parse(b"250 mx\r\n").expect("a response");
        assert_eq!(found, Capabilities::default());
        assert_eq!(found.mechanism_names(), "none");
    }

    #[test]
    fn size_without_a_number_is_no_limit() {
        let found = Capabilities::parse(b"250-mx\r\n250 SIZE\r\n").expect("a response");
        assert_eq!(found.size_max, Some(0));
    }
}
