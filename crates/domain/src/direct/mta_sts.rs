//! MTA-STS (RFC 8461): what a domain's DNS record and its policy file say, and which MX hosts the policy allows.

use std::time::Duration;

/// Octets of a policy file that are read (RFC 8461 section 3.3 suggests 64 KB).
pub const POLICY_OCTETS_MAX: usize = 64 * 1024;
/// The longest that a policy is kept (RFC 8461 section 3.2: 31,557,600 seconds).
pub const AGE_MAX: Duration = Duration::from_secs(31_557_600);
/// MX patterns of one policy.
const PATTERNS_MAX: usize = 64;
/// Characters of a record's id (RFC 8461 section 3.1).
const ID_MAX: usize = 32;

crate::worded! {
    /// How strictly a policy is meant.
    pub enum StsMode {
        /// No TLS with a valid certificate, no mail.
        Enforce => "enforce",
        /// Failures are only to be reported.
        Testing => "testing",
        /// No policy any more.
        None => "none",
    }
}

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MtaStsPolicy {
    /// How strictly it is meant.
    pub mode: StsMode,
    /// How long it may be kept.
    pub max_age: Duration,
    patterns: Vec<String>,
}

/// Why a policy file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the MTA-STS policy is malformed: {0}")]
pub struct PolicyError(&'static str);

impl MtaStsPolicy {
    /// Reads a policy file (RFC 8461 section 3.2). Unknown fields are skipped; of a repeated field the first counts.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_OCTETS_MAX {
            return Err(PolicyError("it is longer than 64 KB"));
        }
        let (mut version, mut mode, mut max_age, mut patterns) = (None, None, None, Vec::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':').ok_or(PolicyError("a line has no colon"))?;
            match (key.trim(), value.trim()) {
                ("version", value) => version = version.or(Some(value)),
                ("mode", value) => mode = mode.or(Some(value)),
                ("max_age", value) => max_age = max_age.or(Some(value)),
                ("mx", value) if patterns.len() < PATTERNS_MAX => patterns.push(pattern(value)?),
                ("mx", _) => return Err(PolicyError("it names more than 64 mx patterns")),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err(PolicyError("its version is not STSv1"));
        }
        let mode = mode.and_then(StsMode::from_word);
        let mode = mode.ok_or(PolicyError("its mode is none of enforce, testing, none"))?;
        let seconds = max_age
            .filter(|text| (1..=10).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or(PolicyError("its max_age is no number of seconds"))?;
        if patterns.is_empty() && mode != StsMode::None {
            return Err(PolicyError("it names no mx"));
        }
        Ok(Self { mode, max_age: Duration::from_secs(seconds).min(AGE_MAX), patterns })
    }

    /// True when the policy allows this MX host (RFC 8461 section 4.1): `*.` stands for exactly one label.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
            None => host == *pattern,
        })
    }
}

fn pattern(value: &str) -> Result<String, PolicyError> {
    let value = value.strip_suffix('.').unwrap_or(value);
    let name = value.strip_prefix("*.").unwrap_or(value);
    let fine = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if name.split('.').any(str::is_empty) || name.len() > 253 || !name.bytes().all(fine) {
        return Err(PolicyError("an mx is no host name or *.NAME"));
    }
    Ok(value.to_ascii_lowercase())
}

/// The policy's id by the TXT records of `_mta-sts.DOMAIN` (RFC 8461 section 3.1); `None` when there is no policy.
#[must_use]
pub fn record_id(records: &[String]) -> Option<&str> {
    let mut ours = records.iter().filter(|record| is_record(record));
    let (record, None) = (ours.next()?, ours.next()) else { return None };
    let id =
        record.split(';').filter_map(|field| field.split_once('=')).find(|(key, _)| key.trim() == "id")?.1;
    let id = id.trim();
    let fine = (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric());
    fine.then_some(id)
}

