//! No mail goes over another tenant's session, another relay's, or another secret's (invariant 6).

use std::collections::BTreeSet;

use engine::{EngineConfig, RelayStatus, ReleaseEnd};
use ledger::{
    AttemptKey, AttemptPermit, AttemptRow, DeliveryCommit, DeliveryStore, LeaseRequest, LedgerError,
    SessionRow,
};
use runtime::{Clock, SystemClock};
use testkit::sink::{Account, AuthRule, Sink, SinkConfig, SinkHandle};

use crate::rig::{Order, Rig, addresses, fresh, within};

/// A sink that knows each tenant's account by its secret alone, as a large relay does.
fn shared_relay(secrets: &[(&str, &str)]) -> SinkHandle {
    let account = |(account, secret): &(&str, &str)| Account {
        user: "apikey".to_owned(),
        secret: (*secret).to_owned(),
        account: (*account).to_owned(),
    };
    Sink::start(SinkConfig {
        auth: AuthRule::Table(secrets.iter().map(account).collect()),
        wanted_headers: vec!["X-Tenant".to_owned()],
        ..SinkConfig::default()
    })
    .unwrap()
}

#[tokio::test]
async fn an_older_secret_is_drained_whichever_was_opened_first() {
    let sink = shared_relay(&[("a", "s1"), ("a", "s2")]);
    let rig = Rig::new(EngineConfig::default()).await;
    let old = rig.client("一社", sink.addr(), "s1").await;
    let new = rig.rotated(&old, "s2").await;
    let drains = |actor: &engine::RelayActor| actor.orders().borrow().drain;
    let newer = rig.engine().relay(new.spec.clone()).await.unwrap();
    let older = rig.engine().relay(old.spec.clone()).await.unwrap();
    assert!(!drains(&older) && !drains(&newer));
    // The next release with the new secret finds its actor open, and the old one must not stay beside it.
    rig.engine().relay(new.spec.clone()).await.unwrap();
    assert!(drains(&older) && !drains(&newer));
    rig.close().await;
}

#[tokio::test]
async fn tenants_of_one_relay_and_one_user_name_send_through_their_own_accounts() {
    let secrets: Vec<_> = (0..18).map(|no| (format!("t{no}"), format!("secret-{no}"))).collect();
    let table: Vec<_> = secrets.iter().map(|(a, s)| (a.as_str(), s.as_str())).collect();
    let sink = shared_relay(&table);
    let rig = Rig::new(EngineConfig::default()).await;
    let mut runs = Vec::new();
    for (name, secret) in &secrets {
        let client = rig.client(name, sink.addr(), secret).await;
        let row = rig.plan(&client, &Order::to(addresses("a", 100))).await;
        runs.push((client.clone(), name, rig.start(&client, &row).await));
    }
    for (_, _, run) in &runs {
        assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    }
    let mails = sink.mails();
    assert_eq!(mails.len(), 1800);
    for (client, name, _) in &runs {
        let whose: BTreeSet<_> = mails
            .iter()
            .filter(|mail| mail.headers[0] == client.tenant.to_string())
            .map(|mail| mail.account.as_str())
            .collect();
        assert_eq!(whose, BTreeSet::from([name.as_str()]));
    }
    rig.close().await;
}

#[tokio::test]
async fn a_new_secret_is_a_new_actor_and_the_old_one_drains() {
    let sink = shared_relay(&[("old", "one"), ("new", "two")]);
    let rig = Rig::new(EngineConfig::default()).await;
    let old = rig.client("一社", sink.addr(), "one").await;
    let (_, _, statement) = rig.send(&old, &Order::to(addresses("a", 50))).await;
    assert_eq!(statement.accepted, 50);
    let new = rig.rotated(&old, "two").await;
    assert_ne!(old.spec.credential, new.spec.credential);
    let order = Order { name: "second", ..Order::to(addresses("b", 50)) };
    let (_, _, statement) = rig.send(&new, &order).await;
    assert_eq!(statement.accepted, 50);
    for mail in sink.mails() {
        let expected = if mail.to[0].starts_with('a') { "old" } else { "new" };
        assert_eq!(mail.account, expected);
    }
    rig.close().await;
}

