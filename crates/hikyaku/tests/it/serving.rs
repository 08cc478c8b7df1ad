//! `hikyaku serve`: mails handed in by SMTP are durable when they are acknowledged, and go out through their tenant's relay.

use std::time::Duration;

use testkit::sink::{Behaviour, Keep, SinkConfig};

use crate::installation::{Client, PASSWORD, Serving, TENANT, furnished, mail};
use crate::scene::{Scene, run, twice};

const FROM: &str = "pr@sakura.example";

#[test]
fn mails_that_are_handed_in_go_out_and_are_accounted_for() {
    let scene = Scene::with(0, SinkConfig { keep: Keep::Full, ..SinkConfig::default() });
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut client = Client::log_in(serving.submission, &key);
    for number in 0..20 {
        let to = [format!("a{number}@example.jp"), format!("b{number}@example.jp")];
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let reply = client.send(FROM, &to, &mail(FROM, &format!("n{number}"))).unwrap();
        assert!(reply.starts_with("250 2.0.0 Ok: queued as rel_"), "{reply}");
    }
    scene.wait_for_kept(40);
    let statement = scene.ask(&["statement", "--tenant", TENANT]).expect(0);
    assert_eq!((statement.number("audience"), statement.number("accepted")), (40, 40));
    serving.end();
    scene.ask(&["check"]).expect(0);
    let kept = scene.kept();
    assert_eq!((kept.len(), twice(&kept)), (40, 0));
    for mail in scene.sink.kept_mails() {
        let text = String::from_utf8_lossy(&mail.content).into_owned();
        assert!(!text.contains("secret@example.jp") && text.contains("Message-ID: <"), "{text}");
    }
}

#[test]
fn who_may_not_send_is_told_why() {
    let scene = Scene::of(0);
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut stranger = Client::connect(serving.submission);
    let wrong = format!("{}x", &key[..key.len() - 1]);
    for (user, secret) in [("apikey", wrong.as_str()), ("user", key.as_str()), ("apikey", "SG.x.y")] {
        let mut client = Client::connect(serving.submission);
        assert!(client.auth(user, secret).starts_with("535"), "{user}");
    }
    assert!(stranger.say(&format!("MAIL FROM:<{FROM}>")).starts_with("530"));
    let mut client = Client::log_in(serving.submission, &key);
    let foreign = client.send("pr@other.example", &["a@example.jp"], &mail(FROM, "x")).unwrap();
    assert!(foreign.starts_with("550 5.7.1") && foreign.contains("verified sender"), "{foreign}");
    let author = client.send(FROM, &["a@example.jp"], &mail("pr@other.example", "x")).unwrap();
    assert!(author.starts_with("550 5.7.1"), "{author}");
    let id = key.split('.').nth(1).unwrap();
    scene.ask(&["key", "revoke", "--tenant", TENANT, "--key", id]).expect(0);
    assert!(Client::connect(serving.submission).auth("apikey", &key).starts_with("535"), "a revoked key");
    assert_eq!(scene.sink.snapshot().kept, 0);
    serving.end();
}

