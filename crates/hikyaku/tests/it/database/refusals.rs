//! What is refused, each time with place and remedy and exit code 2, and what is never shown.

use std::path::Path;

use super::house::House;
use crate::scene::{Ran, Running, Scene, files_below, run};

/// A send into the scene's database from another folder, with more arguments.
fn send_from(scene: &Scene, data: &str, more: &[&str]) -> Ran {
    let mut command = scene.command(&["send", "news.md", "--list", "list.csv", "--data", data, "--json"]);
    command.args(["--relay", &scene.relay()]).args(more);
    run(command)
}

#[track_caller]
fn refused(ran: Ran, words: &[&str]) {
    let ran = ran.expect(2);
    for word in words {
        assert!(ran.stderr.contains(word), "no `{word}`: {ran:?}");
    }
}

pub fn another_key_is_refused(house: &House) {
    let scene = house.furnish(Scene::of(3));
    scene.send(&[]).expect(0);
    refused(send_from(&scene, "second", &[]), &["--installation-key FILE", "second"]);
    assert!(!scene.path("second").exists(), "no folder is made with a key that is of no use");
    // A folder that began by itself.
    let mut alone = scene.command(&["send", "news.md", "--list", "list.csv", "--data", "third", "--relay"]);
    alone.arg(scene.relay()).env_remove("HIKYAKU_DATABASE_URL");
    run(alone).expect(0);
    refused(
        send_from(&scene, "third", &[]),
        &["another installation key than third", "--installation-key FILE"],
    );
    let key = ["--installation-key", "data/installation.key"];
    refused(send_from(&scene, "third", &key), &["has another installation.key", "third"]);
    scene.write("short.key", "too short");
    refused(send_from(&scene, "fourth", &["--installation-key", "short.key"]), &["short.key", "32 octets"]);
    assert_eq!(scene.kept().len(), 6);
}

pub fn schemas_of_other_versions_are_refused(house: &House) {
    let mut scene = Scene::of(3);
    let name = house.database();
    scene.database = Some((house.url(&name), house.password().to_owned()));
    refused(scene.send(&[]), &[&name, "holds no books", "`hikyaku migrate --database-url"]);
    let made = run(scene.command(&["migrate", "--json"])).expect(0);
    assert_eq!((made.number("from"), made.json()["standby"].as_str()), (0, Some("no standby")));
    let last = u32::try_from(made.number("to")).unwrap();
    assert_eq!(made.json()["applied"].as_array().map(Vec::len), Some(last as usize), "{made:?}");
    let again = run(scene.command(&["migrate"])).expect(0);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");

    house.behind(&name, async |behind| behind.version_lower(1).await);
    for command in ["send", "statement"] {
        let ran = if command == "send" { scene.send(&[]) } else { scene.ask(&[command]) };
        refused(ran, &[&name, "have version 1", "`hikyaku migrate --database-url"]);
    }
    house.behind(&name, async |behind| behind.version_mend().await);
    house.behind(&name, async |behind| {
        behind.version_lower(last).await;
        behind.version_raise().await;
    });
    refused(scene.ask(&["check"]), &["version 99", "newer", "update Hikyaku"]);
    refused(run(scene.command(&["migrate"])), &["version 99", "newer"]);
    house.behind(&name, async |behind| behind.version_mend().await);
    scene.send(&[]).expect(0);
}

pub fn what_cannot_be_reached_is_named(house: &House) {
    let mut scene = house.furnish(Scene::of(3));
    let (url, password) = scene.database.clone().unwrap();
    scene.database = Some((url.clone(), "wrong-Secret".to_owned()));
    refused(scene.send(&[]), &[&House::name(&scene), "password authentication failed"]);
    let nowhere = url.replace(&house.port().to_string(), "1");
    scene.database = Some((nowhere, password.clone()));
    refused(scene.ask(&["statement"]), &["127.0.0.1:1/", "Connection refused"]);
    let absent = house.url("no_such_database");
    scene.database = Some((absent, password.clone()));
    refused(scene.ask(&["statement"]), &["no_such_database", "does not exist"]);
    for (bad, words) in
        [("mysql://u:hunter2@h/d", "postgres://"), ("postgres://u:hunter2@h/d?sslmode=maybe", "sslmode")]
    {
        scene.database = Some((bad.to_owned(), password.clone()));
        let ran = scene.ask(&["statement"]).expect(2);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("hunter2"), "{ran:?}");
    }
    assert!(!scene.path("data").exists());
}

pub fn no_secret_is_shown(house: &House) {
    let mut scene = house.furnish(Scene::behaving(40, "reply-delay:20"));
    let (url, password) = scene.database.take().unwrap();
    let (scheme, rest) = url.split_once("hikyaku@").unwrap();
    let with_password = format!("{scheme}hikyaku:{password}@{rest}");
    scene.write("password", format!("{password}\n"));
    for (round, flags) in [
        vec!["--database-url", &with_password],
        vec!["--database-url", &url, "--database-password-file", "password"],
    ]
    .into_iter()
    .enumerate()
    {
        let before = scene.sink.snapshot().kept;
        let mut command = scene.send_command(&["--sessions", "2", "--name", &format!("round{round}")]);
        command.args(flags).env("HIKYAKU_LOG", "trace");
        let running = Running::start(command);
        scene.wait_for_kept(before + 2);
        let line = std::fs::read(Path::new("/proc").join(running.pid().to_string()).join("cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&line).contains(&password), "ps shows the password");
        let ran = running.end().expect(0);
        assert!(
            !ran.stdout.contains(&password) && !ran.stderr.contains(&password),
            "a log shows the password"
        );
        for file in files_below(&scene.path("data")) {
            let octets = std::fs::read(&file).unwrap();
            let found = octets.windows(password.len()).any(|window| window == password.as_bytes());
            assert!(!found, "{} holds the password", file.display());
        }
    }
}
