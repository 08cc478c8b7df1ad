//! Sessions: when they end, who sees them, and what ends them.

use app::people::{Language, PeopleError, Post, RECENT, Role, Session};
use ledger::{DocumentChange, DocumentStore, DocumentWrite, Expected};
use runtime::Clock;
use smtp::{ExposeSecret, Secret};

use super::{PASSWORD, SAKURA, Scene, home, people_error, secret};

const ADDRESS: &str = "jiro@例え.jp";
const HOUR: u64 = 3600;

async fn with_jiro() -> (Scene, Session) {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    let over = scene.over(SAKURA).await;
    scene.person(&over, "admin@example.jp", Post::Member(Role::Admin)).await;
    let session = scene.person(&over, ADDRESS, Post::Member(Role::Sender)).await;
    (scene, session)
}

async fn is_open(scene: &Scene, token: &Secret) -> bool {
    scene.people.admit(token).await.unwrap().is_some()
}

#[tokio::test]
async fn a_session_ends_after_half_a_day_without_use_and_after_a_week_with_it() {
    let (scene, _) = with_jiro().await;
    let (idle, used) = (scene.enter(ADDRESS, PASSWORD).await, scene.enter(ADDRESS, PASSWORD).await);
    for hour in 1..7 * 24 {
        scene.turn(HOUR);
        assert!(is_open(&scene, &used).await, "hour {hour}");
        if hour == 12 {
            assert!(!is_open(&scene, &idle).await);
        }
    }
    scene.turn(HOUR);
    assert!(!is_open(&scene, &used).await);
    assert!(scene.people.sweep().await.unwrap() >= 2);
    let left = scene.store.document_list(app::access::INSTALLATION, "session", "", 100).await.unwrap();
    assert_eq!(left.len(), 0);
}

#[tokio::test]
async fn only_a_digest_of_the_token_is_stored() {
    let (scene, _) = with_jiro().await;
    let token = scene.enter(ADDRESS, PASSWORD).await;
    let secret = token.expose_secret().split_once('.').unwrap().1.to_owned();
    let all = scene.store.document_list(app::access::INSTALLATION, "session", "", 100).await.unwrap();
    assert!(all.len() >= 2 && !all.iter().any(|one| one.id.contains(&secret) || one.text.contains(&secret)));
    for session in all {
        assert!(!is_open(&scene, &Secret::from(session.id)).await, "an id opens nothing");
    }
}

#[tokio::test]
async fn their_owner_sees_them_and_ends_one_or_the_others() {
    let (scene, session) = with_jiro().await;
    let (first, second) = (scene.enter(ADDRESS, PASSWORD).await, scene.enter(ADDRESS, PASSWORD).await);
    let seen = scene.people.sessions(&session).await.unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|one| one.from == "192.0.2.10" && one.agent == "Firefox🦊"), "{seen:?}");
    let first_id = scene.session(&first).await.id().to_owned();
    let other = scene.enter("admin@example.jp", PASSWORD).await;
    let other = scene.session(&other).await;
    assert!(scene.people.end_session(&other, &first_id).await.is_err(), "not somebody else's");
    scene.people.end_session(&session, &first_id).await.unwrap();
    assert!(!is_open(&scene, &first).await && is_open(&scene, &second).await);
    scene.people.log_out(&scene.session(&second).await).await.unwrap();
    assert!(!is_open(&scene, &second).await);
}

#[tokio::test]
async fn a_new_password_ends_the_others_and_keeps_this_one() {
    let (scene, _) = with_jiro().await;
    let (here, elsewhere) = (scene.enter(ADDRESS, PASSWORD).await, scene.enter(ADDRESS, PASSWORD).await);
    let mut session = scene.session(&here).await;
    let new = "夏は夜。月のころはさらなり";
    scene.people.change_password(&mut session, &secret(new)).await.unwrap();
    assert!(is_open(&scene, &here).await && !is_open(&scene, &elsewhere).await);
    scene.people.change_profile(&mut session, "次郎", Language::En).await.unwrap();
    scene.enter(ADDRESS, new).await;
    assert!(matches!(people_error(scene.log_in(ADDRESS, PASSWORD, &home()).await), PeopleError::Refused));
}

