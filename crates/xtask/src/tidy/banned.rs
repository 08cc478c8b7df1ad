//! Code that no room may hold, or none but `runtime`: other clocks, other randomness, naps, marks of unfinished
//! work, hidden state.
//!
//! Found by tokens and by the paths that `use` brings in; comments and strings do not count, except for the marks.

use syn::visit::Visit;

use super::finding::Finding;
use super::source::Source;
use super::tokens::{Token, find};

/// Where a rule holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Everywhere but in the room `runtime`.
    OutsideRuntime,
    /// In code that is not for tests.
    Production,
    /// In all code.
    Everywhere,
}

struct Ban {
    rule: &'static str,
    scope: Scope,
    /// Space-separated tokens.
    tokens: &'static str,
    remedy: &'static str,
}

const CLOCK: &str = "take runtime's Clock";
const RANDOM: &str = "take runtime's Entropy";
const NAP: &str = "wait on a condition with a deadline, by runtime's Clock";
const UNFINISHED: &str = "finish it, or leave it out";
const STATE: &str = "pass the value to who needs it";

const fn ban(rule: &'static str, scope: Scope, tokens: &'static str, remedy: &'static str) -> Ban {
    Ban { rule, scope, tokens, remedy }
}

const BANS: &[Ban] = &[
    ban("clock", Scope::OutsideRuntime, "Instant : : now", CLOCK),
    ban("clock", Scope::OutsideRuntime, "SystemTime : : now", CLOCK),
    ban("clock", Scope::OutsideRuntime, "UNIX_EPOCH", CLOCK),
    ban("clock", Scope::OutsideRuntime, "tokio : : time : : Instant", CLOCK),
    ban("clock", Scope::OutsideRuntime, "Timestamp : : now", CLOCK),
    ban("clock", Scope::OutsideRuntime, "Zoned : : now", CLOCK),
    ban("clock", Scope::OutsideRuntime, "clock_gettime", CLOCK),
    ban("random", Scope::OutsideRuntime, "rand : :", RANDOM),
    ban("random", Scope::OutsideRuntime, "getrandom", RANDOM),
    ban("random", Scope::OutsideRuntime, "thread_rng", RANDOM),
    ban("random", Scope::OutsideRuntime, "SystemRandom", RANDOM),
    ban("sleep", Scope::OutsideRuntime, "thread : : sleep", NAP),
    ban("sleep", Scope::OutsideRuntime, "time : : sleep", NAP),
    ban("sleep", Scope::OutsideRuntime, "time : : sleep_until", NAP),
    ban("unwrap", Scope::Production, ". unwrap ( )", "return the error, or expect with the reason"),
    ban("unfinished", Scope::Everywhere, "todo !", UNFINISHED),
    ban("unfinished", Scope::Everywhere, "unimplemented !", UNFINISHED),
    ban("ignored-test", Scope::Everywhere, "# [ ignore", "mend the test, or delete it"),
    ban("state", Scope::Everywhere, "static mut", STATE),
    ban("state", Scope::Everywhere, "lazy_static", STATE),
];

/// Types that make a `static` a place to keep things in.
const CELLS: &[&str] = &["OnceLock", "LazyLock", "OnceCell", "LazyCell", "Mutex", "RwLock", "ArcSwap"];

/// All bans over one file.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    for ban in BANS {
        let wanted: Vec<_> = ban.tokens.split(' ').collect();
        for index in find(&source.tokens, &wanted) {
            report(source, ban, source.tokens[index].line, findings);
        }
    }
    check_uses(source, findings);
    check_test_naps(source, findings);
    check_statics(source, findings);
}

fn report(source: &Source, ban: &Ban, line: usize, findings: &mut Vec<Finding>) {
    let free = match ban.scope {
        Scope::OutsideRuntime => source.room() == "runtime",
        Scope::Production => source.is_test(line),
        Scope::Everywhere => false,
    };
    if free {
        return;
    }
    let message = format!("`{}` is banned", ban.tokens.replace(' ', ""));
    let finding = Finding { path: source.path.clone(), line, rule: ban.rule, message, remedy: ban.remedy };
    // A path may stand in the tokens and in the unfolded `use` of the same line.
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// `use tokio::time::{Instant, sleep}` holds banned paths that no sequence of its tokens shows.
fn check_uses(source: &Source, findings: &mut Vec<Finding>) {
    let mut uses = Uses(Vec::new());
    uses.visit_file(&source.syntax);
    for (line, path) in uses.0 {
        let whole = path.join("::");
        for ban in BANS.iter().filter(|ban| ban.tokens.contains(": :")) {
            let banned = ban.tokens.replace(' ', "");
            if whole == banned || whole.ends_with(&format!("::{banned}")) || brings_random(&banned, &path) {
                report(source, ban, line, findings);
            }
        }
    }
}

/// `use rand::Rng` and `use aws_lc_rs::rand`.
fn brings_random(banned: &str, path: &[String]) -> bool {
    banned == "rand::" && path.iter().any(|segment| segment == "rand")
}

struct Uses(Vec<(usize, Vec<String>)>);

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.unfold(&mut Vec::new(), &item.tree);
    }
}

