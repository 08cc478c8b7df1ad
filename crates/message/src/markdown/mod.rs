//! A Markdown body to the pieces of its plain text and of its HTML.
//!
//! CommonMark with tables, strikethrough, bare links and emphasis that works next to Japanese; line breaks are
//! kept as written; raw HTML is shown, not used (only `<br>` breaks a line). Placeholders pass through the
//! Markdown reader as alphanumeric marks, so no value is ever read as Markdown; inside a URL a mark changes its
//! kind, so its value is percent-encoded and its scheme checked.

mod mark;
mod plain;

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use crate::escape::Escape;
use crate::expression::{Expressions, ValueOf};
use crate::limits::MARKDOWN_DEPTH_MAX;
use crate::piece::Pieces;
use crate::placeholder::{Run, runs};
use crate::source::SourceText;
use crate::template::TemplateError;
use mark::Marks;

/// A body in its two forms, line breaks as CRLF.
pub(crate) struct Body {
    /// The text part.
    pub(crate) text: Pieces,
    /// What stands between `<body>` and `</body>`.
    pub(crate) html: Pieces,
}

/// Reads a body.
pub(crate) fn compile(body: &SourceText, expressions: &mut Expressions) -> Result<Body, TemplateError> {
    let runs = runs(body)?;
    let values = runs
        .iter()
        .filter_map(|run| match run {
            Run::Literal(_) => None,
            Run::Placeholder(inside, line) => Some(expressions.resolve(inside, *line)),
        })
        .collect::<Result<Vec<ValueOf>, TemplateError>>()?;
    let marks = Marks::new(&body.text, values);
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, &marks.marked(&runs), &options);
    check_depth(root)?;
    break_lines(root, &marks);
    let text = plain::text(root, &marks);
    for node in root.descendants() {
        if let NodeValue::Link(link) | NodeValue::Image(link) = &mut node.data_mut().value {
            link.url = marks.in_url(&link.url);
        }
    }
    let mut html = String::with_capacity(body.text.len() * 2);
    format_html(root, &options, &mut html).map_err(|_| TemplateError::Markdown)?;
    let html = html.replace(&marks.line_break(), "<br />\n");
    Ok(Body { text: marks.pieces(&text, Escape::Text), html: marks.pieces(&html, Escape::Html) })
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.cjk_friendly_emphasis = true;
    options.render.hardbreaks = true;
    options.render.escape = true;
    options
}

/// Refuses nesting that nobody writes, before anything walks the tree recursively.
fn check_depth(root: Node<'_>) -> Result<(), TemplateError> {
    let too_deep =
        |node: Node<'_>| node.ancestors().take(MARKDOWN_DEPTH_MAX + 1).count() > MARKDOWN_DEPTH_MAX;
    if root.descendants().any(too_deep) { Err(TemplateError::TooDeep) } else { Ok(()) }
}

