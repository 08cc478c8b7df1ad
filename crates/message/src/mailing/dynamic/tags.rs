//! A look at a template's tags before the engine parses it: are they closed, balanced, and nested within limits?
//!
//! The engine parses by recursion, so what it is given must be bounded first. Where this module and the engine might
//! read a text differently, the text is refused: a quote that is open at the end of a tag, a tag within a tag.

use super::error::DynamicFault;
use crate::limits::{DYNAMIC_BRACKETS_MAX, DYNAMIC_DEPTH_MAX, DYNAMIC_TAGS_MAX};

/// Checks a text.
pub(super) fn check(source: &str) -> Result<(), (usize, DynamicFault)> {
    let mut open = Open::default();
    let mut line = 1;
    let mut rest = source;
    let mut tags = 0_usize;
    while let Some(at) = rest.find("{{") {
        let (before, tag) = rest.split_at(at);
        line += lines(before);
        tags += 1;
        if tags > DYNAMIC_TAGS_MAX {
            return Err((line, DynamicFault::TooManyTags));
        }
        // One backslash shows the braces; two show a backslash before a tag.
        let escaped = before.ends_with('\\') && !before.ends_with("\\\\");
        let length = match kind(tag) {
            Kind::Comment(length) => length,
            Kind::Unsupported => return Err((line, DynamicFault::Unsupported)),
            Kind::Tag if escaped => 2,
            Kind::Tag => {
                let inside = inside(tag).map_err(|fault| (line, fault))?;
                open.follow(inside, line)?;
                2 + inside.len() + 2
            }
        };
        let (seen, after) = tag.split_at_checked(length).ok_or((line, DynamicFault::Unclosed))?;
        line += lines(seen);
        rest = after;
    }
    match open.blocks.pop() {
        Some(block) => Err((block.line, unbalanced(block.name))),
        None => Ok(()),
    }
}

/// The blocks that are open.
#[derive(Default)]
struct Open<'a> {
    blocks: Vec<Block<'a>>,
    /// Blocks and links: the engine nests each link of an else-if chain in the one before.
    depth: usize,
}

struct Block<'a> {
    name: &'a str,
    line: usize,
    links: usize,
}

/// What a tag is, by how it begins.
enum Kind {
    /// Over so many octets.
    Comment(usize),
    /// Not for us.
    Unsupported,
    /// Anything else.
    Tag,
}

fn kind(tag: &str) -> Kind {
    if tag.starts_with("{{{{") {
        return Kind::Unsupported;
    }
    let inside = tag.get(2..).unwrap_or_default();
    if let Some(comment) = inside.strip_prefix('!') {
        // The engine allows white space before the dashes, and takes the first end that is behind them.
        let text = comment.trim_start();
        return Kind::Comment(match text.strip_prefix("--") {
            Some(text) => text.find("--}}").map_or(usize::MAX, |at| tag.len() - text.len() + at + 4),
            None => tag.find("}}").map_or(usize::MAX, |at| at + 2),
        });
    }
    let inside = inside.trim_start_matches('~').trim_start();
    let inside = inside.strip_prefix('#').map_or(inside, str::trim_start);
    if inside.starts_with(['>', '*']) { Kind::Unsupported } else { Kind::Tag }
}

/// What stands between the braces of a tag, further braces included.
fn inside(tag: &str) -> Result<&str, DynamicFault> {
    let text = tag.get(2..).unwrap_or_default();
    let end = text.find("}}").ok_or(DynamicFault::Unclosed)?;
    let inside = text.get(..end).unwrap_or_default();
    let mut quote = None;
    let mut brackets = 0;
    let mut escaped = false;
    for c in inside.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        // Whether quoted or not: what is refused too much here is nothing that people write.
        brackets += usize::from(matches!(c, '(' | '[' | '{'));
    }
    if quote.is_some() || escaped || inside.contains("{{") {
        return Err(DynamicFault::Unclosed);
    }
    if odd_brackets(inside) {
        return Err(DynamicFault::Syntax);
    }
    if brackets > DYNAMIC_BRACKETS_MAX { Err(DynamicFault::TooManyBrackets) } else { Ok(inside) }
}

/// Whether a name in brackets has quotes, which are none there, or does not end within the tag.
fn odd_brackets(inside: &str) -> bool {
    let mut rest = inside;
    while let Some((_, after)) = rest.split_once('[') {
        let Some((name, left)) = after.split_once(']') else { return true };
        if name.contains(['"', '\'', '\\']) {
            return true;
        }
        rest = left;
    }
    false
}

