//! A mail's MIME parts as a mailing's contents and files.
//!
//! The first plain text and the first HTML that are not attached are the mail's texts, and so are other forms of the
//! text within a multipart/alternative (a calendar, AMP). All else is a file; with a Content-ID, one that HTML shows.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::error::{SmtpApiError, SmtpApiFault, fault};
use crate::attachment::is_plain_name;
use crate::limits::MIME_PARTS_MAX;
use crate::mailing::{Content, MailingFile, usable_media_type};

/// How deep parts may be nested.
const DEPTH_MAX: usize = 64;

/// What a mail carries.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) contents: Vec<Content>,
    pub(super) files: Vec<MailingFile>,
}

/// Takes a mail apart.
pub(super) fn of(message: &Message<'_>) -> Result<Parts, SmtpApiError> {
    if message.parts.len() > MIME_PARTS_MAX {
        return Err(fault("", SmtpApiFault::TooManyParts));
    }
    let mut parts = Parts::default();
    parts.walk(message, 0, Within::Nothing, 0)?;
    Ok(parts)
}

/// What a part stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Alternative,
    Related,
}

impl Parts {
    fn walk(
        &mut self,
        message: &Message<'_>,
        index: usize,
        within: Within,
        depth: usize,
    ) -> Result<(), SmtpApiError> {
        let part = message.parts.get(index).ok_or_else(|| fault("", SmtpApiFault::Parts))?;
        let PartType::Multipart(children) = &part.body else {
            self.leaf(message, part, within);
            return Ok(());
        };
        if depth == DEPTH_MAX {
            return Err(fault("", SmtpApiFault::Parts));
        }
        let within = match part.content_type().and_then(|t| t.subtype()) {
            Some(subtype) if subtype.eq_ignore_ascii_case("alternative") => Within::Alternative,
            Some(subtype) if subtype.eq_ignore_ascii_case("related") => Within::Related,
            _ => Within::Nothing,
        };
        for child in children {
            self.walk(message, *child as usize, within, depth + 1)?;
        }
        Ok(())
    }

    fn leaf(&mut self, message: &Message<'_>, part: &MessagePart<'_>, within: Within) {
        let media_type = media_type(part);
        let attached = part.content_disposition().is_some_and(|d| d.is_attachment());
        let text = match &part.body {
            PartType::Text(text) | PartType::Html(text) if !attached && part.attachment_name().is_none() => {
                Some(text)
            }
            _ => None,
        };
        let essence = media_type.split(';').next().unwrap_or_default().to_owned();
        let known =
            self.contents.iter().any(|content| content.media_type.split(';').next() == Some(&essence));
        let is_form = matches!(essence.as_str(), "text/plain" | "text/html") || within == Within::Alternative;
        match text {
            Some(text) if text.trim().is_empty() => {}
            Some(text) if is_form && !known => {
                self.contents.push(Content { media_type, text: text.clone().into_owned() });
            }
            _ => self.files.push(self.file(message, part, media_type, within)),
        }
    }

    fn file(
        &self,
        message: &Message<'_>,
        part: &MessagePart<'_>,
        media_type: String,
        within: Within,
    ) -> MailingFile {
        let octets = match &part.body {
            // A mail within the mail goes on as it came.
            PartType::Message(_) => message
                .raw_message
                .get(part.offset_body as usize..part.offset_end as usize)
                .unwrap_or_default()
                .to_vec(),
            _ => part.contents().to_vec(),
        };
        let content_id = part.content_id().map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
        let shown = part.content_disposition().is_some_and(|d| d.is_inline()) || within == Within::Related;
        MailingFile {
            name: self.name(part, &media_type),
            media_type: Some(media_type),
            inline: shown,
            content_id: content_id.filter(|id| !id.is_empty() && shown && self.is_new(id)),
            octets,
        }
    }

    fn is_new(&self, id: &str) -> bool {
        id.len() <= 250
            && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\(),;".contains(&b))
            && !self.files.iter().any(|file| file.content_id.as_deref() == Some(id))
    }

    /// The part's name without a path, or one made from its number.
    fn name(&self, part: &MessagePart<'_>, media_type: &str) -> String {
        let given = part.attachment_name().unwrap_or_default();
        let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
        let plain: String = last.chars().filter(|c| !c.is_control()).collect();
        let plain = plain.trim();
        if is_plain_name(plain) {
            return plain.to_owned();
        }
        let extension = match media_type.split(';').next().unwrap_or_default() {
            "text/plain" => "txt",
            "text/html" => "html",
            "text/calendar" => "ics",
            "message/rfc822" => "eml",
            "image/png" => "png",
            "image/jpeg" => "jpg",
            "image/gif" => "gif",
            "application/pdf" => "pdf",
            _ => "bin",
        };
        format!("part-{}.{extension}", self.files.len() + 1)
    }
}

/// The part's media type in lower case, of its parameters only a calendar's method.
fn media_type(part: &MessagePart<'_>) -> String {
    let given = part.content_type().map(|t| {
        let subtype = t.subtype().unwrap_or_default();
        let method = t.attribute("method").map(|method| format!("; method={method}")).unwrap_or_default();
        format!("{}/{}{method}", t.ctype().to_ascii_lowercase(), subtype.to_ascii_lowercase())
    });
    match given {
        Some(given) if usable_media_type(&given) => given,
        Some(_) => "application/octet-stream".to_owned(),
        None => "text/plain".to_owned(),
    }
}
