//! Operators: they enter a tenant for a reason, and the tenant sees who acted for it.

use app::directory::senders::{self, SenderName};
use app::people::{OperatorRole, PeopleError, Post, Session};
use app::{Access, AppError, Right};

use super::{PASSWORD, SAKURA, Scene, people_error};

async fn with(role: OperatorRole) -> (Scene, Session, domain::TenantId) {
    let scene = Scene::new();
    let tenant = scene.tenant(SAKURA).await;
    let operators = Access::to_installation("root");
    scene.person(&operators, "first@op.example", Post::Operator(OperatorRole::Operator)).await;
    let session = scene.person(&operators, "op@op.example", Post::Operator(role)).await;
    (scene, session, tenant)
}

#[tokio::test]
async fn a_tenant_sees_who_acted_for_it_and_why() {
    let (scene, mut session, tenant) = with(OperatorRole::Operator).await;
    let refused = people_error(scene.people.access(&session, tenant).await);
    assert!(matches!(refused, PeopleError::EnterFirst), "{refused}");
    let empty = people_error(scene.people.enter(&mut session, tenant, " ").await);
    assert!(matches!(empty, PeopleError::Field { what: "reason", .. }), "{empty}");
    scene.people.enter(&mut session, tenant, "送信元の確認を頼まれたため").await.unwrap();
    let (access, _) = scene.people.access_to_change(&session, tenant).await.unwrap();
    let name = SenderName::address("pr@sakura.example").unwrap();
    senders::verify(&*scene.store, &*scene.clock, &access, &name).await.unwrap();
    scene.people.leave(&mut session).await.unwrap();
    let log = scene.log_of(tenant).await;
    let seen: Vec<_> =
        log.iter().skip(1).map(|row| (row.note.actor.as_str(), row.note.action.as_str())).collect();
    let who = "operator 髙橋 花子 <op@op.example>";
    assert_eq!(seen, [(who, "operator.enter"), (who, "sender.verify"), (who, "operator.leave")]);
    assert!(log[1].note.detail.contains("送信元の確認を頼まれたため"));
    let left = people_error(scene.people.access(&session, tenant).await);
    assert!(matches!(left, PeopleError::EnterFirst), "{left}");
}

#[tokio::test]
async fn entering_is_for_one_tenant_one_session_and_one_hour() {
    let (scene, mut session, tenant) = with(OperatorRole::Operator).await;
    let other = scene.tenant("別の会社").await;
    scene.people.enter(&mut session, tenant, "問い合わせ").await.unwrap();
    assert!(scene.people.access(&session, tenant).await.is_ok());
    assert!(matches!(people_error(scene.people.access(&session, other).await), PeopleError::EnterFirst));
    let elsewhere = scene.session(&scene.enter("op@op.example", PASSWORD).await).await;
    assert!(matches!(people_error(scene.people.access(&elsewhere, tenant).await), PeopleError::EnterFirst));
    let token = scene.enter("op@op.example", PASSWORD).await;
    let mut later = scene.session(&token).await;
    scene.people.enter(&mut later, tenant, "問い合わせ").await.unwrap();
    scene.turn(3599);
    assert!(scene.people.access(&scene.session(&token).await, tenant).await.is_ok());
    scene.turn(1);
    let over = people_error(scene.people.access(&scene.session(&token).await, tenant).await);
    assert!(matches!(over, PeopleError::EnterFirst), "{over}");
}

#[tokio::test]
async fn support_sees_and_changes_nothing() {
    let (scene, mut session, tenant) = with(OperatorRole::Support).await;
    scene.people.enter(&mut session, tenant, "問い合わせ").await.unwrap();
    let (access, scopes) = scene.people.access(&session, tenant).await.unwrap();
    assert!(access.require(Right::Read).is_ok() && access.require(Right::Write).is_err());
    assert!(scopes.has(app::scope::Scope::AuditRead) && !scopes.has(app::scope::Scope::PeopleUpdate));
    let installation = scene.people.installation_access(&session).unwrap();
    let listed = app::directory::tenants::list(&*scene.store, &*scene.clock, &installation).await.unwrap();
    assert_eq!(listed.len(), 1);
    let refused = scene.people.lock(&installation, "first@op.example").await;
    assert!(matches!(refused, Err(AppError::Forbidden { .. })), "{refused:?}");
    let refused = scene.people.remove(&installation, "first@op.example").await;
    assert!(matches!(refused, Err(AppError::Forbidden { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_last_operator_is_neither_demoted_nor_locked_and_a_recent_password_is_needed() {
    let (scene, session, _) = with(OperatorRole::Operator).await;
    let installation = scene.people.installation_access(&session).unwrap();
    let support = Post::Operator(OperatorRole::Support);
    scene.people.set_role(&installation, "first@op.example", support).await.unwrap();
    for refused in [
        scene.people.set_role(&installation, "op@op.example", support).await,
        scene.people.remove(&installation, "op@op.example").await,
        scene.people.lock(&installation, "op@op.example").await,
    ] {
        let refused = people_error(refused);
        assert!(matches!(refused, PeopleError::Last { .. }), "{refused}");
    }
    let token = scene.enter("op@op.example", PASSWORD).await;
    scene.turn(301);
    let later = scene.people.installation_access(&scene.session(&token).await).unwrap();
    assert!(
        later.require_installation(Right::Read).is_ok()
            && later.require_installation(Right::Operate).is_err()
    );
}

#[tokio::test]
async fn people_of_a_tenant_are_nobody_to_the_installation() {
    let (scene, _, tenant) = with(OperatorRole::Operator).await;
    let over = scene.over(SAKURA).await;
    let mut admin = scene.person(&over, "admin@sakura.example", Post::Member(app::people::Role::Admin)).await;
    assert!(scene.people.installation_access(&admin).is_err());
    assert!(matches!(
        scene.people.enter(&mut admin, tenant, "なぜなら").await,
        Err(AppError::Forbidden { .. })
    ));
    let (access, _) = scene.people.access(&admin, tenant).await.unwrap();
    assert!(access.require(Right::Operate).is_err());
    let own = scene.people.people(&access).await.unwrap();
    assert_eq!(own.len(), 1, "operators are not among them: {own:?}");
}