#[tokio::test]
async fn another_role_or_a_lock_or_an_order_ends_all() {
    let (scene, _) = with_jiro().await;
    let over = scene.over(SAKURA).await;
    let token = scene.enter(ADDRESS, PASSWORD).await;
    scene.people.set_role(&over, ADDRESS, Post::Member(Role::Viewer)).await.unwrap();
    assert!(!is_open(&scene, &token).await);
    let token = scene.enter(ADDRESS, PASSWORD).await;
    scene.people.revoke_sessions(&over, ADDRESS, None).await.unwrap();
    assert!(!is_open(&scene, &token).await);
    let token = scene.enter(ADDRESS, PASSWORD).await;
    scene.people.lock(&over, ADDRESS).await.unwrap();
    assert!(!is_open(&scene, &token).await);
    assert!(matches!(people_error(scene.log_in(ADDRESS, PASSWORD, &home()).await), PeopleError::Refused));
}

#[tokio::test]
async fn what_needs_a_recent_password_asks_for_one() {
    let (scene, mut session) = with_jiro().await;
    assert!(session.require_recent(RECENT).is_ok());
    scene.turn(299);
    let token = scene.enter(ADDRESS, PASSWORD).await;
    let later = scene.session(&token).await;
    scene.turn(1);
    assert!(later.require_recent(RECENT).is_ok());
    let tenant = scene.over(SAKURA).await.tenant();
    scene.turn(300);
    let mut later = scene.session(&token).await;
    assert!(matches!(later.require_recent(RECENT), Err(PeopleError::ProofNeeded)));
    let refused = people_error(scene.people.access_to_change(&later, tenant).await);
    assert!(matches!(refused, PeopleError::ProofNeeded), "{refused}");
    let refused =
        people_error(scene.people.change_password(&mut later, &secret("長い長い長い長い合言葉です")).await);
    assert!(matches!(refused, PeopleError::ProofNeeded), "{refused}");
    assert!(scene.people.access(&later, tenant).await.is_ok());
    scene.people.prove(&mut later, &secret(PASSWORD), None, &home()).await.unwrap();
    assert!(scene.people.access_to_change(&later, tenant).await.is_ok());
    scene.people.sessions(&session).await.unwrap();
    session = scene.session(&token).await;
    assert!(session.require_recent(RECENT).is_ok(), "the next request knows");
}

#[tokio::test]
async fn a_late_note_of_use_brings_no_session_back() {
    let (scene, session) = with_jiro().await;
    let token = scene.enter(ADDRESS, PASSWORD).await;
    scene.turn(HOUR);
    let id = scene.session(&token).await.id().to_owned();
    scene.turn(HOUR);
    // One request notes the use while another revokes: whoever comes second finds what is not there any more.
    let (noted, revoked) = tokio::join!(scene.people.admit(&token), scene.people.end_session(&session, &id));
    revoked.unwrap();
    noted.unwrap();
    assert!(!is_open(&scene, &token).await);
}

/// Somebody logs in at the moment in which the password changes: what they began with the old one is over.
#[tokio::test]
async fn a_session_that_began_before_a_new_password_is_over_even_if_it_was_not_there_to_be_removed() {
    let (scene, _) = with_jiro().await;
    let (here, elsewhere) = (scene.enter(ADDRESS, PASSWORD).await, scene.enter(ADDRESS, PASSWORD).await);
    let id = scene.session(&elsewhere).await.id().to_owned();
    let installation = app::access::INSTALLATION;
    let late = scene.store.document_get(installation, "session", &id).await.unwrap().unwrap();
    let mut session = scene.session(&here).await;
    scene.people.change_password(&mut session, &secret("夏は夜。月のころはさらなり")).await.unwrap();
    let (kind, text) = (late.kind, Some(late.text));
    let change = DocumentChange { kind, id, expected: Expected::Nothing, text };
    let write =
        DocumentWrite { tenant: installation, changes: vec![change], note: None, now: scene.clock.now() };
    scene.store.document_write(write).await.unwrap();
    assert!(!is_open(&scene, &elsewhere).await);
    assert_eq!(scene.people.sessions(&session).await.unwrap().len(), 1);
}
