//! The second factor: codes that are accepted once, recovery codes, and how they go.

use app::people::{Event, LoggedIn, Offer, PeopleError, Post, Role, Session};
use smtp::{ExposeSecret, Secret};
use totp_rs::{Builder, Totp};

use super::{PASSWORD, SAKURA, Scene, home, people_error, secret};
use runtime::Clock;

const TARO: &str = "taro@example.co.jp";

/// Taro, his app, and his recovery codes.
struct WithApp {
    scene: Scene,
    session: Session,
    app: Totp,
    codes: Vec<Secret>,
}

fn app_of(offer: &Offer) -> Totp {
    let key = totp_rs::Secret::try_from_base32(offer.text.expose_secret()).unwrap();
    Builder::new().with_secret(key).with_account_name("a").with_issuer(Some("b")).build().unwrap()
}

impl WithApp {
    async fn new() -> Self {
        let scene = Scene::new();
        scene.tenant(SAKURA).await;
        let over = scene.over(SAKURA).await;
        let mut session = scene.person(&over, TARO, Post::Member(Role::Admin)).await;
        let offer = scene.people.offer_second_factor(&mut session).await.unwrap();
        let app = app_of(&offer);
        let wrong = people_error(scene.people.confirm_second_factor(&mut session, "000000").await);
        assert!(matches!(wrong, PeopleError::SecondFactor(_)), "{wrong}");
        let code = app.generate(seconds(&scene)).to_string();
        let codes = scene.people.confirm_second_factor(&mut session, &code).await.unwrap();
        Self { scene, session, app, codes }
    }

    fn code(&self) -> String {
        self.app.generate(seconds(&self.scene)).to_string()
    }

    async fn step(&self) -> Secret {
        match self.scene.log_in(TARO, PASSWORD, &home()).await.unwrap() {
            LoggedIn::NeedsCode(step) => step,
            LoggedIn::Done(_) => panic!("no code was asked for"),
        }
    }

    async fn enter(&self, step: &Secret, code: &str) -> bool {
        match self.scene.people.enter_code(step, code, &home()).await {
            Ok(session) => self.scene.people.admit(&session.token).await.unwrap().is_some(),
            Err(error) => {
                let refused = [PeopleError::Refused.to_string(), PeopleError::Busy.to_string()];
                assert!(refused.contains(&error.to_string()), "{error}");
                false
            }
        }
    }
}

fn seconds(scene: &Scene) -> u64 {
    u64::try_from(scene.clock.now().as_millis() / 1000).unwrap()
}

#[tokio::test]
async fn a_code_is_accepted_once() {
    let with = WithApp::new().await;
    let step = with.step().await;
    assert!(!with.enter(&step, &with.code()).await, "it set the app up");
    with.scene.turn(30);
    let code = with.code();
    assert!(with.enter(&step, &code).await);
    assert!(!with.enter(&with.step().await, &code).await, "used");
    with.scene.turn(30);
    assert!(!with.enter(&with.step().await, &code).await, "used, and still within the skew");
    assert!(with.enter(&with.step().await, &with.code()).await);
}

#[tokio::test]
async fn one_of_two_who_give_the_same_code_at_the_same_time_is_let_in() {
    let with = WithApp::new().await;
    with.scene.turn(60);
    let (first, second, code) = (with.step().await, with.step().await, with.code());
    let (a, b) = tokio::join!(with.enter(&first, &code), with.enter(&second, &code));
    assert!(a ^ b, "{a} {b}");
}

#[tokio::test]
async fn a_right_password_takes_no_failure_of_a_code_back() {
    let with = WithApp::new().await;
    for _ in 0..3 {
        assert!(!with.enter(&with.step().await, "000000").await);
    }
    let refused = people_error(with.scene.log_in(TARO, PASSWORD, &home()).await);
    assert!(matches!(refused, PeopleError::Throttled { .. }), "{refused}");
}

#[tokio::test]
async fn each_recovery_code_works_once_and_its_owner_is_told() {
    let mut with = WithApp::new().await;
    assert_eq!(with.codes.len(), 10);
    let code = with.codes[3].expose_secret().to_uppercase();
    assert!(with.enter(&with.step().await, &code).await);
    assert!(!with.enter(&with.step().await, &code).await);
    assert!(with.enter(&with.step().await, with.codes[4].expose_secret()).await);
    let events: Vec<_> =
        std::iter::from_fn(|| with.scene.told.try_recv().ok().map(|told| told.event)).collect();
    let expected = [Event::SecondFactorSet, Event::RecoveryCodeUsed(9), Event::RecoveryCodeUsed(8)];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn the_step_between_password_and_code_is_over_in_five_minutes_and_by_a_new_password() {
    let mut with = WithApp::new().await;
    let step = with.step().await;
    with.scene.turn(300);
    assert!(!with.enter(&step, &with.code()).await);
    let step = with.step().await;
    let code = with.code();
    with.scene.people.prove(&mut with.session, &secret(PASSWORD), Some(&code), &home()).await.unwrap();
    let new = secret("夏は夜。月のころはさらなり");
    with.scene.people.change_password(&mut with.session, &new).await.unwrap();
    with.scene.turn(30);
    assert!(!with.enter(&step, &with.code()).await);
}

#[tokio::test]
async fn a_step_up_asks_for_password_and_code() {
    let mut with = WithApp::new().await;
    with.scene.turn(301);
    let people = &with.scene.people;
    let code = with.code();
    for (password, given) in
        [("夏は夜。月のころはさらなり", Some(code.as_str())), (PASSWORD, None), (PASSWORD, Some("000000"))]
    {
        let refused = people.prove(&mut with.session, &secret(password), given, &home()).await;
        assert!(matches!(people_error(refused), PeopleError::Refused));
        with.scene.turn(20);
    }
    let code = with.app.generate(seconds(&with.scene)).to_string();
    people.prove(&mut with.session, &secret(PASSWORD), Some(&code), &home()).await.unwrap();
    people.remove_second_factor(&mut with.session).await.unwrap();
    with.scene.enter(TARO, PASSWORD).await;
}

#[tokio::test]
async fn whoever_lost_both_is_let_in_by_who_manages_people() {
    let with = WithApp::new().await;
    let over = with.scene.over(SAKURA).await;
    with.scene.people.unlock(&over, TARO, true).await.unwrap();
    with.scene.enter(TARO, PASSWORD).await;
}

#[tokio::test]
async fn nothing_of_it_can_be_read_in_the_books() {
    use ledger::DocumentStore;
    let with = WithApp::new().await;
    let found = with.scene.store.document_get(app::access::INSTALLATION, "user", TARO).await.unwrap();
    let text = found.unwrap().text;
    let plain = with.codes[0].expose_secret().replace('-', "");
    assert!(text.contains("\"recovery\"") && !text.contains(&plain) && !text.contains(PASSWORD));
    let shown = format!("{:?}", with.session);
    assert!(!shown.contains("$argon2id") && !shown.contains("\"wrapped\""), "{shown}");
}
