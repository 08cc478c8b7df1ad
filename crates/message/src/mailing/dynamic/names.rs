//! A walk over a parsed template: only known helpers, each with its values and in its form.
//!
//! The engine would find the same while filling it, when the mailing has long been accepted.

use handlebars::Path;
use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};

use super::BUILT_IN;
use super::error::DynamicFault;
use super::helpers::{COMPARISONS, VALUES};

/// How a helper may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With a block.
    Block,
    /// As a value.
    Value,
}

/// Checks a template; gives the line of the first fault.
pub(super) fn check(template: &Template) -> Result<(), (usize, DynamicFault)> {
    for (index, element) in template.elements.iter().enumerate() {
        let line = template.mapping.get(index).map_or(1, |at| at.0);
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(value) | TemplateElement::HtmlExpression(value) => {
                check_call(value, Form::Value).map_err(|fault| (line, fault))?;
            }
            TemplateElement::HelperBlock(block) => {
                check_call(block, Form::Block).map_err(|fault| (line, fault))?;
                for inner in [&block.template, &block.inverse].into_iter().flatten() {
                    check(inner)?;
                }
            }
            _ => return Err((line, DynamicFault::Unsupported)),
        }
    }
    Ok(())
}

fn check_call(call: &HelperTemplate, form: Form) -> Result<(), DynamicFault> {
    let name = name(&call.name)?;
    let bare = form == Form::Value && call.params.is_empty() && call.hash.is_empty();
    let Some(count) = values_of(name) else {
        return if bare { Ok(()) } else { Err(DynamicFault::UnknownHelper { name: shown(name) }) };
    };
    let compares = COMPARISONS.contains(&name);
    let is_value = VALUES.contains(&name);
    if (form == Form::Value && !compares && !is_value)
        || (form == Form::Block && is_value)
        || !call.hash.is_empty()
    {
        return Err(DynamicFault::Use { name: shown(name) });
    }
    if call.params.len() < count {
        return Err(DynamicFault::Values { name: shown(name), count });
    }
    for parameter in &call.params {
        if let Parameter::Subexpression(inner) = parameter
            && let TemplateElement::Expression(inner) = inner.as_element()
        {
            check_call(inner, Form::Value)?;
        }
    }
    Ok(())
}

/// How many values a helper needs; `None` for what is no helper.
fn values_of(name: &str) -> Option<usize> {
    match name {
        "insert" | "length" | "each" | "formatDate" => Some(1),
        name if BUILT_IN.contains(&name) => Some(1),
        name if COMPARISONS.contains(&name) => Some(2),
        _ => None,
    }
}

fn name(parameter: &Parameter) -> Result<&str, DynamicFault> {
    match parameter {
        Parameter::Name(name) | Parameter::Path(Path::Relative((_, name)) | Path::Local((_, _, name))) => {
            Ok(name)
        }
        _ => Err(DynamicFault::Syntax),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(80).collect()
}
