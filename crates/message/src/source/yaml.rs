//! Front matter text to a YAML mapping, and back from a key to the line it stands on.
//!
//! The reader's own limits hold against deep nesting and alias bombs; size is limited here.

use serde_yaml_ng::{Mapping, Value};

use super::SourceError;
use crate::limits::FRONT_MATTER_OCTETS_MAX;

/// The file's line on which the front matter starts.
const FIRST_LINE: usize = 2;

/// The front matter's mapping; an empty text is an empty mapping.
pub(super) fn mapping(front: &str) -> Result<Mapping, SourceError> {
    if front.len() > FRONT_MATTER_OCTETS_MAX {
        return Err(SourceError::FrontMatterTooLarge);
    }
    match serde_yaml_ng::from_str::<Value>(front) {
        Ok(Value::Mapping(mapping)) => Ok(mapping),
        Ok(Value::Null) => Ok(Mapping::new()),
        Ok(_) => Err(SourceError::Yaml {
            line: FIRST_LINE,
            reason: "the front matter must be lines of `key: value`".to_owned(),
        }),
        Err(error) => Err(SourceError::Yaml {
            line: error.location().map_or(FIRST_LINE, |at| at.line().saturating_add(FIRST_LINE - 1)),
            reason: without_location(&error.to_string()),
        }),
    }
}

/// The file's line on which `key` is set; the front matter's first line when it cannot be told.
pub(super) fn line_of(front: &str, key: &str) -> usize {
    let sets_key = |line: &str| {
        let bare = line.trim_start().trim_start_matches("- ").trim_start_matches(['"', '\'']);
        bare.strip_prefix(key).is_some_and(|rest| {
            rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':') || rest.trim().is_empty()
        })
    };
    front.lines().position(sets_key).unwrap_or(0) + FIRST_LINE
}

/// The reader's message without its own line number, which does not count the first `---`.
fn without_location(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).chars().take(200).collect()
}
