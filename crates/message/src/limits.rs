//! The limits on everything that reaches this room from outside, in one place.
//!
//! A limit that is exceeded is always an error with the limit's number in it, never a silent cut.

/// Octets of a whole release file.
pub const SOURCE_OCTETS_MAX: usize = 10 * 1024 * 1024;
/// Octets of the front matter between its `---` lines.
pub const FRONT_MATTER_OCTETS_MAX: usize = 64 * 1024;
/// Header fields that a release may set.
pub const HEADERS_MAX: usize = 50;
/// Files that a release may carry.
pub const ATTACHMENTS_MAX: usize = 20;
/// Octets of all attachments together, before encoding (base64 adds a third).
pub const ATTACHMENT_OCTETS_MAX: usize = 25 * 1024 * 1024;
/// Octets of an attachment's file name.
pub const FILE_NAME_OCTETS_MAX: usize = 255;
/// Octets of one header field's value, before encoding.
pub const HEADER_VALUE_OCTETS_MAX: usize = 8 * 1024;
/// Octets of a display name.
pub const DISPLAY_NAME_OCTETS_MAX: usize = 1024;
/// Octets of a word without white space in a field that cannot be encoded (a URI, a message id).
pub const HEADER_WORD_OCTETS_MAX: usize = 900;
/// Octets of one field of a record.
pub const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// Placeholders in one release.
pub const PLACEHOLDERS_MAX: usize = 1000;
/// Octets of the expression inside one placeholder.
pub const PLACEHOLDER_OCTETS_MAX: usize = 500;
/// Steps that one placeholder's expression may take.
pub const EXPRESSION_FUEL: u64 = 10_000;
/// How deep lists and quotations may be nested.
pub const MARKDOWN_DEPTH_MAX: usize = 64;
/// Octets of one personal part (text or HTML) after the values are put in.
pub const PART_OCTETS_MAX: usize = 32 * 1024 * 1024;
/// Octets of a whole mailing, attachments as base64 (30 MB).
pub const MAILING_OCTETS_MAX: usize = 30 * 1024 * 1024;
/// Personalizations of a mailing.
pub const PERSONALIZATIONS_MAX: usize = 1000;
/// Recipients of a mailing over to, cc and bcc of all personalizations.
pub const RECIPIENTS_MAX: usize = 1000;
/// Addresses for answers.
pub const REPLY_TO_MAX: usize = 1000;
/// Header fields of a mailing, and of a personalization.
pub const MAILING_HEADERS_MAX: usize = 100;
/// Octets of names and values of the custom arguments of a mailing, and of a personalization.
pub const CUSTOM_ARGS_OCTETS_MAX: usize = 10_000;
/// Octets of keys and values of a personalization's substitutions.
pub const SUBSTITUTION_OCTETS_MAX: usize = 10_000;
/// Categories of a mailing.
pub const CATEGORIES_MAX: usize = 10;
/// Characters of a category.
pub const CATEGORY_CHARACTERS_MAX: usize = 255;
/// Groups that an unsubscribe page offers.
pub const SHOWN_GROUPS_MAX: usize = 25;
/// Octets of one part of a dynamic template (subject, text, HTML).
pub const DYNAMIC_SOURCE_OCTETS_MAX: usize = 1024 * 1024;
/// Tags in one part of a dynamic template.
pub const DYNAMIC_TAGS_MAX: usize = 10_000;
/// How deep blocks of a dynamic template may be nested; each link of an else-if chain counts.
pub const DYNAMIC_DEPTH_MAX: usize = 64;
/// Brackets, braces and parentheses within one tag.
pub const DYNAMIC_BRACKETS_MAX: usize = 16;
/// Octets of one part that a dynamic template gives.
pub const DYNAMIC_OUTPUT_OCTETS_MAX: usize = 8 * 1024 * 1024;
/// Steps that one part of a dynamic template may take: elements of the template, those in loops for each round.
pub const DYNAMIC_STEPS_MAX: u64 = 500_000;
/// How deep a dynamic template's data may be nested.
pub const DYNAMIC_DATA_DEPTH_MAX: usize = 64;
/// Octets of an X-SMTPAPI field.
pub const SMTPAPI_OCTETS_MAX: usize = 1024 * 1024;
/// MIME parts of a mail that is taken apart.
pub const MIME_PARTS_MAX: usize = 500;
