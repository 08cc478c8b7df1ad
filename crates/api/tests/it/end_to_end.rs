//! From a request to a relay: what the sink saw is what was asked for, and what was scheduled comes not before its time.

use std::sync::Arc;
use std::time::Duration;

use api::ApiConfig;
use app::DataFolder;
use app::directory::relays::RelayDesk;
use app::send::Premises;
use engine::EngineConfig;
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock, SystemClock, SystemEntropy, SystemNetwork};
use serde_json::json;
use testkit::sink::{Keep, Sink, SinkConfig};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::client::Ask;
use crate::scene::{SAKURA, mail, tenant};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn mails_reach_their_relay_each_at_its_time() {
    let sink = Sink::start(SinkConfig { keep: Keep::Full, ..SinkConfig::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(&folder.path().join("data"), &SystemClock, &SystemEntropy).unwrap();
    let store = Arc::new(SqliteStore::open(data.dir(), SqliteOptions::default()).unwrap());
    app::installation::admit(&*store, &data).await.unwrap();
    let premises = Premises {
        folder: data,
        store: store.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        network: Arc::new(SystemNetwork),
        boot: [7; 16],
        config: EngineConfig::default(),
    };
    let (key, _) = tenant(&RelayDesk::of(&premises), SAKURA, crate::scene::FROM, sink.addr().port()).await;
    let (drain, draining) = watch::channel(false);
    let (begun, service) = oneshot::channel();
    let running =
        app::service::run(&premises, true, draining.clone(), move |service, _| drop(begun.send(service)));
    let acting = async {
        let router = api::router(service.await.ok().unwrap(), ApiConfig::default(), draining.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(api::serve(listener, router, draining));
        let post = |value| Ask::new(address, "POST", "/v3/mail/send").key(&key).json(&value).send();
        let mut later = mail();
        // Whole seconds: due between two and three seconds from now.
        let due_secs = SystemClock.now().as_millis() / 1000 + 3;
        later["send_at"] = json!(due_secs);
        later["personalizations"][0]["to"] = json!([{ "email": "later@example.jp" }]);
        assert_eq!(post(later).await.status, 202);
        assert_eq!(post(mail()).await.status, 202);
        sink.wait_until(PATIENCE, |seen| seen.accepted >= 2).await.unwrap();
        drain.send(true).unwrap();
        served.await.unwrap().unwrap();
        due_secs
    };
    let (ran, due_secs) = tokio::join!(running, acting);
    ran.unwrap();
    let seen = sink.kept_mails();
    assert_eq!(
        seen.iter().map(|mail| mail.to[0].as_str()).collect::<Vec<_>>(),
        ["taro@example.jp", "later@example.jp"]
    );
    assert!(seen[1].at_ms >= due_secs * 1000, "early: {} ms", due_secs * 1000 - seen[1].at_ms);
    assert_eq!(seen[0].from, crate::scene::FROM);
    let text = String::from_utf8(seen[0].content.to_vec()).unwrap();
    assert!(
        text.contains("To: =?") && text.contains("<taro@example.jp>") && text.contains("Subject: =?"),
        "{text}"
    );
}
