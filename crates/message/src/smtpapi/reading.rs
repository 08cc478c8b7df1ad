//! The field's JSON to [`SmtpApi`], value by value, so that every error can name its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{SmtpApiError, SmtpApiFault, fault};
use super::{SmtpApi, filters};
use crate::limits::{CATEGORIES_MAX, RECIPIENTS_MAX, SMTPAPI_OCTETS_MAX};
use crate::mailbox::{Mailbox, MailboxError};

pub(super) fn read(text: &str) -> Result<SmtpApi, SmtpApiError> {
    if text.len() > SMTPAPI_OCTETS_MAX {
        return Err(fault("", SmtpApiFault::TooLong));
    }
    let no_json = |error: serde_json::Error| fault("", SmtpApiFault::Json { column: error.column() });
    let fields: Map<String, Value> = match serde_json::from_str(text).map_err(no_json)? {
        Value::Object(fields) => fields,
        _ => return Err(fault("", SmtpApiFault::Kind { wanted: "an object" })),
    };
    let mut api = SmtpApi::default();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "to" => api.to = list(value, "to", person)?,
            "sub" => api.sub = map(value, "sub", |value, place| list(value, place, text_of))?,
            "section" => api.section = map(value, "section", text_of)?,
            "category" => api.category = one_or_many(value, "category")?,
            "unique_args" => api.unique_args = map(value, "unique_args", text_of)?,
            "filters" => api.filters = filters::read(object(value, "filters")?)?,
            "send_at" => api.send_at = Some(number(value, "send_at")?),
            "send_each_at" => api.send_each_at = list(value, "send_each_at", number)?,
            "asm_group_id" => api.asm_group_id = Some(number(value, "asm_group_id")?),
            "asm_groups_to_display" => {
                api.asm_groups_to_display = list(value, "asm_groups_to_display", number)?;
            }
            "ip_pool" => api.ip_pool = Some(text_of(value, "ip_pool")?),
            _ => {}
        }
    }
    check(&api)?;
    Ok(api)
}

/// Limits, and lists that must be as long as `to`.
fn check(api: &SmtpApi) -> Result<(), SmtpApiError> {
    if api.to.len() > RECIPIENTS_MAX {
        return Err(fault("to", SmtpApiFault::TooManyRecipients));
    }
    if api.category.len() > CATEGORIES_MAX {
        return Err(fault("category", SmtpApiFault::TooManyCategories));
    }
    // Without `to` there is one mail, and one value for it.
    let expected = api.to.len().max(1);
    for (key, values) in &api.sub {
        if values.len() != expected {
            let found = values.len();
            return Err(fault(child("sub", key), SmtpApiFault::Count { expected, found }));
        }
    }
    if !api.send_each_at.is_empty() && api.send_each_at.len() != expected {
        let found = api.send_each_at.len();
        return Err(fault("send_each_at", SmtpApiFault::Count { expected, found }));
    }
    Ok(())
}

/// The place of something within a place; a name is shown without what could be anything.
fn child(place: &str, name: &str) -> String {
    format!("{place}.{}", name.escape_debug().take(80).collect::<String>())
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, SmtpApiError> {
    value.as_object().ok_or_else(|| fault(place, SmtpApiFault::Kind { wanted: "an object" }))
}

fn map<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, &str) -> Result<T, SmtpApiError>,
) -> Result<BTreeMap<String, T>, SmtpApiError> {
    let fields = object(value, place)?;
    fields.iter().map(|(name, value)| Ok((name.clone(), read(value, &child(place, name))?))).collect()
}

fn list<T>(
    value: &Value,
    place: &str,
    read: impl Fn(&Value, &str) -> Result<T, SmtpApiError>,
) -> Result<Vec<T>, SmtpApiError> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| read(item, &format!("{place}.{index}"))).collect()
        }
        Value::Object(_) => Err(fault(place, SmtpApiFault::Kind { wanted: "a list" })),
        one => Ok(vec![read(one, place)?]),
    }
}

fn one_or_many(value: &Value, place: &str) -> Result<Vec<String>, SmtpApiError> {
    let mut found: Vec<String> = Vec::new();
    for text in list(value, place, text_of)? {
        if !text.is_empty() && !found.contains(&text) {
            found.push(text);
        }
    }
    Ok(found)
}

