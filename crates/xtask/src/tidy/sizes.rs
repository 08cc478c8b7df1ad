//! How long files and functions may be, and the ratchet for those that are longer: it only ever goes down.
//!
//! A file within its limit needs no entry; one with an entry must have exactly the size that stands there. `bless`
//! lowers and removes entries, and never adds or raises one: that is done by hand, in sight of a review.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::finding::Finding;
use super::source::Source;

/// Lines a file.
const FILE_LINES_MAX: usize = 400;
/// Lines a file, whatever the ratchet says.
const FILE_LINES_CAP: usize = 800;
/// Lines a function, from its signature to its last brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Where the ratchet is kept.
pub const RATCHET: &str = "crates/xtask/tidy-ratchet.toml";

const SPLIT: &str = "split it by meaning";
const HEADING: &str = "# Files over 400 lines and functions over 70, with their size. Entries may only shrink and vanish:\n\
    # `cargo xtask tidy --bless` lowers them; nothing raises one.\n";

/// The ratchet's entries: path, or path::function, to lines.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratchet {
    #[serde(default)]
    files: BTreeMap<String, usize>,
    #[serde(default)]
    functions: BTreeMap<String, usize>,
}

/// A size that is over its limit: what, where, and how long.
struct Long {
    line: usize,
    lines: usize,
}

/// What is too long in the tree, by the ratchet's names.
#[derive(Default)]
pub struct Sizes {
    files: BTreeMap<String, Long>,
    functions: BTreeMap<String, Long>,
}

impl Sizes {
    /// Measures a file and its functions.
    pub fn measure(&mut self, source: &Source) {
        if source.lines > FILE_LINES_MAX {
            self.files.insert(source.path.clone(), Long { line: 0, lines: source.lines });
        }
        let mut functions = Functions { path: &source.path, names: Vec::new(), long: &mut self.functions };
        functions.visit_file(&source.syntax);
    }

    /// Compares with the ratchet.
    pub fn check(&self, ratchet: &Ratchet, findings: &mut Vec<Finding>) {
        compare(&self.files, &ratchet.files, ("file-size", FILE_LINES_MAX), findings);
        compare(&self.functions, &ratchet.functions, ("function-size", FUNCTION_LINES_MAX), findings);
        for (path, long) in self.files.iter().filter(|(_, long)| long.lines > FILE_LINES_CAP) {
            let message = format!("{} lines, over {FILE_LINES_CAP}, which no entry excuses", long.lines);
            findings.push(Finding { path: path.clone(), line: 0, rule: "file-size", message, remedy: SPLIT });
        }
    }
}

impl Ratchet {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Lowers entries to the present sizes and drops those that are needed no more. Whether anything changed.
    pub fn bless(&mut self, sizes: &Sizes) -> bool {
        let before = (self.files.clone(), self.functions.clone());
        lower(&mut self.files, &sizes.files);
        lower(&mut self.functions, &sizes.functions);
        before != (self.files.clone(), self.functions.clone())
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut text = HEADING.to_owned();
        for (name, entries) in [("files", &self.files), ("functions", &self.functions)] {
            let _ = write!(text, "\n[{name}]\n");
            for (key, lines) in entries {
                let _ = writeln!(text, "\"{key}\" = {lines}");
            }
        }
        text
    }
}

fn lower(entries: &mut BTreeMap<String, usize>, present: &BTreeMap<String, Long>) {
    entries.retain(|key, _| present.contains_key(key));
    for (key, entry) in entries {
        *entry = present.get(key).map_or(*entry, |long| long.lines.min(*entry));
    }
}

