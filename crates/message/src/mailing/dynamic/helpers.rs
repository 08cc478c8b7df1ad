//! SendGrid's helpers: equals, notEquals, greaterThan, lessThan, and, or (with a block, or as a value within another
//! tag), length, insert, formatDate.
//!
//! Texts and numbers compare by what they show: `"5"` equals 5. Lists and objects are equal to nothing.

use std::cmp::Ordering;
use std::sync::Arc;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use serde_json::Value;

use super::clock;
use super::steps::Steps;

/// Helpers that say yes or no.
pub(super) const COMPARISONS: &[&str] = &["equals", "notEquals", "greaterThan", "lessThan", "and", "or"];
/// Helpers that give a value.
pub(super) const VALUES: &[&str] = &["length", "insert", "formatDate"];

/// Says yes or no of a helper's values.
type Holds = fn(&[&Value]) -> bool;
/// Makes a value of a helper's values.
type Make = fn(&[&Value]) -> Value;

/// Makes all helpers known for one part of one mail.
pub(super) fn register<'reg: 'rc, 'rc>(context: &mut RenderContext<'reg, 'rc>, steps: &Arc<Steps>) {
    let comparisons: [(&str, Holds); 6] = [
        ("equals", |v| pair(v, |a, b| compare(a, b) == Some(Ordering::Equal))),
        ("notEquals", |v| pair(v, |a, b| compare(a, b) != Some(Ordering::Equal))),
        ("greaterThan", |v| pair(v, |a, b| compare(a, b) == Some(Ordering::Greater))),
        ("lessThan", |v| pair(v, |a, b| compare(a, b) == Some(Ordering::Less))),
        ("and", |v| v.iter().all(|value| value.is_truthy(false))),
        ("or", |v| v.iter().any(|value| value.is_truthy(false))),
    ];
    for (name, holds) in comparisons {
        context.register_local_helper(name, Box::new(Comparison { holds, steps: Arc::clone(steps) }));
    }
    let values: [(&str, Make); 3] = [("length", length), ("insert", insert), ("formatDate", format_date)];
    for (name, make) in values {
        context.register_local_helper(name, Box::new(Made { make, steps: Arc::clone(steps) }));
    }
}

/// A helper that says yes or no.
struct Comparison {
    holds: Holds,
    steps: Arc<Steps>,
}

/// A helper that makes a value.
struct Made {
    make: Make,
    steps: Arc<Steps>,
}

impl HelperDef for Comparison {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let values = values(helper, &self.steps)?;
        Ok(ScopedJson::Derived(Value::Bool((self.holds)(&values))))
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let holds = (self.holds)(&values(helper, &self.steps)?);
        if !helper.is_block() {
            return Ok(out.write(if holds { "true" } else { "false" })?);
        }
        match if holds { helper.template() } else { helper.inverse() } {
            Some(block) => block.render(registry, context, render, out),
            None => Ok(()),
        }
    }
}

impl HelperDef for Made {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        Ok(ScopedJson::Derived((self.make)(&values(helper, &self.steps)?)))
    }
}

/// A helper's values, paid for by their size.
fn values<'h>(helper: &'h Helper<'_>, steps: &Steps) -> Result<Vec<&'h Value>, RenderError> {
    let values: Vec<&Value> = helper.params().iter().map(|param| param.value()).collect();
    if values.is_empty() {
        return Err(RenderErrorReason::ParamNotFoundForIndex("helper", 0).into());
    }
    steps.take_octets(values.iter().map(|value| value.as_str().map_or(0, str::len)).sum())?;
    Ok(values)
}

fn pair(values: &[&Value], holds: fn(&Value, &Value) -> bool) -> bool {
    match values {
        [first, second, ..] => holds(first, second),
        _ => false,
    }
}

/// How two values compare; `None` where they do not.
fn compare(first: &Value, second: &Value) -> Option<Ordering> {
    match (first, second) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::String(a), Value::String(b)) => match (number(first), number(second)) {
            // Two texts of digits are compared as texts for equality (`"007"` is not `"7"`), else by what they count.
            (Some(a_number), Some(b_number)) if a != b => {
                Some(a_number.partial_cmp(&b_number)?.then_with(|| a.cmp(b)))
            }
            _ => Some(a.cmp(b)),
        },
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Bool(flag), Value::String(text)) | (Value::String(text), Value::Bool(flag)) => {
            (text == if *flag { "true" } else { "false" }).then_some(Ordering::Equal)
        }
        _ => number(first)?.partial_cmp(&number(second)?),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.len() <= 32 => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

/// Of a list, its items; of a text, its characters; of anything else 0.
fn length(values: &[&Value]) -> Value {
    Value::from(match values.first() {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(fields)) => fields.len(),
        Some(Value::String(text)) => text.chars().count(),
        _ => 0,
    })
}

/// `insert value "default=text"`: the value, or the text where there is none.
fn insert(values: &[&Value]) -> Value {
    let (given, rest) = match values.split_first() {
        Some((first, rest)) if default(first).is_none() => (Some(*first), rest),
        _ => (None, values),
    };
    let empty = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    match given.filter(|value| !empty(value)) {
        Some(value @ (Value::Array(_) | Value::Object(_))) => Value::from(length(&[value]).to_string()),
        Some(value) => value.clone(),
        None => rest.iter().find_map(|value| default(value)).map_or(Value::Null, Value::from),
    }
}

fn default(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix("default=")
}

fn format_date(values: &[&Value]) -> Value {
    let pattern = values.get(1).and_then(|value| value.as_str()).unwrap_or("YYYY-MM-DDTHH:mm:ssZ");
    let offset = values.get(2).copied().unwrap_or(&Value::Null);
    values.first().and_then(|at| clock::format(at, pattern, offset)).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_compare_by_what_they_show() {
        let check = |a: Value, b: Value, expected| assert_eq!(compare(&a, &b), expected, "{a} {b}");
        check(json!(5), json!("5"), Some(Ordering::Equal));
        check(json!("5"), json!("05"), Some(Ordering::Greater));
        check(json!("10"), json!("9"), Some(Ordering::Greater));
        check(json!("東京"), json!("東京"), Some(Ordering::Equal));
        check(json!(2.5), json!(2), Some(Ordering::Greater));
        check(json!(true), json!("true"), Some(Ordering::Equal));
        check(json!(null), json!(0), None);
        check(json!([1]), json!([1]), None);
    }

    #[test]
    fn a_default_stands_where_nothing_is() {
        let check = |values: &[Value], expected: Value| {
            assert_eq!(insert(&values.iter().collect::<Vec<_>>()), expected, "{values:?}");
        };
        check(&[json!("太郎"), json!("default=お客様")], json!("太郎"));
        check(&[json!(null), json!("default=お客様")], json!("お客様"));
        check(&[json!(" "), json!("default=お客様")], json!("お客様"));
        check(&[json!(0), json!("default=x")], json!(0));
        check(&[json!("default=x")], json!("x"));
        check(&[json!(null)], json!(null));
    }
}
