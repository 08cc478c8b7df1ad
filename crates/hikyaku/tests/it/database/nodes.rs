//! Several nodes send what one process froze: together, after a kill, past a pause, within a relay's limits.

use std::time::Duration;

use super::house::{House, ask_from};
use testkit::sink::{Account, AuthRule, SinkConfig};

use crate::scene::{PATIENCE, Ran, Running, Scene, run, twice};

/// A node with a data folder of its own.
fn node(scene: &Scene, data: &str) -> Running {
    let key = scene.path("data/installation.key");
    let mut command = scene.command(&["node", "--data", data, "--json", "--tcp-user-timeout", "1s"]);
    command.arg("--installation-key").arg(key);
    Running::start(command)
}

/// Freezes the release and leaves it to the nodes.
fn detach(scene: &Scene, more: &[&str]) {
    let ran = scene.send(&[&["--detach"], more].concat()).expect(3);
    assert!(ran.number("pending") > 0, "{ran:?}");
}

/// Asks for the statement until it is as wished.
fn until(scene: &Scene, wished: impl Fn(&Ran) -> bool) -> Ran {
    let clock = runtime::SystemClock;
    let end = runtime::Clock::moment(&clock) + PATIENCE;
    loop {
        let ran = ask_from(scene, "elsewhere", &["statement", "news"]);
        if wished(&ran) {
            return ran;
        }
        assert!(runtime::Clock::moment(&clock) < end, "{ran:?}");
    }
}

fn settled(ran: &Ran) -> bool {
    ran.number("pending") == 0
}

fn check(scene: &Scene) {
    ask_from(scene, "elsewhere", &["check"]).expect(0);
}

/// Senders that wrote attempts.
fn senders(house: &House, scene: &Scene) -> i64 {
    house.behind(&House::name(scene), async |behind| behind.distinct("attempt", "sender_epoch").await)
}

pub fn nodes_send_what_another_process_froze(house: &House) {
    let scene = house.furnish(Scene::behaving(3000, "reply-delay:40"));
    detach(&scene, &["--sessions", "20"]);
    let (one, two) = (node(&scene, "one"), node(&scene, "two"));
    let done = until(&scene, settled);
    assert_eq!(done.number("accepted"), 3000);
    let kept = scene.kept();
    assert_eq!((kept.len(), twice(&kept)), (3000, 0));
    assert_eq!(senders(house, &scene), 2, "both worked");
    let peak = scene.sink.snapshot().credentials.iter().map(|one| one.connections_peak).max();
    assert!(peak <= Some(20), "{peak:?} sessions of 20");
    let mut list = scene.command(&["nodes", "--json"]);
    list.arg("--since=1h");
    let seen = run(list).expect(0).stdout;
    assert_eq!(seen.matches("\"alive\"").count(), 2, "{seen}");
    for running in [one, two] {
        running.signal("TERM");
        assert!(running.end().expect(0).number("runs") >= 1);
    }
    let seen = run(scene.command(&["nodes"])).expect(0).stdout;
    assert!(!seen.contains("alive") && seen.matches("holds 0 chunks").count() >= 2, "{seen}");
    check(&scene);
}

pub fn a_killed_node_is_taken_over_and_its_journal_is_believed(house: &House) {
    let scene = house.furnish(Scene::behaving(2000, "reply-delay:20"));
    detach(&scene, &["--sessions", "8"]);
    let one = node(&scene, "one");
    scene.wait_for_kept(100);
    one.signal("KILL");
    one.end();
    let two = node(&scene, "two");
    let done = until(&scene, settled);
    let unknown = done.number("unknown");
    assert_eq!(done.number("accepted") + unknown, 2000, "{done:?}");
    let kept = scene.kept();
    assert_eq!(twice(&kept), 0, "nobody gets it twice under hold");
    // The other node had to call every attempt unknown that the first had asked for; the first knows better.
    let one = node(&scene, "one");
    let resolved = until(&scene, |ran| settled(ran) && ran.number("unknown") < unknown.max(1));
    assert!(resolved.number("unknown") <= 8, "at most one a session: {resolved:?}");
    assert_eq!(twice(&scene.kept()), 0);
    for running in [one, two] {
        running.signal("TERM");
        running.end().expect(0);
    }
    check(&scene);
}