fn compare(
    present: &BTreeMap<String, Long>,
    entries: &BTreeMap<String, usize>,
    (rule, limit): (&'static str, usize),
    findings: &mut Vec<Finding>,
) {
    for (key, Long { line, lines }) in present {
        let (message, remedy) = match entries.get(key) {
            None => (format!("{lines} lines, over {limit}"), SPLIT),
            Some(entry) if lines > entry => (format!("{lines} lines, grown from {entry}"), SPLIT),
            Some(entry) if lines < entry => {
                (format!("{lines} lines, the ratchet still says {entry}"), "run cargo xtask tidy --bless")
            }
            Some(_) => continue,
        };
        let path = key.split("::").next().unwrap_or(key).to_owned();
        let message =
            key.split_once("::").map_or(message.clone(), |(_, name)| format!("fn {name}: {message}"));
        findings.push(Finding { path, line: *line, rule, message, remedy });
    }
    for key in entries.keys().filter(|key| !present.contains_key(*key)) {
        let message = format!("the entry {key} is needed no more");
        let remedy = "run cargo xtask tidy --bless";
        findings.push(Finding { path: RATCHET.to_owned(), line: 0, rule, message, remedy });
    }
}

/// Collects long functions under names like `path::Type::function`.
struct Functions<'a> {
    path: &'a str,
    names: Vec<String>,
    long: &'a mut BTreeMap<String, Long>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, end: usize) {
        let line = signature.span().start().line;
        let lines = end + 1 - line;
        if lines > FUNCTION_LINES_MAX {
            let names = self.names.iter().map(|name| format!("{name}::")).collect::<String>();
            let key = format!("{}::{names}{}", self.path, signature.ident);
            let entry = self.long.entry(key).or_insert(Long { line, lines });
            entry.lines = entry.lines.max(lines);
        }
    }

    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.names.push(name);
        visit(self);
        self.names.pop();
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, item.block.span().end().line);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, item.block.span().end().line);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block.span().end().line);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        self.within(name.unwrap_or_default(), |functions| visit::visit_item_impl(functions, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.within(item.ident.to_string(), |functions| visit::visit_item_trait(functions, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(item.ident.to_string(), |functions| visit::visit_item_mod(functions, item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> Sizes {
        let mut sizes = Sizes::default();
        sizes.measure(&Source::parse("a.rs", text).expect("it parses"));
        sizes
    }

    fn lines(count: usize) -> String {
        "//\n".repeat(count)
    }

    fn function(count: usize) -> String {
        format!("impl<T> B<T> {{\npub fn c() {{\n{}}}\n}}\n", lines(count - 2))
    }

    fn check(text: &str, ratchet: &str, expected: &[&str]) {
        let mut findings = Vec::new();
        measured(text).check(&Ratchet::parse(ratchet).expect("a ratchet"), &mut findings);
        let found: Vec<_> =
            findings.iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect();
        assert_eq!(found, expected, "{ratchet}");
    }

    #[test]
    fn long_files_need_an_entry_of_their_very_size() {
        check(&lines(400), "", &[]);
        check(&lines(401), "", &["0: 401 lines, over 400"]);
        check(&lines(401), "[files]\n\"a.rs\" = 401", &[]);
        check(&lines(402), "[files]\n\"a.rs\" = 401", &["0: 402 lines, grown from 401"]);
        check(&lines(401), "[files]\n\"a.rs\" = 402", &["0: 401 lines, the ratchet still says 402"]);
        check(&lines(400), "[files]\n\"a.rs\" = 402", &["0: the entry a.rs is needed no more"]);
        check(&lines(801), "[files]\n\"a.rs\" = 801", &["0: 801 lines, over 800, which no entry excuses"]);
    }

    #[test]
    fn long_functions_need_an_entry_too() {
        check(&function(70), "", &[]);
        check(&function(71), "", &["2: fn B::c: 71 lines, over 70"]);
        check(&function(71), "[functions]\n\"a.rs::B::c\" = 71", &[]);
        check(&function(72), "[functions]\n\"a.rs::B::c\" = 71", &["2: fn B::c: 72 lines, grown from 71"]);
    }

    #[test]
    fn bless_lowers_and_never_raises_or_adds() {
        let mut ratchet = Ratchet::parse("[files]\n\"a.rs\" = 500\n\"gone.rs\" = 450").expect("a ratchet");
        assert!(ratchet.bless(&measured(&lines(410))));
        assert_eq!(ratchet.files, BTreeMap::from([("a.rs".to_owned(), 410)]));
        assert!(!ratchet.bless(&measured(&lines(420))), "raised");
        let mut empty = Ratchet::default();
        assert!(!empty.bless(&measured(&(lines(500) + &function(90)))), "added");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = "[files]\n\"a.rs\" = 500\n[functions]\n\"a.rs::b\" = 80\n";
        let ratchet = Ratchet::parse(text).expect("a ratchet");
        assert_eq!(Ratchet::parse(&ratchet.to_text()).expect("a ratchet"), ratchet);
    }
}
