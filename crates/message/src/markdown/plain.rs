//! The plain text of a Markdown tree, as one would write it in a mail by hand.
//!
//! Lines are not wrapped (Japanese has no spaces to wrap at; base64 carries any length). The tree's depth was
//! checked before, so recursion is bounded.

use comrak::html::dangerous_url;
use comrak::nodes::{ListType, Node, NodeValue};

use super::mark::Marks;

/// The whole text, ending with a line break.
pub(super) fn text(root: Node<'_>, marks: &Marks) -> String {
    let mut out = Plain { marks }.blocks(root, true).join("\n");
    out.push('\n');
    out
}

struct Plain<'m> {
    marks: &'m Marks,
}

impl Plain<'_> {
    /// The lines of a container's blocks, an empty line between two unless the container is tight.
    fn blocks(&self, container: Node<'_>, loose: bool) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for block in container.children() {
            if loose && !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(self.block(block));
        }
        lines
    }

    fn block(&self, node: Node<'_>) -> Vec<String> {
        match &node.data().value {
            NodeValue::Heading(heading) => {
                let sign = match heading.level {
                    1 => "■ ",
                    2 => "● ",
                    _ => "◆ ",
                };
                prefixed(split(&self.inlines(node)), sign, "  ")
            }
            NodeValue::BlockQuote => prefixed(self.blocks(node, true), "> ", "> "),
            NodeValue::List(list) => {
                let (ordered, start, tight) = (list.list_type == ListType::Ordered, list.start, list.tight);
                self.list(node, ordered.then_some(start), tight)
            }
            NodeValue::CodeBlock(code) => prefixed(split(&code.literal), "    ", "    "),
            NodeValue::HtmlBlock(html) => split(&html.literal),
            NodeValue::ThematicBreak => vec!["-".repeat(10)],
            NodeValue::Table(_) => self.table(node),
            value if value.contains_inlines() => split(&self.inlines(node)),
            _ => self.blocks(node, true),
        }
    }

    fn list(&self, list: Node<'_>, start: Option<usize>, tight: bool) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (index, item) in list.children().enumerate() {
            if !tight && index > 0 {
                lines.push(String::new());
            }
            let sign =
                start.map_or_else(|| "- ".to_owned(), |first| format!("{}. ", first.saturating_add(index)));
            let indent = " ".repeat(sign.len());
            lines.extend(prefixed(self.blocks(item, !tight), &sign, &indent));
        }
        lines
    }

    fn table(&self, table: Node<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        for row in table.children() {
            let cells: Vec<String> = row.children().map(|c| self.inlines(c).replace('\n', " ")).collect();
            lines.push(cells.join(" | "));
            if matches!(row.data().value, NodeValue::TableRow(true)) {
                lines.push("-".repeat(10));
            }
        }
        lines
    }

    fn inlines(&self, parent: Node<'_>) -> String {
        parent.children().map(|node| self.inline(node)).collect()
    }

    fn inline(&self, node: Node<'_>) -> String {
        match &node.data().value {
            NodeValue::Text(text) => text.replace(&self.marks.line_break(), "\n"),
            NodeValue::Code(code) => code.literal.clone(),
            NodeValue::HtmlInline(html) => html.clone(),
            NodeValue::SoftBreak | NodeValue::LineBreak => "\n".to_owned(),
            NodeValue::Strikethrough => format!("~~{}~~", self.inlines(node)),
            NodeValue::Link(link) => self.link(&self.inlines(node), &link.url),
            NodeValue::Image(link) => self.link(&format!("[{}]", self.inlines(node)), &link.url),
            _ => self.inlines(node),
        }
    }

    /// `text (URL)`, or the URL alone when the text says the same.
    fn link(&self, text: &str, url: &str) -> String {
        let is_address = url.strip_prefix("mailto:").is_some_and(|address| address == text);
        if url.is_empty() || dangerous_url(url) || is_address {
            text.to_owned()
        } else if url == text || url.strip_prefix("http://").is_some_and(|bare| bare == text) {
            self.marks.in_url(url)
        } else {
            format!("{text} ({})", self.marks.in_url(url))
        }
    }
}

/// The lines of a text, its last line break dropped.
fn split(text: &str) -> Vec<String> {
    text.strip_suffix('\n').unwrap_or(text).split('\n').map(str::to_owned).collect()
}

/// Puts `first` before the first line and `rest` before the others; no white space is left at line ends.
fn prefixed(lines: Vec<String>, first: &str, rest: &str) -> Vec<String> {
    let line = |(index, line): (usize, String)| {
        let prefix = if index == 0 { first } else { rest };
        format!("{prefix}{line}").trim_end_matches(' ').to_owned()
    };
    lines.into_iter().enumerate().map(line).collect()
}
