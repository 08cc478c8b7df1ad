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
