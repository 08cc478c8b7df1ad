//! Log-ins: one answer for all that fails, at one cost; how fast they may be tried; when an account is locked.

use std::time::Duration;

use app::people::{Client, Event, LoggedIn, PeopleError, Post, Role};
use ledger::DocumentStore;

use super::{CHEAP, PASSWORD, SAKURA, Scene, home, people_error, secret, stranger};
use app::people::hashing::Cost;

const HANAKO: &str = "hanako@example.co.jp";

async fn with_hanako() -> Scene {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    let over = scene.over(SAKURA).await;
    scene.person(&over, HANAKO, Post::Member(Role::Admin)).await;
    scene
}

/// What a try came to, in a word.
async fn tried(scene: &Scene, address: &str, password: &str, from: u8) -> String {
    match scene.log_in(address, password, &stranger(from)).await {
        Ok(_) => "in".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_right_password_opens_a_session_in_any_spelling() {
    let scene = with_hanako().await;
    for (address, password) in [
        (HANAKO, PASSWORD),
        (" Hanako@EXAMPLE.co.jp ", PASSWORD),
        (HANAKO, "春はあけぼの　やうやう白くなりゆく"),
    ] {
        let token = scene.enter(address, password).await;
        assert_eq!(scene.session(&token).await.user_id(), HANAKO);
    }
}

#[tokio::test]
async fn no_answer_and_no_hash_tells_whether_there_is_an_account() {
    let scene = with_hanako().await;
    let over = scene.over(SAKURA).await;
    scene.person(&over, "locked@example.co.jp", Post::Member(Role::Writer)).await;
    scene.people.lock(&over, "locked@example.co.jp").await.unwrap();
    let mut answers = Vec::new();
    for (number, (address, password)) in [
        (HANAKO, "夏は夜。月のころはさらなり"),
        ("nobody@example.co.jp", PASSWORD),
        ("locked@example.co.jp", PASSWORD),
        ("locked@example.co.jp", "夏は夜。月のころはさらなり"),
        (HANAKO, &"あ".repeat(1000)),
    ]
    .into_iter()
    .enumerate()
    {
        let before = scene.people.hashes_made();
        answers.push(tried(&scene, address, password, u8::try_from(number).unwrap()).await);
        assert_eq!(scene.people.hashes_made(), before + 1, "{address} costs one hash");
    }
    answers.dedup();
    assert_eq!(answers, [PeopleError::Refused.to_string()]);
}

#[tokio::test]
async fn an_unknown_address_is_throttled_like_a_known_one_up_to_the_lock_and_beyond() {
    let mut scene = with_hanako().await;
    let mut seen = Vec::new();
    for address in [HANAKO, "nobody@example.co.jp"] {
        let hashes = scene.people.hashes_made();
        let mut answers = Vec::new();
        for try_no in 0..120_u8 {
            answers.push(tried(&scene, address, "夏は夜。月のころはさらなり", try_no).await);
            scene.turn(600);
        }
        seen.push((answers, scene.people.hashes_made() - hashes));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].0.iter().any(|answer| answer.contains("wait")), "{:?}", seen[0]);
    let told = scene.told.try_recv().unwrap();
    assert_eq!((told.address.as_str(), told.event), (HANAKO, Event::Locked));
    assert!(scene.told.try_recv().is_err(), "told once");
    let log = scene.log_of(app::access::INSTALLATION).await;
    let of = |action: &str| log.iter().filter(|row| row.note.action == action).count();
    assert_eq!((of("user.lock"), of("user.unknown")), (1, 1));
}

#[tokio::test]
async fn a_lock_by_failures_shuts_the_door_and_leaves_who_is_in() {
    let scene = with_hanako().await;
    let token = scene.enter(HANAKO, PASSWORD).await;
    for try_no in 0..50_u8 {
        tried(&scene, HANAKO, "夏は夜。月のころはさらなり", try_no).await;
        scene.turn(900);
        assert!(scene.people.admit(&token).await.unwrap().is_some(), "in use");
    }
    assert!(matches!(people_error(scene.log_in(HANAKO, PASSWORD, &home()).await), PeopleError::Refused));
    let over = scene.over(SAKURA).await;
    assert_eq!(scene.people.people(&over).await.unwrap()[0].state, "locked");
    scene.people.unlock(&over, HANAKO, false).await.unwrap();
    scene.enter(HANAKO, PASSWORD).await;
}

#[tokio::test]
async fn strangers_who_guess_make_nobody_wait_at_a_device_that_is_known() {
    let scene = with_hanako().await;
    let begun = scene.log_in(HANAKO, PASSWORD, &home()).await.unwrap();
    let LoggedIn::Done(begun) = begun else { panic!("a code is asked for") };
    let own = Client { device: Some(begun.device), ..stranger(88) };
    for try_no in 0..10 {
        tried(&scene, HANAKO, "夏は夜。月のころはさらなり", try_no).await;
    }
    assert!(tried(&scene, HANAKO, PASSWORD, 77).await.contains("wait"));
    let refused = people_error(scene.log_in(HANAKO, PASSWORD, &home()).await);
    assert!(matches!(refused, PeopleError::Throttled { .. }), "the same network is no device: {refused}");
    assert!(scene.log_in(HANAKO, PASSWORD, &own).await.is_ok());
    for try_no in 20..23 {
        tried(&scene, "taro@example.jp", PASSWORD, try_no).await;
    }
    let refused = people_error(scene.log_in("taro@example.jp", PASSWORD, &own).await);
    assert!(matches!(refused, PeopleError::Throttled { .. }), "it is hers alone: {refused}");
}

#[tokio::test]
async fn a_network_that_tries_many_addresses_waits() {
    let scene = with_hanako().await;
    for number in 0..20 {
        tried(&scene, &format!("user{number}@example.jp"), PASSWORD, 5).await;
    }
    let before = scene.people.hashes_made();
    let refused = people_error(scene.log_in(HANAKO, PASSWORD, &stranger(5)).await);
    assert!(
        matches!(refused, PeopleError::Throttled { wait } if wait == Duration::from_secs(1)),
        "{refused}"
    );
    assert_eq!(scene.people.hashes_made(), before, "and costs nothing");
    assert_eq!(tried(&scene, HANAKO, PASSWORD, 6).await, "in");
}

#[tokio::test]
async fn many_tries_at_the_same_time_gain_nothing() {
    let scene = with_hanako().await;
    let before = scene.people.hashes_made();
    let try_one = |number| tried(&scene, HANAKO, "夏は夜。月のころはさらなり", number);
    tokio::join!(
        try_one(1),
        try_one(2),
        try_one(3),
        try_one(4),
        try_one(5),
        try_one(6),
        try_one(7),
        try_one(8)
    );
    assert_eq!(scene.people.hashes_made() - before, 3);
}

#[tokio::test]
async fn a_hash_of_old_parameters_is_made_anew() {
    let scene = with_hanako().await;
    let stored = async || {
        let found = scene.store.document_get(app::access::INSTALLATION, "user", HANAKO).await.unwrap();
        found.unwrap().text
    };
    assert!(stored().await.contains("$m=64,t=1,p=1$"));
    let newer = scene.another(Cost { passes: 2, ..CHEAP });
    for _ in 0..2 {
        let done = newer.log_in(HANAKO, &secret(PASSWORD), &home()).await.unwrap();
        assert!(matches!(done, LoggedIn::Done(_)));
        assert!(stored().await.contains("$m=64,t=2,p=1$"));
    }
    scene.enter(HANAKO, PASSWORD).await;
}