impl Uses {
    fn unfold(&mut self, above: &mut Vec<String>, tree: &syn::UseTree) {
        let ident = match tree {
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.unfold(above, tree));
                return;
            }
            syn::UseTree::Glob(_) => return,
            syn::UseTree::Path(path) => &path.ident,
            syn::UseTree::Name(name) => &name.ident,
            syn::UseTree::Rename(rename) => &rename.ident,
        };
        above.push(ident.to_string());
        match tree {
            syn::UseTree::Path(path) => self.unfold(above, &path.tree),
            _ => self.0.push((ident.span().start().line, above.clone())),
        }
        above.pop();
    }
}

/// Tests do not sleep at all, not even by the product's own clock. Declaring a clock's methods is no nap.
fn check_test_naps(source: &Source, findings: &mut Vec<Finding>) {
    let nap = ban("sleep", Scope::Everywhere, "sleep (", NAP);
    for index in find(&source.tokens, &["sleep", "("]) {
        let token = &source.tokens[index];
        let declared = index > 0 && source.tokens[index - 1].text == "fn";
        if !declared && source.is_test(token.line) {
            report(source, &nap, token.line, findings);
        }
    }
}

fn check_statics(source: &Source, findings: &mut Vec<Finding>) {
    for index in find(&source.tokens, &["static"]) {
        let declaration: Vec<&Token> = source.tokens[index..]
            .iter()
            .take_while(|token| token.text != "=" && token.text != ";")
            .collect();
        let lifetime = index > 0 && source.tokens[index - 1].text == "'";
        let cell = declaration
            .iter()
            .find(|token| CELLS.contains(&token.text.as_str()) || token.text.starts_with("Atomic"));
        if let (false, Some(cell)) = (lifetime, cell) {
            let message = format!("a `static` with a `{}` is hidden state", cell.text);
            let line = source.tokens[index].line;
            findings.push(Finding { path: source.path.clone(), line, rule: "state", message, remedy: STATE });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(path: &str, text: &str, expected: &[(&str, usize)]) {
        let source = Source::parse(path, text).expect("it parses");
        let mut findings = Vec::new();
        check(&source, &mut findings);
        let found: Vec<_> = findings.iter().map(|finding| (finding.rule, finding.line)).collect();
        assert_eq!(found, expected, "{text}");
    }

    /// In a room's production code.
    fn check_room(text: &str, expected: &[(&str, usize)]) {
        check_at("crates/engine/src/a.rs", text, expected);
    }

    #[test]
    fn clocks_belong_to_runtime() {
        for text in [
            "fn a() { std::time::Instant::now(); }",
            "fn a() { SystemTime::now(); }",
            "fn a() { b(UNIX_EPOCH); }",
            "fn a(b: tokio::time::Instant) {}",
            "use tokio::time::{timeout, Instant};",
            "fn a() { jiff::Timestamp::now(); }",
            "fn a() { Zoned::now(); }",
            "fn a() { b!(Instant::now()); }",
        ] {
            check_room(text, &[("clock", 1)]);
            check_at("crates/runtime/src/clock.rs", text, &[]);
        }
        check_room("fn a() { self.clock.now(); } // Instant::now()", &[]);
    }

    #[test]
    fn randomness_belongs_to_runtime() {
        for text in [
            "fn a() { rand::random(); }",
            "use aws_lc_rs::rand;",
            "use rand::{Rng};",
            "fn a() { getrandom(b); }",
            "fn a() { thread_rng(); }",
            "fn a() { SystemRandom::new(); }",
        ] {
            check_room(text, &[("random", 1)]);
        }
        check_room("fn brand() { operand::a(); }", &[]);
    }

    #[test]
    fn nobody_naps() {
        for text in [
            "fn a() { std::thread::sleep(b); }",
            "fn a() { tokio::time::sleep(b); }",
            "use std::thread::{self, sleep};",
            "#[test] fn a() { clock.sleep(b); }",
            "#[tokio::test] async fn a() { sleep(b).await; }",
        ] {
            check_room(text, &[("sleep", 1)]);
        }
        check_room("fn a() { clock.sleep(b); }", &[]);
        check_room("#[cfg(test)] mod tests { impl Clock for A { fn sleep(&self) {} } }", &[]);
    }

    #[test]
    fn unwrap_is_for_tests() {
        check_room("fn a() {\n b.unwrap();\n}", &[("unwrap", 2)]);
        check_room("#[test] fn a() { b.unwrap(); }", &[]);
        check_room("fn a() { b.unwrap_or(1); }", &[]);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        check_room("fn a() { todo!() }", &[("unfinished", 1)]);
        check_room("fn a() { unimplemented!(\"b\") }", &[("unfinished", 1)]);
        check_room("#[test]\n#[ignore = \"slow\"]\nfn a() {}", &[("ignored-test", 2)]);
    }

    #[test]
    fn no_state_is_global() {
        check_room("static mut A: u8 = 0;", &[("state", 1)]);
        check_room("static A: OnceLock<u8> = OnceLock::new();", &[("state", 1)]);
        check_room("fn a() { static B: AtomicU64 = AtomicU64::new(0); }", &[("state", 1)]);
        check_room("lazy_static! { }", &[("state", 1)]);
        check_room("static A: [u8; 2] = [0, 1]; fn a(b: &'static Mutex<u8>) {}", &[]);
    }
}
