//! The OpenAPI document (3.1), made from the table of routes, and a page to read it without anything from outside.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::page::Page;
use crate::routes::{Family, Need, RouteInfo};

/// A type as the document shows it: its name, and the schemas that it needs.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    name: String,
    schemas: BTreeMap<String, Value>,
}

/// Describes a page of these: a type of its own for each.
pub(crate) fn page_of<T: ToSchema>() -> Described {
    let mut described = described::<T>();
    let schema = serde_json::to_value(<Page<T> as PartialSchema>::schema()).unwrap_or_default();
    described.name = format!("{}Page", described.name);
    described.schemas.insert(described.name.clone(), schema);
    described
}

/// Describes a type.
pub(crate) fn described<T: ToSchema>() -> Described {
    let mut all = Vec::new();
    T::schemas(&mut all);
    let name = T::name().into_owned();
    all.push((name.clone(), T::schema()));
    let value = |schema| serde_json::to_value(schema).unwrap_or_default();
    Described { name, schemas: all.into_iter().map(|(name, schema)| (name, value(schema))).collect() }
}

/// The document of all routes under /v1.
pub(crate) fn document(table: &[RouteInfo]) -> String {
    let (mut paths, mut schemas) = (Map::new(), problem());
    for info in table.iter().filter(|info| Family::of(info.path) == Family::V1) {
        let path = paths.entry(info.path).or_insert_with(|| json!({}));
        path[info.method.as_str().to_ascii_lowercase()] = operation(info);
        for described in [&info.takes, &info.gives].into_iter().flatten() {
            schemas.extend(described.schemas.clone());
        }
    }
    let schemas: BTreeMap<_, _> = schemas.into_iter().collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hikyaku",
            "version": "1",
            "description": "Releases, relays, senders, keys and the books of one tenant. Mails are sent by POST /v3/mail/send.",
        },
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "A key: SG.…" } },
            "schemas": schemas,
        },
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn operation(info: &RouteInfo) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let content =
        |described: &Described| json!({ "application/json": { "schema": reference(&described.name) } });
    let mut success = json!({ "description": info.summary });
    if let Some(gives) = &info.gives {
        success["content"] = content(gives);
    }
    let mut responses = json!({ info.success.as_str(): success });
    let failed = |text: &str| {
        json!({
            "description": text,
            "content": { "application/problem+json": { "schema": reference("Problem") } },
        })
    };
    for (status, text) in failures(info) {
        responses[status.as_str()] = failed(text);
    }
    let mut operation = json!({
        "summary": info.summary,
        "operationId": operation_id(info),
        "parameters": parameters(info),
        "responses": responses,
    });
    if let Some(takes) = &info.takes {
        operation["requestBody"] = json!({ "required": true, "content": content(takes) });
    }
    match info.need {
        Need::Nobody => operation["security"] = json!([]),
        Need::AnyKey => {}
        Need::Scope(scope) => operation["x-scope"] = json!(scope.word()),
    }
    operation
}

fn failures(info: &RouteInfo) -> Vec<(StatusCode, &'static str)> {
    if info.need == Need::Nobody {
        return Vec::new();
    }
    let mut all = vec![
        (StatusCode::BAD_REQUEST, "Something of the request cannot be used; `field` says what."),
        (StatusCode::UNAUTHORIZED, "No key, or one that does not work."),
        (StatusCode::FORBIDDEN, "The key lacks a scope, or the tenant may not."),
        (StatusCode::TOO_MANY_REQUESTS, "Too often; Retry-After says when again."),
        (StatusCode::SERVICE_UNAVAILABLE, "Not now; Retry-After says when again."),
    ];
    if info.path.contains('{') {
        all.push((StatusCode::NOT_FOUND, "There is none of the tenant's."));
    }
    if info.method == Method::POST {
        all.push((StatusCode::CONFLICT, "It exists already, or the same order is under way."));
        all.push((StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key was used for another request."));
    }
    if info.takes.is_some() {
        all.push((StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."));
        all.push((StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON."));
    }
    all
}

fn parameters(info: &RouteInfo) -> Vec<Value> {
    let in_path = info.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let mut all: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let mut add = |name: &str, place: &str, schema: Value, text: &str| {
        all.push(json!({ "name": name, "in": place, "schema": schema, "description": text }));
    };
    if info.gives.as_ref().is_some_and(|gives| gives.name.ends_with("Page")) {
        add("after", "query", json!({ "type": "string" }), "`next` of the page before.");
        add(
            "limit",
            "query",
            json!({ "type": "integer", "minimum": 1, "maximum": 999 }),
            "Entries of a page.",
        );
    }
    if info.method == Method::POST {
        add(
            "Idempotency-Key",
            "header",
            json!({ "type": "string", "maxLength": 255 }),
            "Names the order: sent twice, it is done once.",
        );
    }
    if info.method == Method::PATCH {
        add("If-Match", "header", json!({ "type": "string" }), "The ETag of what is changed.");
    }
    all
}

fn operation_id(info: &RouteInfo) -> String {
    let words = info.path.split(['/', '.', '-']).filter(|word| !word.is_empty());
    let words = words.map(|word| word.trim_matches(['{', '}']));
    format!("{}_{}", info.method.as_str().to_ascii_lowercase(), words.collect::<Vec<_>>().join("_"))
}

fn problem() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let schema = json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail", "request"],
        "properties": {
            "type": text, "title": text, "status": { "type": "integer" }, "detail": text,
            "request": { "type": "string", "description": "Also in X-Request-Id." },
            "field": { "type": "string", "description": "What of the request, as a path with dots." },
            "help": { "type": "string", "description": "What to do." },
        },
    });
    Map::from_iter([("Problem".to_owned(), schema)])
}
