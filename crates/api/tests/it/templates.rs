//! Templates and their versions, and mails made with them.

use ledger::DirectoryStore;
use serde_json::{Value, json};

use crate::scene::{Scene, mail};

async fn template(scene: &Scene, generation: &str) -> String {
    let made = scene.post("/v3/templates", &json!({ "name": "お知らせ", "generation": generation })).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

fn version(name: &str) -> Value {
    json!({ "name": name, "subject": "{{title}}", "html_content": "<p>{{name}} 様</p>", "plain_content": "{{name}} 様" })
}

#[tokio::test]
async fn templates_live_and_die() {
    let scene = Scene::new().await;
    let id = template(&scene, "dynamic").await;
    assert!(id.starts_with("d-") && id.len() == 34, "{id}");
    let one = format!("/v3/templates/{id}");
    let first = scene.post(&format!("{one}/versions"), &version("一")).await;
    assert_eq!((first.status, first.json()["active"].clone()), (201, json!(1)), "the first is in force");
    let second = scene.post(&format!("{one}/versions"), &version("二")).await.json();
    assert_eq!(second["active"], json!(0));
    let path = format!("{one}/versions/{}", second["id"].as_str().unwrap());
    assert_eq!(scene.ask("POST", &format!("{path}/activate")).send().await.json()["active"], json!(1));
    let patch = json!({ "subject": "別の件名" });
    assert_eq!(scene.ask("PATCH", &path).json(&patch).send().await.json()["subject"], "別の件名");
    assert_eq!(scene.get(&path).await.json()["html_content"], "<p>{{name}} 様</p>");
    let whole = scene.get(&one).await.json();
    assert_eq!((whole["versions"].as_array().unwrap().len(), &whole["generation"]), (2, &json!("dynamic")));
    let renamed = scene.ask("PATCH", &one).json(&json!({ "name": "新" })).send().await;
    assert_eq!(renamed.json()["name"], "新");
    assert_eq!(scene.get("/v3/templates").await.json()["result"], json!([]), "legacy ones by default");
    let list = scene.get("/v3/templates?generations=legacy,dynamic&page_size=1").await.json();
    assert_eq!(list["result"][0]["id"], json!(id));
    assert_eq!(scene.ask("DELETE", &path).send().await.status, 204);
    assert_eq!(scene.get(&path).await.status, 404);
    assert_eq!(scene.ask("DELETE", &one).send().await.status, 204);
    assert_eq!(scene.get(&one).await.status, 404);
}

#[tokio::test]
async fn a_broken_version_is_refused_with_its_line() {
    let scene = Scene::new().await;
    let path = format!("/v3/templates/{}/versions", template(&scene, "dynamic").await);
    let mut broken = version("x");
    broken["html_content"] = json!("<p>\n\n{{#if a}}…</p>");
    let answer = scene.post(&path, &broken).await;
    let (field, message) = answer.error();
    assert_eq!((answer.status, field.as_str()), (400, "html_content"), "{message}");
    assert!(message.contains("line 3"), "{message}");
}

#[tokio::test]
async fn mails_carry_the_version_in_force() {
    let scene = Scene::new().await;
    let id = template(&scene, "dynamic").await;
    let mut value = mail();
    value["template_id"] = json!(id);
    value["personalizations"][0]["dynamic_template_data"] = json!({ "name": "髙橋", "title": "新製品" });
    assert_eq!(scene.post("/v3/mail/send", &value).await.status, 400, "no version");
    scene.post(&format!("/v3/templates/{id}/versions"), &version("一")).await;
    let sent = scene.post("/v3/mail/send", &value).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let release = sent.header("x-message-id").split_once('.').unwrap().0.parse().unwrap();
    let parts = scene.store.content_get(scene.tenant, release).await.unwrap();
    let stored: Value = serde_json::from_slice(&parts[1].bytes).unwrap();
    assert_eq!(stored["template"]["html"], "<p>{{name}} 様</p>");
    value["personalizations"][0]["substitutions"] = json!({ "a": "b" });
    let answer = scene.post("/v3/mail/send", &value).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "personalizations.0.substitutions"));
}
