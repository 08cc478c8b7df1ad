//! The exceptions to tidy's rules: each with a reason, each used.

use serde::Deserialize;

use super::finding::Finding;

/// Where the exceptions are kept.
pub const ALLOW: &str = "crates/xtask/tidy-allow.toml";

/// The exceptions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowances {
    #[serde(default, rename = "allow")]
    entries: Vec<Allowance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    rule: String,
    /// One file, or a folder with `/` at its end.
    path: String,
    reason: String,
}

/// Rules of structure and size have no exceptions here.
const WITHOUT_EXCEPTION: &[&str] =
    &["floors", "file-size", "function-size", "module-docs", "ignored-test", "unfinished"];

impl Allowances {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Takes out what is allowed, and adds what is wrong with the exceptions themselves.
    pub fn apply(&self, findings: &mut Vec<Finding>) {
        let mut wrong = Vec::new();
        for entry in &self.entries {
            let before = findings.len();
            if WITHOUT_EXCEPTION.contains(&entry.rule.as_str()) {
                wrong.push(entry.finding("the rule has no exceptions", "remove the entry"));
                continue;
            }
            findings.retain(|finding| !entry.covers(finding));
            if findings.len() == before {
                wrong.push(entry.finding("the exception is used no more", "remove the entry"));
            }
            if entry.reason.trim().is_empty() {
                wrong.push(entry.finding("the exception has no reason", "say why"));
            }
        }
        findings.append(&mut wrong);
    }
}

impl Allowance {
    fn covers(&self, finding: &Finding) -> bool {
        let folder = self.path.ends_with('/') && finding.path.starts_with(&self.path);
        finding.rule == self.rule && (folder || finding.path == self.path)
    }

    fn finding(&self, what: &str, remedy: &'static str) -> Finding {
        let message = format!("{what}: {} in {}", self.rule, self.path);
        Finding { path: ALLOW.to_owned(), line: 0, rule: "allow", message, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &str, left: &[&str]) {
        let finding = |path: &str, rule| Finding {
            path: path.to_owned(),
            line: 1,
            rule,
            message: String::new(),
            remedy: "",
        };
        let mut findings = vec![finding("a/b.rs", "clock"), finding("a/b.rs", "floors")];
        Allowances::parse(allow).expect("exceptions").apply(&mut findings);
        let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, left, "{allow}");
    }

    #[test]
    fn exceptions_are_exact_reasoned_and_used() {
        check("", &["clock", "floors"]);
        check("[[allow]]\nrule = 'clock'\npath = 'a/b.rs'\nreason = 'so'", &["floors"]);
        check("[[allow]]\nrule = 'clock'\npath = 'a/'\nreason = 'so'", &["floors"]);
        check("[[allow]]\nrule = 'clock'\npath = 'a'\nreason = 'so'", &["clock", "floors", "allow"]);
        check("[[allow]]\nrule = 'clock'\npath = 'a/b.rs'\nreason = ''", &["floors", "allow"]);
        check("[[allow]]\nrule = 'floors'\npath = 'a/b.rs'\nreason = 'so'", &["clock", "floors", "allow"]);
    }
}