pub fn a_node_that_was_frozen_past_its_lease_sends_nothing_twice(house: &House) {
    let scene = house.furnish(Scene::behaving(1500, "reply-delay:20"));
    detach(&scene, &["--sessions", "8", "--policy", "hold"]);
    let one = node(&scene, "one");
    scene.wait_for_kept(100);
    one.signal("STOP");
    let two = node(&scene, "two");
    until(&scene, settled);
    one.signal("CONT");
    // What the first had on the wire was answered while it slept; it says so, and sends no more of what it lost.
    let done = until(&scene, |ran| settled(ran) && ran.number("accepted") >= 1500 - 8);
    assert_eq!(done.number("accepted") + done.number("unknown"), 1500, "{done:?}");
    assert_eq!(twice(&scene.kept()), 0);
    for running in [one, two] {
        running.signal("TERM");
        running.end().expect(0);
    }
    check(&scene);
}

pub fn the_limits_of_a_relay_hold_over_its_nodes(house: &House) {
    let scene = house.furnish(Scene::of(60));
    detach(&scene, &["--messages-per-minute", "30"]);
    let (one, two) = (node(&scene, "one"), node(&scene, "two"));
    scene.wait_for_kept(20);
    // Were each node's limit its own, all 60 would be there at once.
    let more = scene.sink.wait_until_blocking(Duration::from_secs(4), |now| now.kept > 30);
    assert!(more.is_err(), "{} in less than a minute", scene.sink.snapshot().kept);
    ask_from(&scene, "elsewhere", &["pause", "news"]).expect(0);
    for running in [one, two] {
        running.signal("TERM");
        running.end().expect(0);
    }
    check(&scene);
}

pub fn a_node_obeys_orders_and_a_new_secret(house: &House) {
    let account = |secret: &str| Account {
        user: "user".to_owned(),
        secret: secret.to_owned(),
        account: secret.to_owned(),
    };
    let auth = AuthRule::Table(vec![account("secret"), account("other")]);
    let behaviour = "reply-delay:20".parse().unwrap();
    let sink = SinkConfig { auth, behaviour, ..SinkConfig::default() };
    let scene = house.furnish(Scene::with(1200, sink));
    detach(&scene, &["--sessions", "4"]);
    let one = node(&scene, "one");
    scene.wait_for_kept(50);
    ask_from(&scene, "elsewhere", &["pause", "news"]).expect(0);
    until(&scene, |ran| ran.json()["state"] == "paused");
    ask_from(&scene, "elsewhere", &["resume", "news"]).expect(0);
    scene.wait_for_kept(300);
    let rotated = format!("smtp://user:other@{}?tls=none", scene.sink.addr());
    run(scene.send_through(&rotated, &["--detach", "--sessions", "4"])).expect(3);
    until(&scene, settled);
    let snapshot = scene.sink.snapshot();
    let of = |secret: &str| {
        snapshot.credentials.iter().find(|one| one.secret == secret).map_or(0, |one| one.mails)
    };
    assert!(of("other") > 100 && of("secret") >= 300, "{:?}", snapshot.credentials);
    assert_eq!(twice(&scene.kept()), 0);
    one.signal("TERM");
    one.end().expect(0);
    check(&scene);
}

pub fn routes_are_of_one_installation(house: &House) {
    let scene = house.furnish(Scene::of(5));
    detach(&scene, &[]);
    let stored =
        house.behind(&House::name(&scene), async |behind| behind.octets("release_route", "sealed").await);
    assert!(!stored.windows(6).any(|part| part == b"secret"), "the secret stands in the books in clear");
    let refused = run(scene.command(&["node", "--data", "foreign"])).expect(2);
    assert!(refused.stderr.contains("--installation-key"), "{refused:?}");
    let alone = Scene::of(5);
    let refused = run(alone.command(&["node", "--data", "data"])).expect(2);
    assert!(refused.stderr.contains("--database-url"), "{refused:?}");
    let refused = alone.send(&["--detach"]).expect(2);
    assert!(refused.stderr.contains("--database-url"), "{refused:?}");
}
