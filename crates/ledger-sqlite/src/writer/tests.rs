//! What the writer does with groups, refusals, a full disk and defects.

use std::sync::mpsc as blocking;

use domain::{IntentNo, ReleaseId, SenderEpoch, TenantId, Timestamp};
use rusqlite::Connection;

use super::*;
use crate::connection::open_writer;
use crate::options::SqliteOptions;

/// A writer on a folder, and a second look at its links.
struct Scene {
    folder: tempfile::TempDir,
    writer: Arc<Writer>,
}

impl Scene {
    fn set(prepare: impl FnOnce(&Connection)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = open_writer(folder.path(), &SqliteOptions::default()).expect("books");
        prepare(&connection);
        let options = SqliteOptions { queue_calls: 64, ..SqliteOptions::default() };
        Self { folder, writer: Arc::new(Writer::start(connection, &options).expect("a writer")) }
    }

    /// (links, rows in them)
    fn links(&self) -> (i64, i64) {
        let connection = Connection::open(self.folder.path().join(crate::DATABASE_FILE)).expect("the file");
        let sql = "SELECT count(*), coalesce(sum(row_count), 0) FROM link";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("links")
    }

    /// Starts a call that holds the writer until the sender is dropped.
    async fn hold(&self) -> (blocking::Sender<()>, tokio::task::JoinHandle<Result<(), LedgerError>>) {
        let (release, held) = blocking::channel::<()>();
        let (started, begun) = oneshot::channel();
        let (writer, mut started) = (Arc::clone(&self.writer), Some(started));
        let call = tokio::spawn(async move {
            let wait = move |_: &mut Draft<'_>| {
                started.take().map(|started| started.send(()));
                let _ = held.recv();
                Ok(())
            };
            writer.call("holding", 1, wait).await
        });
        begun.await.expect("the call begins");
        (release, call)
    }

    /// Queues a call that adds one row to a chain, refused or not.
    fn add(&self, no: u32, refuse: bool) -> impl Future<Output = Result<(), LedgerError>> + use<> {
        let writer = Arc::clone(&self.writer);
        async move {
            let work = move |draft: &mut Draft<'_>| {
                let share = draft.entries.share(TenantId(1), SenderEpoch(1), Timestamp::EPOCH);
                share.intents.push(((TenantId(1), ReleaseId(1), IntentNo(no)), 1, None));
                if refuse { Err(Failure::refused("by design")) } else { Ok(()) }
            };
            writer.call("adding", 1, work).await
        }
    }

    /// Commits five rows as one group, of which some are refused.
    async fn group_of_five(&self, refused: &[u32]) -> Vec<Result<(), LedgerError>> {
        let (release, held) = self.hold().await;
        let calls: Vec<_> = (1..=5).map(|no| Box::pin(self.add(no, refused.contains(&no)))).collect();
        let mut calls: Vec<_> = calls.into_iter().map(queued).collect();
        drop(release);
        held.await.expect("the call ends").expect("it is stored");
        let mut answers = Vec::new();
        for call in &mut calls {
            answers.push(call.await);
        }
        answers
    }
}

type Waiting = std::pin::Pin<Box<dyn Future<Output = Result<(), LedgerError>>>>;

/// Polls a call once, so that it stands in the queue.
fn queued(call: std::pin::Pin<Box<impl Future<Output = Result<(), LedgerError>> + 'static>>) -> Waiting {
    let mut call: Waiting = call;
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    call
}

#[tokio::test]
async fn what_is_queued_becomes_one_link() {
    let scene = Scene::set(|_| {});
    let answers = scene.group_of_five(&[]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(scene.links(), (1, 5));
}

#[tokio::test]
async fn a_refused_call_sinks_only_itself() {
    let scene = Scene::set(|_| {});
    let answers = scene.group_of_five(&[2, 5]).await;
    let stored: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true, true, false]);
    assert!(matches!(&answers[1], Err(LedgerError::Refused { operation: "adding", .. })), "{answers:?}");
    assert_eq!(scene.links(), (1, 3));
    assert_eq!(scene.add(6, false).await, Ok(()));
    assert_eq!(scene.links(), (2, 4));
}

#[tokio::test]
async fn a_full_disk_stops_the_writer_for_good() {
    let scene = Scene::set(|connection| {
        connection.pragma_update(None, "max_page_count", 300).expect("a limit");
    });
    let fill = |draft: &mut Draft<'_>| {
        let sql = "INSERT INTO tenant (tenant_id, name, created_at) VALUES (1, hex(zeroblob(4000000)), 0)";
        Ok(draft.connection().execute(sql, [])?)
    };
    let full = Err(LedgerError::Full { operation: "filling" });
    assert_eq!(scene.writer.call("filling", 1, fill).await, full);
    assert_eq!(scene.add(1, false).await, Err(LedgerError::Full { operation: "filling" }));
    assert!(scene.writer.close().await.is_err());
    assert_eq!(scene.links(), (0, 0));
}

#[tokio::test]
async fn a_defect_stops_the_writer_for_good() {
    let scene = Scene::set(|_| {});
    let broken = |_: &mut Draft<'_>| -> Result<(), Failure> { panic!("by design") };
    for answer in [scene.writer.call("breaking", 1, broken).await, scene.add(1, false).await] {
        assert!(matches!(answer, Err(LedgerError::Io { .. })), "{answer:?}");
    }
    assert_eq!(scene.links(), (0, 0));
}

#[tokio::test]
async fn a_closed_writer_finishes_and_takes_no_more() {
    let scene = Scene::set(|_| {});
    assert_eq!(scene.add(1, false).await, Ok(()));
    assert_eq!(scene.writer.close().await, Ok(()));
    assert_eq!(scene.add(2, false).await, Err(LedgerError::Closed));
    assert_eq!(scene.writer.close().await, Ok(()));
    assert_eq!(scene.links(), (1, 1));
}
