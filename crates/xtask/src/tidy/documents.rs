//! The documents that a house needs: they exist, name every room, and their links lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::finding::Finding;

/// Files at the root that must exist.
const REQUIRED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "deny.toml",
];

/// Where decisions are recorded, and their list.
const DECISIONS: &str = "docs/adr/";
const DECISION_LIST: &str = "docs/adr/README.md";

/// Required files that are not among `paths`.
pub fn check_required(paths: &[String], findings: &mut Vec<Finding>) {
    for name in REQUIRED.iter().filter(|name| !paths.iter().any(|path| path == *name)) {
        report(name, 0, "the file is missing".to_owned(), "write it", findings);
    }
}

/// Every room stands in the architecture's text, as `` `room` `` or `crates/room`.
pub fn check_rooms<'a>(text: &str, rooms: impl Iterator<Item = &'a str>, findings: &mut Vec<Finding>) {
    for room in rooms {
        let as_path = text.match_indices(&format!("crates/{room}")).any(|(at, found)| {
            let next = text[at + found.len()..].chars().next();
            !next.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_')
        });
        if !as_path && !text.contains(&format!("`{room}`")) {
            report("ARCHITECTURE.md", 0, format!("the room `{room}` is not named"), "describe it", findings);
        }
    }
}

/// Every relative link of a Markdown file leads to something that `exists`.
pub fn check_links(path: &str, text: &str, exists: &dyn Fn(&Path) -> bool, findings: &mut Vec<Finding>) {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for target in link_targets(line) {
            let target = target.split('#').next().unwrap_or("");
            let relative = !target.is_empty() && !target.contains(':') && !target.starts_with('/');
            if relative && !exists(&resolve(folder, target)) {
                let message = format!("the link to {target} leads nowhere");
                report(path, index + 1, message, "mend the link", findings);
            }
        }
    }
}

/// Decisions are numbered from 0001 without gaps, and each stands in their list.
pub fn check_decisions(paths: &[String], list: Option<&str>, findings: &mut Vec<Finding>) {
    let mut names: Vec<_> = paths
        .iter()
        .filter_map(|path| path.strip_prefix(DECISIONS))
        .filter(|name| *name != "README.md" && name.ends_with(".md"))
        .collect();
    names.sort_unstable();
    for (index, name) in names.iter().enumerate() {
        let path = format!("{DECISIONS}{name}");
        let expected = format!("{:04}-", index + 1);
        if !name.starts_with(&expected) {
            let message = format!("the next decision is number {expected}…");
            report(&path, 0, message, "number decisions without gaps", findings);
        }
        if !list.is_some_and(|list| list.contains(*name)) {
            report(DECISION_LIST, 0, format!("{name} is not listed"), "list it with a link", findings);
        }
    }
}

fn report(path: &str, line: usize, message: String, remedy: &'static str, findings: &mut Vec<Finding>) {
    findings.push(Finding { path: path.to_owned(), line, rule: "documents", message, remedy });
}

/// What stands in the round brackets of `[text](target)` and `![text](target "title")`, code left out.
fn link_targets(line: &str) -> Vec<&str> {
    let outside_code = line.split('`').step_by(2);
    outside_code
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .map(|target| target.trim_matches(['<', '>']))
        .collect()
}

/// The target below the root, `..` taken away.
fn resolve(folder: &Path, target: &str) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn messages(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message))
            .collect()
    }

    #[test]
    fn missing_documents_are_named() {
        let mut findings = Vec::new();
        check_required(&owned(REQUIRED), &mut findings);
        assert_eq!(findings, []);
        check_required(&owned(&REQUIRED[1..]), &mut findings);
        assert_eq!(messages(&findings), ["README.md:0: the file is missing"]);
    }

    #[test]
    fn rooms_without_a_word_are_named() {
        let mut findings = Vec::new();
        let text = "`domain` and crates/ledger-sqlite/src";
        check_rooms(text, ["domain", "ledger-sqlite", "ledger"].into_iter(), &mut findings);
        assert_eq!(messages(&findings), ["ARCHITECTURE.md:0: the room `ledger` is not named"]);
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        let exists = |path: &Path| path == Path::new("docs/a.md");
        let check = |text: &str, expected: &[&str]| {
            let mut findings = Vec::new();
            check_links("docs/adr/README.md", text, &exists, &mut findings);
            assert_eq!(messages(&findings), expected, "{text}");
        };
        check("[a](../a.md), [b](../a.md#part) [c](https://x.test/y) [d](#here)", &[]);
        check("x\n[a](a.md)", &["docs/adr/README.md:2: the link to a.md leads nowhere"]);
        check("![a](../b.png \"title\")", &["docs/adr/README.md:1: the link to ../b.png leads nowhere"]);
        check("`[a](b)`\n```\n[a](b)\n```", &[]);
    }

    #[test]
    fn decisions_are_numbered_and_listed() {
        let check = |paths: &[&str], list: &str, expected: &[&str]| {
            let mut findings = Vec::new();
            check_decisions(&owned(paths), Some(list), &mut findings);
            assert_eq!(messages(&findings), expected);
        };
        let list = "[a](0001-a.md) [b](0002-b.md)";
        check(&["docs/adr/0002-b.md", "docs/adr/0001-a.md", "docs/adr/README.md"], list, &[]);
        check(&["docs/adr/0002-b.md"], list, &["docs/adr/0002-b.md:0: the next decision is number 0001-…"]);
        check(&["docs/adr/0001-a.md"], "", &["docs/adr/README.md:0: 0001-a.md is not listed"]);
    }
}