fn is_record(record: &str) -> bool {
    record.strip_prefix("v=STSv1").is_some_and(|rest| rest.trim_start().starts_with(';'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(lines: &[&str]) -> Result<MtaStsPolicy, PolicyError> {
        MtaStsPolicy::parse(&lines.join("\r\n"))
    }

    #[test]
    fn policies_parse() {
        let read =
            policy(&["version: STSv1", "mode: enforce", "mx: Mail.example.com", "max_age: 604800", "x: y"]);
        let read = read.expect("a policy");
        assert_eq!((read.mode, read.max_age.as_secs()), (StsMode::Enforce, 604_800));
        let none = policy(&["version: STSv1", "mode: none", "max_age: 9999999999"]).expect("no mx is needed");
        assert_eq!((none.mode, none.max_age), (StsMode::None, AGE_MAX));
        assert!(
            MtaStsPolicy::parse("version: STSv1\nmode: testing\nmx: *.example.net\nmax_age: 1\n").is_ok()
        );
    }

    #[test]
    fn faults_are_named() {
        let check = |lines: &[&str], part: &str| {
            let error = policy(lines).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        };
        check(&["version: STSv2", "mode: enforce", "mx: a.b", "max_age: 1"], "version");
        check(&["mode: enforce", "mx: a.b", "max_age: 1"], "version");
        check(&["version: STSv1", "mode: strict", "mx: a.b", "max_age: 1"], "mode");
        check(&["version: STSv1", "mode: enforce", "mx: a.b", "max_age: -1"], "max_age");
        check(&["version: STSv1", "mode: enforce", "mx: a.b"], "max_age");
        check(&["version: STSv1", "mode: enforce", "max_age: 1"], "no mx");
        check(&["version: STSv1", "mode: enforce", "mx: a b", "max_age: 1"], "host name");
        check(&["<html>"], "colon");
        let many = format!("version: STSv1\nmode: enforce\nmax_age: 1\n{}", "mx: a.b\n".repeat(65));
        assert!(MtaStsPolicy::parse(&many).is_err());
        assert!(MtaStsPolicy::parse(&"x: y\n".repeat(20_000)).is_err());
    }

    #[test]
    fn a_wildcard_is_one_label() {
        let read = policy(&[
            "version: STSv1",
            "mode: enforce",
            "mx: mail.example.com",
            "mx: *.example.net",
            "max_age: 1",
        ]);
        let read = read.expect("a policy");
        let check = |host: &str, expected| assert_eq!(read.allows(host), expected, "{host}");
        check("mail.example.com", true);
        check("MAIL.example.com.", true);
        check("mail2.example.com", false);
        check("a.example.net", true);
        check("a.b.example.net", false);
        check("example.net", false);
        check(".example.net", false);
        check("evilexample.net", false);
    }

    #[test]
    fn one_record_gives_an_id() {
        let check = |records: &[&str], expected: Option<&str>| {
            let records: Vec<_> = records.iter().map(|&record| record.to_owned()).collect();
            assert_eq!(record_id(&records), expected, "{records:?}");
        };
        check(&["v=STSv1; id=20160831085700Z;"], Some("20160831085700Z"));
        check(&["v=spf1 -all", "v=STSv1;id=a"], Some("a"));
        check(&["v=STSv1; id=a", "v=STSv1; id=b"], None);
        check(&["v=STSv10; id=a"], None);
        check(&["v=STSv1; id=a b"], None);
        check(&["v=STSv1"], None);
        check(&[], None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(lines in prop::collection::vec(
            "(version|mode|mx|max_age|v=STSv1;id)?[:= .*]{0,3}(STSv1|enforce|none|[a-z.]{0,9}|[0-9]{0,12}|\\PC{0,5})", 0..8,
        )) {
            let text = lines.join("\n");
            if let Ok(policy) = MtaStsPolicy::parse(&text) {
                prop_assert!(!policy.allows(""));
            }
            let _ = record_id(&lines);
        }
    }
}
