//! What people set, and the log of who set it.

use domain::TenantId;
use futures_util::future::join3;

use super::Kept;
use super::bench::{Bench, Breach, refused, same};
use super::stage::{Stage, at};
use crate::documents::{
    CHANGES_MAX, DOCUMENT_ID_OCTETS_MAX, DOCUMENT_OCTETS_MAX, DOCUMENTS_PAGE_MAX, KIND_MAX, NOTE_OCTETS_MAX,
};
use crate::{
    AuditNote, AuditRow, Document, DocumentChange, DocumentWrite, Expected, LedgerError, Store, audit_chain,
};

const TENANT: TenantId = TenantId(1);
const OTHER: TenantId = TenantId(2);
const TEXT: &str = r#"{"name":"髙橋㈱ ﾆｭｰｽ①","emoji":"🎏"}"#;

fn change(id: &str, expected: Expected, text: Option<&str>) -> DocumentChange {
    DocumentChange { kind: "relay".to_owned(), id: id.to_owned(), expected, text: text.map(str::to_owned) }
}

fn note(action: &str) -> AuditNote {
    AuditNote {
        actor: "山田 花子".to_owned(),
        action: action.to_owned(),
        object: "a".to_owned(),
        detail: "{}".to_owned(),
    }
}

fn write(second: i64, changes: Vec<DocumentChange>) -> DocumentWrite {
    DocumentWrite { tenant: TENANT, changes, note: Some(note("relay.set")), now: at(second) }
}

impl Stage {
    /// A change of a document of the tenant, with its entry in the log.
    #[must_use]
    pub fn document_write(&self, second: i64) -> DocumentWrite {
        let text = second.to_string();
        let changes = vec![change("㈱", Expected::Any, Some(&text))];
        DocumentWrite { tenant: self.tenant, ..write(second, changes) }
    }
}

fn stale(what: &str, answer: Result<Vec<u64>, LedgerError>) -> Kept {
    same(what, answer, Err(LedgerError::Stale { what: "relay `a`".to_owned() }))
}

async fn get(store: &dyn Store, id: &str) -> Result<Option<(u64, String)>, Breach> {
    let found: Option<Document> = store.document_get(TENANT, "relay", id).await?;
    Ok(found.map(|document| (document.version, document.text)))
}

pub(super) async fn a_document_changes_from_the_version_that_was_seen(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let put = async |second, expected, text| {
        store.document_write(write(second, vec![change("a", expected, text)])).await
    };
    stale("a version of nothing", put(1, Expected::Version(1), Some(TEXT)).await)?;
    same("a new one", put(2, Expected::Nothing, Some(TEXT)).await?, vec![1])?;
    same("as it was written", get(&*store, "a").await?, Some((1, TEXT.to_owned())))?;
    stale("a second new one", put(3, Expected::Nothing, Some("{}")).await)?;
    same("the next version", put(4, Expected::Version(1), Some("[]")).await?, vec![2])?;
    stale("an older version", put(5, Expected::Version(1), Some("{}")).await)?;
    stale("the removal of an older version", put(5, Expected::Version(1), None).await)?;
    same("whatever stands", put(6, Expected::Any, Some("1")).await?, vec![3])?;
    same("what stands", get(&*store, "a").await?, Some((3, "1".to_owned())))?;
    let changed_at = store.document_get(TENANT, "relay", "a").await?.map(|document| document.changed_at);
    same("when it changed", changed_at, Some(at(6)))?;
    same("a removal", put(7, Expected::Version(3), None).await?, vec![0])?;
    same("nothing stands", get(&*store, "a").await?, None)?;
    same("it begins anew", put(8, Expected::Nothing, Some("2")).await?, vec![1])
}

pub(super) async fn changes_are_made_together_or_not_at_all(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let both = vec![change("b", Expected::Nothing, Some("1")), change("a", Expected::Version(9), Some("1"))];
    stale("one of two", store.document_write(write(1, both)).await)?;
    same("the other", get(&*store, "b").await?, None)?;
    same("the log", store.audit_list(TENANT, 0, 9).await?, Vec::new())?;
    let both = vec![change("b", Expected::Nothing, Some("1")), change("a", Expected::Any, Some("1"))];
    same("two", store.document_write(write(2, both)).await?, vec![1, 1])?;
    let silent = DocumentWrite { note: None, ..write(3, vec![change("a", Expected::Any, Some("2"))]) };
    same("without a note", store.document_write(silent).await?, vec![2])?;
    same("one entry for both", store.audit_list(TENANT, 0, 9).await?.len(), 1)
}

