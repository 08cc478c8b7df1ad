//! `cargo xtask tidy`: the house rules over the tree, without building anything.
//!
//! Each rule is a module that adds findings; this one reads the files and hands them round. What the compiler
//! and clippy check (docs of public items, unused results) is left to them: `--full` runs both.

mod allow;
mod banned;
mod documents;
mod finding;
mod floors;
mod full;
mod sizes;
mod source;
mod sql;
mod text;
mod tokens;
mod tree;

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::command::Program;
use crate::workspace::Workspace;
use allow::{ALLOW, Allowances};
use finding::Finding;
use floors::Metadata;
use sizes::{RATCHET, Ratchet, Sizes};
use source::Source;

/// How long `cargo metadata --no-deps` may take.
const METADATA_MAX: Duration = Duration::from_secs(60);

/// Options of `cargo xtask tidy`.
#[derive(Debug, Default, clap::Args)]
pub struct Arguments {
    /// Also run cargo fmt, clippy and, where it is installed, cargo-deny.
    #[arg(long)]
    pub full: bool,
    /// Lower the ratchet's entries to the present sizes; never raises or adds one.
    #[arg(long)]
    pub bless: bool,
}

/// Prints what is wrong; whether nothing is.
///
/// # Errors
/// When the tree cannot be read.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let findings = examine(workspace.root(), arguments.bless)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => eprintln!("tidy: nothing to mend"),
        count => eprintln!("tidy: {count} to mend"),
    }
    let whole = !arguments.full || full::run(workspace)?;
    Ok(findings.is_empty() && whole)
}

/// All findings, in order of place.
fn examine(root: &Path, bless: bool) -> anyhow::Result<Vec<Finding>> {
    let paths = tree::paths(root)?;
    let mut findings = Vec::new();
    let mut sizes = Sizes::default();
    for path in &paths {
        examine_file(root, path, &mut sizes, &mut findings)?;
    }
    examine_sizes(root, &sizes, bless, &mut findings)?;
    examine_house(root, &paths, &mut findings)?;
    Allowances::parse(&read_or_empty(root, ALLOW)?).context(ALLOW)?.apply(&mut findings);
    findings.sort();
    Ok(findings)
}

fn examine_file(
    root: &Path,
    path: &str,
    sizes: &mut Sizes,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    sql::check_path(path, findings);
    // What is no text has no rules for its inside.
    let Ok(text) =
        String::from_utf8(fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?)
    else {
        return Ok(());
    };
    text::check_marks(path, &text, findings);
    if path.ends_with(".md") {
        documents::check_links(path, &text, &|target| root.join(target).exists(), findings);
    }
    if path.ends_with(".rs") {
        let source = Source::parse(path, &text)?;
        text::check_module_docs(&source, findings);
        banned::check(&source, findings);
        sql::check(&source, findings);
        sizes.measure(&source);
    }
    Ok(())
}

fn examine_sizes(root: &Path, sizes: &Sizes, bless: bool, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let mut ratchet = Ratchet::parse(&read_or_empty(root, RATCHET)?).context(RATCHET)?;
    if bless && ratchet.bless(sizes) {
        fs::write(root.join(RATCHET), ratchet.to_text())
            .with_context(|| format!("cannot write {RATCHET}"))?;
    }
    sizes.check(&ratchet, findings);
    Ok(())
}

/// The rules over the house as a whole.
fn examine_house(root: &Path, paths: &[String], findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let json = Program::cargo(root, METADATA_MAX)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()?;
    let metadata = Metadata::parse(&json).context("cargo metadata")?;
    metadata.check(findings);
    documents::check_required(paths, findings);
    let architecture = read_or_empty(root, "ARCHITECTURE.md")?;
    if !architecture.is_empty() {
        documents::check_rooms(&architecture, metadata.rooms(), findings);
    }
    let list = read_or_empty(root, "docs/adr/README.md")?;
    documents::check_decisions(paths, Some(&list), findings);
    Ok(())
}

fn read_or_empty(root: &Path, path: &str) -> anyhow::Result<String> {
    match fs::read_to_string(root.join(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("cannot read {path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every rule speaks once in a tree that breaks them all.
    #[test]
    fn a_broken_house_shows_each_rule() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        let package = |name: &str, needs: &str| {
            write(
                &format!("crates/{name}/Cargo.toml"),
                &format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\n{needs}\n"),
            );
        };
        write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
        package("domain", "runtime = { path = \"../runtime\" }");
        package("runtime", "");
        write("crates/runtime/src/lib.rs", "//! Clocks.\nfn a() { Instant::now(); }\n");
        let body = "\n".repeat(401);
        write("crates/domain/src/lib.rs", &format!("fn a() {{ b.unwrap(); Instant::now();{body}}}"));
        write(
            "crates/domain/src/a.rs",
            "//! A.\nconst A: &str = \"SELECT 1\";\nfn a() { rand::b(); todo!(); }\n",
        );
        write(
            "crates/domain/tests/it/main.rs",
            "//! T.\n#[test]\n#[ignore]\nfn a() { sleep(b); }\nstatic mut A: u8 = 0;\n",
        );
        write("docs/adr/0002-a.md", "[a](gone.md)\n");
        let findings = examine(root.path(), false).expect("findings");
        let mut rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        assert_eq!(
            rules,
            [
                "clock",
                "documents",
                "file-size",
                "floors",
                "function-size",
                "ignored-test",
                "module-docs",
                "random",
                "sleep",
                "sql",
                "state",
                "unfinished",
                "unwrap"
            ]
        );
        assert!(!findings.iter().any(|finding| finding.path.starts_with("crates/runtime")), "{findings:?}");
        let first = findings.iter().find(|finding| finding.rule == "unwrap").expect("a finding").to_string();
        assert!(first.starts_with("crates/domain/src/lib.rs:1: [unwrap] `.unwrap()` is banned; "), "{first}");
    }
}
