//! Marks that stand for placeholders while Markdown is read, and their way back to pieces.
//!
//! A mark is a prefix that the body does not hold, the placeholder's number and a letter for its place. It is
//! alphanumeric, so the Markdown reader and its HTML and URL escapes leave it alone.

use crate::escape::{self, Escape};
use crate::expression::ValueOf;
use crate::piece::{Piece, Pieces};
use crate::placeholder::Run;

/// In running text.
const TEXT: char = 't';
/// Inside a URL.
const COMPONENT: char = 'u';
/// At a URL's start.
const URL: char = 'w';
/// At a URL's start with `:` behind it.
const SCHEME: char = 's';

/// The marks of one body.
pub(super) struct Marks {
    prefix: String,
    values: Vec<ValueOf>,
}

impl Marks {
    /// Marks for these placeholders, unlike anything in `body`.
    pub(super) fn new(body: &str, values: Vec<ValueOf>) -> Self {
        let mut number = 0_usize;
        let mut prefix = format!("hkq{number}x");
        while body.to_ascii_lowercase().contains(&prefix) {
            number += 1;
            prefix = format!("hkq{number}x");
        }
        Self { prefix, values }
    }

    /// The body with marks for its placeholders.
    pub(super) fn marked(&self, runs: &[Run<'_>]) -> String {
        let mut out = String::new();
        let mut number = 0_usize;
        for run in runs {
            match run {
                Run::Literal(text) => out.push_str(text),
                Run::Placeholder(..) => {
                    out.push_str(&self.mark(number, TEXT));
                    number += 1;
                }
            }
        }
        out
    }

    /// What stands for a line break where the tree may hold text only.
    pub(super) fn line_break(&self) -> String {
        format!("{}br", self.prefix)
    }

    /// A URL of the marked body, its marks changed to say where in the URL they stand.
    pub(super) fn in_url(&self, url: &str) -> String {
        let mut out = String::with_capacity(url.len());
        let mut rest = url;
        while let Some(found) = self.find(rest) {
            out.push_str(found.before);
            let kind = match (out.is_empty(), found.after.starts_with(':')) {
                (false, _) => COMPONENT,
                (true, false) => URL,
                (true, true) => SCHEME,
            };
            out.push_str(&self.mark(found.number, kind));
            rest = found.after;
        }
        out.push_str(rest);
        out
    }

    /// A marked text as pieces; `place` is where its `TEXT` marks stand.
    pub(super) fn pieces(&self, marked: &str, place: Escape) -> Pieces {
        let html = place == Escape::Html;
        let mut pieces = Vec::new();
        let mut rest = marked;
        let mut literal = String::new();
        while let Some(found) = self.find(rest) {
            escape::push_lines(found.before, &mut literal);
            rest = found.after;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
            }
            let escape = match found.kind {
                COMPONENT => Escape::UrlComponent,
                URL => Escape::UrlStart { html, is_scheme: false },
                SCHEME => Escape::UrlStart { html, is_scheme: true },
                _ => place,
            };
            pieces.push(Piece::Value(found.value, escape));
        }
        escape::push_lines(rest, &mut literal);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.into()));
        }
        Pieces(pieces)
    }

    fn mark(&self, number: usize, kind: char) -> String {
        format!("{}{number}{kind}", self.prefix)
    }

    /// The first mark in `text`.
    fn find<'t>(&self, text: &'t str) -> Option<Found<'t>> {
        let mut from = 0;
        loop {
            let at = from + memchr::memmem::find(text.as_bytes().get(from..)?, self.prefix.as_bytes())?;
            let inside = text.get(at + self.prefix.len()..)?;
            let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
            let number = inside.get(..digits).and_then(|n| n.parse::<usize>().ok());
            let kind = inside.get(digits..).and_then(|t| t.chars().next()).filter(char::is_ascii_lowercase);
            let value = number.and_then(|n| self.values.get(n).map(|v| (n, *v)));
            match (value, kind) {
                (Some((number, value)), Some(kind)) => {
                    let before = text.get(..at)?;
                    let after = inside.get(digits + 1..)?;
                    return Some(Found { before, number, value, kind, after });
                }
                _ => from = at + 1,
            }
        }
    }
}

/// A mark and what stands around it.
struct Found<'t> {
    before: &'t str,
    number: usize,
    value: ValueOf,
    kind: char,
    after: &'t str,
}
