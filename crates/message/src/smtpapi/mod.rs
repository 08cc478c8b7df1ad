//! X-SMTPAPI: what a mail that comes by SMTP says in a header field of JSON, and such a mail as a [`Mailing`].
//!
//! [`SmtpApi::parse`] reads the field, [`mailing_of`] takes the mail apart and makes one personalization for each
//! address of `to`, so that `sub` and `section` work as substitutions. A mail without these is sent on as it came
//! ([`SmtpApi::needs_mailing`]).
//!
//! Left to others: fetching the template that a filter names, scheduling, suppression, tracking.
//!
//! Invariant: errors name the place and never quote a value.

mod conversion;
mod error;
mod filters;
mod headers;
mod parts;
mod reading;

use std::collections::BTreeMap;

pub use conversion::mailing_of;
pub use error::{SmtpApiError, SmtpApiFault};
pub use filters::Filters;

use crate::mailbox::Mailbox;

/// What the field says.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SmtpApi {
    /// Who gets a mail of their own; empty for the envelope's recipients with one mail.
    pub to: Vec<Mailbox>,
    /// Key to values, one for each address of `to`.
    pub sub: BTreeMap<String, Vec<String>>,
    /// Key to text.
    pub section: BTreeMap<String, String>,
    /// What the mails are counted under.
    pub category: Vec<String>,
    /// Handed back with every event.
    pub unique_args: BTreeMap<String, String>,
    /// What is done besides sending.
    pub filters: Filters,
    /// When to send, in seconds since 1970.
    pub send_at: Option<i64>,
    /// When to send, one for each address of `to`.
    pub send_each_at: Vec<i64>,
    /// The group that a recipient unsubscribes from.
    pub asm_group_id: Option<i64>,
    /// The groups that are offered besides.
    pub asm_groups_to_display: Vec<i64>,
    /// The pool of addresses that the mails are sent from.
    pub ip_pool: Option<String>,
}

impl SmtpApi {
    /// Reads the field's text, unfolded. Unknown names are passed over, as SendGrid does.
    ///
    /// # Errors
    /// When it is no JSON object, or a value is not of its kind or over its limit; with its place.
    pub fn parse(text: &str) -> Result<Self, SmtpApiError> {
        reading::read(text)
    }

    /// Whether the mail must be taken apart and made anew, rather than sent on as it came.
    #[must_use]
    pub fn needs_mailing(&self) -> bool {
        !self.to.is_empty()
            || !self.sub.is_empty()
            || !self.section.is_empty()
            || self.filters.template_id.is_some()
            || self.filters.settings.footer.is_some()
            || self.filters.settings.subscription.is_some()
    }
}

impl std::fmt::Debug for SmtpApi {
    /// What people wrote stays out of debug output.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpApi")
            .field("to", &self.to.len())
            .field("sub", &self.sub.len())
            .finish_non_exhaustive()
    }
}
