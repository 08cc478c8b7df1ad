//! From a [`CompiledMailing`], a personalization and an identity to one mail's octets.

use std::borrow::Cow;

use domain::EmailAddress;

use super::compile::{Body, CompiledMailing, write_text};
use super::dynamic::{DynamicData, TemplatePart};
use super::substitution::{Substitution, Tags};
use super::wording::{SUBJECT_TAG, Source, Wording, with_footer};
use super::{HeaderLine, Personalization};
use crate::header::{self, FieldKind};
use crate::identity::{MailingIdentity, write_date_and_id};
use crate::limits::{HEADER_VALUE_OCTETS_MAX, PART_OCTETS_MAX};
use crate::mailbox::Mailbox;
use crate::template::{RenderError, Rendered, RenderedFacts};

/// Tags of SendGrid's that stand for the page where a recipient unsubscribes.
const UNSUBSCRIBE_TAGS: &[&str] = &[
    "<%asm_group_unsubscribe_raw_url%>",
    "<%asm_global_unsubscribe_raw_url%>",
    "<%asm_preferences_raw_url%>",
];

/// Everything that one mail is made of.
struct Mail<'a> {
    compiled: &'a CompiledMailing,
    personalization: &'a Personalization,
    identity: &'a MailingIdentity<'a>,
    substitution: Substitution,
    /// For texts of a dynamic template, whose data is not read for keys.
    tags_only: Substitution,
    data: Option<DynamicData>,
}

pub(super) fn render(
    compiled: &CompiledMailing,
    index: usize,
    identity: &MailingIdentity<'_>,
) -> Result<Rendered, RenderError> {
    let count = compiled.personalizations.len();
    let personalization =
        compiled.personalizations.get(index).ok_or(RenderError::NoPersonalization { index, count })?;
    let url = identity.unsubscribe.and_then(|targets| targets.https);
    let tags = tags(compiled, url);
    let empty = Personalization::default();
    let mail = Mail {
        compiled,
        personalization,
        identity,
        substitution: Substitution::of(personalization, &compiled.sections, &tags)?,
        tags_only: Substitution::of(&empty, &std::collections::BTreeMap::new(), &tags)?,
        data: compiled.dynamic.as_ref().map(|_| compiled.data(personalization, url)),
    };
    let mut head = Vec::with_capacity(4096);
    mail.write_fields(&mut head)?;
    mail.write_texts(&mut head)?;
    let needs_smtputf8 = mail.named().any(EmailAddress::needs_smtputf8);
    Ok(Rendered {
        head,
        tail: compiled.tail(),
        facts: RenderedFacts { eight_bit: needs_smtputf8, needs_smtputf8 },
        tail_digest: compiled.tail_digest,
    })
}

fn tags<'a>(compiled: &'a CompiledMailing, url: Option<&'a str>) -> Tags<'a> {
    let Some(url) = url.filter(|_| compiled.tagged) else { return Vec::new() };
    UNSUBSCRIBE_TAGS
        .iter()
        .copied()
        .chain(compiled.unsubscribe_tag.as_deref())
        .map(|tag| (tag, url))
        .collect()
}

