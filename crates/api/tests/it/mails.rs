//! `POST /v3/mail/send`.

use std::time::Duration;

use ledger::DirectoryStore;
use serde_json::{Value, json};

use crate::scene::{Scene, mail};

/// Sends a mail that was changed, and expects this error.
async fn refused(scene: &Scene, change: impl FnOnce(&mut Value), field: &str, part: &str) {
    let mut value = mail();
    change(&mut value);
    let answer = scene.post("/v3/mail/send", &value).await;
    let (at, message) = answer.error();
    assert_eq!((answer.status, at.as_str()), (400, field), "{message}");
    assert!(message.contains(part), "{message}");
}

#[tokio::test]
async fn a_mail_is_durable_before_it_is_acknowledged() {
    let scene = Scene::new().await;
    let answer = scene.post("/v3/mail/send", &mail()).await;
    assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
    let (release, part) = answer.header("x-message-id").split_once('.').unwrap();
    let parts = scene.store.content_get(scene.tenant, release.parse().unwrap()).await.unwrap();
    let stored = parts.iter().find(|one| one.part_no == part.parse::<u32>().unwrap()).unwrap();
    let stored: Value = serde_json::from_slice(&stored.bytes).unwrap();
    assert_eq!(stored["from"]["name"], "株式会社さくら ㈱ﾃｽﾄ 🌸");
    let due = scene.due().await;
    assert_eq!(due[0].intents[0].address, "taro@example.jp");
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn everything_of_the_specification_is_taken() {
    let scene = Scene::new().await;
    let mut value = mail();
    value["personalizations"] = json!([
        {
            "to": [{ "email": "a@example.jp" }], "cc": [{ "email": "b@example.jp" }], "bcc": [{ "email": "c@example.jp" }],
            "subject": "件名", "headers": { "X-Own": "値" }, "substitutions": { "-name-": "髙橋" },
            "custom_args": { "id": "1", "n": 2 }, "from": { "email": crate::scene::FROM },
        },
        { "to": [{ "email": "d@example.jp" }], "send_at": 0 },
    ]);
    value["reply_to"] = json!({ "email": "reply@example.jp", "name": "返信" });
    value["attachments"] = json!([
        { "content": "YWJj", "filename": "表.txt", "type": "text/plain", "disposition": "inline", "content_id": "x" }
    ]);
    value["headers"] = json!({ "X-Test": "1" });
    value["categories"] = json!(["お知らせ"]);
    value["custom_args"] = json!({ "a": "b" });
    value["sections"] = json!({ ":s:": "text" });
    value["asm"] = json!({ "group_id": 1, "groups_to_display": [1, 2] });
    value["ip_pool_name"] = json!("main");
    value["mail_settings"] = json!({
        "bypass_list_management": { "enable": true }, "footer": { "enable": true, "text": "t", "html": "h" },
        "sandbox_mode": { "enable": false },
    });
    value["tracking_settings"] = json!({
        "click_tracking": { "enable": true, "enable_text": false },
        "open_tracking": { "enable": true, "substitution_tag": "%o%" },
        "subscription_tracking": { "enable": false, "text": "t", "html": "h", "substitution_tag": "s" },
        "ganalytics": { "enable": false, "utm_source": "s" },
    });
    let answer = scene.post("/v3/mail/send", &value).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let due = scene.due().await;
    let addresses: Vec<_> = due[0].intents.iter().map(|intent| intent.address.as_str()).collect();
    assert_eq!(addresses, ["a@example.jp", "b@example.jp", "c@example.jp", "d@example.jp"]);
}

#[tokio::test]
async fn errors_name_the_path_the_rule_and_the_remedy() {
    let scene = Scene::new().await;
    let scene = &scene;
    refused(
        scene,
        |m| m["personalizations"][0]["to"][0]["email"] = json!("no address"),
        "personalizations.0.to.0.email",
        "",
    )
    .await;
    refused(scene, |m| m["personalizations"][0]["to"] = json!([]), "personalizations.0.to", "missing").await;
    refused(scene, |m| m["personalizations"] = json!([]), "personalizations", "missing").await;
    refused(scene, |m| drop(m.as_object_mut().unwrap().remove("from")), "from", "missing field").await;
    refused(
        scene,
        |m| drop(m["from"].as_object_mut().unwrap().remove("email")),
        "from.email",
        "missing field",
    )
    .await;
    refused(scene, |m| drop(m.as_object_mut().unwrap().remove("subject")), "subject", "subject").await;
    refused(scene, |m| m["subject"] = json!(7), "subject", "invalid type").await;
    refused(scene, |m| m["surprise"] = json!(1), "surprise", "not known").await;
    refused(scene, |m| m["content"][0]["charset"] = json!("x"), "content.0.charset", "not known").await;
    refused(scene, |m| m["content"] = json!([]), "content", "missing").await;
    refused(
        scene,
        |m| m["headers"] = json!({ "X-A": "a\r\nBcc: b@example.jp" }),
        "headers.X-A",
        "line break",
    )
    .await;
    refused(scene, |m| m["headers"] = json!({ "X-A\r\nB": "a" }), "headers.X-A\\r\\nB", "name").await;
    refused(scene, |m| m["headers"] = json!({ "To": "x@example.jp" }), "headers.To", "cannot be set").await;
    refused(scene, |m| m["from"]["name"] = json!("a\r\nBcc: b@example.jp"), "from.name", "control").await;
    let twice = json!([{ "email": "a@example.jp" }, { "email": "A@example.jp" }]);
    refused(scene, |m| m["personalizations"][0]["to"] = twice, "personalizations.0.to.1.email", "twice")
        .await;
    let file = json!([{ "content": "???", "filename": "a.txt" }]);
    refused(scene, |m| m["attachments"] = file, "attachments.0.content", "base64").await;
    let both = json!({ "bypass_list_management": { "enable": true }, "bypass_bounce_management": { "enable": true } });
    refused(scene, |m| m["mail_settings"] = both, "mail_settings.bypass_list_management", "together").await;
    refused(
        scene,
        |m| m["mail_settings"] = json!({ "bcc": { "enable": true } }),
        "mail_settings.bcc.enable",
        "not there",
    )
    .await;
    refused(scene, |m| m["send_at"] = json!(1_800_000_000_000_i64), "send_at", "seconds").await;
    refused(scene, |m| m["batch_id"] = json!("none"), "batch_id", "Invalid batch id").await;
    refused(scene, |m| m["template_id"] = json!("d-none"), "template_id", "template_id").await;
    refused(scene, |m| m["ip_pool_name"] = json!("none"), "ip_pool_name", "no relay").await;
    let data = json!({ "a": 1 });
    refused(
        scene,
        |m| m["personalizations"][0]["dynamic_template_data"] = data,
        "personalizations.0.dynamic_template_data",
        "dynamic",
    )
    .await;
    assert!(scene.due().await.is_empty(), "nothing of it was stored");
}

#[tokio::test]
async fn only_verified_senders_send() {
    let scene = Scene::new().await;
    let mut value = mail();
    value["from"]["email"] = json!("pr@other.example");
    let answer = scene.post("/v3/mail/send", &value).await;
    assert_eq!(answer.status, 403);
    assert!(answer.error().1.contains("verified Sender Identity"));
    let mut value = mail();
    value["personalizations"][0]["from"] = json!({ "email": "pr@other.example" });
    let answer = scene.post("/v3/mail/send", &value).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (403, "personalizations.0.from.email"));
    assert!(scene.due().await.is_empty());
}

