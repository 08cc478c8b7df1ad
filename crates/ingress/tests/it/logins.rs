//! Who may log in, how often, and what is told to whom may not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ingress::{LoginRefusal, Rule};

use crate::book::{Book, KEY, USER};
use crate::raw::{base64, plain};
use crate::rig::Rig;

#[tokio::test]
async fn plain_and_login() {
    let rig = Rig::start(|_| ());
    let mut client = rig.client().await;
    let offered = client.ask("EHLO client.example").await;
    assert!(offered.contains(&"250-AUTH PLAIN LOGIN".to_owned()), "{offered:?}");
    client.check("AUTH CRAM-MD5", "504 5.5.4").await;
    client.check("AUTH LOGIN", "334 VXNlcm5hbWU6").await;
    client.check(&base64(USER.as_bytes()), "334 UGFzc3dvcmQ6").await;
    client.check(&base64(KEY.as_bytes()), "235 2.7.0").await;
    client.check(&plain(USER, KEY), "503 5.5.1").await;
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check("AUTH PLAIN", "334 ").await;
    client.check(&base64(format!("\0{USER}\0{KEY}").as_bytes()), "235 2.7.0").await;
    assert_eq!(rig.counters().logins_accepted.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_third_failure_ends_the_session() {
    let rig = Rig::start(|_| ());
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check(&plain(USER, "wrong"), "535 5.7.8").await;
    client.check(&plain("somebody", KEY), "535 5.7.8").await;
    client.check(&plain(USER, "wrong"), "421 4.7.0 Too many failed logins in this session").await;
    client.expect_end().await;
    assert_eq!(rig.refused(Rule::SessionLogins), 1);
    assert_eq!(rig.counters().logins_rejected.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_without_asking() {
    let rig = Rig::start(|_| ());
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check(&plain(USER, &"k".repeat(1025)), "535 5.7.8").await;
    client.check(&plain(&"u".repeat(321), KEY), "535 5.7.8").await;
    assert_eq!(rig.book.logins.load(Ordering::Relaxed), 0);
}

/// From connection to connection the network waits longer; a good key does not help before.
#[tokio::test]
async fn a_network_that_guesses_waits_longer_each_time() {
    let rig = Rig::start(|settings| settings.limits.network_login_failures_free = 2);
    let attempt = async |secret: &str, reply: &str| {
        let mut client = rig.client().await;
        client.ask("EHLO client.example").await;
        client.check(&plain(USER, secret), reply).await;
    };
    attempt("wrong", "535").await;
    attempt("wrong", "535").await;
    for wait in [1, 2, 4] {
        rig.clock.advance(Duration::from_secs(wait) - Duration::from_millis(1));
        attempt(KEY, "421 4.7.0 Too many failed logins from your network").await;
        rig.clock.advance(Duration::from_millis(1));
        attempt("wrong", "535").await;
    }
    rig.clock.advance(Duration::from_secs(8));
    attempt(KEY, "235").await;
    assert_eq!(rig.refused(Rule::NetworkLogins), 3);
    assert_eq!(rig.book.logins.load(Ordering::Relaxed), 6, "the desk is not asked while a network waits");
}

#[tokio::test]
async fn a_desk_that_cannot_tell_blames_nobody() {
    let login = Book::refusing_logins;
    let rig = Rig::with_book(login(LoginRefusal::Unavailable), |settings| settings.require_tls = false);
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    for _ in 0..5 {
        client.check(&plain(USER, KEY), "454 4.7.0").await;
    }
    assert_eq!(rig.counters().logins_unavailable.load(Ordering::Relaxed), 5);
    let rig = Rig::with_book(login(LoginRefusal::Throttled), |settings| settings.require_tls = false);
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check(&plain(USER, KEY), "421 4.7.0").await;
    client.expect_end().await;
}
