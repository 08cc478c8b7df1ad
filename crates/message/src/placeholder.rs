//! Finds `{{ placeholders }}` in a text; what stands inside them is [`crate::expression`]'s business.
//!
//! A placeholder ends at the first `}}` outside a quoted string and stays on one line. `{%` is refused, for
//! conditions and loops are not part of a release; to show braces, write `{{ "{{" }}`.

use crate::limits::{PLACEHOLDER_OCTETS_MAX, PLACEHOLDERS_MAX};
use crate::source::SourceText;
use crate::template::TemplateError;

/// A run of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run<'a> {
    /// Taken as it is.
    Literal(&'a str),
    /// The inside of a placeholder, trimmed, and the line it stands on.
    Placeholder(&'a str, usize),
}

/// Cuts a text at its placeholders.
pub(crate) fn runs(source: &SourceText) -> Result<Vec<Run<'_>>, TemplateError> {
    let mut found = Vec::new();
    let mut rest = source.text.as_str();
    let mut line = source.line;
    while let Some(open) = next_open(rest) {
        let (literal, after) = rest.split_at(open);
        line += lines_in(literal);
        if after.starts_with("{%") {
            return Err(TemplateError::Statement { line });
        }
        let inside = after.get(2..).unwrap_or_default();
        let close = closing(inside).ok_or(TemplateError::Unclosed { line })?;
        let (inside, after) = inside.split_at(close);
        if inside.len() > PLACEHOLDER_OCTETS_MAX {
            return Err(TemplateError::PlaceholderTooLong { line });
        }
        if found.len() >= 2 * PLACEHOLDERS_MAX {
            return Err(TemplateError::TooManyPlaceholders);
        }
        if !literal.is_empty() {
            found.push(Run::Literal(literal));
        }
        found.push(Run::Placeholder(inside.trim(), line));
        rest = after.get(2..).unwrap_or_default();
    }
    if !rest.is_empty() {
        found.push(Run::Literal(rest));
    }
    Ok(found)
}

/// Where the next `{{` or `{%` stands.
fn next_open(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'{', bytes).find(|at| matches!(bytes.get(at + 1), Some(b'{' | b'%')))
}

/// Where the `}}` of a placeholder stands; `None` when the line ends before it.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (_, b'\n') => return None,
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if byte == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn lines_in(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Run<'_>]) {
        let source = SourceText { text: text.to_owned(), line: 10 };
        assert_eq!(runs(&source).ok().as_deref(), Some(expected), "{text:?}");
    }

    #[test]
    fn placeholders_are_cut_out() {
        use Run::{Literal, Placeholder};
        check("no braces { here }", &[Literal("no braces { here }")]);
        check("{{a}}", &[Placeholder("a", 10)]);
        check("x\ny {{ 会社名 }}様\n", &[Literal("x\ny "), Placeholder("会社名", 11), Literal("様\n")]);
        check("{{ \"}}\" }}{{ b }}", &[Placeholder("\"}}\"", 10), Placeholder("b", 10)]);
        check("{{ 'a\\'}}' }}", &[Placeholder("'a\\'}}'", 10)]);
    }

    #[test]
    fn what_does_not_close_is_refused() {
        let error =
            |text: &str| runs(&SourceText { text: text.to_owned(), line: 1 }).err().map(|e| e.to_string());
        assert!(error("a\n{{ b").is_some_and(|e| e.contains("line 2")));
        assert!(error("{{ b\n}}").is_some_and(|e| e.contains("line 1")));
        assert!(error("{% if a %}").is_some_and(|e| e.contains("{%")));
        let long = format!("{{{{ {} }}}}", "a".repeat(PLACEHOLDER_OCTETS_MAX));
        assert!(error(&long).is_some());
    }
}
