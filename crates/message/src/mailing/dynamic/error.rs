//! What can be wrong with a dynamic template: its part, its line, and what to do.
//!
//! The engine's own messages may hold data, so none of them is passed on.

use handlebars::{RenderErrorReason, TemplateErrorReason};

use super::TemplatePart;
use crate::limits::{
    DYNAMIC_BRACKETS_MAX, DYNAMIC_DEPTH_MAX, DYNAMIC_OUTPUT_OCTETS_MAX, DYNAMIC_SOURCE_OCTETS_MAX,
    DYNAMIC_STEPS_MAX, DYNAMIC_TAGS_MAX,
};

/// Where a template cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template's {part}, line {line}: {fault}")]
pub struct DynamicError {
    /// Its part.
    pub part: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub fault: DynamicFault,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DynamicFault {
    /// Over [`DYNAMIC_SOURCE_OCTETS_MAX`].
    #[error("the part is longer than {DYNAMIC_SOURCE_OCTETS_MAX} octets")]
    TooLong,
    /// Over [`DYNAMIC_TAGS_MAX`].
    #[error("there are more than {DYNAMIC_TAGS_MAX} tags")]
    TooManyTags,
    /// Over [`DYNAMIC_DEPTH_MAX`].
    #[error("blocks are nested more than {DYNAMIC_DEPTH_MAX} deep")]
    TooDeep,
    /// Over [`DYNAMIC_BRACKETS_MAX`].
    #[error("a tag has more than {DYNAMIC_BRACKETS_MAX} brackets")]
    TooManyBrackets,
    /// `{{` without its end.
    #[error("a tag is not closed, or has a quote that is not closed. To show braces, write \\{{{{")]
    Unclosed,
    /// A block that is closed by another, or never.
    #[error("`{open}` is not closed by a tag of its own. Add {{{{/{open}}}}}")]
    Unbalanced {
        /// The block's name.
        open: String,
    },
    /// An end without a beginning.
    #[error("a block is closed that was not opened")]
    NotOpened,
    /// `{{>`, `{{*`, `{{{{`.
    #[error("partials, decorators and raw blocks are not supported. Put their text into the template")]
    Unsupported,
    /// A helper that is not known.
    #[error(
        "there is no helper `{name}`. Use if, unless, each, with, equals, notEquals, greaterThan, lessThan, and, or, length, insert or formatDate"
    )]
    UnknownHelper {
        /// Its name.
        name: String,
    },
    /// A helper with too few values.
    #[error("`{name}` needs {count} value(s) behind it")]
    Values {
        /// Its name.
        name: String,
        /// How many.
        count: usize,
    },
    /// A block helper without its block, or the other way round.
    #[error("`{name}` cannot be used like this. Blocks begin with {{{{#…}}}}, values do not")]
    Use {
        /// Its name.
        name: String,
    },
    /// Anything else that cannot be read.
    #[error("the tag cannot be read")]
    Syntax,
    /// A list used like an object.
    #[error("a list is used like an object. Use #each, or (length …)")]
    ListIndex,
    /// Over [`DYNAMIC_STEPS_MAX`].
    #[error("it would take more than {DYNAMIC_STEPS_MAX} steps. Use fewer or shorter lists")]
    TooManySteps,
    /// Over [`DYNAMIC_OUTPUT_OCTETS_MAX`].
    #[error("it would give more than {DYNAMIC_OUTPUT_OCTETS_MAX} octets")]
    TooLarge,
    /// Anything else that fails with this data.
    #[error("it cannot be filled with this personalization's data")]
    Data,
}

/// Says of the engine's reading error what may be said.
pub(super) fn of_template(part: TemplatePart, error: &handlebars::TemplateError) -> DynamicError {
    let fault = match error.reason() {
        TemplateErrorReason::MismatchingClosedHelper(open, _) => {
            DynamicFault::Unbalanced { open: open.chars().take(80).collect() }
        }
        _ => DynamicFault::Syntax,
    };
    DynamicError { part: part.name(), line: error.pos().map_or(1, |(line, _)| line), fault }
}

/// Says of the engine's error with some data what may be said.
pub(super) fn of_render(part: TemplatePart, error: &handlebars::RenderError) -> DynamicError {
    let fault = match error.reason() {
        RenderErrorReason::NestedError(inner) => {
            inner.downcast_ref::<DynamicFault>().cloned().unwrap_or(DynamicFault::Data)
        }
        RenderErrorReason::IOError(_) => DynamicFault::TooLarge,
        RenderErrorReason::InvalidJsonIndex(_) => DynamicFault::ListIndex,
        _ => DynamicFault::Data,
    };
    DynamicError { part: part.name(), line: error.line_no.unwrap_or(1), fault }
}
