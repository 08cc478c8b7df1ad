//! `/v3/templates` and their versions. A version is compiled before it is stored.

use app::directory::Entry;
use app::directory::templates::{Template, TemplateVersion, Templates};
use app::scope::Scope;
use axum::http::{Method, StatusCode};
use domain::Timestamp;
use message::mailing::TemplateKind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v3/templates";
const ONE: &str = "/v3/templates/{template_id}";
const VERSIONS: &str = "/v3/templates/{template_id}/versions";
const VERSION: &str = "/v3/templates/{template_id}/versions/{version_id}";
const ACTIVATE: &str = "/v3/templates/{template_id}/versions/{version_id}/activate";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = |method, path, scope, text| RouteInfo::new(method, path, Need::Scope(scope), text);
    let (make, read) = (Scope::TemplatesCreate, Scope::TemplatesRead);
    let (set, drop) = (Scope::TemplatesUpdate, Scope::TemplatesDelete);
    let (made, gone) = (StatusCode::CREATED, StatusCode::NO_CONTENT);
    routes
        .add(info(Method::POST, ALL, make, "Makes a template.").success(made), create)
        .add(info(Method::GET, ALL, read, "All templates."), list)
        .add(info(Method::GET, ONE, read, "One template."), get)
        .add(info(Method::PATCH, ONE, set, "Gives a template another name."), rename)
        .add(info(Method::DELETE, ONE, drop, "Removes a template.").success(gone), remove)
        .add(info(Method::POST, VERSIONS, make, "Adds a version.").success(made), add_version)
        .add(info(Method::GET, VERSION, read, "One version."), get_version)
        .add(info(Method::PATCH, VERSION, set, "Changes a version."), change_version)
        .add(info(Method::DELETE, VERSION, drop, "Removes a version.").success(gone), remove_version)
        .add(info(Method::POST, ACTIVATE, set, "Puts a version in force."), activate)
}

fn of(call: &Call) -> Templates<'_> {
    let desk = call.desk();
    Templates::of(&*desk.store, &*desk.clock, &*desk.entropy, call.access())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    generation: Option<TemplateKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renamed {
    name: String,
}

/// A version as it is made, or what of it is to change.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct WireVersion {
    name: Option<String>,
    subject: Option<String>,
    html_content: Option<String>,
    plain_content: Option<String>,
    generate_plain_content: Option<bool>,
    active: Option<u8>,
    editor: Option<String>,
    test_data: Option<String>,
}

fn day_and_time(at: Timestamp) -> String {
    let text = at.to_string();
    let plain = text.replace('T', " ");
    plain.split(['.', 'Z']).next().unwrap_or_default().to_owned()
}

fn shown_version(template: &Entry<Template>, id: &str, entry: &Entry<TemplateVersion>, whole: bool) -> Value {
    let version = &entry.value;
    let mut shown = json!({
        "id": id,
        "template_id": template.id,
        "active": u8::from(template.value.active.as_deref() == Some(id)),
        "name": version.name,
        "subject": version.subject,
        "generate_plain_content": version.generate_text,
        "editor": version.editor,
        "updated_at": day_and_time(entry.changed_at),
    });
    if whole {
        shown["html_content"] = json!(version.html);
        shown["plain_content"] = json!(version.text);
        shown["test_data"] = json!(version.test_data);
    }
    shown
}

async fn shown(call: &Call, template: &Entry<Template>, whole: bool) -> Result<Value, Fault> {
    let versions = of(call).versions(&template.id).await?;
    let versions: Vec<Value> =
        versions.iter().map(|(id, entry)| shown_version(template, id, entry, whole)).collect();
    Ok(json!({
        "id": template.id,
        "name": template.value.name,
        "generation": template.value.kind,
        "updated_at": day_and_time(template.changed_at),
        "versions": versions,
    }))
}

