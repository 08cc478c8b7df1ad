//! The settings of the front matter: each key parsed into its type, unknown ones refused by name.

use serde_yaml_ng::{Mapping, Value};

use super::{HeaderField, HeaderNameError, ReleaseSource, SourceError, SourceText, header_name, yaml};
use crate::limits::{ATTACHMENTS_MAX, FILE_NAME_OCTETS_MAX, HEADER_VALUE_OCTETS_MAX, HEADERS_MAX};
use crate::mailbox::Mailbox;

const KEYS: &[&str] = &["subject", "from", "reply_to", "headers", "attachments", "lang"];

/// Reads every setting.
pub(super) fn read(
    front: &str,
    mapping: &Mapping,
    body: &str,
    body_line: usize,
) -> Result<ReleaseSource, SourceError> {
    let reader = Reader { front, mapping };
    reader.refuse_unknown_keys()?;
    Ok(ReleaseSource {
        subject: reader.subject()?,
        from: reader.mailbox("from")?.ok_or(SourceError::Missing { key: "from" })?,
        reply_to: reader.mailbox("reply_to")?,
        headers: reader.headers()?,
        attachments: reader.attachments()?,
        lang: reader.lang()?,
        body: SourceText { text: body.to_owned(), line: body_line },
    })
}

struct Reader<'a> {
    front: &'a str,
    mapping: &'a Mapping,
}

impl Reader<'_> {
    fn refuse_unknown_keys(&self) -> Result<(), SourceError> {
        for key in self.mapping.keys() {
            let name = key.as_str().unwrap_or("?");
            if !KEYS.contains(&name) {
                return Err(SourceError::UnknownKey {
                    line: yaml::line_of(self.front, name),
                    key: name.chars().take(80).collect(),
                    suggestion: nearest(name),
                });
            }
        }
        Ok(())
    }

    fn subject(&self) -> Result<SourceText, SourceError> {
        let line = yaml::line_of(self.front, "subject");
        let value = self.value("subject").ok_or(SourceError::Missing { key: "subject" })?;
        let text = one_line(value, "subject", line)?;
        if text.is_empty() {
            Err(SourceError::Missing { key: "subject" })
        } else {
            Ok(SourceText { text, line })
        }
    }

    fn mailbox(&self, key: &'static str) -> Result<Option<Mailbox>, SourceError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let line = yaml::line_of(self.front, key);
        let text = one_line(value, key, line)?;
        if text.contains("{{") {
            return Err(SourceError::Placeholder { line, key });
        }
        Mailbox::parse(&text).map(Some).map_err(|reason| SourceError::Mailbox { line, key, reason })
    }

    fn headers(&self) -> Result<Vec<HeaderField>, SourceError> {
        let Some(value) = self.value("headers") else { return Ok(Vec::new()) };
        let expected = "lines of `Name: value`, each indented";
        let line = yaml::line_of(self.front, "headers");
        let kind = || SourceError::Kind { line, key: "headers".to_owned(), expected };
        let fields = value.as_mapping().ok_or_else(kind)?;
        if fields.len() > HEADERS_MAX {
            return Err(SourceError::TooManyHeaders { count: fields.len() });
        }
        let mut headers: Vec<HeaderField> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let name = name.as_str().ok_or_else(kind)?;
            let line = yaml::line_of(self.front, name);
            let refuse = |reason| SourceError::HeaderName { line, name: name.to_owned(), reason };
            header_name::check(name).map_err(refuse)?;
            if headers.iter().any(|h| h.name.eq_ignore_ascii_case(name)) {
                return Err(refuse(HeaderNameError::Twice));
            }
            let text = one_line(value, name, line)?;
            headers.push(HeaderField { name: name.to_owned(), value: SourceText { text, line } });
        }
        Ok(headers)
    }

    fn attachments(&self) -> Result<Vec<String>, SourceError> {
        let Some(value) = self.value("attachments") else { return Ok(Vec::new()) };
        let line = yaml::line_of(self.front, "attachments");
        let kind = || SourceError::Kind {
            line,
            key: "attachments".to_owned(),
            expected: "a list of paths, one a line, each after `- `",
        };
        let paths = value.as_sequence().ok_or_else(kind)?;
        if paths.len() > ATTACHMENTS_MAX {
            return Err(SourceError::TooManyAttachments { count: paths.len() });
        }
        let path = |value: &Value| {
            let path = value.as_str().ok_or_else(kind)?;
            if path_stays_inside(path) {
                Ok(path.to_owned())
            } else {
                Err(SourceError::AttachmentPath { line, path: path.escape_debug().take(255).collect() })
            }
        };
        paths.iter().map(path).collect()
    }

    fn lang(&self) -> Result<String, SourceError> {
        let Some(value) = self.value("lang") else { return Ok("ja".to_owned()) };
        let line = yaml::line_of(self.front, "lang");
        let text = one_line(value, "lang", line)?;
        let fine = (2..=35).contains(&text.len())
            && text
                .split('-')
                .all(|t| (1..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric()));
        if fine { Ok(text) } else { Err(SourceError::Lang { line }) }
    }

    /// The value of `key`; `None` when it is absent or left empty.
    fn value(&self, key: &str) -> Option<&Value> {
        self.mapping.get(key).filter(|v| !v.is_null())
    }
}

/// A text of one line, trimmed; a number is taken as it was understood.
fn one_line(value: &Value, key: &str, line: usize) -> Result<String, SourceError> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => {
            return Err(SourceError::Kind {
                line,
                key: key.to_owned(),
                expected: "a text; put it in 'quotes'",
            });
        }
    };
    if text.chars().any(char::is_control) {
        return Err(SourceError::Control { line, key: key.to_owned() });
    }
    if text.len() > HEADER_VALUE_OCTETS_MAX {
        return Err(SourceError::TooLong { line, key: key.to_owned(), max: HEADER_VALUE_OCTETS_MAX });
    }
    Ok(text)
}

/// Whether a path is relative and cannot climb out of its folder.
fn path_stays_inside(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !path.chars().any(|c| c.is_control() || c == '\\')
        && !name.is_empty()
        && name.len() <= FILE_NAME_OCTETS_MAX
        && path.len() <= 4096
        && !path.split('/').any(|step| step == "..")
        && !path.starts_with('/')
}

/// The known key that looks most like `name`.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |key: &&&'static str| strsim::damerau_levenshtein(key, &name.to_lowercase());
    KEYS.iter().min_by_key(distance).filter(|key| distance(key) <= 3).copied()
}
