//! `/v1`: relays, senders, releases, the audit log, ETags, pages, the document.

use serde_json::json;

use crate::client::Ask;
use crate::scene::{Scene, mail};

#[tokio::test]
async fn relays_are_added_and_their_secrets_replaced_and_never_shown() {
    let scene = Scene::new().await;
    let relay = json!({
        "name": "本番", "host": "smtp.example.jp", "port": 587, "tls": "starttls", "user": "apikey",
        "secret": "himitsu-1", "kind": "sendgrid", "ehlo_name": "mail.example.jp",
    });
    let made = scene.post("/v1/relays", &relay).await;
    assert_eq!(made.status, 201, "{made:?}");
    let place = made.header("location").to_owned();
    assert_eq!(scene.post("/v1/relays", &relay).await.status, 409);
    let mut inner = relay.clone();
    (inner["host"], inner["name"]) = (json!("127.0.0.1"), json!("inner"));
    let refused = scene.post("/v1/relays", &inner).await;
    assert_eq!(refused.status, 400, "a relay behind the operator's own walls: {refused:?}");
    let rotated = scene.post(&format!("{place}/secret"), &json!({ "secret": "himitsu-2" })).await;
    assert_eq!((rotated.status, rotated.json()["credential"].clone()), (200, json!(2)), "{rotated:?}");
    let again = scene.post(&format!("{place}/secret"), &json!({ "secret": "himitsu-1" })).await;
    assert_eq!(again.status, 400, "used before");
    for answer in [made, rotated, scene.get("/v1/relays").await, scene.get("/v1/audit").await] {
        assert!(!String::from_utf8_lossy(&answer.body).contains("himitsu"), "{answer:?}");
    }
    let page = scene.get("/v1/relays?limit=1").await;
    let next = page.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(page.header("link"), format!("</v1/relays?limit=1&after={next}>; rel=\"next\""));
    let page = scene.get(&format!("/v1/relays?limit=1&after={next}")).await;
    assert_eq!(
        (page.json()["items"][0]["name"].clone(), page.json().get("next").cloned()),
        (json!("本番"), None)
    );
    let wrong = scene.get("/v1/relays?limit=0").await;
    assert_eq!((wrong.status, wrong.json()["field"].clone()), (400, json!("limit")));
}

#[tokio::test]
async fn a_stale_change_is_refused() {
    let scene = Scene::new().await;
    let made = scene.post("/v1/keys", &json!({ "name": "a", "scopes": ["mail.send"] })).await;
    let place = made.header("location").to_owned();
    let tag = scene.get(&place).await.header("etag").to_owned();
    let patch = |tag: &str, name: &str| {
        scene.ask("PATCH", &place).header("if-match", tag).json(&json!({ "name": name })).send()
    };
    let changed = patch(&tag, "b").await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(patch(&tag, "c").await.status, 412);
    assert_eq!(patch(changed.header("etag"), "c").await.status, 200);
    assert_eq!(patch("nonsense", "d").await.status, 400);
    assert_eq!(scene.get(&place).await.json()["name"], "c");
}

#[tokio::test]
async fn releases_are_shown_and_held() {
    let scene = Scene::new().await;
    assert_eq!(scene.post("/v3/mail/send", &mail()).await.status, 202);
    let all = scene.get("/v1/releases").await.json();
    let path = format!("/v1/releases/{}", all["items"][0]["id"].as_str().unwrap());
    let statement = scene.get(&format!("{path}/statement")).await.json();
    assert_eq!(
        (&statement["audience"], &statement["pending"], &statement["differences"]),
        (&json!(1), &json!(1), &json!([]))
    );
    let people = scene.get(&format!("{path}/recipients?state=pending")).await.json();
    assert_eq!(people["items"][0]["address"], "taro@example.jp");
    assert_eq!(scene.get(&format!("{path}/recipients?state=accepted")).await.json()["items"], json!([]));
    assert_eq!(scene.get(&format!("{path}/recipients?state=lost")).await.status, 400);
    assert_eq!(
        scene.get(&format!("{path}/attempts?to=taro@example.jp")).await.json(),
        json!({ "items": [] })
    );
    assert_eq!(scene.get(&format!("{path}/attempts")).await.status, 400);
    let order = |what: &str| scene.ask("POST", &format!("{path}/{what}")).send();
    assert_eq!(order("pause").await.json()["state"], "paused");
    assert!(scene.due().await.is_empty());
    assert_eq!(order("pause").await.status, 409);
    assert_eq!(order("resume").await.json()["state"], "active");
    assert_eq!(scene.due().await.len(), 1);
    assert_eq!(order("cancel").await.json()["state"], "cancelled");
    assert_eq!(order("resume").await.status, 409);
}

#[tokio::test]
async fn what_is_known_of_the_tenant() {
    let scene = Scene::new().await;
    let tenant = scene.get("/v1/tenant").await.json();
    assert_eq!((&tenant["name"], &tenant["state"]), (&json!("株式会社さくら"), &json!("active")));
    assert_eq!(scene.get("/v1/senders").await.json()["items"][0]["id"], "address:pr@sakura.example");
    assert_eq!(scene.get("/v1/nodes").await.json()["items"][0]["is_this"], json!(true));
    let log = scene.get("/v1/audit?limit=2").await.json();
    assert_eq!(log["items"][0]["action"], "tenant.create");
    let rest = scene.get(&format!("/v1/audit?after={}", log["next"].as_str().unwrap())).await.json();
    assert_eq!(rest["items"][0]["number"], json!(3));
}

#[tokio::test]
async fn figures_name_routes_and_nobody() {
    let scene = Scene::new().await;
    scene.post("/v3/mail/send", &mail()).await;
    let text = Ask::new(scene.address, "GET", "/metrics").send().await;
    let text = String::from_utf8(text.body).unwrap();
    for part in [
        "hikyaku_http_requests_total{route=\"/v3/mail/send\",class=\"2xx\"} 1\n",
        "hikyaku_api_recipients_accepted_total 1\n",
        "hikyaku_store_submit_seconds_count 1\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let brought = Ask::new(scene.address, "GET", "/metrics").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(brought.send().await.status, 404, "what a proxy brings comes from anywhere");
    for private in ["taro", "sakura", "新製品"] {
        assert!(!text.contains(private), "{private}");
    }
}

#[tokio::test]
async fn the_document_is_made_from_the_routes() {
    let scene = Scene::new().await;
    let answer = Ask::new(scene.address, "GET", "/v1/openapi.json").send().await;
    let text = String::from_utf8(answer.body).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for route in scene.routes.iter().filter(|route| route.path.starts_with("/v1/")) {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{} {}", route.method, route.path);
    }
    let keys = &document["components"]["schemas"]["KeyViewPage"]["properties"]["items"]["items"]["$ref"];
    assert_eq!(keys, "#/components/schemas/KeyView", "each list has a page of its own");
    references(&document, &document);
    insta::assert_snapshot!("openapi", text);
    let page = Ask::new(scene.address, "GET", "/v1/docs").send().await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing from outside");
}

/// Every reference leads somewhere.
fn references(value: &serde_json::Value, document: &serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            if let Some(to) = fields.get("$ref").and_then(|to| to.as_str()) {
                assert!(document.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to}");
            }
            fields.values().for_each(|value| references(value, document));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| references(value, document)),
        _ => {}
    }
}
