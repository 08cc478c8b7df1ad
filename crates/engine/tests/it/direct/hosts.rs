//! Which host gets a domain's mail, and what becomes of it where there is none.

use domain::{IntentState, Phase, Verdict};
use engine::ReleaseEnd;
use testkit::dns::Fault;

use super::stage::{Receiver, Stage, at, ms};
use crate::rig::Order;

#[tokio::test]
async fn the_next_host_takes_what_a_dead_one_does_not() {
    let stage = Stage::new().await;
    stage.dns.mx("example.jp", 10, "dead.example.jp");
    stage.dns.mx("example.jp", 20, "nameless.example.jp");
    stage.dns.mx("example.jp", 30, "alive.example.jp");
    stage.dns.mx("example.jp", 40, "spare.example.jp");
    stage.dns.host("dead.example.jp", "127.0.0.2".parse().unwrap());
    stage.dns.host("alive.example.jp", "127.0.0.3".parse().unwrap());
    stage.dns.host("spare.example.jp", "127.0.0.4".parse().unwrap());
    let alive = stage.receiver("127.0.0.3", Receiver::default());
    let spare = stage.receiver("127.0.0.4", Receiver::default());
    let client = stage.client(stage.options()).await;
    let (row, end, statement) = stage.rig.send(&client, &Order::to(at("example.jp", 30))).await;
    assert_eq!((end, statement.accepted), (ReleaseEnd::Settled, 30));
    assert_eq!((alive.snapshot().kept, spare.snapshot().connections), (30, 0));
    let (peer, tls) = stage.link_of(&row, "u1@example.jp").await;
    assert_eq!(peer, format!("alive.example.jp 127.0.0.3:{}", stage.port));
    assert_eq!(tls, "clear text: the server does not offer STARTTLS");
    stage.rig.close().await;
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_host_over_ipv6_and_ipv4() {
    let stage = Stage::new().await;
    stage.dns.host("six.example", "::1".parse().unwrap());
    for domain in ["both.example", "again.example"] {
        stage.dns.host(domain, "::1".parse().unwrap());
        stage.dns.host(domain, "127.0.0.2".parse().unwrap());
    }
    stage.dns.host("four.example", "127.0.0.2".parse().unwrap());
    let four = stage.receiver("127.0.0.2", Receiver::default());
    let client = stage.client(stage.options()).await;
    let order = Order::to([at("both.example", 2), at("four.example", 2)].concat());
    let (row, _, statement) = stage.rig.send(&client, &order).await;
    assert_eq!((statement.accepted, four.snapshot().kept), (4, 4), "nobody answers on ::1 yet");
    assert!(stage.link_of(&row, "u1@both.example").await.0.contains("127.0.0.2"));
    let six = stage.receiver("::1", Receiver::default());
    let order =
        Order { name: "second", ..Order::to([at("again.example", 2), at("six.example", 2)].concat()) };
    let (row, _, statement) = stage.rig.send(&client, &order).await;
    assert_eq!((statement.accepted, six.snapshot().kept, four.snapshot().kept), (4, 4, 4));
    assert!(stage.link_of(&row, "u1@again.example").await.0.contains("[::1]"));
    stage.rig.close().await;
}

#[tokio::test]
async fn domains_that_take_no_mail_reject_it_with_their_reason_and_without_a_dial() {
    let stage = Stage::new().await;
    stage.dns.mx("null.example", 0, ".");
    stage.dns.host("null.example", "127.0.0.2".parse().unwrap());
    stage.dns.txt("texts.example", "no mail here");
    let sink = stage.receiver("127.0.0.2", Receiver::default());
    let client = stage.client(stage.options()).await;
    for (domain, status, word) in [
        ("null.example", "5.1.10", "null MX"),
        ("missing.example", "5.1.2", "NXDOMAIN"),
        ("texts.example", "5.4.4", "neither an MX record nor an address"),
    ] {
        let (row, end, statement) =
            stage.rig.send(&client, &Order { name: domain, ..Order::to(at(domain, 3)) }).await;
        assert_eq!((end, statement.rejected), (ReleaseEnd::Settled, 3), "{domain}");
        let text = stage.last_text(&row, IntentState::Rejected).await;
        assert!(text.starts_with(status) && text.contains(word), "{domain}: {text}");
        let views = stage.attempts(&row, &format!("u1@{domain}")).await;
        assert!(views.iter().all(|view| view.attempt.is_none()), "nothing was tried");
        assert_eq!(views[0].outcomes[0].enhanced.map(|status| status.to_string()).as_deref(), Some(status));
    }
    assert_eq!(sink.snapshot().connections, 0);
    stage.rig.close().await;
}

#[tokio::test]
async fn a_domain_that_cannot_be_reached_now_is_tried_again_and_the_reason_is_kept() {
    let stage = Stage::new().await;
    stage.domain("broken.example", "127.0.0.2");
    stage.dns.fault("broken.example", Some(Fault::ServFail));
    stage.domain("closed.example", "127.0.0.3");
    let client = stage.client(stage.options()).await;
    let order = Order::to([at("broken.example", 2), at("closed.example", 2)].concat());
    let row = stage.rig.plan(&client, &order).await;
    let run = stage.rig.start(&client, &row).await;
    let deferred = |address: &'static str| {
        let (stage, row) = (&stage, &row);
        async move {
            loop {
                let views = stage.attempts(row, address).await;
                if let Some(view) = views.iter().find(|view| !view.outcomes.is_empty()) {
                    return view.clone();
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let by_dns = crate::rig::within(deferred("u1@broken.example")).await;
    let by_network = crate::rig::within(deferred("u1@closed.example")).await;
    for (view, word) in [(by_dns, "the DNS gave no answer"), (by_network, "cannot connect")] {
        let outcome = &view.outcomes[0];
        assert_eq!((outcome.verdict, outcome.phase), (Verdict::Deferred, Phase::Connect));
        assert!(outcome.reply_text.contains(word), "{}", outcome.reply_text);
        assert!(view.session.is_some_and(|session| session.tls.starts_with("no link")));
    }
    let sinks =
        [stage.receiver("127.0.0.2", Receiver::default()), stage.receiver("127.0.0.3", Receiver::default())];
    stage.dns.fault("broken.example", None);
    assert_eq!(crate::rig::within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!(stage.rig.statement(&row).await.accepted, 4);
    assert_eq!(sinks.map(|sink| sink.snapshot().kept), [2, 2]);
    stage.rig.close().await;
}

#[tokio::test]
async fn a_strangers_dns_does_not_lead_into_private_networks() {
    let stage = Stage::new().await;
    stage.domain("inside.example", "127.0.0.2");
    let sink = stage.receiver("127.0.0.2", Receiver::default());
    let options = engine::DirectOptions { private_hosts: false, ..stage.options() };
    let client = stage.client(options).await;
    let order = Order { deadline: ms(500), ..Order::to(at("inside.example", 2)) };
    let (row, _, statement) = stage.rig.send(&client, &order).await;
    assert_eq!((statement.expired, sink.snapshot().connections), (2, 0));
    let views = stage.attempts(&row, "u1@inside.example").await;
    assert!(views[0].outcomes[0].reply_text.contains("private networks"), "{views:?}");
    stage.rig.close().await;
}
