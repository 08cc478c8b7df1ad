//! A mailing: what one request of an API asks for (`POST /v3/mail/send`), in the house's own types.
//!
//! It is stored as it was accepted, as JSON, and rendered later, perhaps on another machine: rendering needs nothing
//! but the mailing and an identity. [`Mailing::check`] says whether it is within its limits, [`Mailing::compile`] does
//! once what is the same for all, [`CompiledMailing::render`] makes the mail of one personalization.
//!
//! Left to others: reading the request, fetching the template, scheduling, suppression, tracking.
//!
//! Invariants: all recipients of a personalization get the same octets, and no header field names a blind copy's. What
//! a request says can become text or HTML of its mails, and never a header field, an encoded word or a boundary that it
//! did not ask for. The names of the stored form never change; new ones have a default.

mod check;
mod compile;
pub mod dynamic;
mod error;
mod header_rule;
mod media_type;
mod render;
mod settings;
mod shape;
mod stored;
mod substitution;
mod wording;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use compile::CompiledMailing;
pub use dynamic::DynamicTemplate;
pub use error::{MailingError, MailingFault};
pub use settings::{ClickTracking, Footer, Settings, SubscriptionTracking, UnsubscribeGroup};

pub(crate) use header_rule::is_reserved as is_reserved_header;
pub(crate) use media_type::is_usable as usable_media_type;

use crate::mailbox::Mailbox;

/// What one request asks for.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailing {
    /// The author, unless a personalization names another.
    pub from: Mailbox,
    /// Where answers go; empty for the author.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<Mailbox>,
    /// The subject; a personalization's goes before it, a template's before both. Empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The same text in several media types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Content>,
    /// Header fields; a personalization's field of the same name replaces all of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderLine>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<MailingFile>,
    /// Texts that stand for their keys in contents and in substitutions' values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sections: BTreeMap<String, String>,
    /// One mail each.
    pub personalizations: Vec<Personalization>,
    /// The template's text as it was when the mailing was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<MailTemplate>,
    /// What the mails are counted under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Handed back with every event; a personalization's go before these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_args: BTreeMap<String, String>,
    /// When to send, in seconds since 1970; a personalization's goes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<i64>,
    /// Under which id the mails can be held back or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The group that a recipient unsubscribes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe_group: Option<UnsubscribeGroup>,
    /// The pool of addresses that it is sent from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_pool: Option<String>,
    /// What is done besides sending.
    #[serde(default, skip_serializing_if = "Settings::is_plain")]
    pub settings: Settings,
}

/// One mail to its recipients.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Personalization {
    /// Recipients that the mail names in To.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Mailbox>,
    /// Recipients that it names in Cc.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Mailbox>,
    /// Recipients that it does not name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Mailbox>,
    /// Whom To and Cc name instead of the recipients: a mail that came by SMTP said itself whom it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
    /// Another author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Mailbox>,
    /// Another subject; empty for the mailing's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Further or other header fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderLine>,
    /// Key to value, literally, in subject, contents and header values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub substitutions: BTreeMap<String, String>,
    /// What a dynamic template is filled with.
    #[serde(rename = "dynamic_template_data", skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
    /// Handed back with its events.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_args: BTreeMap<String, String>,
    /// When to send, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<i64>,
}

/// Whom a mail names, whoever receives it. Both empty: it says `undisclosed-recipients`.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Named {
    /// In To.
    pub to: Vec<Mailbox>,
    /// In Cc.
    pub cc: Vec<Mailbox>,
}

/// The text in one media type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Such as `text/html` or `text/calendar; method=REQUEST`. A charset is replaced by UTF-8.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The text.
    #[serde(rename = "value")]
    pub text: String,
}

/// A header field that the request asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderLine {
    /// Its name.
    pub name: String,
    /// Its value: one line, before encoding.
    pub value: String,
}

/// A file that goes with every mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailingFile {
    /// The name that recipients see.
    #[serde(rename = "filename")]
    pub name: String,
    /// Its media type; `None` to take it from the name.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Shown within the mail (an image) rather than below it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// What HTML names it by after `cid:`, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Its octets; base64 in the stored form.
    #[serde(rename = "content", with = "stored::base64")]
    pub octets: Vec<u8>,
}

/// How a template's text is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKind {
    /// Handlebars over [`Personalization::data`].
    Dynamic,
    /// `<%subject%>` and `<%body%>` stand for the mailing's own, then substitutions.
    Legacy,
}

/// A version of a template.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTemplate {
    /// Its id, for statistics.
    pub id: String,
    /// How it is filled.
    pub kind: TemplateKind,
    /// Its subject; empty to keep the mailing's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Its HTML; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub html: String,
    /// Its plain text; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Mailing {
    /// A mailing of this author, with nothing in it yet.
    #[must_use]
    pub fn new(from: Mailbox) -> Self {
        Self {
            from,
            reply_to: Vec::new(),
            subject: String::new(),
            contents: Vec::new(),
            headers: Vec::new(),
            attachments: Vec::new(),
            sections: BTreeMap::new(),
            personalizations: Vec::new(),
            template: None,
            categories: Vec::new(),
            custom_args: BTreeMap::new(),
            send_at: None,
            batch_id: None,
            unsubscribe_group: None,
            ip_pool: None,
            settings: Settings::default(),
        }
    }

    /// Whether the mailing is within its limits and can be made into mails, as far as that can be known before.
    ///
    /// # Errors
    /// The first fault, with its place, such as `personalizations.0.to.0.email`.
    pub fn check(&self) -> Result<(), MailingError> {
        check::check(self)
    }

    /// Checks the mailing and does once what is the same for all its mails: attachments, fixed parts, the template.
    ///
    /// # Errors
    /// As [`Mailing::check`].
    pub fn compile(&self) -> Result<CompiledMailing, MailingError> {
        compile::compile(self)
    }

    /// [`Mailing::compile`] with its dynamic template read before, for many mailings that use the same version.
    ///
    /// # Errors
    /// As [`Mailing::check`].
    pub fn compile_with(
        &self,
        template: std::sync::Arc<DynamicTemplate>,
    ) -> Result<CompiledMailing, MailingError> {
        compile::compile_with(self, Some(template))
    }
}

impl Personalization {
    /// All that get its mail: to, cc, bcc, in this order.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

impl std::fmt::Debug for Mailing {
    /// What people wrote stays out of debug output.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailing")
            .field("personalizations", &self.personalizations.len())
            .field("contents", &self.contents.len())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}