impl Mail<'_> {
    fn from(&self) -> &Mailbox {
        self.personalization.from.as_ref().unwrap_or(&self.compiled.from)
    }

    /// Whom To and Cc name.
    fn to_and_cc(&self) -> (&[Mailbox], &[Mailbox]) {
        match &self.personalization.named {
            Some(named) => (&named.to, &named.cc),
            None => (&self.personalization.to, &self.personalization.cc),
        }
    }

    /// Every address that the header holds.
    fn named(&self) -> impl Iterator<Item = &EmailAddress> {
        let (to, cc) = self.to_and_cc();
        let reply_to = &self.compiled.reply_to;
        std::iter::once(self.from()).chain(reply_to).chain(to).chain(cc).map(|mailbox| &mailbox.address)
    }

    fn write_fields(&self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        write_date_and_id(self.identity.date, self.identity.message_id, out)?;
        let (to, cc) = self.to_and_cc();
        if to.is_empty() && cc.is_empty() {
            out.extend_from_slice(b"To: undisclosed-recipients:;\r\n");
        }
        header::write_mailboxes("To", to, out);
        header::write_mailboxes("Cc", cc, out);
        let own_unsubscribe = self.headers().any(|h| h.name.eq_ignore_ascii_case("List-Unsubscribe"));
        if let Some(targets) = self.identity.unsubscribe.filter(|_| !own_unsubscribe) {
            targets.write(out)?;
        }
        let from = self.from();
        header::write_mailbox("From", from.name.as_deref(), &from.address, out);
        header::write_mailboxes("Reply-To", &self.compiled.reply_to, out);
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        let subject = self.subject()?;
        if !subject.is_empty() {
            write_field("Subject", &subject, out)?;
        }
        for line in self.headers() {
            write_field(&line.name, &self.substitution.apply(&line.value)?, out)?;
        }
        Ok(())
    }

    /// The mailing's fields but those that the personalization sets, then its own.
    fn headers(&self) -> impl Iterator<Item = &HeaderLine> {
        let own = &self.personalization.headers;
        let kept = self
            .compiled
            .headers
            .iter()
            .filter(|line| !own.iter().any(|other| other.name.eq_ignore_ascii_case(&line.name)));
        kept.chain(own)
    }

    fn subject(&self) -> Result<Cow<'_, str>, RenderError> {
        if let Some(filled) = self.fill(TemplatePart::Subject) {
            return Ok(Cow::Owned(filled?));
        }
        let own = match self.personalization.subject.as_str() {
            "" => &self.compiled.subject,
            subject => subject,
        };
        let own = match self.compiled.legacy_subject.as_str() {
            "" => Cow::Borrowed(own),
            around => Cow::Owned(around.replace(SUBJECT_TAG, own)),
        };
        Ok(Cow::Owned(self.substitution.apply(&own)?.into_owned()))
    }

    /// A part of the dynamic template, filled.
    fn fill(&self, part: TemplatePart) -> Option<Result<String, RenderError>> {
        let filled = self.compiled.dynamic.as_ref()?.render(part, self.data.as_ref()?)?;
        Some(filled.map_err(RenderError::Dynamic))
    }

    fn write_texts(&self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        for text in &self.compiled.texts {
            out.extend_from_slice(&text.opening);
            match &text.body {
                Body::Fixed(octets) => out.extend_from_slice(octets),
                Body::Personal(wording) => write_text(&text.media_type, &self.worded(wording)?, out),
            }
        }
        Ok(())
    }

    fn worded(&self, wording: &Wording) -> Result<String, RenderError> {
        let (text, substitution) = match &wording.source {
            Source::Literal(text) => (text.clone(), &self.substitution),
            Source::Dynamic(part) => {
                (self.fill(*part).unwrap_or_else(|| Ok(String::new()))?, &self.tags_only)
            }
        };
        let text = with_footer(text, &wording.footer);
        let text = substitution.apply(&text)?;
        if text.len() > PART_OCTETS_MAX { Err(RenderError::TooLarge) } else { Ok(text.into_owned()) }
    }
}

/// A field whose value people wrote. A value of many lines becomes one line: the mailing was accepted with a value that
/// nobody could see then, and a line break must not become a field.
fn write_field(name: &str, value: &str, out: &mut Vec<u8>) -> Result<(), RenderError> {
    let value = one_line(value);
    if value.len() > HEADER_VALUE_OCTETS_MAX {
        return Err(RenderError::HeaderTooLong { name: name.to_owned() });
    }
    let kind = header::kind_of(name);
    if kind == FieldKind::Structured && !header::fits_structured(&value) {
        return Err(RenderError::HeaderValue { name: name.to_owned() });
    }
    header::write_field(name, &value, kind, out);
    Ok(())
}

/// The text with a space for every run of control characters, trimmed.
fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let words = text.split(char::is_control).filter(|word| !word.is_empty());
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}