/// A text, or what a number or a flag shows.
fn text_of(value: &Value, place: &str) -> Result<String, SmtpApiError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Ok(String::new()),
        _ => Err(fault(place, SmtpApiFault::Kind { wanted: "a text" })),
    }
}

fn number(value: &Value, place: &str) -> Result<i64, SmtpApiError> {
    let found = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| fault(place, SmtpApiFault::Kind { wanted: "a whole number" }))
}

fn person(value: &Value, place: &str) -> Result<Mailbox, SmtpApiError> {
    let text = value.as_str().ok_or_else(|| fault(place, SmtpApiFault::Kind { wanted: "an address" }))?;
    Mailbox::parse(text).map_err(|error| match error {
        MailboxError::Address(reason) => fault(place, SmtpApiFault::Address(reason)),
        MailboxError::NameControl | MailboxError::NameTooLong => fault(place, SmtpApiFault::Name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match read(text) {
            Ok(_) => "read".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(shown.contains(expected), "{text}: {shown}");
    }

    #[test]
    fn a_whole_field_is_read() {
        let api = read(
            r#"{"to":["山田 太郎 <taro@example.com>","hanako@example.com"],"sub":{"-name-":["太郎","花子"],"-n-":[1,2]},
            "section":{"%s%":"x"},"category":"春","unique_args":{"id":7},"send_at":"1795392123","asm_group_id":3,
            "filters":{"opentrack":{"settings":{"enable":"1","replace":"%o%"}},"templates":{"settings":{"enable":1,
            "template_id":"d-1"}},"bypass_list_management":{"settings":{"enable":0}},"gravatar":{"settings":{}}}}"#,
        )
        .expect("reads");
        assert_eq!(api.to.first().and_then(|to| to.name.as_deref()), Some("山田 太郎"));
        assert_eq!(api.sub.get("-n-"), Some(&vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(api.category, ["春"]);
        assert_eq!((api.send_at, api.asm_group_id), (Some(1_795_392_123), Some(3)));
        assert_eq!(api.unique_args.get("id").map(String::as_str), Some("7"));
        assert_eq!(api.filters.template_id.as_deref(), Some("d-1"));
        assert_eq!(api.filters.settings.opens_tag.as_deref(), Some("%o%"));
        assert!(!api.filters.settings.bypass_all && api.needs_mailing());
    }

    #[test]
    fn each_fault_names_its_place() {
        check("{", "X-SMTPAPI: it is no JSON");
        check("[]", "X-SMTPAPI: it must be an object");
        check(r#"{"to":["a@example.jp","b"]}"#, "X-SMTPAPI to.1: the address has no `@`");
        check(
            r#"{"to":["a@example.jp"],"sub":{"-n-":["1","2"]}}"#,
            "sub.-n-: it has 2 values, and there are 1",
        );
        check(r#"{"to":["a..b@docomo.ne.jp"]}"#, "to.0: the part before `@`");
        check(r#"{"to":["\"a..b\"@docomo.ne.jp"]}"#, "read");
        check(r#"{"to":{"a":1}}"#, "to: it must be a list");
        check(r#"{"unique_args":{"a":{}}}"#, "unique_args.a: it must be a text");
        check(r#"{"send_at":"tomorrow"}"#, "send_at: it must be a whole number");
        check(
            r#"{"filters":{"footer":{"settings":{"enable":7}}}}"#,
            "filters.footer.settings.enable: it must be 0 or 1",
        );
        check(r#"{"filters":{"footer":7}}"#, "filters.footer.settings: it must be an object");
        check(
            r#"{"category":["1","2","3","4","5","6","7","8","9","10","11"]}"#,
            "category: there are more than 10",
        );
        check(r#"{"send_each_at":[1,2]}"#, "send_each_at: it has 2 values");
        check(r#"{"unknown":{"a":[[[]]]},"to":null}"#, "read");
        check(&format!(r#"{{"to":["{}"]}}"#, "x".repeat(1 << 20)), "more than 1048576 octets");
        check(&"[".repeat(100_000), "it is no JSON");
    }
}
