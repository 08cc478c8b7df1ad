//! `#each`, with its rounds counted before they run. Otherwise as the engine's own.

use std::sync::Arc;

use handlebars::template::Template;
use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output, PathAndJson,
    RenderContext, RenderError, RenderErrorReason, Renderable,
};
use serde_json::Value;

use super::steps::{Steps, elements};

/// The loop.
pub(super) struct Each(pub(super) Arc<Steps>);

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("each", 0))?;
        let rounds = match value.value() {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        let Some(block) = helper.template().filter(|_| rounds > 0) else {
            return match helper.inverse() {
                Some(inverse) => inverse.render(registry, context, render, out),
                None => Ok(()),
            };
        };
        self.0.take(elements(block).saturating_add(1).saturating_mul(rounds as u64))?;
        render.push_block(BlockContext::new());
        let mut round = |render: &mut RenderContext<'reg, 'rc>, item: Item<'_>| -> Result<(), RenderError> {
            if let Some(scope) = render.block_mut() {
                enter(scope, helper, value, &item, rounds)?;
            }
            Template::render(block, registry, context, render, out)
        };
        let result = match value.value() {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| round(render, Item { index, key: None, value })),
            Value::Object(fields) => fields
                .iter()
                .enumerate()
                .try_for_each(|(index, (key, value))| round(render, Item { index, key: Some(key), value })),
            _ => Ok(()),
        };
        render.pop_block();
        result
    }
}

/// What a round is over.
struct Item<'v> {
    index: usize,
    key: Option<&'v str>,
    value: &'v Value,
}

/// Sets the scope of a round: where names start, `@index` and its like, and the names behind `as |…|`.
fn enter<'rc>(
    scope: &mut BlockContext<'rc>,
    helper: &Helper<'rc>,
    list: &PathAndJson<'rc>,
    item: &Item<'_>,
    rounds: usize,
) -> Result<(), RenderError> {
    let key = item.key.map_or_else(|| Value::from(item.index), Value::from);
    scope.set_local_var("first", Value::from(item.index == 0));
    scope.set_local_var("last", Value::from(item.index + 1 == rounds));
    scope.set_local_var("index", Value::from(item.index));
    if item.key.is_some() {
        scope.set_local_var("key", key.clone());
    }
    let path = list.context_path();
    match path {
        Some(path) => {
            let mut path = path.clone();
            path.push(item.key.map_or_else(|| item.index.to_string(), str::to_owned));
            *scope.base_path_mut() = path;
        }
        None => scope.set_base_value(item.value.clone()),
    }
    let mut params = BlockParams::new();
    let (value_name, key_name) = match (helper.block_param(), helper.block_param_pair()) {
        (Some(value), _) => (Some(value), None),
        (None, Some((value, key))) => (Some(value), Some(key)),
        (None, None) => (None, None),
    };
    match value_name {
        Some(name) if path.is_some() => params.add_path(name, Vec::new())?,
        Some(name) => params.add_value(name, item.value.clone())?,
        None => return Ok(()),
    }
    if let Some(name) = key_name {
        params.add_value(name, key)?;
    }
    scope.set_block_params(params);
    Ok(())
}