async fn create(call: Call) -> Result<Answer, Fault> {
    let wanted: Wanted = call.json()?;
    let kind = wanted.generation.unwrap_or(TemplateKind::Legacy);
    let made = of(&call).create(wanted.name, kind).await?;
    Ok(Answer::json(StatusCode::CREATED, &shown(&call, &made, true).await?))
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = call.query.get("generations").map_or("legacy", String::as_str);
    let mut kinds = Vec::new();
    for word in wanted.split(',') {
        kinds.push(match word {
            "legacy" => TemplateKind::Legacy,
            "dynamic" => TemplateKind::Dynamic,
            _ => return Err(Fault::bad("generations", "it is legacy, dynamic, or legacy,dynamic")),
        });
    }
    let limit = call.number("page_size", 200, (1, 200))? as usize;
    let after = call.query.get("page_token").cloned().unwrap_or_default();
    let mut all = of(&call).list().await?;
    all.retain(|entry| kinds.contains(&entry.value.kind) && entry.id > after);
    let count = all.len();
    all.truncate(limit);
    let mut result = Vec::with_capacity(all.len());
    for entry in &all {
        result.push(shown(&call, entry, false).await?);
    }
    let mut metadata = json!({ "self": format!("{ALL}?page_size={limit}"), "count": count });
    if let Some(last) = all.last().filter(|_| count > limit) {
        metadata["next"] =
            json!(format!("{ALL}?generations={wanted}&page_size={limit}&page_token={}", last.id));
    }
    Ok(Answer::json(StatusCode::OK, &json!({ "result": result, "_metadata": metadata })))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let found = of(&call).get(call.param("template_id")).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&call, &found, true).await?))
}

async fn rename(call: Call) -> Result<Answer, Fault> {
    let renamed: Renamed = call.json()?;
    let found = of(&call).rename(call.param("template_id"), renamed.name).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&call, &found, true).await?))
}

async fn remove(call: Call) -> Result<Answer, Fault> {
    of(&call).remove(call.param("template_id")).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// What stands, with what the request gives in its place.
fn merged(wire: WireVersion, standing: Option<TemplateVersion>) -> Result<(TemplateVersion, bool), Fault> {
    let activate = match wire.active {
        None | Some(0) => false,
        Some(1) => true,
        Some(_) => return Err(Fault::bad("active", "it is 0 or 1")),
    };
    let is_new = standing.is_none();
    let base = standing.unwrap_or(TemplateVersion {
        name: String::new(),
        subject: String::new(),
        html: String::new(),
        text: String::new(),
        generate_text: true,
        editor: "code".to_owned(),
        test_data: String::new(),
    });
    if is_new && wire.name.is_none() {
        return Err(Fault::bad("name", "it is missing").help("give the version a name"));
    }
    if is_new && wire.subject.is_none() {
        return Err(
            Fault::bad("subject", "it is missing").help("give the version a subject, such as {{subject}}")
        );
    }
    let version = TemplateVersion {
        name: wire.name.unwrap_or(base.name),
        subject: wire.subject.unwrap_or(base.subject),
        html: wire.html_content.unwrap_or(base.html),
        text: wire.plain_content.unwrap_or(base.text),
        generate_text: wire.generate_plain_content.unwrap_or(base.generate_text),
        editor: wire.editor.unwrap_or(base.editor),
        test_data: wire.test_data.unwrap_or(base.test_data),
    };
    Ok((version, activate))
}

async fn version_answer(call: &Call, status: StatusCode, version: &str) -> Result<Answer, Fault> {
    let template = of(call).get(call.param("template_id")).await?;
    let entry = of(call).version(&template.id, version).await?;
    Ok(Answer::json(status, &shown_version(&template, version, &entry, true)))
}

async fn add_version(call: Call) -> Result<Answer, Fault> {
    let (version, activate) = merged(call.json()?, None)?;
    let id = of(&call).add_version(call.param("template_id"), version, activate).await?;
    version_answer(&call, StatusCode::CREATED, &id).await
}

async fn get_version(call: Call) -> Result<Answer, Fault> {
    version_answer(&call, StatusCode::OK, call.param("version_id")).await
}

async fn change_version(call: Call) -> Result<Answer, Fault> {
    let wire: WireVersion = call.json()?;
    let (template, version) = (call.param("template_id"), call.param("version_id"));
    let standing = of(&call).version(template, version).await?;
    let (changed, activate) = merged(wire, Some(standing.value))?;
    of(&call).set_version(template, version, changed, activate).await?;
    version_answer(&call, StatusCode::OK, version).await
}

async fn remove_version(call: Call) -> Result<Answer, Fault> {
    of(&call).remove_version(call.param("template_id"), call.param("version_id")).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn activate(call: Call) -> Result<Answer, Fault> {
    let (template, version) = (call.param("template_id"), call.param("version_id"));
    let standing = of(&call).version(template, version).await?;
    of(&call).set_version(template, version, standing.value, true).await?;
    version_answer(&call, StatusCode::OK, version).await
}
