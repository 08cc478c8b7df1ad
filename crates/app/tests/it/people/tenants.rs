//! Companies that sign up, are reviewed, and leave.

use app::directory::senders::{self, SenderName};
use app::directory::tenants::{self, TenantState, set_state};
use app::people::{Language, PeopleError, Post, Role, SignUp};
use app::{Access, AppError};
use ledger::{DirectoryStore, DocumentStore, sha256};

use super::{PASSWORD, SAKURA, Scene, client, home, newcomer, people_error, stranger};

fn request(tenant: &str) -> SignUp {
    SignUp { tenant: tenant.to_owned(), address: "shacho@ume.example".to_owned(), language: Language::Ja }
}

#[tokio::test]
async fn a_company_begins_when_its_link_is_opened_and_sends_when_it_is_approved() {
    let scene = Scene::new();
    let invited = scene.people.sign_up(&request("有限会社うめ"), &home()).await.unwrap();
    assert_eq!(scene.store.tenant_list().await.unwrap().len(), 0, "a stranger makes no tenant");
    let begun = scene.people.join(&invited.token, newcomer("梅田 社長"), &home()).await.unwrap();
    let session = scene.session(&begun.token).await;
    let tenant = scene.store.tenant_list().await.unwrap()[0].tenant;
    let (access, _) = scene.people.access(&session, tenant).await.unwrap();
    let active = async || tenants::require_active(&*scene.store, &*scene.clock, &access).await;
    assert!(matches!(active().await, Err(AppError::Suspended { state: "pending" })));
    let operator = scene.over("有限会社うめ").await;
    assert!(matches!(scene.people.approve(&access).await, Err(AppError::Forbidden { .. })), "not by itself");
    assert!(people_error(scene.people.reject(&operator, "").await).to_string().contains("reason"));
    scene.people.reject(&operator, "登記が確認できません").await.unwrap();
    assert!(matches!(active().await, Err(AppError::Suspended { state: "rejected" })));
    scene.people.approve(&operator).await.unwrap();
    active().await.unwrap();
    assert!(scene.people.reject(&operator, "もう遅い").await.is_err(), "nothing to review");
    let actions: Vec<_> = scene.log_of(tenant).await.into_iter().map(|row| row.note.action).collect();
    assert_eq!(actions, ["tenant.sign-up", "user.join", "tenant.state", "tenant.state"]);
}

#[tokio::test]
async fn a_name_that_stands_is_told_to_who_reads_the_address_alone() {
    let scene = Scene::new();
    scene.tenant(SAKURA).await;
    let invited = scene.people.sign_up(&request(SAKURA), &home()).await.unwrap();
    let refused = scene.people.join(&invited.token, newcomer("梅田 社長"), &home()).await;
    assert!(matches!(refused, Err(AppError::Exists { .. })));
    assert!(matches!(
        people_error(scene.log_in("shacho@ume.example", PASSWORD, &home()).await),
        PeopleError::Refused
    ));
}

#[tokio::test]
async fn nobody_signs_companies_up_by_the_dozen() {
    let scene = Scene::new();
    let mut signed = 0;
    for number in 0..40 {
        let one = SignUp { address: format!("a{number}@ume.example"), ..request(&format!("会社{number}")) };
        signed += usize::from(scene.people.sign_up(&one, &client("198.51.100.9")).await.is_ok());
    }
    assert_eq!(signed, 20);
    assert!(scene.people.sign_up(&request("会社"), &stranger(9)).await.is_ok(), "others do");
}

#[tokio::test]
async fn what_is_removed_of_a_tenant_can_be_proven() {
    let scene = Scene::new();
    let (tenant, other) = (scene.tenant(SAKURA).await, scene.tenant("別の会社").await);
    let (over, beside) = (scene.over(SAKURA).await, scene.over("別の会社").await);
    for number in 0..450 {
        verify(&scene, &over, &format!("pr{number}@sakura.example")).await;
    }
    verify(&scene, &beside, "pr@other.example").await;
    scene.person(&over, "only@sakura.example", Post::Member(Role::Admin)).await;
    let both = scene.person(&beside, "both@example.jp", Post::Member(Role::Admin)).await;
    let invited =
        scene.people.invite(&over, "both@example.jp", Post::Member(Role::Viewer), Language::Ja).await;
    scene.people.join_as(&both, &invited.unwrap().token).await.unwrap();

    assert!(scene.people.remove_tenant(&over, SAKURA).await.is_err(), "it is active");
    set_state(&*scene.store, &*scene.clock, &over, TenantState::Suspended, None).await.unwrap();
    assert!(scene.people.remove_tenant(&over, "別の会社").await.is_err(), "another name");
    let expected = digest_of(&scene, tenant).await;
    let removed = scene.people.remove_tenant(&over, SAKURA).await.unwrap();
    let senders = removed.kinds.iter().find(|kind| kind.kind == "sender").unwrap();
    assert_eq!((senders.documents, senders.digest.as_str(), removed.people), (450, expected.as_str(), 2));

    assert_eq!(scene.store.document_list(tenant, "sender", "", 10).await.unwrap().len(), 0);
    assert_eq!(scene.store.document_list(other, "sender", "", 10).await.unwrap().len(), 1);
    let gone = people_error(scene.log_in("only@sakura.example", PASSWORD, &home()).await);
    assert!(matches!(gone, PeopleError::Refused), "{gone}");
    scene.enter("both@example.jp", PASSWORD).await;
    let log = scene.log_of(app::access::INSTALLATION).await;
    let told: Vec<_> = log.iter().filter(|row| row.note.action.starts_with("tenant.remove")).collect();
    assert!(told.len() == 2 && told.iter().all(|row| row.note.detail.contains(&expected)), "{told:?}");
    let state = tenants::state(&*scene.store, &*scene.clock, &over).await.unwrap();
    assert_eq!(state, TenantState::Removed, "and does not send by a default");
    scene.people.remove_tenant(&over, SAKURA).await.unwrap();
}

async fn verify(scene: &Scene, access: &Access, address: &str) {
    let name = SenderName::address(address).unwrap();
    senders::verify(&*scene.store, &*scene.clock, access, &name).await.unwrap();
}

/// As somebody with a copy of the documents makes it.
async fn digest_of(scene: &Scene, tenant: domain::TenantId) -> String {
    let mut octets = b"hikyaku removed documents 1\0sender".to_vec();
    for document in scene.store.document_list(tenant, "sender", "", 1000).await.unwrap() {
        octets.extend(document.version.to_be_bytes());
        for text in [document.id, document.text] {
            octets.extend((text.len() as u64).to_be_bytes());
            octets.extend(text.as_bytes());
        }
    }
    sha256(&octets).iter().map(|octet| format!("{octet:02x}")).collect()
}