pub(super) async fn documents_are_paged_and_belong_to_one_tenant(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let ids: Vec<String> = (0..1000).map(|number| format!("{number:04}")).collect();
    for some in ids.chunks(100) {
        let all = some.iter().map(|id| change(id, Expected::Nothing, Some("{}"))).collect();
        store.document_write(write(1, all)).await?;
    }
    let other = DocumentChange { kind: "key".to_owned(), ..change("0500", Expected::Nothing, Some("{}")) };
    store.document_write(write(2, vec![other])).await?;
    let (mut met, mut after) = (Vec::new(), String::new());
    loop {
        let page = store.document_list(TENANT, "relay", &after, 300).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        met.extend(page.into_iter().map(|document| document.id));
    }
    same("all, in order", met, ids)?;
    same("another tenant's", store.document_list(OTHER, "relay", "", 9).await?, Vec::new())?;
    same("one of them", store.document_get(OTHER, "relay", "0001").await?, None)?;
    let theirs =
        DocumentWrite { tenant: OTHER, ..write(3, vec![change("0001", Expected::Nothing, Some("1"))]) };
    same("their own", store.document_write(theirs).await?, vec![1])?;
    same("ours", get(&*store, "0001").await?, Some((1, "{}".to_owned())))?;
    // Upper case before lower case, whatever the locale.
    let all = ["ä", "b", "B"].map(|id| change(id, Expected::Nothing, Some("1"))).to_vec();
    store.document_write(DocumentWrite { tenant: OTHER, ..write(4, all) }).await?;
    let ids = store.document_list(OTHER, "relay", "", 9).await?.into_iter().map(|document| document.id);
    same("by octets", ids.collect::<Vec<_>>(), ["0001", "B", "b", "ä"].map(str::to_owned).to_vec())
}

pub(super) async fn a_document_beyond_a_limit_is_refused(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let long = "x".repeat(DOCUMENT_ID_OCTETS_MAX + 1);
    let large = "x".repeat(DOCUMENT_OCTETS_MAX + 1);
    for (what, change) in [
        ("an id", change(&long, Expected::Any, Some("1"))),
        ("no id", change("", Expected::Any, Some("1"))),
        ("a text", change("a", Expected::Any, Some(&large))),
        ("a zero in a text", change("a", Expected::Any, Some("\0"))),
        ("a zero in an id", change("a\0", Expected::Any, Some("1"))),
        ("no kind", DocumentChange { kind: String::new(), ..change("a", Expected::Any, Some("1")) }),
        (
            "a kind",
            DocumentChange { kind: "k".repeat(KIND_MAX + 1), ..change("a", Expected::Any, Some("1")) },
        ),
    ] {
        refused(what, store.document_write(write(1, vec![change])).await)?;
    }
    let many = vec![change("a", Expected::Any, Some("1")); CHANGES_MAX + 1];
    refused("too many at a time", store.document_write(write(1, many)).await)?;
    let zero = DocumentWrite {
        note: Some(AuditNote { actor: "\0".to_owned(), ..note("a") }),
        ..write(1, vec![change("a", Expected::Any, Some("1"))])
    };
    refused("a zero in the log", store.document_write(zero).await)?;
    same("nothing is kept", store.document_list(TENANT, "relay", "", 9).await?, Vec::new())?;
    same("nor in the log", store.audit_list(TENANT, 0, 9).await?, Vec::new())
}

