//! From a [`Template`], a record and an identity to one mail's octets.

use super::{RenderError, RenderedFacts, Template};
use crate::escape;
use crate::header::{self, FieldKind};
use crate::identity::{MailIdentity, write_date_and_id};
use crate::limits::{FIELD_OCTETS_MAX, HEADER_VALUE_OCTETS_MAX};
use crate::mailbox::check_name;
use crate::piece::Values;

/// Appends the head of one mail.
pub(super) fn render<S: AsRef<str>>(
    template: &Template,
    record: &[S],
    identity: &MailIdentity<'_>,
    out: &mut Vec<u8>,
) -> Result<RenderedFacts, RenderError> {
    let evaluated = evaluate(template, record)?;
    let values = Values { record, evaluated: &evaluated, expressions: &template.expressions };
    check_values(template, &values)?;
    let mut scratch = String::new();
    write_identity(template, identity, out)?;
    out.extend_from_slice(&template.fixed_fields);
    write_personal_fields(template, &values, &mut scratch, out)?;
    out.extend_from_slice(&template.opening);
    for part in &template.parts {
        part.write(&values, &mut scratch, out)?;
    }
    out.extend_from_slice(&template.closing);
    let needs_smtputf8 = template.author_needs_smtputf8 || identity.to.needs_smtputf8();
    Ok(RenderedFacts { eight_bit: needs_smtputf8, needs_smtputf8 })
}

/// Says what a render would say of the record, without making the parts.
pub(super) fn check<S: AsRef<str>>(template: &Template, record: &[S]) -> Result<(), RenderError> {
    let evaluated = evaluate(template, record)?;
    let values = Values { record, evaluated: &evaluated, expressions: &template.expressions };
    check_values(template, &values)?;
    let mut scratch = String::new();
    for (of, place) in &template.links {
        scratch.clear();
        escape::push(*place, values.get(*of), &mut scratch)
            .map_err(|_| RenderError::Link { name: template.expressions.label(*of) })?;
    }
    write_personal_fields(template, &values, &mut scratch, &mut Vec::new())
}

fn evaluate<S: AsRef<str>>(template: &Template, record: &[S]) -> Result<Vec<String>, RenderError> {
    let expected = template.expressions.column_count();
    if record.len() != expected {
        return Err(RenderError::FieldCount { expected, found: record.len() });
    }
    template.expressions.evaluate(record)
}

/// Refuses control characters (line breaks and tabs may stand in the body) and endless values.
fn check_values<S: AsRef<str>>(template: &Template, values: &Values<'_, S>) -> Result<(), RenderError> {
    for (of, in_header) in &template.used {
        let value = values.get(*of);
        if value.len() > FIELD_OCTETS_MAX {
            return Err(RenderError::FieldTooLong { name: template.expressions.label(*of) });
        }
        let in_body_only = |c: char| !in_header && matches!(c, '\n' | '\r' | '\t');
        if value.chars().any(|c| c.is_control() && !in_body_only(c)) {
            return Err(RenderError::Control { name: template.expressions.label(*of) });
        }
    }
    Ok(())
}

/// Date, To, Message-ID and List-Unsubscribe.
fn write_identity(
    template: &Template,
    identity: &MailIdentity<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    if let Some(name) = identity.to_name {
        check_name(name).map_err(|_| RenderError::ToName)?;
    }
    write_date_and_id(identity.date, identity.message_id, out)?;
    header::write_mailbox("To", identity.to_name, identity.to, out);
    match identity.unsubscribe {
        Some(targets) if !template.own_unsubscribe => targets.write(out),
        _ => Ok(()),
    }
}

fn write_personal_fields<S: AsRef<str>>(
    template: &Template,
    values: &Values<'_, S>,
    scratch: &mut String,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    for field in &template.personal_fields {
        scratch.clear();
        field.value.write(values, scratch)?;
        let text = scratch.trim();
        if text.len() > HEADER_VALUE_OCTETS_MAX {
            return Err(RenderError::HeaderTooLong { name: field.name.clone() });
        }
        if field.kind == FieldKind::Structured && !header::fits_structured(text) {
            return Err(RenderError::HeaderValue { name: field.name.clone() });
        }
        header::write_field(&field.name, text, field.kind, out);
    }
    Ok(())
}
