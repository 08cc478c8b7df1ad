//! One-time links: who may open them, how often, until when, and what they do.

use std::sync::Arc;

use app::people::password::PasswordError;
use app::people::{
    Language, Newcomer, OperatorRole, People, PeopleError, Post, PrefixFolder, Role, Settings,
};
use app::{Access, AppError, Right};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ledger::DocumentStore;
use smtp::{ExposeSecret, Secret};

use super::{CHEAP, PASSWORD, SAKURA, Scene, home, newcomer, people_error, secret, stranger};

const WRITER: Post = Post::Member(Role::Writer);

async fn with_link(address: &str) -> (Scene, Secret) {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    let over = scene.over(SAKURA).await;
    let invited = scene.people.invite(&over, address, WRITER, Language::En).await.unwrap();
    (scene, invited.token)
}

#[tokio::test]
async fn a_link_works_once() {
    let (scene, token) = with_link("花子@例え.jp").await;
    let view = scene.people.look_at_link(&token).await.unwrap();
    assert_eq!(
        (view.address.as_deref(), view.tenant.as_deref()),
        (Some("花子@xn--r8jz45g.jp"), Some(SAKURA))
    );
    assert_eq!((view.post, view.has_account), (Some("writer"), false));
    let begun = scene.people.join(&token, newcomer("花子"), &home()).await.unwrap();
    let session = scene.session(&begun.token).await;
    let (access, scopes) = scene.people.access(&session, scene.over(SAKURA).await.tenant()).await.unwrap();
    assert_eq!(access.user(), "user 花子 <花子@xn--r8jz45g.jp>");
    assert!(access.require(Right::Write).is_ok() && access.require(Right::Send).is_err());
    assert!(!scopes.has(app::scope::Scope::MailSend));
    for _ in 0..2 {
        let again = people_error(scene.people.join(&token, newcomer("花子"), &home()).await);
        assert!(matches!(again, PeopleError::Link), "{again}");
    }
    scene.enter("花子@例え.JP", PASSWORD).await;
}

#[tokio::test]
async fn a_link_that_two_open_at_the_same_time_lets_one_in() {
    let (scene, token) = with_link("a@example.jp").await;
    let here = home();
    let open = || scene.people.join(&token, newcomer("花子"), &here);
    let (a, b) = tokio::join!(open(), open());
    assert!(a.is_ok() ^ b.is_ok());
}

#[tokio::test]
async fn a_link_is_over_after_three_days() {
    let (scene, token) = with_link("a@example.jp").await;
    scene.turn(72 * 3600 - 1);
    assert!(scene.people.look_at_link(&token).await.is_ok());
    scene.turn(1);
    assert!(matches!(people_error(scene.people.look_at_link(&token).await), PeopleError::Link));
    assert!(matches!(
        people_error(scene.people.join(&token, newcomer("a"), &home()).await),
        PeopleError::Link
    ));
    assert_eq!(scene.people.sweep().await.unwrap(), 1);
}

#[tokio::test]
async fn only_a_digest_of_it_is_stored_and_an_invitation_can_be_taken_back() {
    let (scene, token) = with_link("a@example.jp").await;
    let all = scene.store.document_list(app::access::INSTALLATION, "invitation", "", 10).await.unwrap();
    let kept = format!("{all:?}{:?}", scene.log_of(app::access::INSTALLATION).await);
    assert!(all.len() == 1 && !kept.contains(token.expose_secret()));
    scene.tenant("別の会社").await;
    let (own, other) = (scene.over(SAKURA).await, scene.over("別の会社").await);
    assert!(matches!(
        scene.people.revoke_invitation(&other, &all[0].id).await,
        Err(AppError::NotFound { .. })
    ));
    scene.people.revoke_invitation(&own, &all[0].id).await.unwrap();
    assert!(matches!(people_error(scene.people.look_at_link(&token).await), PeopleError::Link));
}

#[tokio::test]
async fn what_a_newcomer_says_is_checked_and_a_mistake_uses_nothing_up() {
    let (scene, token) = with_link("hanako@example.jp").await;
    let with = |name: &str, password: &str| Newcomer {
        address: None,
        name: name.to_owned(),
        language: Language::Ja,
        password: secret(password),
    };
    for (name, password, part) in [
        ("花子", "みじかい", "fewer than 12"),
        ("花子", "hanako@example.jp", "address or name"),
        ("", PASSWORD, "name"),
        ("花\u{202E}子", PASSWORD, "name"),
    ] {
        let error = people_error(scene.people.join(&token, with(name, password), &home()).await).to_string();
        assert!(error.contains(part), "{error}");
    }
    scene.people.join(&token, with("㈱髙島屋①ﾊﾅｺ🌸", PASSWORD), &home()).await.unwrap();
}

