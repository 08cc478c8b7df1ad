//! Dynamic templates: Handlebars as SendGrid's users write it, over one personalization's data.
//!
//! The language is the crate `handlebars`, without files, partials, scripts or hooks. Around it: a look at the tags
//! before they are parsed ([`tags`]), so that nothing nests without end; the known helpers only ([`names`]); and a count
//! of steps and octets, so that no template and no data keeps a core busy. A missing field is empty.
//!
//! Invariants: errors name part, line and remedy, never a value. `{{x}}` is escaped in HTML and nowhere else.

mod clock;
mod each;
mod error;
mod helpers;
mod names;
mod steps;
mod tags;

use std::sync::Arc;

use handlebars::template::Template;
use handlebars::{Context, Handlebars, RenderContext, Renderable};
use serde_json::{Map, Value};

pub use error::{DynamicError, DynamicFault};

use super::MailTemplate;
use crate::limits::{DYNAMIC_DATA_DEPTH_MAX, DYNAMIC_SOURCE_OCTETS_MAX};
use steps::{Bounded, Steps};

/// Helpers of the crate that a template may use as they are.
const BUILT_IN: &[&str] = &["if", "unless", "with"];
/// Helpers of the crate that are taken away: they are not SendGrid's, or write values to the log.
const TAKEN_AWAY: &[&str] =
    &["lookup", "raw", "log", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", "each"];

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePart {
    /// The subject.
    Subject,
    /// The HTML.
    Html,
    /// The plain text.
    Text,
}

/// A template that was read and found usable. The same for every mailing that uses this version.
pub struct DynamicTemplate {
    subject: Option<Template>,
    html: Option<Template>,
    text: Option<Template>,
    escaping: Handlebars<'static>,
    plain: Handlebars<'static>,
}

/// One personalization's data, ready for all parts.
pub struct DynamicData(Context);

impl TemplatePart {
    /// As SendGrid calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Html => "html_content",
            Self::Text => "plain_content",
        }
    }
}

impl DynamicTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// Where a part cannot be used, with its line.
    pub fn compile(template: &MailTemplate) -> Result<Self, DynamicError> {
        let mut plain = registry();
        plain.register_escape_fn(handlebars::no_escape);
        Ok(Self {
            subject: compile_part(TemplatePart::Subject, &template.subject)?,
            html: compile_part(TemplatePart::Html, &template.html)?,
            text: compile_part(TemplatePart::Text, &template.text)?,
            escaping: registry(),
            plain,
        })
    }

    /// Fills one part; `None` when the template has no such part.
    ///
    /// # Errors
    /// When the data does not fit the template, or it would take too long or give too much.
    pub fn render(&self, part: TemplatePart, data: &DynamicData) -> Option<Result<String, DynamicError>> {
        let (template, registry) = match part {
            TemplatePart::Subject => (&self.subject, &self.plain),
            TemplatePart::Html => (&self.html, &self.escaping),
            TemplatePart::Text => (&self.text, &self.plain),
        };
        let template = template.as_ref()?;
        Some(fill(template, registry, data).map_err(|error| error::of_render(part, &error)))
    }

    /// Whether the template has this part.
    #[must_use]
    pub fn has(&self, part: TemplatePart) -> bool {
        match part {
            TemplatePart::Subject => self.subject.is_some(),
            TemplatePart::Html => self.html.is_some(),
            TemplatePart::Text => self.text.is_some(),
        }
    }
}

impl DynamicData {
    /// Takes over a personalization's data; `unsubscribe` stands for the names that templates use for that link.
    #[must_use]
    pub fn new(data: &Map<String, Value>, unsubscribe: Option<&str>) -> Self {
        let mut data: Map<String, Value> =
            data.iter().map(|(name, value)| (name.clone(), as_people_write(value))).collect();
        if let Some(url) = unsubscribe {
            for name in ["unsubscribe", "unsubscribe_preferences"] {
                data.entry(name).or_insert_with(|| Value::from(url));
            }
        }
        Self(Context::from(Value::Object(data)))
    }

    /// Whether data is nested no deeper than [`DYNAMIC_DATA_DEPTH_MAX`].
    pub(super) fn is_shallow(data: &Map<String, Value>) -> bool {
        fn within(value: &Value, left: usize) -> bool {
            match value {
                Value::Array(items) => left > 0 && items.iter().all(|v| within(v, left - 1)),
                Value::Object(fields) => left > 0 && fields.values().all(|v| within(v, left - 1)),
                _ => true,
            }
        }
        data.values().all(|value| within(value, DYNAMIC_DATA_DEPTH_MAX))
    }
}

/// `10.0` is written as 10, as in the language that templates come from.
fn as_people_write(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(as_people_write).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), as_people_write(value))).collect())
        }
        Value::Number(number) if number.is_f64() => whole_number(number).unwrap_or_else(|| value.clone()),
        other => other.clone(),
    }
}

fn whole_number(number: &serde_json::Number) -> Option<Value> {
    let float = number.as_f64()?;
    let text = format!("{float:.0}");
    // Beyond 2^53 not every whole number can be told apart.
    let exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    if exact { text.parse::<i64>().ok().map(Value::from) } else { None }
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    for name in TAKEN_AWAY {
        registry.unregister_helper(name);
    }
    registry
}

fn compile_part(part: TemplatePart, source: &str) -> Result<Option<Template>, DynamicError> {
    if source.trim().is_empty() {
        return Ok(None);
    }
    if source.len() > DYNAMIC_SOURCE_OCTETS_MAX {
        return Err(DynamicError { part: part.name(), line: 1, fault: DynamicFault::TooLong });
    }
    tags::check(source).map_err(|(line, fault)| DynamicError { part: part.name(), line, fault })?;
    let template = Template::compile(source).map_err(|error| error::of_template(part, &error))?;
    names::check(&template).map_err(|(line, fault)| DynamicError { part: part.name(), line, fault })?;
    Ok(Some(template))
}

fn fill(
    template: &Template,
    registry: &Handlebars<'static>,
    data: &DynamicData,
) -> Result<String, handlebars::RenderError> {
    let steps = Arc::new(Steps::new());
    steps.take(steps::elements(template))?;
    let mut context = RenderContext::new(None);
    context.register_local_helper("each", Box::new(each::Each(Arc::clone(&steps))));
    helpers::register(&mut context, &steps);
    let mut out = Bounded::default();
    template.render(registry, &data.0, &mut context, &mut out)?;
    Ok(out.into_text())
}

impl std::fmt::Debug for DynamicTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamicTemplate")
            .field("html", &self.html.is_some())
            .field("text", &self.text.is_some())
            .finish_non_exhaustive()
    }
}
