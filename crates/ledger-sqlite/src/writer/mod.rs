//! The one thread (or, in a simulation, task) that writes. It takes everything queued and commits it as one transaction: one sync for all.
//!
//! While a commit runs the next group gathers. A call that is refused sinks only itself. After the first failed
//! write or sync, or a defect in the thread, every call is answered with that same error, for ever.

mod call;
mod group;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};

use ledger::LedgerError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::call::{Call, Job};
use self::group::Committer;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::options::{Place, SqliteOptions};

/// Rows of one transaction, roughly, beyond which no further call joins it.
const GROUP_ROWS_MAX: usize = 16_384;

/// The handle to the thread.
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Call>>>>,
    broken: Arc<OnceLock<LedgerError>>,
    hand: Mutex<Option<Hand>>,
}

/// What writes.
enum Hand {
    Thread(JoinHandle<()>),
    Task(tokio::task::JoinHandle<()>),
}

impl Writer {
    /// Starts the thread, or the task, over its connection.
    pub fn start(connection: Connection, options: &SqliteOptions) -> Result<Self, LedgerError> {
        let (queue, calls) = mpsc::channel(options.queue_calls.max(1));
        let broken = Arc::new(OnceLock::new());
        let seen = Arc::clone(&broken);
        let hand = match options.place {
            Place::CallersThread => Hand::Task(tokio::spawn(write_in_turn(connection, calls, seen))),
            Place::OwnThreads => {
                let thread = Builder::new()
                    .name("books-writer".to_owned())
                    .spawn(move || write_until_closed(connection, calls, &seen));
                let failed = |error: std::io::Error| LedgerError::Io {
                    operation: "starting the writer",
                    reason: error.to_string(),
                };
                Hand::Thread(thread.map_err(failed)?)
            }
        };
        Ok(Self { queue: Mutex::new(Some(queue)), broken, hand: Mutex::new(Some(hand)) })
    }

    /// Runs `work` inside the next group; returns once that group is durable. It may be run a second time, after
    /// all that it did was rolled back, when another call of the group was refused. `rows` is its rough size.
    pub async fn call<T, W>(&self, operation: &'static str, rows: usize, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnMut(&mut Draft<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let queue =
            self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(LedgerError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Call> = Box::new(Job::new(operation, rows, work, reply));
        if queue.send(job).await.is_err() {
            return Err(self.why_gone());
        }
        drop(queue);
        answer.await.unwrap_or_else(|_| Err(self.why_gone()))
    }

    /// Lets the thread finish what is queued, and waits for its end. Calls that come later are refused.
    pub async fn close(&self) -> Result<(), LedgerError> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = match hand {
            None => true,
            Some(Hand::Task(task)) => task.await.is_ok(),
            Some(Hand::Thread(thread)) => {
                matches!(tokio::task::spawn_blocking(move || thread.join()).await, Ok(Ok(())))
            }
        };
        if !ended {
            return Err(self.why_gone());
        }
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn why_gone(&self) -> LedgerError {
        self.broken.get().cloned().unwrap_or(LedgerError::Closed)
    }
}

/// Says why the writer is gone, should it be by a defect; made after, so dropped before, the calls at hand.
struct Epitaph<'a>(&'a OnceLock<LedgerError>);

impl Drop for Epitaph<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the writer ended by a defect".to_owned();
            let _ = self.0.set(LedgerError::Io { operation: "writing the books", reason });
        }
    }
}

fn write_until_closed(
    connection: Connection,
    mut calls: mpsc::Receiver<Box<dyn Call>>,
    broken: &OnceLock<LedgerError>,
) {
    let mut committer = Committer::new(connection);
    while let Some(first) = calls.blocking_recv() {
        serve(&mut committer, gather(first, &mut calls), broken);
    }
    end(committer, broken);
}

/// As [`write_until_closed`], as a task among the callers' tasks.
async fn write_in_turn(
    connection: Connection,
    mut calls: mpsc::Receiver<Box<dyn Call>>,
    broken: Arc<OnceLock<LedgerError>>,
) {
    let mut committer = Committer::new(connection);
    while let Some(first) = calls.recv().await {
        serve(&mut committer, gather(first, &mut calls), &broken);
    }
    end(committer, &broken);
}

/// Commits and answers one group.
fn serve(committer: &mut Committer, mut group: Vec<Box<dyn Call>>, broken: &OnceLock<LedgerError>) {
    let _epitaph = Epitaph(broken);
    if let Some(error) = broken.get() {
        group.drain(..).for_each(|call| call.answer(Err(error.clone())));
    } else if let Err(error) = committer.commit(&mut group) {
        let _ = broken.set(error.clone());
        group.drain(..).for_each(|call| call.answer(Err(error.clone())));
    }
}

fn end(committer: Committer, broken: &OnceLock<LedgerError>) {
    if broken.get().is_none()
        && let Err(error) = committer.close()
    {
        let _ = broken.set(error);
    }
}

/// Everything that is queued, up to the size of a group.
fn gather(first: Box<dyn Call>, calls: &mut mpsc::Receiver<Box<dyn Call>>) -> Vec<Box<dyn Call>> {
    let mut rows = first.rows();
    let mut group = vec![first];
    while rows < GROUP_ROWS_MAX
        && let Ok(call) = calls.try_recv()
    {
        rows += call.rows();
        group.push(call);
    }
    group
}

#[cfg(test)]
mod tests;
