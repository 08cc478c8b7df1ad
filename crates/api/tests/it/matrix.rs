//! Every route, with every kind of caller that must not come through: no key, a bad one, an expired one, a revoked one, one
//! without the scope, and one of another tenant.
//!
//! Made from the router's own table. A route that the matrix does not cover must stand in `uncovered.txt`, which is empty.

use std::time::Duration;

use api::{ApiConfig, Need, Rates, RouteInfo};
use app::scope::Scope;
use runtime::Clock;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::scene::{Scene, mail};

/// Things of the tenant that a path may name.
struct Things {
    key: String,
    relay: String,
    release: String,
    batch: String,
    template: String,
    version: String,
}

impl Things {
    async fn make(scene: &Scene) -> Self {
        let text = |value: Value, name: &str| value[name].as_str().unwrap().to_owned();
        let key = scene.post("/v1/keys", &json!({ "name": "x", "scopes": ["mail.send"] })).await.json();
        let relay = scene.get("/v1/relays").await.json()["items"][0].clone();
        assert_eq!(scene.post("/v3/mail/send", &mail()).await.status, 202);
        let release = scene.get("/v1/releases").await.json()["items"][0].clone();
        let batch = text(scene.post("/v3/mail/batch", &json!({})).await.json(), "batch_id");
        scene.post("/v3/user/scheduled_sends", &json!({ "batch_id": batch, "status": "pause" })).await;
        let template =
            scene.post("/v3/templates", &json!({ "name": "x", "generation": "dynamic" })).await.json();
        let template = text(template, "id");
        let version = json!({ "name": "x", "subject": "y", "plain_content": "z" });
        let version = scene.post(&format!("/v3/templates/{template}/versions"), &version).await.json();
        Self {
            key: text(key, "id"),
            relay: text(relay, "id"),
            release: text(release, "id"),
            batch,
            template,
            version: text(version, "id"),
        }
    }

    /// The path with its parameters; `None` when one is not known here.
    fn path(&self, route: &RouteInfo) -> Option<String> {
        let known = [
            ("{api_key_id}", &self.key),
            ("{key}", &self.key),
            ("{relay}", &self.relay),
            ("{release}", &self.release),
            ("{batch_id}", &self.batch),
            ("{template_id}", &self.template),
            ("{version_id}", &self.version),
        ];
        let filled = known.iter().fold(route.path.to_owned(), |path, (name, id)| path.replace(name, id));
        let query = if route.path.ends_with("/attempts") { "?to=taro@example.jp" } else { "" };
        (!filled.contains('{')).then(|| filled + query)
    }
}

/// A body that a route takes, for what is found by path.
fn body(route: &RouteInfo) -> Option<Value> {
    let body = match (route.method.as_str(), route.path) {
        ("POST", "/v3/mail/send") => mail(),
        ("POST" | "PUT", "/v3/api_keys" | "/v3/api_keys/{api_key_id}") => {
            json!({ "name": "n", "scopes": ["mail.send"] })
        }
        ("PATCH", "/v3/api_keys/{api_key_id}" | "/v3/templates/{template_id}" | "/v1/keys/{key}") => {
            json!({ "name": "n" })
        }
        ("POST", "/v3/user/scheduled_sends") => json!({ "batch_id": "x", "status": "pause" }),
        ("PATCH", "/v3/user/scheduled_sends/{batch_id}") => json!({ "status": "cancel" }),
        ("POST", "/v3/templates") => json!({ "name": "n" }),
        ("POST", "/v3/templates/{template_id}/versions") => json!({ "name": "n", "subject": "s" }),
        ("PATCH", "/v3/templates/{template_id}/versions/{version_id}") => json!({ "name": "n" }),
        ("POST", "/v1/keys") => json!({ "name": "n", "scopes": ["mail.send"] }),
        ("POST", "/v1/relays/{relay}/secret") => json!({ "secret": "s" }),
        _ => return None,
    };
    Some(body)
}

async fn call(scene: &Scene, route: &RouteInfo, path: &str, key: Option<&str>) -> Answer {
    let mut ask = Ask::new(scene.address, route.method.as_str(), path);
    if let Some(key) = key {
        ask = ask.key(key);
    }
    match body(route) {
        Some(body) => ask.json(&body).send().await,
        None => ask.send().await,
    }
}

#[tokio::test]
async fn nobody_comes_through_who_must_not() {
    let rates = Rates { managing_per_minute: 100_000, failures_per_minute: 100_000, ..Rates::default() };
    let scene = Scene::with(ApiConfig { rates, ..ApiConfig::default() }).await;
    let things = Things::make(&scene).await;
    let expired = scene.key_until(scene.clock.now() + Duration::from_secs(60)).await;
    let revoked = scene.key_with(Scope::ALL).await;
    let id = revoked.split('.').nth(1).unwrap();
    assert_eq!(scene.ask("DELETE", &format!("/v1/keys/{id}")).send().await.status, 204);
    scene.clock.put_forward(Duration::from_secs(61));
    let mut wrong = scene.key.clone();
    wrong.replace_range(wrong.len() - 4.., "AAAA");
    let bad =
        [None, Some("SG.nonsense"), Some(wrong.as_str()), Some(expired.as_str()), Some(revoked.as_str())];
    let mut uncovered = Vec::new();
    for route in &scene.routes {
        let name = format!("{} {}", route.method, route.path);
        let Some(path) = things.path(route) else {
            uncovered.push(name);
            continue;
        };
        if route.need == Need::Nobody {
            assert_eq!(call(&scene, route, &path, None).await.status, 200, "{name}");
            continue;
        }
        for key in bad {
            let answer = call(&scene, route, &path, key).await;
            assert_eq!(answer.status, 401, "{name} {key:?}");
            assert_ne!(answer.header("x-request-id"), "");
        }
        if let Need::Scope(needed) = route.need {
            let others: Vec<_> = Scope::ALL.iter().copied().filter(|scope| *scope != needed).collect();
            let answer = call(&scene, route, &path, Some(&scene.key_with(&others).await)).await;
            assert_eq!(answer.status, 403, "{name}");
        }
        if route.path.contains('{') {
            let answer = call(&scene, route, &path, Some(&scene.foreign)).await;
            assert_eq!(answer.status, 404, "{name}: {answer:?}");
        }
    }
    assert_eq!(uncovered.join("\n"), include_str!("uncovered.txt").trim(), "cover these routes");
    // All of it stands as it was: nobody who was refused changed anything.
    for path in ["/v1/keys/", "/v1/relays/", "/v1/releases/"].iter().zip([
        &things.key,
        &things.relay,
        &things.release,
    ]) {
        assert_eq!(scene.get(&format!("{}{}", path.0, path.1)).await.status, 200, "{path:?}");
    }
    assert_eq!(scene.get(&format!("/v3/templates/{}", things.template)).await.json()["name"], "x");
}

#[tokio::test]
async fn whoever_may_finds_what_is_theirs() {
    let scene = Scene::new().await;
    let things = Things::make(&scene).await;
    for route in scene.routes.iter().filter(|route| route.method == "GET" && !route.path.ends_with("/events"))
    {
        let path = things.path(route).unwrap();
        let answer = call(&scene, route, &path, Some(&scene.key)).await;
        assert_eq!(answer.status, 200, "{} {answer:?}", route.path);
    }
}