pub(super) async fn a_document_at_every_limit_is_kept(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let id = "社".repeat(DOCUMENT_ID_OCTETS_MAX / 3) + "a";
    let text = "🎏".repeat(DOCUMENT_OCTETS_MAX / 4);
    let kind = "髙".repeat(KIND_MAX);
    let largest = DocumentChange { kind: kind.clone(), ..change(&id, Expected::Nothing, Some(&text)) };
    let long = AuditNote { detail: "ﾆ".repeat(NOTE_OCTETS_MAX / 3), ..note("relay.set") };
    let note = Some(long.clone());
    store.document_write(DocumentWrite { note, ..write(1, vec![largest]) }).await?;
    let found = store.document_get(TENANT, &kind, &id).await?;
    same("its text", found.map(|document| document.text == text), Some(true))?;
    same("its entry", store.audit_list(TENANT, 0, 9).await?[0].note == long, true)?;
    let most = (0..CHANGES_MAX).map(|number| change(&number.to_string(), Expected::Nothing, Some("{}")));
    same("as many as may be", store.document_write(write(2, most.collect())).await?.len(), CHANGES_MAX)?;
    let listed = store.document_list(TENANT, "relay", "", u32::MAX).await?.len();
    same("given at a time", listed, DOCUMENTS_PAGE_MAX as usize)
}

pub(super) async fn the_installation_has_documents_and_a_log(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let installation = TenantId(0);
    let set = |second, expected, text| DocumentWrite {
        tenant: installation,
        ..write(second, vec![change("a", expected, text)])
    };
    same("made", store.document_write(set(1, Expected::Nothing, Some(TEXT))).await?, vec![1])?;
    same("removed", store.document_write(set(2, Expected::Version(1), None)).await?, vec![0])?;
    same("removed again", store.document_write(set(3, Expected::Any, None)).await?, vec![0])?;
    stale("a version of nothing", store.document_write(set(4, Expected::Version(1), None)).await)?;
    let log = store.audit_list(installation, 0, 9).await?;
    same("its log", log.iter().map(|row| row.number).collect(), vec![1, 2, 3])?;
    same("a tenant's", store.audit_list(TENANT, 0, 9).await?, Vec::new())?;
    same("behind its end", store.audit_list(installation, u64::MAX, 9).await?, Vec::new())
}

pub(super) async fn changes_are_made_in_their_order(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let changes = vec![
        change("a", Expected::Nothing, Some("1")),
        change("a", Expected::Version(1), Some("2")),
        change("a", Expected::Version(2), None),
        change("a", Expected::Nothing, Some("3")),
    ];
    same("of one document", store.document_write(write(1, changes)).await?, vec![1, 2, 0, 1])?;
    same("what stands", get(&*store, "a").await?, Some((1, "3".to_owned())))
}

pub(super) async fn of_two_writers_one_was_faster(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    store.document_write(write(1, vec![change("a", Expected::Nothing, Some("0"))])).await?;
    let writer = async |text: &str| {
        store.document_write(write(2, vec![change("a", Expected::Version(1), Some(text))])).await.is_ok()
    };
    let (first, second, third) = join3(writer("1"), writer("2"), writer("3")).await;
    let won = [first, second, third].into_iter().filter(|won| *won).count();
    same("winners", won, 1)?;
    same("the version", get(&*store, "a").await?.map(|(version, _)| version), Some(2))?;
    same("entries of the log", store.audit_list(TENANT, 0, 99).await?.len(), 2)
}

pub(super) async fn the_log_is_a_chain_of_its_tenant(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    for second in 1..=5 {
        store.document_write(write(second, vec![change("a", Expected::Any, Some(TEXT))])).await?;
        let theirs = DocumentWrite { tenant: OTHER, ..write(second, Vec::new()) };
        store.document_write(theirs).await?;
    }
    let log = store.audit_list(TENANT, 0, 99).await?;
    let mut before = [0; 32];
    for (row, number) in log.iter().zip(1..) {
        let expected = AuditRow {
            tenant: TENANT,
            number,
            at: at(number as i64),
            note: note("relay.set"),
            chain: [0; 32],
        };
        let chain = audit_chain(&before, &expected);
        same("an entry", row.clone(), AuditRow { chain, ..expected })?;
        before = chain;
    }
    same("entries", log.len(), 5)?;
    same("a page of it", store.audit_list(TENANT, 3, 1).await?, log[3..4].to_vec())?;
    same("the other's", store.audit_list(OTHER, 0, 99).await?.len(), 5)
}