impl<'a> Open<'a> {
    /// Opens or closes a block, or adds a link to the chain of the last.
    fn follow(&mut self, inside: &'a str, line: usize) -> Result<(), (usize, DynamicFault)> {
        let inside = inside.trim_start_matches('~').trim_start();
        if let Some(opened) = inside.strip_prefix('#') {
            self.blocks.push(Block { name: name(opened), line, links: 0 });
            self.depth += 1;
        } else if let Some(closed) = inside.strip_prefix('/') {
            let block = self.blocks.pop().ok_or((line, DynamicFault::NotOpened))?;
            if block.name != name(closed) {
                return Err((block.line, unbalanced(block.name)));
            }
            self.depth = self.depth.saturating_sub(1 + block.links);
        } else if (inside.starts_with('^') || inside.starts_with("else"))
            && let Some(block) = self.blocks.last_mut()
        {
            block.links += 1;
            self.depth += 1;
        }
        if self.depth > DYNAMIC_DEPTH_MAX { Err((line, DynamicFault::TooDeep)) } else { Ok(()) }
    }
}

fn name(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '~' | '(' | '|')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn unbalanced(open: &str) -> DynamicFault {
    DynamicFault::Unbalanced { open: open.chars().take(80).collect() }
}

fn lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Result<(), (usize, DynamicFault)>) {
        assert_eq!(super::check(source), expected, "{source:?}");
    }

    fn unbalanced(open: &str) -> DynamicFault {
        super::unbalanced(open)
    }

    #[test]
    fn usual_templates_pass() {
        for good in [
            "",
            "{{a}} {{{b}}} {{&c}} {{~d~}}",
            "{{#if a}}x{{else if b}}y{{else}}z{{/if}}",
            "{{#each items}}{{@index}}{{this.name}}{{/each}}",
            "{{! }} {{!-- {{#if}} --}}",
            "\\{{a}} { } }} {",
            "{{insert 名前 \"default=お客様\"}}",
            "{{#greaterThan (length cart) 2}}x{{/greaterThan}}",
            "{{ # if a }}{{ / if }}",
        ] {
            check(good, Ok(()));
        }
    }

    #[test]
    fn what_is_not_balanced_is_refused_with_its_line() {
        check("a\n{{#if x}}", Err((2, unbalanced("if"))));
        check("{{#if x}}\n{{#each y}}{{/if}}{{/each}}", Err((2, unbalanced("each"))));
        check("\n\n{{/if}}", Err((3, DynamicFault::NotOpened)));
        check("{{a", Err((1, DynamicFault::Unclosed)));
        check("{{!-- a }}", Err((1, DynamicFault::Unclosed)));
        check("{{> b}}", Err((1, DynamicFault::Unsupported)));
        check("{{#> b}}{{/b}}", Err((1, DynamicFault::Unsupported)));
        check("{{#*inline \"a\"}}{{/inline}}", Err((1, DynamicFault::Unsupported)));
        check("{{{{raw}}}}{{{{/raw}}}}", Err((1, DynamicFault::Unsupported)));
    }

    #[test]
    fn depth_cannot_be_hidden() {
        let hiding = [
            "{{#if a}}{{!-- {{/if}} --}}",
            "{{#if a}}{{! -- }} {{/if}} --}}",
            "{{#if a}}{{!--}} {{/if}} --}}",
            "{{#if a}}\\{{/if}}",
            "{{#if a}}{{insert b \"}} {{/if}} \"}}",
            "{{#if a}}{{insert b '\"}} {{/if}} \"'}}",
            "{{#if a}}{{[b}} {{/if}} ]}}",
            "{{#if a}}{{insert [\"] \"x}} {{/if}} \"[\"]}}",
        ];
        for piece in hiding {
            assert!(super::check(&piece.repeat(DYNAMIC_DEPTH_MAX + 1)).is_err(), "{piece}");
        }
        let nested = |depth: usize| format!("{}{}", "{{#if a}}".repeat(depth), "{{/if}}".repeat(depth));
        check(&nested(DYNAMIC_DEPTH_MAX), Ok(()));
        check(&nested(DYNAMIC_DEPTH_MAX + 1), Err((1, DynamicFault::TooDeep)));
        let chain = |links: usize| format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(links));
        check(&chain(DYNAMIC_DEPTH_MAX), Err((1, DynamicFault::TooDeep)));
        check(&chain(DYNAMIC_DEPTH_MAX - 1), Ok(()));
        check(&format!("{{{{insert {}}}}}", "(a ".repeat(17)), Err((1, DynamicFault::TooManyBrackets)));
    }

    #[test]
    fn an_escaped_backslash_hides_no_tag() {
        check("\\\\{{#if a}}", Err((1, unbalanced("if"))));
    }
}
