//! From a [`Mailing`] to what all its mails share.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::dynamic::{DynamicData, DynamicTemplate};
use super::error::{MailingError, MailingFault, fault};
use super::wording::{self, Source, Wording};
use super::{HeaderLine, Mailing, Personalization, TemplateKind, media_type, render, shape};
use crate::digest::Sha256;
use crate::escape;
use crate::identity::MailingIdentity;
use crate::mailbox::Mailbox;
use crate::template::{RenderError, Rendered};
use crate::transfer::Encoding;

/// A mailing that is ready to make mails. It owns all that it needs.
pub struct CompiledMailing {
    pub(super) from: Mailbox,
    pub(super) reply_to: Vec<Mailbox>,
    pub(super) subject: String,
    /// A legacy template's subject; empty for none.
    pub(super) legacy_subject: String,
    pub(super) headers: Vec<HeaderLine>,
    pub(super) sections: BTreeMap<String, String>,
    pub(super) personalizations: Vec<Personalization>,
    /// Whether some text holds a tag that may stand for a link.
    pub(super) tagged: bool,
    /// Another tag that stands for the unsubscribe link.
    pub(super) unsubscribe_tag: Option<String>,
    pub(super) dynamic: Option<Arc<DynamicTemplate>>,
    pub(super) texts: Vec<Text>,
    pub(super) tail: Arc<[u8]>,
    pub(super) tail_digest: [u8; 32],
}

/// A text with what stands before it.
pub(super) struct Text {
    pub(super) opening: Vec<u8>,
    /// As it is written, charset left out.
    pub(super) media_type: String,
    pub(super) body: Body,
}

pub(super) enum Body {
    /// The same for all: MIME header and encoded text.
    Fixed(Vec<u8>),
    /// Made for each mail.
    Personal(Wording),
}

pub(super) fn compile(mailing: &Mailing) -> Result<CompiledMailing, MailingError> {
    let dynamic = match &mailing.template {
        Some(template) if template.kind == TemplateKind::Dynamic => {
            let of_template = |error| fault("template_id", MailingFault::Template(error));
            Some(Arc::new(DynamicTemplate::compile(template).map_err(of_template)?))
        }
        _ => None,
    };
    compile_with(mailing, dynamic)
}

/// With a template that was read before.
pub(super) fn compile_with(
    mailing: &Mailing,
    dynamic: Option<Arc<DynamicTemplate>>,
) -> Result<CompiledMailing, MailingError> {
    mailing.check()?;
    let wordings = wording::wordings(mailing, dynamic.as_deref());
    let shape = shape::lay_out(&wordings, &mailing.attachments);
    let personal = mailing.personalizations.iter().any(|p| !p.substitutions.is_empty())
        || !mailing.sections.is_empty()
        || mailing.settings.subscription.is_some();
    let texts = wordings
        .into_iter()
        .zip(shape.openings)
        .map(|(wording, opening)| text(wording, opening, personal))
        .collect();
    let mut sha = Sha256::new();
    sha.update(&shape.tail);
    let legacy = mailing.template.as_ref().filter(|t| t.kind == TemplateKind::Legacy);
    let tag = mailing.settings.subscription.as_ref().map(|s| s.tag.clone()).filter(|tag| !tag.is_empty());
    Ok(CompiledMailing {
        from: mailing.from.clone(),
        reply_to: mailing.reply_to.clone(),
        subject: mailing.subject.clone(),
        legacy_subject: legacy.map(|t| t.subject.clone()).unwrap_or_default(),
        headers: mailing.headers.clone(),
        sections: mailing.sections.clone(),
        personalizations: mailing.personalizations.clone(),
        tagged: tag.is_some() || has_tags(mailing),
        unsubscribe_tag: tag,
        dynamic,
        texts,
        tail: shape.tail.into(),
        tail_digest: sha.finish(),
    })
}

/// Whether a text that is searched for tags holds the beginning of one.
fn has_tags(mailing: &Mailing) -> bool {
    let contents = mailing.contents.iter().map(|content| &content.text);
    let template = mailing.template.iter().flat_map(|t| [&t.subject, &t.html, &t.text]);
    let headers = mailing.headers.iter().chain(mailing.personalizations.iter().flat_map(|p| &p.headers));
    let subjects =
        std::iter::once(&mailing.subject).chain(mailing.personalizations.iter().map(|p| &p.subject));
    let footer = mailing.settings.footer.iter().flat_map(|footer| [&footer.text, &footer.html]);
    contents
        .chain(template)
        .chain(headers.map(|line| &line.value))
        .chain(subjects)
        .chain(footer)
        .chain(mailing.sections.values())
        .any(|text| text.contains("<%"))
}

/// Encodes what is the same for all. `<%` begins the tags that stand for links and for the subject.
fn text(wording: Wording, opening: Vec<u8>, personal: bool) -> Text {
    let media_type = media_type::written(&wording.media_type, &["charset", "format", "delsp"]);
    let body = match &wording.source {
        Source::Literal(text) if !personal && !text.contains("<%") && !wording.footer.contains("<%") => {
            let text = wording::with_footer(text.clone(), &wording.footer);
            let mut out = Vec::new();
            write_text(&media_type, &text, &mut out);
            Body::Fixed(out)
        }
        _ => Body::Personal(wording),
    };
    Text { opening, media_type, body }
}

/// MIME header, blank line, and the text encoded, its line ends CRLF.
pub(super) fn write_text(media_type: &str, text: &str, out: &mut Vec<u8>) {
    let text: Cow<'_, str> = if has_other_line_ends(text) {
        let mut lines = String::with_capacity(text.len() + text.len() / 40);
        escape::push_lines(text, &mut lines);
        Cow::Owned(lines)
    } else {
        Cow::Borrowed(text)
    };
    let encoding = Encoding::of(std::iter::once(text.as_ref()));
    let header = format!(
        "Content-Type: {media_type}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        encoding.name()
    );
    out.extend_from_slice(header.as_bytes());
    encoding.encode(text.as_bytes(), out);
}

fn has_other_line_ends(text: &str) -> bool {
    let octets = text.as_bytes();
    memchr::memchr2_iter(b'\r', b'\n', octets).any(|at| match octets.get(at) {
        Some(b'\r') => octets.get(at + 1) != Some(&b'\n'),
        _ => at == 0 || octets.get(at - 1) != Some(&b'\r'),
    })
}

impl CompiledMailing {
    /// How many mails there are to make.
    #[must_use]
    pub fn personalizations(&self) -> usize {
        self.personalizations.len()
    }

    /// Makes the mail of one personalization, by its index. All its recipients get these octets.
    ///
    /// # Errors
    /// When there is no such personalization, its values do not fit the template or a header field, or the identity
    /// cannot be written; never quotes a value.
    pub fn render(
        &self,
        personalization: usize,
        identity: &MailingIdentity<'_>,
    ) -> Result<Rendered, RenderError> {
        render::render(self, personalization, identity)
    }

    /// The files' octets, which follow every head.
    #[must_use]
    pub fn tail(&self) -> Arc<[u8]> {
        Arc::clone(&self.tail)
    }

    pub(super) fn data(&self, personalization: &Personalization, unsubscribe: Option<&str>) -> DynamicData {
        DynamicData::new(&personalization.data, unsubscribe)
    }
}

impl std::fmt::Debug for CompiledMailing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledMailing")
            .field("personalizations", &self.personalizations.len())
            .field("texts", &self.texts.len())
            .finish_non_exhaustive()
    }
}