#[tokio::test]
async fn a_sandbox_checks_everything_and_sends_nothing() {
    let scene = Scene::new().await;
    let mut value = mail();
    value["mail_settings"] = json!({ "sandbox_mode": { "enable": true } });
    assert_eq!(scene.post("/v3/mail/send", &value).await.status, 200);
    value["from"]["email"] = json!("pr@other.example");
    assert_eq!(scene.post("/v3/mail/send", &value).await.status, 403);
    assert!(scene.due().await.is_empty());
}

#[tokio::test]
async fn a_thousand_recipients_are_one_request_and_one_more_is_refused() {
    let scene = Scene::new().await;
    let many = |count: usize| {
        let one =
            |n| json!({ "to": [{ "email": format!("r{n}@example.jp"), "name": format!("受信者{n}") }] });
        let mut value = mail();
        value["personalizations"] = (0..count).map(one).collect();
        value
    };
    assert_eq!(scene.post("/v3/mail/send", &many(1)).await.status, 202);
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let value = many(1000);
        let began = runtime::Clock::moment(&*scene.clock);
        let answer = scene.post("/v3/mail/send", &value).await;
        quickest = quickest.min(runtime::Clock::moment(&*scene.clock).since(began));
        assert_eq!(answer.status, 202);
    }
    // A build without optimization, on a machine that others share, has its own bound.
    eprintln!("1,000 recipients in {quickest:?}");
    let bound = if cfg!(debug_assertions) { 1000 } else { 50 };
    assert!(quickest < Duration::from_millis(bound), "{quickest:?}");
    let answer = scene.post("/v3/mail/send", &many(1001)).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (400, "personalizations"));
}
