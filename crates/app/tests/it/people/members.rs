//! People of a tenant: roles, the last admin, locks, and walls between tenants.

use app::people::{Language, PeopleError, Post, Role};
use app::{Access, AppError, Right};

use super::{PASSWORD, SAKURA, Scene, home, people_error};

const ADMIN: Post = Post::Member(Role::Admin);
const SENDER: Post = Post::Member(Role::Sender);

/// A tenant with two admins, and what each may do.
async fn with_two() -> (Scene, Access, Access) {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    let over = scene.over(SAKURA).await;
    scene.person(&over, "a@example.jp", ADMIN).await;
    scene.person(&over, "b@example.jp", ADMIN).await;
    let (a, b) = (by(&scene, "a@example.jp").await, by(&scene, "b@example.jp").await);
    (scene, a, b)
}

async fn by(scene: &Scene, address: &str) -> Access {
    let session = scene.session(&scene.enter(address, PASSWORD).await).await;
    scene.people.access(&session, scene.over(SAKURA).await.tenant()).await.unwrap().0
}

#[tokio::test]
async fn the_last_admin_is_neither_removed_nor_demoted() {
    let (scene, a, _) = with_two().await;
    scene.people.set_role(&a, "b@example.jp", SENDER).await.unwrap();
    for refused in [
        scene.people.set_role(&a, "a@example.jp", SENDER).await,
        scene.people.remove(&a, "a@example.jp").await,
        scene.people.remove(&scene.over(SAKURA).await, "a@example.jp").await,
    ] {
        let refused = people_error(refused);
        assert!(matches!(&refused, PeopleError::Last { who, .. } if who == "a@example.jp"), "{refused}");
    }
    scene.people.remove(&a, "b@example.jp").await.unwrap();
    assert!(matches!(
        people_error(scene.log_in("b@example.jp", PASSWORD, &home()).await),
        PeopleError::Refused
    ));
}

#[tokio::test]
async fn two_admins_who_demote_each_other_at_the_same_time_leave_one() {
    let (scene, a, b) = with_two().await;
    let over = scene.over(SAKURA).await;
    let admins = async || {
        let people = scene.people.people(&over).await.unwrap();
        people.iter().filter(|person| person.role == "admin").count()
    };
    for round in 0..40 {
        let (one, other) = tokio::join!(
            scene.people.set_role(&a, "b@example.jp", SENDER),
            scene.people.set_role(&b, "a@example.jp", SENDER),
        );
        assert!(one.is_ok() ^ other.is_ok(), "round {round}: {one:?} {other:?}");
        assert_eq!(admins().await, 1, "round {round}");
        for address in ["a@example.jp", "b@example.jp"] {
            scene.people.set_role(&over, address, ADMIN).await.unwrap();
        }
    }
}

#[tokio::test]
async fn everybody_is_listed_and_who_is_invited_too() {
    let (scene, a, _) = with_two().await;
    scene.people.invite(&a, "c@example.jp", SENDER, Language::En).await.unwrap();
    let people = scene.people.people(&a).await.unwrap();
    let seen: Vec<_> = people.iter().map(|one| (one.address.as_str(), one.role, one.state)).collect();
    let expected = [
        ("a@example.jp", "admin", "active"),
        ("b@example.jp", "admin", "active"),
        ("c@example.jp", "sender", "invited"),
    ];
    assert_eq!(seen, expected);
    let again = scene.people.invite(&a, "B@example.jp", SENDER, Language::En).await;
    assert!(matches!(again, Err(AppError::Exists { .. })));
}

#[tokio::test]
async fn other_tenants_people_do_not_exist_and_senders_set_nobody() {
    let (scene, a, _) = with_two().await;
    scene.tenant("別の会社").await;
    let other = scene.over("別の会社").await;
    scene.person(&other, "z@example.jp", ADMIN).await;
    for refused in [
        scene.people.set_role(&a, "z@example.jp", SENDER).await,
        scene.people.remove(&a, "z@example.jp").await,
        scene.people.lock(&a, "z@example.jp").await,
        scene.people.set_role(&a, "nobody@example.jp", SENDER).await,
    ] {
        assert!(matches!(refused, Err(AppError::NotFound { .. })), "{refused:?}");
    }
    let z = scene.session(&scene.enter("z@example.jp", PASSWORD).await).await;
    let wall = scene.people.access(&z, a.tenant()).await.map(|(access, _)| access);
    assert!(matches!(wall, Err(AppError::NotFound { .. })), "{wall:?}");
    scene.people.set_role(&a, "b@example.jp", SENDER).await.unwrap();
    let b = by(&scene, "b@example.jp").await;
    let refused = scene.people.set_role(&b, "b@example.jp", ADMIN).await;
    assert!(matches!(refused, Err(AppError::Forbidden { needed: Right::Manage })), "{refused:?}");
}

#[tokio::test]
async fn an_account_of_two_tenants_is_locked_by_an_operator_alone() {
    let (scene, a, _) = with_two().await;
    scene.tenant("別の会社").await;
    let other = scene.over("別の会社").await;
    let invited = scene.people.invite(&other, "b@example.jp", SENDER, Language::Ja).await.unwrap();
    let b = scene.session(&scene.enter("b@example.jp", PASSWORD).await).await;
    scene.people.join_as(&b, &invited.token).await.unwrap();
    for refused in [
        scene.people.lock(&a, "b@example.jp").await,
        scene.people.revoke_sessions(&a, "b@example.jp", None).await,
        scene.people.password_link(&a, "b@example.jp").await.map(drop),
    ] {
        assert!(matches!(refused, Err(AppError::Forbidden { .. })), "{refused:?}");
    }
    scene.people.lock(&Access::to_installation("root"), "b@example.jp").await.unwrap();
    let last = people_error(scene.people.remove(&a, "a@example.jp").await);
    assert!(matches!(last, PeopleError::Last { .. }), "who is locked does not count: {last}");
    for tenant in [a.tenant(), other.tenant()] {
        let log = scene.log_of(tenant).await;
        let last = &log.last().unwrap().note;
        assert_eq!((last.actor.as_str(), last.action.as_str()), ("operator root", "user.lock"));
    }
}
