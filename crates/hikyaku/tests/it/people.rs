//! `hikyaku user`: links that are printed once, people who are listed, and orders that say why they were refused.

use std::time::Duration;

use crate::scene::{Running, Scene};

fn invite(scene: &Scene, more: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["user", "invite"];
    arguments.extend(more);
    scene.ask(&arguments).expect(0).json()
}

#[test]
fn a_link_is_printed_once_and_who_is_invited_is_listed() {
    let scene = Scene::of(1);
    scene.ask(&["tenant", "create", "株式会社さくら"]).expect(0);
    let given = invite(&scene, &["花子@例え.jp", "--tenant", "株式会社さくら", "--role", "admin"]);
    let token = given["token"].as_str().unwrap().to_owned();
    assert_eq!((token.len(), given["id"].as_str().map(str::len)), (43, Some(64)));
    let listed = scene.ask(&["user", "list", "--tenant", "株式会社さくら"]).expect(0);
    let user = &listed.json()["users"][0];
    assert_eq!(
        (user["address"].as_str(), user["role"].as_str()),
        (Some("花子@xn--r8jz45g.jp"), Some("admin"))
    );
    assert_eq!(user["state"], "invited");
    assert!(!listed.stdout.contains(&token));
    let books = std::fs::read(scene.path("data").join(ledger_sqlite::DATABASE_FILE)).unwrap();
    assert!(!books.windows(token.len()).any(|octets| octets == token.as_bytes()), "the token is in no book");
    invite(&scene, &["op@example.jp", "--operators", "--role", "support"]);
    let operators = scene.ask(&["user", "list", "--operators"]).expect(0).json();
    assert_eq!(operators["users"][0]["role"], "support");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn what_cannot_be_done_is_refused_with_the_reason() {
    let scene = Scene::of(1);
    scene.ask(&["tenant", "create", "a"]).expect(0);
    for (arguments, part) in [
        (
            &["user", "invite", "a@example.jp", "--tenant", "a", "--role", "operator"][..],
            "one of viewer, writer",
        ),
        (&["user", "invite", "a@example.jp", "--operators", "--role", "admin"], "one of support, operator"),
        (&["user", "invite", "a@example.jp", "--role", "admin"], "--tenant"),
        (&["user", "invite", "花子", "--tenant", "a", "--role", "admin"], "no `@`"),
        (
            &["user", "invite", "a@example.jp", "--tenant", "b", "--role", "admin"],
            "tenant `b` does not exist",
        ),
        (&["user", "role", "a@example.jp", "--tenant", "a", "--role", "none"], "does not exist"),
        (&["user", "lock", "a@example.jp"], "does not exist"),
        (&["user", "unlock", "a@example.jp", "--without-second-factor"], "does not exist"),
        (&["user", "password", "a@example.jp"], "does not exist"),
        (&["user", "sessions", "a@example.jp"], "does not exist"),
        (&["user", "revoke", "a@example.jp"], "does not exist"),
    ] {
        let ran = scene.ask(arguments).expect(2);
        assert!(ran.stderr.contains(part), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn orders_go_to_the_process_that_has_the_folder() {
    let scene = Scene::behaving(300, "reply-delay:10");
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    let sent = scene.sink.wait_until_blocking(Duration::from_secs(30), |now| now.kept >= 20);
    sent.unwrap();
    invite(&scene, &["a@example.jp", "--tenant", "default", "--role", "sender"]);
    let listed = scene.ask(&["user", "list", "--tenant", "default"]).expect(0).json();
    assert_eq!(listed["users"][0]["role"], "sender");
    running.end().expect(0);
}
