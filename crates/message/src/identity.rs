//! What makes one mail this recipient's own besides the record: message id, date, address, unsubscribe targets.
//!
//! All of it comes from the caller and is frozen with the audience, so that a retry has the same bytes. This
//! module only checks that it can stand in header fields.

use domain::{EmailAddress, Timestamp};
use jiff::tz::{Offset, TimeZone};

use crate::limits::HEADER_WORD_OCTETS_MAX;
use crate::template::RenderError;

/// One mail's identity.
#[derive(Debug, Clone, Copy)]
pub struct MailIdentity<'a> {
    /// The Message-ID without its angle brackets (RFC 5322 section 3.6.4), e.g. `0192…@example.jp`.
    pub message_id: &'a str,
    /// The Date field.
    pub date: MailDate,
    /// The recipient, for the To field.
    pub to: &'a EmailAddress,
    /// The recipient's display name, if one is to be shown.
    pub to_name: Option<&'a str>,
    /// Where to unsubscribe; a `List-Unsubscribe` of the release's own goes before it.
    pub unsubscribe: Option<Unsubscribe<'a>>,
}

/// A wall-clock time as its sender's clock shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailDate {
    /// The moment.
    pub at: Timestamp,
    /// Minutes east of UTC (Japan: 540).
    pub offset_minutes: i16,
}

/// The targets of `List-Unsubscribe` (RFC 2369, RFC 8058). With `https` the mail also says
/// `List-Unsubscribe-Post: List-Unsubscribe=One-Click`.
#[derive(Debug, Clone, Copy)]
pub struct Unsubscribe<'a> {
    /// An `https:` URI, percent-encoded, unique to the recipient.
    pub https: Option<&'a str>,
    /// A `mailto:` URI, percent-encoded.
    pub mailto: Option<&'a str>,
}

/// What makes the mail of one personalization of a [`crate::Mailing`] its own. All its recipients get the same octets.
#[derive(Debug, Clone, Copy)]
pub struct MailingIdentity<'a> {
    /// The Message-ID without its angle brackets, as in [`MailIdentity`].
    pub message_id: &'a str,
    /// The Date field.
    pub date: MailDate,
    /// Where to unsubscribe; a `List-Unsubscribe` of the mailing's own goes before it.
    pub unsubscribe: Option<Unsubscribe<'a>>,
}

impl MailDate {
    /// The date of RFC 5322 section 3.3, e.g. `Mon, 23 Nov 2026 21:33:27 +0900`.
    ///
    /// # Errors
    /// When the time is outside the years 0 to 9999 or the offset is over a day.
    pub fn format(&self) -> Result<String, RenderError> {
        let offset =
            Offset::from_seconds(i32::from(self.offset_minutes) * 60).map_err(|_| RenderError::Date)?;
        let at = jiff::Timestamp::from_millisecond(self.at.as_millis()).map_err(|_| RenderError::Date)?;
        jiff::fmt::rfc2822::to_string(&at.to_zoned(TimeZone::fixed(offset))).map_err(|_| RenderError::Date)
    }
}

/// Writes `Date` and `Message-ID`.
pub(crate) fn write_date_and_id(
    date: MailDate,
    message_id: &str,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    check_message_id(message_id)?;
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(date.format()?.as_bytes());
    out.extend_from_slice(b"\r\nMessage-ID: <");
    out.extend_from_slice(message_id.as_bytes());
    out.extend_from_slice(b">\r\n");
    Ok(())
}

impl Unsubscribe<'_> {
    /// Writes the fields of RFC 2369 section 3.2 and RFC 8058 section 3.1; each target on its own line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let named = [("https:", self.https), ("mailto:", self.mailto)];
        let mut separator: &[u8] = b"List-Unsubscribe: <";
        for (scheme, uri) in named {
            let Some(uri) = uri else { continue };
            check_uri(uri, scheme)?;
            out.extend_from_slice(separator);
            out.extend_from_slice(uri.as_bytes());
            separator = b">,\r\n <";
        }
        if separator.starts_with(b">") {
            out.extend_from_slice(b">\r\n");
        }
        if self.https.is_some() {
            out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
        Ok(())
    }
}

/// A message id that fits on one line and holds nothing but printable ASCII around one `@`.
pub(crate) fn check_message_id(id: &str) -> Result<(), RenderError> {
    let printable = id.bytes().all(|b| b.is_ascii_graphic() && !b"<>()\",;:\\[]".contains(&b));
    let two_sides =
        id.split_once('@').is_some_and(|(l, r)| !l.is_empty() && !r.is_empty() && !r.contains('@'));
    if printable && two_sides && id.len() <= HEADER_WORD_OCTETS_MAX {
        Ok(())
    } else {
        Err(RenderError::MessageId)
    }
}

/// A URI of `scheme` that may stand between angle brackets in a header field.
pub(crate) fn check_uri(uri: &str, scheme: &'static str) -> Result<(), RenderError> {
    let printable = uri.bytes().all(|b| b.is_ascii_graphic() && !b"<>,\"".contains(&b));
    let fits = uri.len() <= HEADER_WORD_OCTETS_MAX;
    let named = uri.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    if printable && fits && named { Ok(()) } else { Err(RenderError::UnsubscribeUri { scheme }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_show_the_senders_clock() {
        let check = |ms, offset_minutes, expected: &str| {
            let date = MailDate { at: Timestamp::from_millis(ms), offset_minutes };
            assert_eq!(date.format().as_deref().ok(), Some(expected));
        };
        check(0, 0, "Thu, 1 Jan 1970 00:00:00 +0000");
        check(1_795_392_123_456, 540, "Mon, 23 Nov 2026 09:02:03 +0900");
        check(1_795_392_123_456, -210, "Sun, 22 Nov 2026 20:32:03 -0330");
    }

    #[test]
    fn message_ids_cannot_break_out() {
        let check = |id: &str, good: bool| assert_eq!(check_message_id(id).is_ok(), good, "{id:?}");
        check("0192.7@example.jp", true);
        check("a@b@c", false);
        check("a", false);
        check("@x", false);
        check("a@b>\r\nBcc: c", false);
        check("あ@example.jp", false);
        check(&format!("{}@x", "a".repeat(900)), false);
    }

    #[test]
    fn unsubscribe_uris_are_checked() {
        let check =
            |uri: &str, scheme, good: bool| assert_eq!(check_uri(uri, scheme).is_ok(), good, "{uri:?}");
        check("https://example.jp/u?t=1", "https:", true);
        check("http://example.jp/u", "https:", false);
        check("mailto:u@example.jp?subject=x", "mailto:", true);
        check("https://example.jp/>, <https://evil.example", "https:", false);
        check("https://example.jp/\r\nX: y", "https:", false);
    }
}
