//! The house's floors: an arrow from room to room goes downwards, by `cargo metadata`.
//!
//! Rooms of one floor do not know each other; on floor 0 all may use `domain`. What stands beside the house
//! (`testkit`, `xtask`, `sim`) has its own short list, so that an oracle shares no code with what it judges.

use serde::Deserialize;

use super::finding::Finding;

/// Rooms by floor, from below.
const FLOORS: &[&[&str]] = &[
    &["domain", "smtp", "message"],
    &["runtime", "ledger"],
    &["ledger-sqlite", "ledger-postgres", "engine", "records", "feedback", "watch", "edge"],
    &["app"],
    &["api", "ingress", "web"],
    &["hikyaku"],
];

/// What stands beside the floors, and the rooms that each may use.
const BESIDE: &[(&str, &[&str])] = &[
    ("testkit", &["domain", "smtp", "runtime"]),
    ("xtask", &["domain", "runtime", "testkit"]),
    ("sim", &["domain", "smtp", "message", "runtime", "ledger", "ledger-sqlite", "engine", "testkit"]),
];

/// Arrows that the floors do not give: from, to, and whether for tests alone.
const EXTRA: &[(&str, &str, bool)] = &[
    ("smtp", "domain", false),
    ("message", "domain", false),
    ("hikyaku", "testkit", false),
    ("engine", "ledger-sqlite", true),
    ("app", "ledger-sqlite", true),
    ("api", "ledger-sqlite", true),
];

/// The part of `cargo metadata --no-deps` that is used.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or none for an ordinary one.
    kind: Option<String>,
    /// Set for packages of the workspace.
    path: Option<String>,
}

impl Metadata {
    /// Reads cargo's JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(json: &str) -> anyhow::Result<Self> {
        Ok(serde_json::from_str(json)?)
    }

    /// The names of the rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|package| package.name.as_str())
    }

    /// Checks arrows and names.
    pub fn check(&self, findings: &mut Vec<Finding>) {
        for package in &self.packages {
            let path = format!("crates/{}/Cargo.toml", package.name);
            let mut report = |message: String, remedy| {
                findings.push(Finding { path: path.clone(), line: 0, rule: "floors", message, remedy });
            };
            if !package.manifest_path.ends_with(&format!("/{path}")) {
                report(format!("the folder of `{}` has another name", package.name), "name both alike");
            }
            if !is_known(&package.name) {
                report(
                    format!("`{}` has no floor", package.name),
                    "give it one in tidy/floors.rs and DESIGN",
                );
                continue;
            }
            for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
                let for_tests = dependency.kind.as_deref() == Some("dev");
                if !may_use(&package.name, &dependency.name, for_tests) {
                    let message = format!("`{}` may not use `{}`", package.name, dependency.name);
                    report(message, "arrows go downwards: move the code, or pass it in from above");
                }
            }
        }
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn is_known(room: &str) -> bool {
    floor(room).is_some() || BESIDE.iter().any(|(name, _)| *name == room)
}

fn may_use(from: &str, to: &str, for_tests: bool) -> bool {
    let extra = |arrow: &(&str, &str, bool)| arrow.0 == from && arrow.1 == to && (for_tests || !arrow.2);
    if EXTRA.iter().any(extra) || (for_tests && to == "testkit") {
        return true;
    }
    if let Some((_, rooms)) = BESIDE.iter().find(|(name, _)| *name == from) {
        return rooms.contains(&to);
    }
    matches!((floor(from), floor(to)), (Some(above), Some(below)) if below < above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, for_tests: bool, expected: bool) {
        assert_eq!(may_use(from, to, for_tests), expected, "{from} to {to}, tests: {for_tests}");
    }

    #[test]
    fn arrows_go_downwards() {
        check("engine", "domain", false, true);
        check("hikyaku", "ledger-sqlite", false, true);
        check("domain", "runtime", false, false);
        check("ledger", "runtime", false, false);
        check("engine", "ledger-sqlite", false, false);
        check("smtp", "message", false, false);
        check("smtp", "domain", false, true);
        check("domain", "smtp", false, false);
        check("ledger", "app", true, false);
    }

    #[test]
    fn what_stands_beside_has_its_own_list() {
        check("testkit", "smtp", false, true);
        check("testkit", "ledger", false, false);
        check("hikyaku", "testkit", false, true);
        check("engine", "testkit", false, false);
        check("engine", "testkit", true, true);
        check("engine", "ledger-sqlite", true, true);
        check("xtask", "app", false, false);
        check("app", "xtask", true, false);
    }

    #[test]
    fn a_breach_is_named_with_its_manifest() {
        let json = r#"{"packages": [
            {"name": "domain", "manifest_path": "/w/crates/domain/Cargo.toml", "dependencies": [
                {"name": "serde", "kind": null, "path": null},
                {"name": "app", "kind": null, "path": "/w/crates/app"}]},
            {"name": "smtp", "manifest_path": "/w/crates/mail/Cargo.toml", "dependencies": []},
            {"name": "cellar", "manifest_path": "/w/crates/cellar/Cargo.toml", "dependencies": []}]}"#;
        let mut findings = Vec::new();
        Metadata::parse(json).expect("metadata").check(&mut findings);
        let found: Vec<_> =
            findings.iter().map(|finding| format!("{}: {}", finding.path, finding.message)).collect();
        assert_eq!(
            found,
            [
                "crates/domain/Cargo.toml: `domain` may not use `app`",
                "crates/smtp/Cargo.toml: the folder of `smtp` has another name",
                "crates/cellar/Cargo.toml: `cellar` has no floor",
            ]
        );
    }
}
