//! Rules over a file's text: module docs, and marks of work put off.

use super::finding::Finding;
use super::source::Source;

/// Marks of work put off. Put together here, so that this file does not hold them itself.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Endings of the files that are searched for marks.
const MARKED: &[&str] = &[".rs", ".toml", ".md", ".sql", ".sh", ".py", ".js", ".html", ".css", "/run"];

/// Every module opens with `//!`.
pub fn check_module_docs(source: &Source, findings: &mut Vec<Finding>) {
    let inner_doc = |attribute: &syn::Attribute| {
        matches!(attribute.style, syn::AttrStyle::Inner(_)) && attribute.path().is_ident("doc")
    };
    if !source.syntax.attrs.iter().any(inner_doc) {
        let message = "the module has no `//!`".to_owned();
        let remedy = "say what it is for, what it leaves to others, and its invariants";
        findings.push(Finding { path: source.path.clone(), line: 1, rule: "module-docs", message, remedy });
    }
}

/// No mark of work put off, in comments neither.
pub fn check_marks(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !MARKED.iter().any(|ending| path.ends_with(ending)) {
        return;
    }
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            let message = format!("the mark {mark}");
            let remedy = "finish it, or leave it out";
            findings.push(Finding {
                path: path.to_owned(),
                line: index + 1,
                rule: "unfinished",
                message,
                remedy,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_docs_is_found() {
        let found = |text: &str| {
            let mut findings = Vec::new();
            check_module_docs(&Source::parse("a.rs", text).expect("it parses"), &mut findings);
            findings.len()
        };
        assert_eq!(
            (found("//! What.\nfn a() {}"), found("/// Item.\nfn a() {}"), found("#![allow(x)]")),
            (0, 1, 1)
        );
    }

    #[test]
    fn marks_are_found_as_whole_words() {
        let found = |path: &str, text: &str| {
            let mut findings = Vec::new();
            check_marks(path, text, &mut findings);
            findings.first().map(|finding| finding.line)
        };
        for mark in MARKS {
            assert_eq!(found("a.rs", &format!("fn a() {{}}\n// {mark}: later")), Some(2));
            assert_eq!(found("a.md", &format!("{mark}S and {mark}_b")), None);
            assert_eq!(found("a.eml", mark), None);
        }
    }
}
