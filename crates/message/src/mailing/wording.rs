//! Which texts a mailing's mails have: its own contents, or the template's around or instead of them, plain text first
//! and HTML last, as multipart/alternative wants (RFC 2046 section 5.1.4: the best form last).

use super::dynamic::{DynamicTemplate, TemplatePart};
use super::{Content, MailTemplate, Mailing, TemplateKind, media_type};
use crate::escape::{self, Escape};

/// One text of the mail.
pub(super) struct Wording {
    /// As given; parameters included.
    pub(super) media_type: String,
    /// Where the text comes from.
    pub(super) source: Source,
    /// What is added at its end.
    pub(super) footer: String,
}

/// Where a text comes from.
pub(super) enum Source {
    /// From the request; keys are replaced in it.
    Literal(String),
    /// From the dynamic template.
    Dynamic(TemplatePart),
}

/// What a legacy template calls the mailing's own subject.
pub(super) const SUBJECT_TAG: &str = "<%subject%>";
const BODY_TAG: &str = "<%body%>";

/// The texts, in the order that they are written.
pub(super) fn wordings(mailing: &Mailing, dynamic: Option<&DynamicTemplate>) -> Vec<Wording> {
    let mut wordings = match (&mailing.template, dynamic) {
        (_, Some(dynamic)) => of_dynamic(mailing, dynamic),
        (Some(template), None) if template.kind == TemplateKind::Legacy => of_legacy(mailing, template),
        _ => mailing.contents.iter().map(literal).collect(),
    };
    wordings.sort_by_key(|wording| match media_type::essence(&wording.media_type).as_str() {
        "text/plain" => 0,
        "text/html" => 2,
        _ => 1,
    });
    if let Some(footer) = &mailing.settings.footer {
        for wording in &mut wordings {
            match media_type::essence(&wording.media_type).as_str() {
                "text/plain" => wording.footer.clone_from(&footer.text),
                "text/html" => wording.footer.clone_from(&footer.html),
                _ => {}
            }
        }
    }
    wordings
}

/// Puts a footer below plain text, or before the end of the HTML's body.
pub(super) fn with_footer(mut text: String, footer: &str) -> String {
    if footer.is_empty() {
        return text;
    }
    let end = text.to_ascii_lowercase().rfind("</body>");
    match end {
        Some(at) => text.insert_str(at, footer),
        None => {
            text.push_str("\r\n");
            text.push_str(footer);
        }
    }
    text
}

fn literal(content: &Content) -> Wording {
    Wording {
        media_type: content.media_type.clone(),
        source: Source::Literal(content.text.clone()),
        footer: String::new(),
    }
}

/// The template's texts; of the mailing's own those that are neither plain text nor HTML, and all where the template
/// has none.
fn of_dynamic(mailing: &Mailing, dynamic: &DynamicTemplate) -> Vec<Wording> {
    let (text, html) = (dynamic.has(TemplatePart::Text), dynamic.has(TemplatePart::Html));
    let part = |media_type: &str, part| Wording {
        media_type: media_type.to_owned(),
        source: Source::Dynamic(part),
        footer: String::new(),
    };
    let mut wordings = Vec::new();
    if text {
        wordings.push(part("text/plain", TemplatePart::Text));
    }
    if html {
        wordings.push(part("text/html", TemplatePart::Html));
    }
    let kept = mailing.contents.iter().filter(|content| (!text && !html) || !is_text(content));
    wordings.extend(kept.map(literal));
    wordings
}

/// The template's texts with the mailing's own in the place of `<%body%>`.
fn of_legacy(mailing: &Mailing, template: &MailTemplate) -> Vec<Wording> {
    let own = |essence: &str| {
        mailing
            .contents
            .iter()
            .find(|c| media_type::essence(&c.media_type) == essence)
            .map(|c| c.text.as_str())
    };
    let (text, html) = (own("text/plain"), own("text/html"));
    let filled = |media_type: &str, around: &str, body: Option<String>| {
        let text = match (around.is_empty(), body) {
            (true, body) => body?,
            (false, body) => around.replace(BODY_TAG, &body.unwrap_or_default()),
        };
        Some(Wording {
            media_type: media_type.to_owned(),
            source: Source::Literal(text),
            footer: String::new(),
        })
    };
    let html_body =
        html.map(str::to_owned).or_else(|| text.filter(|_| !template.html.is_empty()).map(as_html));
    let mut wordings: Vec<Wording> = [
        filled("text/plain", &template.text, text.map(str::to_owned)),
        filled("text/html", &template.html, html_body),
    ]
    .into_iter()
    .flatten()
    .collect();
    wordings.extend(mailing.contents.iter().filter(|content| !is_text(content)).map(literal));
    wordings
}

fn is_text(content: &Content) -> bool {
    matches!(media_type::essence(&content.media_type).as_str(), "text/plain" | "text/html")
}

/// Plain text for within HTML.
fn as_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Html never refuses a value.
    let _ = escape::push(Escape::Html, text, &mut out);
    out.replace("\r\n", "<br>\r\n")
}
