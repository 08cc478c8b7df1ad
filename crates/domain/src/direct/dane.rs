//! DANE for SMTP (RFC 7672): which TLSA records count, and whether what a server presents matches them.
//!
//! Only records of a DNS answer that was validated may be given here. Digests are made by the caller, for this
//! room has no cryptography; so is the check of a chain below a trust anchor that matched.

/// TLSA records of one host that are looked at.
pub const RECORDS_MAX: usize = 32;

/// One TLSA record (RFC 6698 section 2.1), as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsaRecord {
    /// 2: a trust anchor (DANE-TA); 3: the server itself (DANE-EE).
    pub usage: u8,
    /// 0: the whole certificate; 1: its public key.
    pub selector: u8,
    /// 0: the octets; 1: SHA-256; 2: SHA-512.
    pub matching: u8,
    /// What must be found.
    pub data: Vec<u8>,
}

/// The forms in which a record may name a certificate or its key.
#[derive(Debug, Clone)]
pub struct Forms<'a> {
    /// The DER octets.
    pub whole: &'a [u8],
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// Their SHA-512.
    pub sha512: [u8; 64],
}

/// A certificate that a server presented.
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    /// The whole certificate.
    pub certificate: Forms<'a>,
    /// Its SubjectPublicKeyInfo.
    pub key: Forms<'a>,
}

/// What a host's TLSA records ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsaSet {
    /// There are none: DANE does not apply.
    Absent,
    /// There are some, none of which this host can use: TLS is required, and nobody is authenticated (RFC 7672
    /// section 2.2.2 leaves no clear text).
    Unusable,
    /// TLS is required, and one of these must match.
    Usable(Vec<TlsaRecord>),
}

impl TlsaRecord {
    /// RFC 7672 section 3.1.3: usages 0 and 1 are not used with SMTP; unknown numbers and lengths that cannot be are not
    /// usable.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let length_fits = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _ => false,
        };
        matches!(self.usage, 2 | 3) && self.selector <= 1 && length_fits
    }

    /// True for a record of the server's own certificate: neither names nor dates are looked at (RFC 7672 section 3.1.1).
    #[must_use]
    pub const fn is_end_entity(&self) -> bool {
        self.usage == 3
    }

    /// True when the record names this certificate.
    #[must_use]
    pub fn names(&self, presented: &Presented<'_>) -> bool {
        let forms = match self.selector {
            0 => &presented.certificate,
            1 => &presented.key,
            _ => return false,
        };
        match self.matching {
            0 => self.data == forms.whole,
            1 => self.data == forms.sha256,
            2 => self.data == forms.sha512,
            _ => false,
        }
    }
}

impl TlsaSet {
    /// From the records of a validated answer.
    #[must_use]
    pub fn of(mut records: Vec<TlsaRecord>) -> Self {
        if records.is_empty() {
            return Self::Absent;
        }
        records.truncate(RECORDS_MAX);
        records.retain(TlsaRecord::is_usable);
        if records.is_empty() { Self::Unusable } else { Self::Usable(records) }
    }
}

/// Where a host's TLSA records stand (RFC 7672 section 2.2.3).
#[must_use]
pub fn tlsa_name(host: &str, port: u16) -> String {
    format!("_{port}._tcp.{}", host.trim_end_matches('.'))
}

/// The names of which a certificate below a DANE-TA anchor must bear one (RFC 7672 section 3.2.3): the host, and the
/// domain of the mail, for the latter is as authentic as the validated MX answer.
#[must_use]
pub fn names_to_check<'a>(host: &'a str, domain: &'a str) -> Vec<&'a str> {
    if host.eq_ignore_ascii_case(domain) { vec![host] } else { vec![host, domain] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(whole: &[u8], mark: u8) -> Forms<'_> {
        Forms { whole, sha256: [mark; 32], sha512: [mark; 64] }
    }

    fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord { usage, selector, matching, data: data.to_vec() }
    }

    #[test]
    fn each_selector_and_matching_type_names_its_form() {
        let presented = Presented { certificate: forms(b"certificate", 1), key: forms(b"key", 2) };
        let check = |selector, matching, data: &[u8], expected| {
            let record = record(3, selector, matching, data);
            assert_eq!(record.names(&presented), expected, "{record:?}");
        };
        check(0, 0, b"certificate", true);
        check(0, 0, b"key", false);
        check(0, 1, &[1; 32], true);
        check(0, 2, &[1; 64], true);
        check(1, 0, b"key", true);
        check(1, 1, &[2; 32], true);
        check(1, 1, &[1; 32], false);
        check(1, 2, &[2; 64], true);
        check(1, 3, &[2; 64], false);
        check(2, 1, &[1; 32], false);
    }

    #[test]
    fn only_usages_2_and_3_of_a_possible_length_are_usable() {
        let check = |usage, selector, matching, length: usize, expected| {
            let record = record(usage, selector, matching, &vec![0; length]);
            assert_eq!(record.is_usable(), expected, "{record:?}");
        };
        check(0, 0, 1, 32, false);
        check(1, 0, 1, 32, false);
        check(2, 0, 1, 32, true);
        check(3, 1, 2, 64, true);
        check(3, 1, 1, 31, false);
        check(3, 2, 1, 32, false);
        check(3, 0, 0, 0, false);
        check(3, 0, 3, 32, false);
        assert!(record(3, 0, 1, &[0; 32]).is_end_entity() && !record(2, 0, 1, &[0; 32]).is_end_entity());
    }

    #[test]
    fn records_that_cannot_be_used_still_ask_for_tls() {
        assert_eq!(TlsaSet::of(Vec::new()), TlsaSet::Absent);
        assert_eq!(TlsaSet::of(vec![record(1, 0, 1, &[0; 32])]), TlsaSet::Unusable);
        let usable = record(3, 1, 1, &[0; 32]);
        assert_eq!(
            TlsaSet::of(vec![record(0, 0, 1, &[0; 32]), usable.clone()]),
            TlsaSet::Usable(vec![usable])
        );
    }

    #[test]
    fn names_are_those_of_the_rfc() {
        assert_eq!(tlsa_name("mx.example.jp.", 25), "_25._tcp.mx.example.jp");
        assert_eq!(names_to_check("mx.example.jp", "example.jp"), ["mx.example.jp", "example.jp"]);
        assert_eq!(names_to_check("example.jp", "Example.jp"), ["example.jp"]);
    }
}
