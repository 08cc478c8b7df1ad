//! One call that waits for the writer, whatever it answers with.

use ledger::LedgerError;
use tokio::sync::oneshot;

use crate::draft::Draft;
use crate::failure::Failure;

/// A call as the writer sees it.
pub(super) trait Call: Send {
    /// Its rough size.
    fn rows(&self) -> usize;

    /// Does its work inside the open transaction, and keeps its answer. May be run again after a rollback.
    fn apply(&mut self, draft: &mut Draft<'_>) -> Result<(), LedgerError>;

    /// Answers the caller: with what it kept once that is durable, or with why it is not.
    fn answer(self: Box<Self>, durable: Result<(), LedgerError>);
}

/// A call with its work and the way back to the caller.
pub(super) struct Job<T, W> {
    operation: &'static str,
    rows: usize,
    work: W,
    kept: Option<T>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T, W> Job<T, W> {
    /// A job that has not been run.
    pub fn new(
        operation: &'static str,
        rows: usize,
        work: W,
        reply: oneshot::Sender<Result<T, LedgerError>>,
    ) -> Self {
        Self { operation, rows, work, kept: None, reply }
    }
}

impl<T, W> Call for Job<T, W>
where
    T: Send,
    W: FnMut(&mut Draft<'_>) -> Result<T, Failure> + Send,
{
    fn rows(&self) -> usize {
        self.rows.max(1)
    }

    fn apply(&mut self, draft: &mut Draft<'_>) -> Result<(), LedgerError> {
        self.kept = None;
        self.kept = Some((self.work)(draft).map_err(|failure| failure.during(self.operation))?);
        Ok(())
    }

    fn answer(self: Box<Self>, durable: Result<(), LedgerError>) {
        let Self { kept, reply, .. } = *self;
        let answer = durable.and_then(|()| kept.ok_or(LedgerError::Closed));
        // A caller that waits no more is none of the writer's business.
        let _ = reply.send(answer);
    }
}
