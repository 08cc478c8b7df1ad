//! Mails that come one by one, by API or by SMTP: each is added to a stream of its tenant and relay, and is durable when the
//! call returns.
//!
//! A stream is a release like any other (ADR 14); here is who writes it. One writer for each tenant and relay gathers what
//! comes while the books store what came before, so that a commit carries many mails. Left to others: who may send and
//! what a mail looks like (the callers), sending (the node's loop, which is nudged).

mod brief;
mod composer;
mod content;
mod scheduled;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EmailAddress, RelayId, ReleaseId, SenderEpoch, TenantId, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::access::{Access, Right};
use crate::directory::relays::RelayDesk;
use crate::error::AppError;

pub use brief::Brief;
pub(crate) use composer::StreamComposer;
pub(crate) use content::is_stream;
pub use content::{MailContent, MailKind};

/// How long one stream is written.
pub(crate) const STREAM_SPAN: Duration = Duration::from_secs(6 * 3600);
/// Mails that wait for a writer.
const QUEUE_MAX: usize = 4096;

/// Names a mail: its stream and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MailId {
    /// The stream.
    pub release: ReleaseId,
    /// The number of its content.
    pub part: u32,
}

impl std::fmt::Display for MailId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.release, self.part)
    }
}

/// One recipient of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where to.
    pub address: EmailAddress,
    /// Which of the mail's personalizations it gets.
    pub personalization: u16,
}

/// A mail that may be sent as it is.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Through which relay.
    pub relay: RelayId,
    /// What it is made of.
    pub content: MailContent,
    /// Who gets it; one at least.
    pub recipients: Vec<Recipient>,
}

type Key = (TenantId, RelayId);

/// All streams that this process writes.
pub struct Streams {
    desk: RelayDesk,
    sender: SenderEpoch,
    told: Arc<Notify>,
    writers: Mutex<HashMap<Key, mpsc::Sender<writer::Job>>>,
    briefs: brief::Briefs,
}

impl Streams {
    /// Streams whose rows this sender signs; `told` is told when there is something to send.
    #[must_use]
    pub fn new(desk: RelayDesk, sender: SenderEpoch, told: Arc<Notify>) -> Self {
        Self { desk, sender, told, writers: Mutex::default(), briefs: brief::Briefs::default() }
    }

    /// What is to be known of the caller's tenant before a mail of it is taken in: as it was a second ago at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn brief(&self, access: &Access) -> Result<Arc<Brief>, AppError> {
        self.briefs.of(&self.desk, access).await
    }

    /// Makes a mail durable; it is sent as soon as its relay lets.
    ///
    /// # Errors
    /// [`AppError::Busy`] when too many wait, or when the store fails: nothing of it is stored then.
    pub async fn submit(&self, access: &Access, submission: Submission) -> Result<MailId, AppError> {
        let tenant = access.require(Right::Send)?;
        if submission.recipients.is_empty() {
            return Err(AppError::BadInput("a mail needs one recipient at least".to_owned()));
        }
        let (answer, answered) = oneshot::channel();
        let job = writer::Job { submission, answer };
        let queue = self.queue(access, tenant, job.submission.relay);
        queue.try_send(job).map_err(|_| AppError::Busy)?;
        answered.await.map_err(|_| AppError::Defect("taking a mail in"))?
    }

    /// Makes mails durable that are sent at their time and not before: a release of their own, whose one chunk is due
    /// then. Under a batch they can be paused and cancelled until then.
    ///
    /// # Errors
    /// As [`Self::submit`]; [`AppError::NotFound`] when there is no such batch, [`AppError::BadInput`] when it was
    /// cancelled.
    pub async fn schedule(
        &self,
        access: &Access,
        submission: Submission,
        due_at: Timestamp,
        batch: Option<&str>,
    ) -> Result<MailId, AppError> {
        access.require(Right::Send)?;
        scheduled::schedule(&self.desk, self.sender, access, submission, due_at, batch).await
    }

    fn queue(&self, access: &Access, tenant: TenantId, relay: RelayId) -> mpsc::Sender<writer::Job> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, queue| !queue.is_closed());
        let queue = writers.entry((tenant, relay)).or_insert_with(|| {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            let (desk, told) = (self.desk.clone(), Arc::clone(&self.told));
            let writer = writer::Writer::new(desk, access.clone(), relay, self.sender, told);
            tokio::spawn(writer.run(jobs));
            queue
        });
        queue.clone()
    }
}
