//! Mails for later: never early, and held back by their batch.

use std::time::Duration;

use runtime::Clock;
use serde_json::{Value, json};

use crate::scene::{Scene, mail};

const HOUR: Duration = Duration::from_secs(3600);

fn later(scene: &Scene, batch: Option<&str>) -> Value {
    let mut value = mail();
    value["send_at"] = json!(scene.clock.now().as_millis() / 1000 + 3600);
    if let Some(batch) = batch {
        value["batch_id"] = json!(batch);
    }
    value
}

async fn batch(scene: &Scene) -> String {
    let answer = scene.post("/v3/mail/batch", &json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["batch_id"].as_str().unwrap().to_owned()
}

async fn send(scene: &Scene, value: &Value) {
    let answer = scene.post("/v3/mail/send", value).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
}

async fn order(scene: &Scene, batch: &str, status: &str) {
    let answer =
        scene.post("/v3/user/scheduled_sends", &json!({ "batch_id": batch, "status": status })).await;
    assert_eq!((answer.status, answer.json()["status"].as_str().unwrap()), (201, status));
}

#[tokio::test]
async fn what_is_scheduled_is_never_due_early() {
    let scene = Scene::new().await;
    let mut value = later(&scene, None);
    value["personalizations"] = json!([
        { "to": [{ "email": "later@example.jp" }] },
        { "to": [{ "email": "past@example.jp" }], "send_at": 1 },
        { "to": [{ "email": "latest@example.jp" }], "send_at": scene.clock.now().as_millis() / 1000 + 7200 },
    ]);
    send(&scene, &value).await;
    let due = scene.due().await;
    let addresses = |due: &[ledger::LeasedChunk]| {
        due.iter().flat_map(|c| &c.intents).map(|i| i.address.clone()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&due), ["past@example.jp"]);
    scene.clock.put_forward(HOUR - Duration::from_secs(60));
    assert!(scene.due().await.is_empty(), "a minute early");
    scene.clock.put_forward(Duration::from_secs(61));
    assert_eq!(addresses(&scene.due().await), ["later@example.jp"]);
    scene.clock.put_forward(HOUR);
    assert_eq!(addresses(&scene.due().await), ["latest@example.jp"]);
}

#[tokio::test]
async fn a_paused_batch_waits_and_goes_on() {
    let scene = Scene::new().await;
    let id = batch(&scene).await;
    assert_eq!(scene.get(&format!("/v3/mail/batch/{id}")).await.json()["batch_id"], json!(id));
    send(&scene, &later(&scene, Some(&id))).await;
    order(&scene, &id, "pause").await;
    send(&scene, &later(&scene, Some(&id))).await;
    scene.clock.put_forward(HOUR * 2);
    assert!(scene.due().await.is_empty(), "both before and behind the order");
    assert_eq!(
        scene.get("/v3/user/scheduled_sends").await.json(),
        json!([{ "batch_id": id, "status": "pause" }])
    );
    let one = format!("/v3/user/scheduled_sends/{id}");
    assert_eq!(scene.get(&one).await.json(), json!([{ "batch_id": id, "status": "pause" }]));
    assert_eq!(scene.ask("DELETE", &one).send().await.status, 204);
    assert_eq!(scene.due().await.len(), 2);
    assert_eq!(scene.get(&one).await.json(), json!([]));
    assert_eq!(scene.ask("DELETE", &one).send().await.status, 404, "nothing is ordered");
}

#[tokio::test]
async fn a_cancelled_batch_is_never_sent() {
    let scene = Scene::new().await;
    let id = batch(&scene).await;
    send(&scene, &later(&scene, Some(&id))).await;
    order(&scene, &id, "pause").await;
    let again = scene.post("/v3/user/scheduled_sends", &json!({ "batch_id": id, "status": "pause" })).await;
    assert_eq!(again.status, 400);
    let one = format!("/v3/user/scheduled_sends/{id}");
    let patched = scene.ask("PATCH", &one).json(&json!({ "status": "cancel" })).send().await;
    assert_eq!(patched.status, 204, "{patched:?}");
    scene.clock.put_forward(HOUR * 2);
    assert!(scene.due().await.is_empty());
    let answer = scene.post("/v3/mail/send", &later(&scene, Some(&id))).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "batch_id"));
    let answer = scene.ask("DELETE", &one).send().await;
    assert_eq!(answer.status, 400, "for good");
    let unknown = scene.post("/v3/user/scheduled_sends", &json!({ "batch_id": "x", "status": "stop" })).await;
    assert_eq!((unknown.status, unknown.error().0.as_str()), (400, "status"));
}
