//! What a mail is made of: a release's source, a record of the list and an identity become RFC 5322 bytes,
//! signed with DKIM if wished. So do single mails, which come by API or SMTP.
//!
//! - [`ReleaseSource::parse`] reads a release file: YAML front matter, then Markdown.
//! - [`Template::compile`] checks it against the list's columns and encodes once whatever is the same for all.
//! - [`Template::render`] makes the mail of one recipient: a personal head and a shared tail (attachments).
//! - [`Mailing`] is one request of an API, stored as accepted; [`Mailing::compile`] and [`CompiledMailing::render`] make
//!   its mails.
//! - [`RawMail::read`] takes a mail that came by SMTP as octets, [`SmtpApi::parse`] the instructions in it.
//! - [`DkimSigner::sign`] gives the `DKIM-Signature` field to put before the head.
//!
//! Left to others: reading files and lists (rooms above), the envelope and dot-stuffing (`smtp`), whether the
//! author's domain is the signer's (the caller).
//!
//! Invariants: no IO, no clock, no random source, so the same inputs give the same bytes. Every line ends with
//! CRLF and holds at most 998 octets (RFC 5322 section 2.1.1). All but SMTPUTF8 addresses is ASCII. A
//! recipient's value is data: it cannot become Markdown, HTML, a header field, an encoded word or a boundary. (A mail
//! that came as octets leaves as it came, and a mailing's values stand in its contents as they were given.)

mod attachment;
mod digest;
pub mod dkim;
mod escape;
mod expression;
mod header;
pub mod identity;
pub mod limits;
mod mailbox;
pub mod mailing;
mod markdown;
mod piece;
mod placeholder;
pub mod raw;
pub mod smtpapi;
pub mod source;
pub mod template;
mod transfer;

pub use attachment::Attachment;
pub use dkim::{DkimError, DkimSigner};
pub use identity::{MailDate, MailIdentity, MailingIdentity, Unsubscribe};
pub use mailbox::Mailbox;
pub use mailing::{CompiledMailing, Mailing, MailingError};
pub use raw::{RawError, RawIdentity, RawLimits, RawMail};
pub use smtpapi::{SmtpApi, SmtpApiError};
pub use source::{ReleaseSource, SourceError};
pub use template::{RenderError, Rendered, Template, TemplateError};
