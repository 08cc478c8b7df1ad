//! Whether a mailing is within its limits: counts, sizes, names, and what can be written at all.

use std::collections::HashSet;

use super::dynamic::DynamicData;
use super::error::{MailingError, MailingFault, fault};
use super::{HeaderLine, Mailing, MailingFile, Personalization, header_rule, media_type};
use crate::attachment;
use crate::limits::{
    CATEGORIES_MAX, CATEGORY_CHARACTERS_MAX, CUSTOM_ARGS_OCTETS_MAX, HEADER_VALUE_OCTETS_MAX,
    MAILING_HEADERS_MAX, MAILING_OCTETS_MAX, PERSONALIZATIONS_MAX, RECIPIENTS_MAX, REPLY_TO_MAX,
    SHOWN_GROUPS_MAX, SUBSTITUTION_OCTETS_MAX,
};
use crate::mailbox::{Mailbox, check_name};

/// Octets of a content id.
const CONTENT_ID_OCTETS_MAX: usize = 250;

pub(super) fn check(mailing: &Mailing) -> Result<(), MailingError> {
    check_person("from", &mailing.from)?;
    if mailing.reply_to.len() > REPLY_TO_MAX {
        return Err(fault("reply_to_list", MailingFault::TooManyReplyTo));
    }
    for (index, person) in mailing.reply_to.iter().enumerate() {
        check_person(&format!("reply_to_list.{index}"), person)?;
    }
    check_personalizations(mailing)?;
    check_subjects(mailing)?;
    check_contents(mailing)?;
    check_headers("headers", &mailing.headers)?;
    check_files(&mailing.attachments)?;
    check_labels(mailing)?;
    if mailing.sections.keys().any(String::is_empty) {
        return Err(fault("sections", MailingFault::EmptyKey));
    }
    if octets(mailing) > MAILING_OCTETS_MAX {
        return Err(fault("attachments", MailingFault::TooLarge));
    }
    Ok(())
}

fn check_person(place: &str, person: &Mailbox) -> Result<(), MailingError> {
    match &person.name {
        Some(name) => check_name(name).map_err(|_| fault(format!("{place}.name"), MailingFault::Name)),
        None => Ok(()),
    }
}

fn check_personalizations(mailing: &Mailing) -> Result<(), MailingError> {
    let list = &mailing.personalizations;
    if list.is_empty() {
        return Err(fault("personalizations", MailingFault::Missing { what: "personalization" }));
    }
    if list.len() > PERSONALIZATIONS_MAX {
        return Err(fault("personalizations", MailingFault::TooManyPersonalizations));
    }
    let mut recipients = 0;
    for (index, personalization) in list.iter().enumerate() {
        check_personalization(&format!("personalizations.{index}"), personalization, &mut recipients)?;
    }
    Ok(())
}

fn check_personalization(
    place: &str,
    personalization: &Personalization,
    recipients: &mut usize,
) -> Result<(), MailingError> {
    if personalization.to.is_empty() {
        return Err(fault(format!("{place}.to"), MailingFault::Missing { what: "recipient" }));
    }
    let mut seen = HashSet::new();
    let lists = [("to", &personalization.to), ("cc", &personalization.cc), ("bcc", &personalization.bcc)];
    for (list, people) in lists {
        for (index, person) in people.iter().enumerate() {
            let place = || format!("{place}.{list}.{index}");
            *recipients += 1;
            if *recipients > RECIPIENTS_MAX {
                return Err(fault(place(), MailingFault::TooManyRecipients));
            }
            if !seen.insert(person.address.comparison_key()) {
                return Err(fault(format!("{}.email", place()), MailingFault::DuplicateRecipient));
            }
            check_person(&place(), person)?;
        }
    }
    check_named(place, personalization)?;
    if let Some(from) = &personalization.from {
        check_person(&format!("{place}.from"), from)?;
    }
    check_headers(&format!("{place}.headers"), &personalization.headers)?;
    if pair_octets(&personalization.substitutions) > SUBSTITUTION_OCTETS_MAX {
        return Err(fault(format!("{place}.substitutions"), MailingFault::Substitutions));
    }
    if personalization.substitutions.keys().any(String::is_empty) {
        return Err(fault(format!("{place}.substitutions"), MailingFault::EmptyKey));
    }
    if pair_octets(&personalization.custom_args) > CUSTOM_ARGS_OCTETS_MAX {
        return Err(fault(format!("{place}.custom_args"), MailingFault::CustomArgs));
    }
    if !DynamicData::is_shallow(&personalization.data) {
        return Err(fault(format!("{place}.dynamic_template_data"), MailingFault::DataTooDeep));
    }
    Ok(())
}

fn check_named(place: &str, personalization: &Personalization) -> Result<(), MailingError> {
    let Some(named) = &personalization.named else { return Ok(()) };
    if named.to.len() + named.cc.len() > RECIPIENTS_MAX {
        return Err(fault(format!("{place}.named"), MailingFault::TooManyRecipients));
    }
    for (index, person) in named.to.iter().chain(&named.cc).enumerate() {
        check_person(&format!("{place}.named.{index}"), person)?;
    }
    Ok(())
}

