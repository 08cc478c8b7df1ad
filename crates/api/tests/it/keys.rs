//! Keys and scopes.

use std::time::Duration;

use api::{ApiConfig, Rates};
use app::scope::Scope;
use serde_json::json;

use crate::client::Ask;
use crate::scene::Scene;

#[tokio::test]
async fn keys_are_changed_and_revoked() {
    let scene = Scene::new().await;
    let made = scene.post("/v3/api_keys", &json!({ "name": "送信", "scopes": ["mail.send"] })).await.json();
    let one = format!("/v3/api_keys/{}", made["api_key_id"].as_str().unwrap());
    let key = made["api_key"].as_str().unwrap();
    let patched = scene.ask("PATCH", &one).json(&json!({ "name": "新しい名前" })).send().await;
    assert_eq!((patched.status, patched.json()["name"].as_str().unwrap()), (200, "新しい名前"));
    let put = json!({ "name": "x", "scopes": ["templates.read"] });
    assert_eq!(scene.ask("PUT", &one).json(&put).send().await.json()["scopes"], json!(["templates.read"]));
    let mine = || Ask::new(scene.address, "GET", "/v3/scopes").key(key).send();
    assert_eq!(mine().await.json(), json!({ "scopes": ["templates.read"] }));
    assert_eq!(scene.get(&one).await.json()["name"], "x");
    assert_eq!(scene.get("/v3/api_keys").await.json()["result"].as_array().unwrap().len(), 2);
    assert_eq!(scene.ask("DELETE", &one).send().await.status, 204);
    assert_eq!(mine().await.status, 401);
    assert_eq!(scene.ask("DELETE", &one).send().await.status, 404);
    assert_eq!(scene.get(&one).await.status, 404);
}

#[tokio::test]
async fn a_key_gives_nothing_that_it_does_not_have() {
    let scene = Scene::new().await;
    let all = [Scope::KeysCreate, Scope::KeysUpdate, Scope::KeysRead];
    let key = scene.key_with(&all).await;
    let ask = |method: &str, path: &str| Ask::new(scene.address, method, path).key(&key);
    let more = json!({ "name": "more", "scopes": ["api_keys.read", "mail.send"] });
    for path in ["/v3/api_keys", "/v1/keys"] {
        assert_eq!(ask("POST", path).json(&more).send().await.status, 403, "{path}");
    }
    let own = ask("GET", "/v3/api_keys").send().await.json();
    let id = own["result"][1]["api_key_id"].as_str().unwrap().to_owned();
    assert_eq!(ask("PUT", &format!("/v3/api_keys/{id}")).json(&more).send().await.status, 403);
    let patch = json!({ "scopes": ["mail.send"] });
    assert_eq!(ask("PATCH", &format!("/v1/keys/{id}")).json(&patch).send().await.status, 403);
    let made = ask("POST", "/v3/api_keys").json(&json!({ "name": "all of mine" })).send().await.json();
    assert_eq!(made["scopes"], json!(["api_keys.read", "api_keys.create", "api_keys.update"]));
    let unknown =
        ask("POST", "/v3/api_keys").json(&json!({ "name": "x", "scopes": ["mail.sent"] })).send().await;
    assert_eq!((unknown.status, unknown.error().0.as_str()), (400, "scopes"));
}

#[tokio::test]
async fn failed_keys_are_throttled_and_calls_have_a_rate() {
    let rates = Rates { managing_per_minute: 3, failures_per_minute: 4, ..Rates::default() };
    let scene = Scene::with(ApiConfig { rates, ..ApiConfig::default() }).await;
    for remaining in ["2", "1", "0"] {
        let answer = scene.get("/v3/scopes").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, remaining));
    }
    let answer = scene.get("/v3/scopes").await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 21, "{answer:?}");
    let answer = scene.get("/v1/tenant").await;
    assert_eq!((answer.status, answer.header("ratelimit-policy")), (429, "\"key\";q=3"));
    scene.clock.put_forward(Duration::from_secs(60));
    assert_eq!(scene.get("/v3/scopes").await.status, 200);
    let bad = || Ask::new(scene.address, "GET", "/v3/scopes").key("SG.no.key").send();
    for _ in 0..4 {
        assert_eq!(bad().await.status, 401);
    }
    assert_eq!(bad().await.status, 429);
    scene.clock.put_forward(Duration::from_secs(60));
    assert_eq!(bad().await.status, 401);
}