#[tokio::test]
async fn the_first_refusal_of_the_secret_stops_the_relay_and_owes_everything() {
    let sink = Sink::start(SinkConfig { auth: AuthRule::RefuseAll, ..SinkConfig::default() }).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let mut client = rig.client("一社", sink.addr(), "wrong").await;
    client.spec.limits.sessions_max = 1;
    let (_, end, statement) = rig.send(&client, &Order::to(addresses("a", 50))).await;
    let ReleaseEnd::RelayStopped(reason) = end else { panic!("{end:?}") };
    assert!(reason.contains("535") && reason.contains("apikey") && !reason.contains("wrong"), "{reason}");
    assert_eq!(statement.pending, 50);
    assert_eq!(sink.snapshot().logins_refused, 1, "one try, not one a session");
    rig.close().await;
}

#[tokio::test]
async fn a_mail_for_another_relay_is_caught_right_before_mail_from() {
    let sinks = [(), ()].map(|()| Sink::start(SinkConfig::default()).unwrap());
    for (name, addr) in [("他社", sinks[0].addr()), ("一社", sinks[1].addr())] {
        let rig = Rig::new(EngineConfig::default()).await;
        let ours = rig.client("一社", sinks[0].addr(), "one").await;
        let theirs = rig.client(name, addr, "two").await;
        assert_ne!(ours.spec.relay, theirs.spec.relay);
        let row = rig.plan(&ours, &Order::to(addresses("a", 5))).await;
        // As if a defect handed our release to their actor, or to that of our other relay.
        let actor = rig.engine().relay(theirs.spec.clone()).await.unwrap();
        let run = rig.start_through(&row, actor.clone());
        let ReleaseEnd::Broken(reason) = within(run.ended()).await else { panic!("it must break off") };
        let by_keys = ours.tenant != theirs.tenant && reason.contains("refused a row");
        assert!(reason.contains("nothing was sent") || by_keys, "{reason}");
        assert!(matches!(&*actor.status().borrow(), RelayStatus::Broken(_)));
        assert_eq!(sinks.each_ref().map(|sink| sink.snapshot().kept), [0, 0]);
        rig.kill().await;
    }
}

#[tokio::test]
async fn the_store_refuses_an_attempt_over_a_session_of_another_secret() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let one = rig.client("一社", sink.addr(), "one").await;
    let two = rig.rotated(&one, "two").await;
    let row = rig.plan(&one, &Order::to(addresses("a", 1))).await;
    let (sender, now) = (rig.engine().sender(), SystemClock.now());
    let request = LeaseRequest {
        tenant: row.tenant,
        release: row.release,
        sender,
        now,
        lease_until: now + std::time::Duration::from_secs(30),
        chunks_max: 1,
    };
    let chunk = rig.store.delivery_lease(request).await.unwrap().remove(0);
    let session = SessionRow {
        tenant: row.tenant,
        session: domain::SessionId(fresh()),
        relay: one.spec.relay,
        credential: one.spec.credential,
        fingerprint: one.spec.fingerprint,
        peer: "127.0.0.1:25".to_owned(),
        tls: String::new(),
        sender,
        opened_at: now,
    };
    let attempt = AttemptRow {
        key: AttemptKey {
            tenant: row.tenant,
            release: row.release,
            intent: chunk.intents[0].intent,
            attempt: chunk.intents[0].attempt,
        },
        session: session.session,
        relay: two.spec.relay,
        credential: two.spec.credential,
        fingerprint: two.spec.fingerprint,
        body_digest: [0; 16],
        opened_at: now,
    };
    let commit = DeliveryCommit {
        sessions: vec![session],
        attempts: vec![AttemptPermit { row: attempt, chunk: chunk.chunk, lease: chunk.lease }],
        ..DeliveryCommit::default()
    };
    let refused = rig.store.delivery_commit(row.tenant, sender, now, commit).await;
    assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{refused:?}");
    rig.kill().await;
}
