//! A file's tokens in one flat row, so that a rule can look for a sequence: comments are gone, strings are marked.

use proc_macro2::{TokenStream, TokenTree};

/// A token with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier, one punctuation character, a bracket, or a literal as written.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
    /// Whether it is a literal: never code, maybe SQL.
    pub literal: bool,
}

/// All tokens, groups opened; doc comments (attributes by now) are left out.
pub fn flatten(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    push_all(stream, &mut tokens);
    tokens
}

fn push_all(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let span = tree.span();
        let mut push = |text: String, line, literal| tokens.push(Token { text, line, literal });
        match tree {
            TokenTree::Ident(ident) => push(ident.to_string(), span.start().line, false),
            TokenTree::Punct(punct) => push(punct.as_char().to_string(), span.start().line, false),
            TokenTree::Literal(literal) => push(literal.to_string(), span.start().line, true),
            TokenTree::Group(group) if is_doc(&group.stream()) => {}
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(open.to_owned(), span.start().line, false);
                push_all(group.stream(), tokens);
                tokens.push(Token { text: close.to_owned(), line: span.end().line, literal: false });
            }
        }
    }
}

/// The inside of `#[doc = "…"]`, which is what a doc comment lexes to.
fn is_doc(stream: &TokenStream) -> bool {
    let mut trees = stream.clone().into_iter();
    let doc = matches!(trees.next(), Some(TokenTree::Ident(ident)) if ident == "doc");
    doc && matches!(trees.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '=')
}

fn brackets(delimiter: proc_macro2::Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        proc_macro2::Delimiter::Parenthesis => ("(", ")"),
        proc_macro2::Delimiter::Brace => ("{", "}"),
        proc_macro2::Delimiter::Bracket => ("[", "]"),
        proc_macro2::Delimiter::None => ("", ""),
    }
}

/// The places where `wanted` stands, as indexes of its first token. Literals match nothing.
pub fn find<'a>(tokens: &'a [Token], wanted: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let same = |(token, text): (&Token, &&str)| !token.literal && token.text == **text;
    let at = move |window: &[Token]| window.iter().zip(wanted).all(same);
    tokens
        .windows(wanted.len().max(1))
        .enumerate()
        .filter(move |(_, window)| at(window))
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, wanted: &[&str]) -> Vec<usize> {
        let tokens = flatten(text.parse().expect("tokens"));
        find(&tokens, wanted).map(|index| tokens[index].line).collect()
    }

    #[test]
    fn sequences_are_found_within_macros_but_not_in_text() {
        assert_eq!(lines("a!(\nx.y())", &["x", ".", "y", "("]), [2]);
        assert_eq!(lines("/// x.y()\n// x.y()\nlet s = \"x.y()\";", &["x", ".", "y"]), Vec::<usize>::new());
        assert_eq!(lines("f(\"x\")", &["x"]), Vec::<usize>::new());
    }
}
