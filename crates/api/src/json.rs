//! From a body to a type, with errors that name the place, the rule and the remedy.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::fault::Fault;

/// Parses a body.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8], depth_max: usize) -> Result<T, Fault> {
    if body.is_empty() {
        return Err(Fault::new(axum::http::StatusCode::BAD_REQUEST, "the body is empty; JSON was expected"));
    }
    if depth(body) > depth_max {
        return Err(Fault::new(
            axum::http::StatusCode::BAD_REQUEST,
            format!("the JSON nests more than {depth_max} deep"),
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = dotted(error.path());
        fault(&place, &error.into_inner())
    })?;
    reader.end().map_err(|error| fault("", &error))?;
    Ok(value)
}

/// How deep brackets and braces nest, strings left out.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for octet in body {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// `personalizations.0.to.0.email`.
fn dotted(path: &Path) -> String {
    let segments = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    });
    segments.collect::<Vec<_>>().join(".")
}

fn fault(place: &str, error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    if error.is_syntax() || error.is_eof() {
        return Fault::new(axum::http::StatusCode::BAD_REQUEST, format!("the body is not JSON: {text}"));
    }
    let rule = text.rsplit_once(" at line ").map_or(text.as_str(), |(rule, _)| rule);
    let named = |prefix: &str| rule.strip_prefix(prefix)?.split('`').next();
    let place = match named("missing field `") {
        Some(field) if place.is_empty() => field.to_owned(),
        Some(field) => format!("{place}.{field}"),
        None => place.to_owned(),
    };
    let fault = match named("unknown field `") {
        Some(_) => {
            Fault::new(axum::http::StatusCode::BAD_REQUEST, format!("this field is not known: {rule}"))
                .help("leave it out; a field that means nothing here would be lost in silence")
        }
        None => Fault::new(axum::http::StatusCode::BAD_REQUEST, rule),
    };
    if place.is_empty() { fault } else { fault.at(place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_do_not_nest() {
        let check = |text: &str, expected| assert_eq!(depth(text.as_bytes()), expected, "{text}");
        check("1", 0);
        check("[[]]", 2);
        check(r#"{"a": [1, {"b": 2}], "c": []}"#, 3);
        check(r#"["[[[", "\"[[", "\\", [1]]"#, 2);
    }
}
