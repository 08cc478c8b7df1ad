//! A whole installation from a data folder into a database and back, as it is.

use std::process::Command;

use super::house::{House, ask_from};
use crate::scene::{Ran, Running, Scene, list, run, twice};

/// Books in the folder `data` that were left in the middle: accepted, refused, deferred and pending mails.
fn left_in_the_middle(recipients: usize) -> Scene {
    let scene = Scene::behaving(recipients, "reply-delay:5,every:9=refuse,every:7=defer*1");
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(recipients as u64 / 3);
    running.signal("TERM");
    running.end().expect(3);
    scene
}

/// A migrated database: URL and password in one.
fn empty(house: &House) -> String {
    let scene = house.furnish(Scene::of(1));
    with_password(house, &scene.database.as_ref().unwrap().0)
}

fn with_password(house: &House, url: &str) -> String {
    url.replace("hikyaku@", &format!("hikyaku:{}@", house.password()))
}

fn move_command(scene: &Scene, from: &str, to: &str, more: &[&str]) -> Command {
    let mut command = scene.command(&["move", "--from", from, "--to", to, "--json"]);
    command.args(more);
    command
}

/// A command over folder and database together.
fn ask_in(scene: &Scene, data: &str, url: &str, arguments: &[&str]) -> Ran {
    let mut command = scene.command(arguments);
    command.args(["--data", data, "--json", "--database-url", url]);
    run(command)
}

/// All of a statement but the state.
fn figures(ran: &Ran) -> serde_json::Value {
    let mut json = ran.json();
    json.as_object_mut().unwrap().remove("state");
    json
}

pub fn an_installation_moves_there_and_back(house: &House) {
    let scene = left_in_the_middle(300);
    let before = scene.ask(&["statement", "news"]).expect(3);
    let url = empty(house);
    let moved = run(move_command(&scene, "data", &url, &[])).expect(0);
    assert!(moved.number("rows") > 1000 && moved.number("findings") == 0, "{moved:?}");

    let after = ask_in(&scene, "data", &url, &["statement", "news"]).expect(3);
    assert_eq!(figures(&after), figures(&before));
    assert_eq!(after.json()["state"], "paused", "on hold until a person lets it go");
    ask_in(&scene, "data", &url, &["check"]).expect(0);
    let refused = scene.send(&[]).expect(2);
    assert!(refused.stderr.contains("were moved"), "{refused:?}");
    assert!(scene.ask(&["statement", "news"]).expect(3).stderr.contains("were moved"));
    run(move_command(&scene, "data", &url, &[])).expect(0);

    ask_in(&scene, "data", &url, &["resume", "news"]).expect(0);
    let rest = run({
        let mut command = scene.send_command(&["--database-url", &url]);
        command.args(["--sessions", "20"]);
        command
    });
    assert_eq!(rest.number("accepted") + rest.number("rejected"), 300, "{rest:?}");
    assert_eq!(twice(&scene.kept()), 0);
    let done = ask_in(&scene, "data", &url, &["statement", "news"]).expect(0);
    // What is elsewhere by now is other books.
    let late = run(move_command(&scene, "data", &url, &[])).expect(2);
    assert!(late.stderr.contains("holds other books"), "{late:?}");

    let keyless = run(move_command(&scene, &url, "back", &[])).expect(2);
    assert!(keyless.stderr.contains("--installation-key FILE"), "{keyless:?}");
    let key = ["--installation-key", "data/installation.key"];
    run(move_command(&scene, &url, "back", &key)).expect(0);
    let back = ask_from(&scene, "back", &["statement", "news"]).expect(0);
    assert_eq!(back.json(), done.json());
    ask_from(&scene, "back", &["check"]).expect(0);
    let refused = ask_in(&scene, "data", &url, &["cancel", "news"]).expect(2);
    assert!(refused.stderr.contains("were moved"), "{refused:?}");
    // Once around, the chains are where they were.
    let mut again = scene.command(&["send", "news.md", "--list", "list.csv", "--data", "back", "--json"]);
    again.args(["--relay", &scene.relay()]);
    assert_eq!(run(again).expect(0).number("accepted"), done.number("accepted"));
}

pub fn a_move_that_was_killed_goes_on(house: &House) {
    const RECIPIENTS: usize = 12_000;
    let scene = Scene::of(RECIPIENTS);
    scene.send(&[]).expect(0);
    let url = empty(house);
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let mut seen = Vec::new();
    for table in ["intent", "outcome", "recipient"] {
        let running = Running::start(move_command(&scene, "data", &url, &[]));
        let rows = house.behind(&name, async |behind| {
            loop {
                match behind.rows(table).await {
                    0 => tokio::task::yield_now().await,
                    rows => break rows,
                }
            }
        });
        running.signal("KILL");
        let ended = running.end();
        assert_eq!(ended.code, -1, "it was killed, not done: {ended:?}");
        seen.push(rows);
        let refused = ask_in(&scene, "data", &url, &["cancel", "news"]).expect(2);
        assert!(refused.stderr.contains("are not whole"), "{refused:?}");
    }
    assert!(seen.iter().any(|rows| *rows < RECIPIENTS as i64), "each kill was behind its table: {seen:?}");
    let moved = run(move_command(&scene, "data", &url, &[])).expect(0);
    assert!(moved.number("rows") > 4 * RECIPIENTS as u64, "{moved:?}");
    let check = ask_in(&scene, "data", &url, &["check"]).expect(0);
    assert_eq!(check.number("outcomes"), RECIPIENTS as u64);
}

pub fn what_is_in_use_is_not_moved(house: &House) {
    let scene = Scene::behaving(400, "reply-delay:20");
    let url = empty(house);
    let running = Running::start(scene.send_command(&["--sessions", "2"]));
    scene.wait_for_kept(5);
    let refused = run(move_command(&scene, "data", &url, &[])).expect(2);
    assert!(refused.stderr.contains("is in use by another process"), "{refused:?}");
    running.signal("TERM");
    running.end().expect(3);

    let mut other = house.furnish(Scene::behaving(400, "reply-delay:20"));
    let sending = Running::start(other.send_command(&["--sessions", "2"]));
    other.wait_for_kept(5);
    let place = with_password(house, &other.database.take().unwrap().0);
    let key = ["--installation-key", "data/installation.key"];
    let refused = run(move_command(&other, &place, "away", &key)).expect(2);
    assert!(refused.stderr.contains("holds work of it; end it"), "{refused:?}");
    sending.signal("TERM");
    sending.end().expect(3);
    // Other books stand there already, under another key or the same.
    let refused = run(move_command(&scene, "data", &place, &[])).expect(2);
    assert!(refused.stderr.contains("holds other books"), "{refused:?}");
    scene.write("list.csv", list(0..3));
    let mut more =
        scene.command(&["send", "news.md", "--list", "list.csv", "--data", "more", "--name", "more"]);
    more.args(["--relay", &scene.relay(), "--installation-key", "data/installation.key"]);
    run(more).expect(0);
    run(move_command(&scene, "more", &url, &[])).expect(0);
    let refused = run(move_command(&scene, "data", &url, &[])).expect(2);
    assert!(refused.stderr.contains("holds other books"), "{refused:?}");
}
