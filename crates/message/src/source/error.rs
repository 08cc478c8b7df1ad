//! What can be wrong with a release file, in words that its author understands: the place, the reason, the remedy.

use crate::limits::{ATTACHMENTS_MAX, FRONT_MATTER_OCTETS_MAX, HEADERS_MAX, SOURCE_OCTETS_MAX};
use crate::mailbox::MailboxError;
use crate::source::HeaderNameError;

/// Why a release file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Over [`SOURCE_OCTETS_MAX`].
    #[error(
        "the release file has {octets} octets; at most {SOURCE_OCTETS_MAX} are read. Move pictures and files to `attachments`"
    )]
    TooLarge {
        /// Its size.
        octets: usize,
    },
    /// Not UTF-8.
    #[error("line {line}: the release file is not UTF-8. Save it as UTF-8")]
    NotUtf8 {
        /// The first line that is not.
        line: usize,
    },
    /// The file does not start with `---`.
    #[error(
        "line 1: the release file must start with a line `---`, then `subject:` and `from:`, then another line `---`"
    )]
    NoFrontMatter,
    /// The front matter does not end.
    #[error("the front matter has no end. Put a line `---` after the last setting")]
    Unclosed,
    /// Over [`FRONT_MATTER_OCTETS_MAX`].
    #[error(
        "the front matter is longer than {FRONT_MATTER_OCTETS_MAX} octets. Is the second line `---` missing?"
    )]
    FrontMatterTooLarge,
    /// Not YAML.
    #[error(
        "line {line}: {reason}. Put values that hold `: `, ` #` or start with `{{{{`, `[`, `@`, `*`, `&`, `!`, `%` in 'quotes'"
    )]
    Yaml {
        /// The line.
        line: usize,
        /// What the YAML reader says.
        reason: String,
    },
    /// A key that has no meaning here.
    #[error("line {line}: `{key}` is not known{}. Known are: subject, from, reply_to, headers, attachments, lang", suggestion.map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// The nearest known key.
        suggestion: Option<&'static str>,
    },
    /// A required key is absent or empty.
    #[error("the front matter has no `{key}`. Add a line `{key}: …`")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value of another kind than expected.
    #[error("line {line}: `{key}` must be {expected}")]
    Kind {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// CR, LF, NUL or another control character in a value.
    #[error("line {line}: `{key}` has a line break or control character. Write it on one line")]
    Control {
        /// The line.
        line: usize,
        /// The key.
        key: String,
    },
    /// A value is too long.
    #[error("line {line}: `{key}` is longer than {max} octets")]
    TooLong {
        /// The line.
        line: usize,
        /// The key.
        key: String,
        /// The limit.
        max: usize,
    },
    /// `from` or `reply_to` is no mailbox.
    #[error("line {line}: `{key}` is not usable: {reason}. Write `Name <name@example.jp>`")]
    Mailbox {
        /// The line.
        line: usize,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        reason: MailboxError,
    },
    /// A placeholder where none may stand.
    #[error("line {line}: `{key}` is the same for everybody and cannot hold placeholders")]
    Placeholder {
        /// The line.
        line: usize,
        /// The key.
        key: &'static str,
    },
    /// A header field that a release may not set.
    #[error("line {line}: the header `{name}` cannot be set: {reason}")]
    HeaderName {
        /// The line.
        line: usize,
        /// The field's name.
        name: String,
        /// Why not.
        reason: HeaderNameError,
    },
    /// More than [`HEADERS_MAX`].
    #[error("{count} headers are set; at most {HEADERS_MAX} are allowed")]
    TooManyHeaders {
        /// How many.
        count: usize,
    },
    /// More than [`ATTACHMENTS_MAX`].
    #[error("{count} attachments are named; at most {ATTACHMENTS_MAX} are allowed")]
    TooManyAttachments {
        /// How many.
        count: usize,
    },
    /// An attachment's path leaves the release's folder or is unusable.
    #[error(
        "line {line}: the attachment `{path}` must be a path below the release's folder, without `..` and control characters"
    )]
    AttachmentPath {
        /// The line.
        line: usize,
        /// The path.
        path: String,
    },
    /// Not a language tag.
    #[error("line {line}: `lang` must be a language tag such as `ja` or `en-US`")]
    Lang {
        /// The line.
        line: usize,
    },
    /// Nothing after the front matter.
    #[error("the release has no text. Write it in Markdown after the second `---` line")]
    EmptyBody,
}
