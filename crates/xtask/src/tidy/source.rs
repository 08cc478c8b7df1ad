//! One Rust file, parsed, with what the rules ask of it: its crate, its tokens, and which of its lines are tests.

use std::ops::RangeInclusive;

use anyhow::Context as _;
use proc_macro2::TokenStream;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::tokens::{Token, flatten};

/// A parsed file.
pub struct Source {
    /// Relative to the workspace's root, with `/`.
    pub path: String,
    /// How many lines it has.
    pub lines: usize,
    /// Its items.
    pub syntax: syn::File,
    /// Its tokens in order, those within macros too.
    pub tokens: Vec<Token>,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Parses a file.
    ///
    /// # Errors
    /// When it is no Rust.
    pub fn parse(path: &str, text: &str) -> anyhow::Result<Self> {
        let place = || format!("{path} is not Rust that tidy can read");
        let syntax = syn::parse_file(text).with_context(place)?;
        let stream: TokenStream = text
            .parse()
            .map_err(|error: proc_macro2::LexError| anyhow::anyhow!("{error}"))
            .with_context(place)?;
        let mut finder = TestFinder(Vec::new());
        finder.visit_file(&syntax);
        let lines = text.lines().count();
        Ok(Self { path: path.to_owned(), lines, syntax, tokens: flatten(stream), test_lines: finder.0 })
    }

    /// The folder below `crates/` that it lies in; empty elsewhere.
    pub fn room(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or("")
    }

    /// Whether this line is compiled for tests alone.
    pub fn is_test(&self, line: usize) -> bool {
        let by_place = self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"));
        by_place || self.test_lines.iter().any(|lines| lines.contains(&line))
    }
}

/// Collects the lines of items under `#[cfg(test)]` or `#[test]`.
struct TestFinder(Vec<RangeInclusive<usize>>);

impl<'ast> Visit<'ast> for TestFinder {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if attributes(item).iter().any(is_test_attribute) {
            let span = item.span();
            self.0.push(span.start().line..=span.end().line);
        }
        visit::visit_item(self, item);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if path.segments.last().is_some_and(|segment| segment.ident == "test") {
        return true;
    }
    let syn::Meta::List(list) = &attribute.meta else { return false };
    if !path.is_ident("cfg") {
        return false;
    }
    let words: Vec<_> = flatten(list.tokens.clone()).into_iter().map(|token| token.text).collect();
    words.contains(&"test".to_owned()) && !words.contains(&"not".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[usize]) {
        let source = Source::parse(path, text).expect("it parses");
        let tests: Vec<_> = (1..=source.lines).filter(|line| source.is_test(*line)).collect();
        assert_eq!(tests, expected, "{text}");
    }

    #[test]
    fn test_lines_are_told_from_others() {
        check("crates/a/src/b.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\nfn b() {}\n}\n", &[2, 3, 4, 5]);
        check("crates/a/src/b.rs", "#[test]\nfn a() {}\nfn b() {}\n", &[1, 2]);
        check("crates/a/src/b.rs", "#[cfg(not(test))]\nfn a() {}\n", &[]);
        check("crates/a/src/b.rs", "mod c {\n#[cfg(test)]\nfn d() {}\n}\n", &[2, 3]);
        check("crates/a/tests/it/main.rs", "fn a() {}\n", &[1]);
        check("crates/a/src/journal/tests.rs", "fn a() {}\n", &[1]);
    }

    #[test]
    fn the_room_is_the_folder() {
        let room = |path: &str| Source::parse(path, "").expect("it parses").room().to_owned();
        assert_eq!((room("crates/smtp/src/lib.rs").as_str(), room("fuzz/a.rs").as_str()), ("smtp", ""));
    }
}
