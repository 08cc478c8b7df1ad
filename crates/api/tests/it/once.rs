//! `Idempotency-Key`.

use std::time::Duration;

use ledger::DocumentStore;
use serde_json::json;

use crate::client::Ask;
use crate::scene::Scene;

#[tokio::test]
async fn an_order_that_comes_twice_is_carried_out_once() {
    let scene = Scene::new().await;
    let post = |name: &str, key: &str| {
        let body = json!({ "name": name, "scopes": ["mail.send"] });
        scene.ask("POST", "/v1/keys").header("idempotency-key", key).json(&body).send()
    };
    let first = post("一", "k1").await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = post("一", "k1").await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(post("二", "k1").await.status, 422, "another order under its name");
    assert_eq!(post("二", "k2").await.status, 201);
    let keys = scene.get("/v1/keys").await.json();
    assert_eq!(keys["items"].as_array().unwrap().len(), 3);
    // What is kept holds the key's text only sealed.
    let text = first.json()["key"].as_str().unwrap().to_owned();
    let kept = scene.store.document_list(scene.tenant, "idempotency", "", 10).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|one| !one.text.contains(&text[..20])));
    scene.clock.put_forward(Duration::from_secs(24 * 3600));
    assert_eq!(post("二", "k1").await.status, 201, "forgotten after a day");
}

#[tokio::test]
async fn orders_at_the_same_time_are_one_and_failures_are_forgotten() {
    let scene = Scene::new().await;
    let post = || {
        let body = json!({ "name": "x", "scopes": ["mail.send"] });
        scene.ask("POST", "/v1/keys").header("idempotency-key", "same").json(&body).send()
    };
    let all = futures_util::future::join_all((0..8).map(|_| post())).await;
    let made = all.iter().filter(|answer| answer.status == 201).count();
    assert!(made >= 1 && all.iter().all(|answer| [201, 409].contains(&answer.status)), "{all:?}");
    assert_eq!(scene.get("/v1/keys").await.json()["items"].as_array().unwrap().len(), 2);
    let send = |scopes: &str| {
        let body = json!({ "name": "y", "scopes": [scopes] });
        scene.ask("POST", "/v1/keys").header("idempotency-key", "mended").json(&body).send()
    };
    assert_eq!(send("mail.sent").await.status, 400);
    assert_eq!(send("mail.send").await.status, 201);
    let other = Ask::new(scene.address, "POST", "/v1/keys").key(&scene.foreign);
    let body = json!({ "name": "z", "scopes": ["mail.send"] });
    assert_eq!(
        other.header("idempotency-key", "same").json(&body).send().await.status,
        201,
        "each key has its own"
    );
}

#[tokio::test]
async fn answers_are_not_kept_for_ever() {
    let scene = Scene::new().await;
    let post = |key: String| {
        let body = json!({ "name": "x", "host": "h.example.jp", "port": 25, "tls": "none", "ehlo_name": "" });
        scene.ask("POST", "/v1/relays/none/secret").header("idempotency-key", &key).json(&body).send()
    };
    let first = json!({ "name": "x", "scopes": ["mail.send"] });
    let made = scene.ask("POST", "/v1/keys").header("idempotency-key", "old").json(&first).send().await;
    assert_eq!(made.status, 201);
    scene.clock.put_forward(Duration::from_secs(24 * 3600 + 1));
    // Refused ones are forgotten at once; the hundredth order looks for old ones.
    for n in 0..100 {
        assert_eq!(post(n.to_string()).await.status, 400);
    }
    let kept = scene.store.document_list(scene.tenant, "idempotency", "", 10).await.unwrap();
    assert!(kept.is_empty(), "{}", kept.len());
}