/// Takes `<br>`, which tables need, as a line break; a table cell's tree may only hold text, so there it is a mark.
fn break_lines(root: Node<'_>, marks: &Marks) {
    for node in root.descendants() {
        let in_cell = node.ancestors().skip(1).any(|a| matches!(a.data().value, NodeValue::TableCell));
        let value = &mut node.data_mut().value;
        let NodeValue::HtmlInline(tag) = value else { continue };
        let bare = tag.trim_matches(['<', '>']).trim_end_matches('/').trim();
        if bare.eq_ignore_ascii_case("br") {
            *value = if in_cell { NodeValue::Text(marks.line_break().into()) } else { NodeValue::LineBreak };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::Values;

    /// Compiles `markdown` over the columns `name` and `url`, renders it, and compares both forms.
    fn check(markdown: &str, fields: [&str; 2], text: &str, html: &str) {
        let columns = ["name", "url"].map(str::to_owned);
        let mut expressions = Expressions::new(&columns);
        let source = SourceText { text: markdown.to_owned(), line: 1 };
        let body = compile(&source, &mut expressions).expect("compiles");
        let values = Values { record: &fields, evaluated: &[], expressions: &expressions };
        let render = |pieces: &Pieces| {
            let mut out = String::new();
            pieces.write(&values, &mut out).map(|()| out.replace("\r\n", "\n")).expect("renders")
        };
        assert_eq!(render(&body.text), text, "text of {markdown:?}");
        assert_eq!(render(&body.html), html, "html of {markdown:?}");
    }

    #[test]
    fn blocks_are_readable_in_both_forms() {
        check(
            "# 見出し\n\n本文1\n本文2\n",
            ["", ""],
            "■ 見出し\n\n本文1\n本文2\n",
            "<h1>見出し</h1>\n<p>本文1<br />\n本文2</p>\n",
        );
        check(
            "- a\n  - b\n- c\n\n1. x\n2. y\n",
            ["", ""],
            "- a\n  - b\n- c\n\n1. x\n2. y\n",
            "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n<li>c</li>\n</ul>\n<ol>\n<li>x</li>\n<li>y</li>\n</ol>\n",
        );
        check(
            "> 引用\n\n---\n\n    code\n",
            ["", ""],
            "> 引用\n\n----------\n\n    code\n",
            "<blockquote>\n<p>引用</p>\n</blockquote>\n<hr />\n<pre><code>code\n</code></pre>\n",
        );
        check(
            "|品名|価格|\n|--|--|\n|水<br>湯|10|\n",
            ["", ""],
            "品名 | 価格\n----------\n水 湯 | 10\n",
            "<table>\n<thead>\n<tr>\n<th>品名</th>\n<th>価格</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>水<br />\n湯</td>\n<td>10</td>\n</tr>\n</tbody>\n</table>\n",
        );
        check(
            "**重要です。**次 ~~旧~~ `x`",
            ["", ""],
            "重要です。次 ~~旧~~ x\n",
            "<p><strong>重要です。</strong>次 <del>旧</del> <code>x</code></p>\n",
        );
    }

    #[test]
    fn br_breaks_a_line_wherever_it_stands() {
        check("# a<br>b", ["", ""], "■ a\n  b\n", "<h1>a<br />\nb</h1>\n");
        check(
            "[a<BR/>b](https://x.jp) *c<br />d*",
            ["", ""],
            "a\nb (https://x.jp) c\nd\n",
            "<p><a href=\"https://x.jp\">a<br />\nb</a> <em>c<br />\nd</em></p>\n",
        );
    }

    #[test]
    fn links_show_their_address_once() {
        check(
            "[詳細](https://example.jp/a)",
            ["", ""],
            "詳細 (https://example.jp/a)\n",
            "<p><a href=\"https://example.jp/a\">詳細</a></p>\n",
        );
        check(
            "https://example.jp/?n={{ name }}",
            ["山&", ""],
            "https://example.jp/?n=%E5%B1%B1%26\n",
            "<p><a href=\"https://example.jp/?n=%E5%B1%B1%26\">https://example.jp/?n=山&amp;</a></p>\n",
        );
        check(
            "pr@example.jp",
            ["", ""],
            "pr@example.jp\n",
            "<p><a href=\"mailto:pr@example.jp\">pr@example.jp</a></p>\n",
        );
        check(
            "[見る]({{ url }}?a=1)",
            ["", "https://example.jp/x y"],
            "見る (https://example.jp/x%20y?a=1)\n",
            "<p><a href=\"https://example.jp/x%20y?a=1\">見る</a></p>\n",
        );
    }

    #[test]
    fn values_stay_values() {
        let evil = "**x** <script>alert(1)</script> [a](b) {{ url }} | \\";
        let html =
            "<p><strong>**x** &lt;script&gt;alert(1)&lt;/script&gt; [a](b) {{ url }} | \\</strong>様</p>\n";
        check("**{{ name }}**様", [evil, ""], &format!("{evil}様\n"), html);
        check("<b>{{ name }}</b>", ["<i>", ""], "<b><i></b>\n", "<p>&lt;b&gt;&lt;i&gt;&lt;/b&gt;</p>\n");
        check(
            "![{{ name }}](https://example.jp/p.png \"{{ name }}\")",
            ["\"x", ""],
            "[\"x] (https://example.jp/p.png)\n",
            "<p><img src=\"https://example.jp/p.png\" alt=\"&quot;x\" title=\"&quot;x\" /></p>\n",
        );
        check("hkq0x0t {{ name }}", ["N", ""], "hkq0x0t N\n", "<p>hkq0x0t N</p>\n");
        check("[x](javascript:alert(1))", ["", ""], "x\n", "<p><a href=\"\">x</a></p>\n");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let source = SourceText { text: "> ".repeat(500), line: 1 };
        let result = compile(&source, &mut Expressions::new(&[]));
        assert!(matches!(result, Err(TemplateError::TooDeep)));
    }
}