#[test]
fn a_suspended_tenant_sends_nothing_new_within_a_second() {
    let scene = Scene::of(0);
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut client = Client::log_in(serving.submission, &key);
    assert!(client.send(FROM, &["a@example.jp"], &mail(FROM, "1")).unwrap().starts_with("250"));
    scene.ask(&["tenant", "suspend", "--tenant", TENANT, "--reason", "未払い"]).expect(0);
    // What was known of the tenant is good for less than a second: the sink's patience is the clock here.
    let _ = scene.sink.wait_until_blocking(Duration::from_secs(1), |now| now.kept > 9);
    let refused = client.send(FROM, &["a@example.jp"], &mail(FROM, "2")).unwrap();
    assert!(refused.starts_with("550 5.7.1") && refused.contains("suspended"), "{refused}");
    scene.ask(&["tenant", "approve", "--tenant", TENANT]).expect(0);
    let _ = scene.sink.wait_until_blocking(Duration::from_secs(1), |now| now.kept > 9);
    assert!(client.send(FROM, &["a@example.jp"], &mail(FROM, "3")).unwrap().starts_with("250"));
    scene.wait_for_kept(2);
    serving.end();
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let behaviour: Behaviour = "reply-delay:5".parse().unwrap();
    let scene = Scene::with(0, SinkConfig { behaviour, ..SinkConfig::default() });
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let submission = serving.submission;
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let key = key.clone();
            std::thread::spawn(move || {
                let mut client = Client::log_in(submission, &key);
                let mut acknowledged = Vec::new();
                for count in 0..10_000 {
                    let to = format!("c{number}-{count}@example.jp");
                    match client.send(FROM, &[to.as_str()], &mail(FROM, "x")) {
                        Some(reply) if reply.starts_with("250") => acknowledged.push(to),
                        _ => break,
                    }
                }
                acknowledged
            })
        })
        .collect();
    scene.wait_for_kept(200);
    serving.kill();
    let acknowledged: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(acknowledged.len() > 200, "{}", acknowledged.len());
    let again = Serving::start(&scene);
    let settled = || {
        let statement = scene.ask(&["statement", "--tenant", TENANT]);
        (statement.number("pending") == 0).then_some(statement)
    };
    let statement = (0..600)
        .find_map(|_| {
            let before = scene.sink.snapshot().kept;
            let _ = scene.sink.wait_until_blocking(Duration::from_millis(100), |now| now.kept > before);
            settled()
        })
        .expect("all is settled");
    let (audience, unknown) = (statement.number("audience"), statement.number("unknown"));
    assert!(audience >= acknowledged.len() as u64, "{audience} of {}", acknowledged.len());
    assert!(unknown <= 50, "one for each session at most: {unknown}");
    again.end();
    let kept = scene.kept();
    assert_eq!(twice(&kept), 0, "under hold nobody gets a mail twice");
    let missing = acknowledged.iter().filter(|to| kept.binary_search(to).is_err()).count() as u64;
    assert!(missing <= unknown, "{missing} acknowledged mails are neither sent nor unknown ({unknown})");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_new_password_takes_over_and_the_old_one_sends_nothing_more() {
    let scene = Scene::of(0);
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut client = Client::log_in(serving.submission, &key);
    let mut send = |to: &str| assert!(client.send(FROM, &[to], &mail(FROM, "x")).unwrap().starts_with("250"));
    send("before@example.jp");
    scene.wait_for_kept(1);
    let mut rotate = scene.command(&["relay", "rotate", "--tenant", TENANT, "--relay", "main"]);
    rotate.args(["--password-env", "RELAY_PW", "--data", "data", "--json"]).env("RELAY_PW", "relay-secret-2");
    assert_eq!(run(rotate).expect(0).number("credential"), 2);
    // The stream that is being written was told of the new one; the node looks at it at once or within half a second.
    for number in 0..20 {
        send(&format!("after{number}@example.jp"));
        scene.wait_for_kept(2 + number);
    }
    serving.end();
    let mails = scene.sink.mails();
    let secret_of = |to: &str| mails.iter().find(|mail| mail.to == [to]).map(|mail| mail.secret.clone());
    assert_eq!(secret_of("before@example.jp").as_deref(), Some(PASSWORD));
    assert_eq!(secret_of("after19@example.jp").as_deref(), Some("relay-secret-2"));
    scene.ask(&["check"]).expect(0);
}

#[test]
fn x_smtpapi_makes_a_mail_for_each_of_its_addresses() {
    let scene = Scene::with(0, SinkConfig { keep: Keep::Full, ..SinkConfig::default() });
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut client = Client::log_in(serving.submission, &key);
    let api = r#"{"to":["yamada@example.jp","suzuki@example.jp"],"sub":{"-name-":["\u5c71\u7530","\u9234\u6728"]}}"#;
    let message =
        format!("X-SMTPAPI: {api}\nFrom: {FROM}\nTo: list@example.jp\nSubject: -name- x\n\nHello -name-\n");
    let reply = client.send(FROM, &["list@example.jp"], &message).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    scene.wait_for_kept(2);
    serving.end();
    assert_eq!(scene.kept(), ["suzuki@example.jp", "yamada@example.jp"]);
    for mail in scene.sink.kept_mails() {
        let text = String::from_utf8_lossy(&mail.content).into_owned();
        assert!(!text.contains("X-SMTPAPI") && !text.contains("-name-"), "{text}");
    }
}

#[test]
fn what_x_smtpapi_asks_for_is_done_or_refused() {
    let scene = Scene::of(0);
    let key = furnished(&scene);
    let serving = Serving::start(&scene);
    let mut client = Client::log_in(serving.submission, &key);
    for (api, part) in [
        (r#"{"filters":{"templates":{"settings":{"enable":1,"template_id":"d-0"}}}}"#, "template"),
        (r#"{"to":["a@example.jp"],"send_each_at":[1900000000]}"#, "send_each_at"),
        (r#"{"to":["a@example.jp"],"send_at":99999999999}"#, "send_at"),
    ] {
        let message = format!("X-SMTPAPI: {api}\nFrom: {FROM}\nTo: a@example.jp\nSubject: x\n\nHello\n");
        let reply = client.send(FROM, &["a@example.jp"], &message).unwrap();
        assert!(reply.starts_with("550") && reply.contains(part), "{reply}");
    }
    serving.end();
    assert_eq!(scene.sink.snapshot().kept, 0);
}