#[tokio::test]
async fn whoever_has_an_account_opens_it_as_who_they_are() {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    scene.tenant("有限会社うめ").await;
    let (sakura, ume) = (scene.over(SAKURA).await, scene.over("有限会社うめ").await);
    let hanako = scene.person(&sakura, "hanako@example.jp", WRITER).await;
    let taro = scene.person(&sakura, "taro@example.jp", WRITER).await;
    let invited =
        scene.people.invite(&ume, "Hanako@example.jp", Post::Member(Role::Admin), Language::Ja).await;
    let token = invited.unwrap().token;
    assert!(scene.people.look_at_link(&token).await.unwrap().has_account);
    let refused = people_error(scene.people.join(&token, newcomer("別人"), &home()).await);
    assert!(matches!(refused, PeopleError::LogInFirst), "{refused}");
    let refused = people_error(scene.people.join_as(&taro, &token).await);
    assert!(matches!(refused, PeopleError::OtherPerson), "{refused}");
    scene.people.join_as(&hanako, &token).await.unwrap();
    let session = scene.session(&scene.enter("hanako@example.jp", PASSWORD).await).await;
    let right = async |tenant| scene.people.access(&session, tenant).await.unwrap().0;
    assert!(right(ume.tenant()).await.require(Right::Manage).is_ok());
    assert!(right(sakura.tenant()).await.require(Right::Send).is_err());
}

#[tokio::test]
async fn a_password_link_sets_a_password_and_ends_sessions_and_a_lock_by_failures() {
    let (scene, token) = with_link("a@example.jp").await;
    let begun = scene.people.join(&token, newcomer("花子"), &home()).await.unwrap();
    for try_no in 0..50 {
        let _ = scene.log_in("a@example.jp", "夏は夜。月のころはさらなり", &stranger(try_no)).await;
        scene.turn(800);
    }
    let over = scene.over(SAKURA).await;
    let link = scene.people.password_link(&over, "a@example.jp").await.unwrap().token;
    assert!(
        people_error(scene.people.set_password(&link, &secret("みじかい")).await).to_string().contains("12")
    );
    let new = "夏は夜。月のころは、さらなり。";
    scene.people.set_password(&link, &secret(new)).await.unwrap();
    assert!(scene.people.admit(&begun.token).await.unwrap().is_none());
    scene.enter("a@example.jp", new).await;
    assert!(matches!(people_error(scene.people.set_password(&link, &secret(new)).await), PeopleError::Link));
}

#[tokio::test]
async fn the_first_operator_comes_by_a_link_that_is_made_while_there_is_none() {
    let scene = Scene::new();
    let first = scene.people.first_operator().await.unwrap().expect("a link");
    let second = scene.people.first_operator().await.unwrap().expect("a link");
    assert!(matches!(people_error(scene.people.look_at_link(&first.token).await), PeopleError::Link));
    let anybody = Newcomer { address: Some("op@example.jp".to_owned()), ..newcomer("運用 一郎") };
    let begun = scene.people.join(&second.token, anybody, &home()).await.unwrap();
    let session = scene.session(&begun.token).await;
    assert_eq!(session.user().operator, Some(OperatorRole::Operator));
    let access = scene.people.installation_access(&session).unwrap();
    assert!(access.require_installation(Right::Operate).is_ok());
    assert!(scene.people.first_operator().await.unwrap().is_none(), "there is one");
    let last = people_error(scene.people.remove(&Access::to_installation("root"), "op@example.jp").await);
    assert!(matches!(last, PeopleError::Last { .. }), "{last}");
}

#[tokio::test]
async fn a_link_for_the_first_operator_is_worthless_once_there_is_one() {
    let scene = Scene::new();
    let link = scene.people.first_operator().await.unwrap().expect("a link");
    let operators = Access::to_installation("root");
    scene.person(&operators, "one@example.jp", Post::Operator(OperatorRole::Support)).await;
    let anybody = Newcomer { address: Some("two@example.jp".to_owned()), ..newcomer("二郎") };
    let refused = people_error(scene.people.join(&link.token, anybody, &home()).await);
    assert!(matches!(refused, PeopleError::Link), "{refused}");
}

/// A folder as the downloader of *Have I Been Pwned* writes it.
#[tokio::test]
async fn a_password_that_was_stolen_elsewhere_is_not_taken() {
    let (scene, token) = with_link("a@example.jp").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("00000.txt"), "").unwrap();
    let list = Arc::new(PrefixFolder::open(folder.path()).unwrap());
    let settings = Settings { cost: CHEAP, breaches: Some(list), ..Settings::default() };
    let people = People::new(&scene.desk, settings);
    let missing = people_error(people.join(&token, newcomer("花子"), &home()).await);
    assert!(matches!(missing, PeopleError::BreachList { .. }), "half a list is no clean one: {missing}");
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes());
    let digits: String = sha1.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
    let file = folder.path().join(format!("{}.txt", &digits[..5]));
    std::fs::write(&file, format!("{}:3\r\n", &digits[5..])).unwrap();
    let refused = people_error(people.join(&token, newcomer("花子"), &home()).await);
    assert!(matches!(refused, PeopleError::Password(PasswordError::Breached)), "{refused}");
    std::fs::write(&file, "").unwrap();
    people.join(&token, newcomer("花子"), &home()).await.unwrap();
}
