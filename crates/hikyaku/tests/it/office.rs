//! Tenants, relays, senders and keys by command line.

use crate::installation::{PASSWORD, TENANT, add_relay, furnished};
use crate::scene::{Scene, files_below, run};

#[test]
fn what_stands_already_is_not_made_again() {
    let scene = Scene::of(0);
    furnished(&scene);
    let again = scene.ask(&["tenant", "create", TENANT]).expect(2);
    assert!(again.stderr.contains("exists already"), "{again:?}");
    let again = add_relay(&scene, "main", "other").expect(2);
    assert!(again.stderr.contains("relay `main`"), "{again:?}");
    let account = add_relay(&scene, "other name", PASSWORD).expect(2);
    assert!(account.stderr.contains("account"), "{account:?}");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn bad_orders_say_what_is_wrong() {
    let scene = Scene::of(0);
    furnished(&scene);
    for (words, part) in [
        (&["key", "create", "--tenant", TENANT, "--scopes", "mail.sent"][..], "mail.send"),
        (&["key", "create", "--tenant", "nobody", "--scopes", "mail.send"][..], "tenant `nobody`"),
        (&["key", "revoke", "--tenant", TENANT, "--key", "x"][..], "this key"),
        (&["relay", "rotate", "--tenant", TENANT, "--relay", "main"][..], "--password-env"),
        (&["relay", "add", "--tenant", TENANT, "--name", "b", "--url", "smtp://u@h"][..], "password"),
        (&["relay", "add", "--tenant", TENANT, "--name", "b", "--url", "http://h"][..], "smtp://"),
        (&["sender", "verify", "--tenant", TENANT, "--address", "a b@c"][..], "address"),
        (&["sender", "verify", "--tenant", TENANT, "--domain", "-"][..], "domain"),
        (&["tenant", "create", " "][..], "name"),
    ] {
        let ran = scene.ask(words).expect(2);
        assert!(ran.stderr.contains(part), "{words:?}: {ran:?}");
    }
    let mut rotate =
        scene.command(&["relay", "rotate", "--tenant", TENANT, "--relay", "main", "--data", "data"]);
    rotate.args(["--password-env", "RELAY_PW"]).env("RELAY_PW", PASSWORD);
    let same = run(rotate).expect(2);
    assert!(same.stderr.contains("used before"), "{same:?}");
}

#[test]
fn no_secret_is_in_the_folder_or_in_what_is_shown() {
    let scene = Scene::of(0);
    let key = furnished(&scene);
    let secret = key.rsplit('.').next().unwrap();
    for words in [["relay", "list"], ["key", "list"], ["sender", "list"]] {
        let ran = scene.ask(&[&words[..], &["--tenant", TENANT]].concat()).expect(0);
        assert!(!ran.stdout.contains(PASSWORD) && !ran.stdout.contains(secret), "{ran:?}");
    }
    for file in files_below(&scene.path("data")) {
        let octets = std::fs::read(&file).unwrap();
        for hidden in [PASSWORD, secret] {
            let found = octets.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            assert!(!found, "{} holds a secret", file.display());
        }
    }
}

#[test]
fn a_machine_that_is_fit_is_said_to_be_and_an_open_key_is_a_fault() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::of(0);
    furnished(&scene);
    let ran = scene.ask(&["doctor", "--listen", "127.0.0.1:0"]).expect(0);
    let findings = ran.json()["findings"].clone();
    let relay = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["what"].as_str().unwrap().starts_with("relay main"));
    assert_eq!(relay.unwrap()["health"], "well", "{findings}");
    let key = scene.path("data").join("installation.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = scene.ask(&["doctor"]).expect(4);
    assert_eq!(ran.json()["faulty"], true);
}