/// Every mail needs a subject, and none may be longer than a field.
fn check_subjects(mailing: &Mailing) -> Result<(), MailingError> {
    let of_template = mailing.template.as_ref().is_some_and(|template| !template.subject.is_empty());
    if mailing.subject.len() > HEADER_VALUE_OCTETS_MAX {
        return Err(fault("subject", MailingFault::HeaderTooLong));
    }
    for (index, personalization) in mailing.personalizations.iter().enumerate() {
        let place = || format!("personalizations.{index}.subject");
        if personalization.subject.len() > HEADER_VALUE_OCTETS_MAX {
            return Err(fault(place(), MailingFault::HeaderTooLong));
        }
        // A mail that came by SMTP may have no subject at all.
        let own = !personalization.subject.is_empty() || personalization.named.is_some();
        if mailing.subject.is_empty() && !own && !of_template {
            let place = if mailing.personalizations.len() == 1 { "subject".to_owned() } else { place() };
            return Err(fault(place, MailingFault::NoSubject));
        }
    }
    Ok(())
}

fn check_contents(mailing: &Mailing) -> Result<(), MailingError> {
    let of_template = mailing
        .template
        .as_ref()
        .is_some_and(|template| !template.html.trim().is_empty() || !template.text.trim().is_empty());
    if mailing.contents.is_empty() && !of_template {
        return Err(fault("content", MailingFault::Missing { what: "content, or a template that has one" }));
    }
    let mut seen = HashSet::new();
    for (index, content) in mailing.contents.iter().enumerate() {
        let essence = media_type::essence(&content.media_type);
        if !media_type::is_usable(&content.media_type) || essence.starts_with("message/") {
            return Err(fault(format!("content.{index}.type"), MailingFault::MediaType));
        }
        if !seen.insert(essence) {
            return Err(fault(format!("content.{index}.type"), MailingFault::DuplicateContent));
        }
        if content.text.is_empty() {
            return Err(fault(format!("content.{index}.value"), MailingFault::Missing { what: "character" }));
        }
    }
    Ok(())
}

fn check_headers(place: &str, headers: &[HeaderLine]) -> Result<(), MailingError> {
    if headers.len() > MAILING_HEADERS_MAX {
        return Err(fault(place, MailingFault::TooManyHeaders));
    }
    for line in headers {
        let place = || format!("{place}.{}", line.name.escape_debug().take(80).collect::<String>());
        header_rule::check_name(&line.name).map_err(|reason| fault(place(), reason))?;
        header_rule::check_value(&line.name, &line.value).map_err(|reason| fault(place(), reason))?;
    }
    Ok(())
}

fn check_files(files: &[MailingFile]) -> Result<(), MailingError> {
    let mut ids = HashSet::new();
    for (index, file) in files.iter().enumerate() {
        let place = |field: &str| format!("attachments.{index}.{field}");
        if !attachment::is_plain_name(&file.name) {
            return Err(fault(place("filename"), MailingFault::FileName));
        }
        if file.media_type.as_deref().is_some_and(|given| !media_type::is_usable(given)) {
            return Err(fault(place("type"), MailingFault::MediaType));
        }
        let Some(id) = &file.content_id else { continue };
        let fine = (1..=CONTENT_ID_OCTETS_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\(),;".contains(&b))
            && ids.insert(id);
        if !fine {
            return Err(fault(place("content_id"), MailingFault::ContentId));
        }
    }
    Ok(())
}

/// Categories, arguments, groups, pool.
fn check_labels(mailing: &Mailing) -> Result<(), MailingError> {
    if mailing.categories.len() > CATEGORIES_MAX {
        return Err(fault("categories", MailingFault::TooManyCategories));
    }
    for (index, category) in mailing.categories.iter().enumerate() {
        let place = || format!("categories.{index}");
        let fine = (1..=CATEGORY_CHARACTERS_MAX).contains(&category.chars().count());
        if !fine || category.chars().any(char::is_control) {
            return Err(fault(place(), MailingFault::Category));
        }
        if mailing.categories.iter().take(index).any(|other| other == category) {
            return Err(fault(place(), MailingFault::DuplicateCategory));
        }
    }
    if pair_octets(&mailing.custom_args) > CUSTOM_ARGS_OCTETS_MAX {
        return Err(fault("custom_args", MailingFault::CustomArgs));
    }
    if mailing.unsubscribe_group.as_ref().is_some_and(|asm| asm.shown.len() > SHOWN_GROUPS_MAX) {
        return Err(fault("asm.groups_to_display", MailingFault::TooManyGroups));
    }
    if mailing.ip_pool.as_ref().is_some_and(|pool| !(2..=64).contains(&pool.chars().count())) {
        return Err(fault("ip_pool_name", MailingFault::PoolName));
    }
    Ok(())
}

fn pair_octets(map: &std::collections::BTreeMap<String, String>) -> usize {
    map.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// What a mailing weighs: every text, and files as base64.
fn octets(mailing: &Mailing) -> usize {
    let files = mailing.attachments.iter().map(|file| file.octets.len().div_ceil(3) * 4 + file.name.len());
    let contents = mailing.contents.iter().map(|content| content.text.len());
    let template = mailing.template.iter().map(|t| t.subject.len() + t.html.len() + t.text.len());
    let personal = mailing.personalizations.iter().map(|p| {
        pair_octets(&p.substitutions) + p.subject.len() + p.data.values().map(weight).sum::<usize>()
    });
    files.sum::<usize>()
        + contents.sum::<usize>()
        + template.sum::<usize>()
        + personal.sum::<usize>()
        + pair_octets(&mailing.sections)
}

/// Octets of a value, roughly.
fn weight(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len() + 2,
        serde_json::Value::Array(items) => items.iter().map(|v| weight(v) + 1).sum(),
        serde_json::Value::Object(fields) => fields.iter().map(|(k, v)| k.len() + 4 + weight(v)).sum(),
        _ => 4,
    }
}
