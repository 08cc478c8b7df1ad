//! Bodies: too large, too deep, packed, and not what they say; and answers in the shape of their family.

use std::io::Write as _;

use api::{ApiConfig, Limits};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::Ask;
use crate::scene::{Scene, mail};

fn packed(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn gzip_is_read_and_bombs_are_not() {
    let scene = Scene::new().await;
    let send = |body: Vec<u8>| {
        let ask = scene.ask("POST", "/v3/mail/send").header("content-type", "application/json");
        ask.header("content-encoding", "gzip").body(body).send()
    };
    let good = serde_json::to_vec(&mail()).unwrap();
    assert_eq!(send(packed(&good)).await.status, 202);
    let bomb = packed(&vec![b' '; 29 << 20]);
    assert!(bomb.len() < 40_000, "{}", bomb.len());
    assert_eq!(send(bomb).await.status, 413);
    assert_eq!(send(packed(&vec![b' '; 31 << 20])).await.status, 413);
    let mut cut = packed(&good);
    cut.truncate(cut.len() / 2);
    assert_eq!(send(cut).await.status, 400);
    let odd = scene.ask("POST", "/v3/mail/send").header("content-encoding", "br").json(&mail()).send().await;
    assert_eq!(odd.status, 415);
    assert_eq!(scene.due().await.len(), 1);
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_refused() {
    let scene = Scene::new().await;
    let post = |body: Vec<u8>| {
        scene.ask("POST", "/v3/mail/send").header("content-type", "application/json").body(body).send()
    };
    assert_eq!(post(vec![b' '; (30 << 20) + 1]).await.status, 413);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let answer = post(deep.into_bytes()).await;
    assert!(answer.status == 400 && answer.error().1.contains("deep"), "{answer:?}");
    for (body, part) in [("", "empty"), ("{", "not JSON"), ("[]", "invalid"), ("\u{0}", "not JSON")] {
        let answer = post(body.as_bytes().to_vec()).await;
        assert!(answer.status == 400 && answer.error().1.contains(part), "{body:?} {answer:?}");
    }
    let behind = [serde_json::to_vec(&mail()).unwrap(), b" x".to_vec()].concat();
    assert!(post(behind).await.error().1.contains("not JSON"), "something behind the JSON");
    let plain = scene.ask("POST", "/v3/mail/send").header("content-type", "text/plain").body(b"{}".to_vec());
    assert_eq!(plain.send().await.status, 415);
}

#[tokio::test]
async fn bodies_share_their_memory() {
    let limits = Limits { bodies_memory_max: 1 << 20, ..Limits::default() };
    let scene = Scene::with(ApiConfig { limits, ..ApiConfig::default() }).await;
    let ask = || scene.ask("POST", "/v3/mail/send").header("content-type", "application/json");
    let answer = ask().body(vec![b' '; 2 << 20]).send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(scene.post("/v3/mail/send", &mail()).await.status, 202, "the memory was given back");
}

#[tokio::test]
async fn errors_have_the_shape_of_their_family() {
    let scene = Scene::new().await;
    let ask = |method: &str, path: &str| scene.ask(method, path).send();
    let wrong = ask("GET", "/v3/none").await;
    assert_eq!(
        (wrong.status, wrong.json()),
        (404, json!({ "errors": [{ "message": "not found", "field": null, "help": null }] }))
    );
    let wrong = ask("DELETE", "/v3/mail/send").await;
    assert_eq!((wrong.status, wrong.error().1.as_str()), (405, "method not allowed"));
    let wrong = ask("GET", "/v1/none").await;
    assert_eq!((wrong.status, wrong.header("content-type")), (404, "application/problem+json"));
    assert_eq!(wrong.json()["request"], wrong.header("x-request-id"));
    assert_eq!(ask("PUT", "/v1/relays").await.status, 405);
    let none = Ask::new(scene.address, "GET", "/v3/scopes").send().await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, "Bearer realm=\"hikyaku\""));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(Ask::new(scene.address, "GET", path).send().await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_drain_ends_the_service_and_readiness() {
    let scene = Scene::new().await;
    assert_eq!(scene.post("/v3/mail/send", &mail()).await.status, 202);
    let release = scene.get("/v1/releases").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    // A stream of events is open when the drain begins, and ends with it.
    let events = scene.ask("GET", &format!("/v1/releases/{release}/events")).open().await;
    let mut body = events.into_body();
    let first = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(first.to_vec()).unwrap();
    assert!(text.starts_with("event: counters\ndata: {") && text.contains("\"pending\":1"), "{text}");
    scene.drain.send(true).unwrap();
    scene.served.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(scene.address).await.is_err());
}

#[tokio::test]
async fn books_that_fail_are_said_so_and_nothing_is_acknowledged() {
    let scene = Scene::new().await;
    scene.store.close().await.unwrap();
    let answer = scene.post("/v3/mail/send", &mail()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{answer:?}");
    assert_eq!(answer.header("x-message-id"), "");
    let ready = Ask::new(scene.address, "GET", "/readyz").send().await;
    assert_eq!(ready.status, 503);
    assert_eq!(Ask::new(scene.address, "GET", "/healthz").send().await.status, 200, "the process lives");
}
