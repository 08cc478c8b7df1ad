//! One stream's writer: gathers mails into waves, and opens the next stream when one has run long enough.
//!
//! Invariants: one wave is under way at a time; a mail is answered once its wave is durable or refused, never before.

use std::sync::Arc;
use std::time::Duration;

use domain::{AudienceDigest, IntentNo, Lane, RelayId, ReleaseId, SenderEpoch, Timestamp, UnknownPolicy};
use ledger::{IntentRow, LedgerError, ReleaseRow, StreamWave, recipient_hash, sha256};
use tokio::sync::{Notify, mpsc, oneshot};

use super::content::{fields, header};
use super::{MailId, Recipient, STREAM_SPAN, Submission};
use crate::access::Access;
use crate::directory::Entry;
use crate::directory::relays::{Relay, RelayDesk, relay_id};
use crate::error::AppError;
use crate::route::Route;

/// Intents of a wave, but for those of one mail that has more by itself.
const WAVE_INTENTS: usize = 256;
/// Octets of content in a wave, but for one mail that has more by itself.
const WAVE_OCTETS: usize = 4 << 20;
/// Waves of a stream: their numbers have 16 bits.
const WAVES_MAX: u16 = 60_000;
/// How long mails may be tried after the last of them came.
pub(super) const DEADLINE: Duration = Duration::from_secs(72 * 3600);
/// The wait after a first failure.
const RETRY_INITIAL: Duration = Duration::from_secs(60);
/// A writer without work for so long ends; the next mail begins another stream.
const IDLE: Duration = Duration::from_secs(3600);

/// A mail that waits for its wave.
pub(super) struct Job {
    pub submission: Submission,
    pub answer: oneshot::Sender<Result<MailId, AppError>>,
}

/// The stream that is being written.
struct Open {
    release: ReleaseId,
    wave: u16,
    intent: u32,
    part: u32,
    until: Timestamp,
}

pub(super) struct Writer {
    desk: RelayDesk,
    access: Access,
    relay: RelayId,
    sender: SenderEpoch,
    told: Arc<Notify>,
    open: Option<Open>,
}

/// A wave that is being gathered.
#[derive(Default)]
struct Gathered {
    jobs: Vec<Job>,
    intents: usize,
    octets: usize,
}

impl Gathered {
    fn add(&mut self, job: Job) {
        self.intents += job.submission.recipients.len();
        self.octets += job.submission.content.octets.len();
        self.jobs.push(job);
    }

    fn has_room_for(&self, job: &Job) -> bool {
        self.jobs.is_empty()
            || (self.intents + job.submission.recipients.len() <= WAVE_INTENTS
                && self.octets + job.submission.content.octets.len() <= WAVE_OCTETS)
    }
}

impl Writer {
    pub fn new(
        desk: RelayDesk,
        access: Access,
        relay: RelayId,
        sender: SenderEpoch,
        told: Arc<Notify>,
    ) -> Self {
        Self { desk, access, relay, sender, told, open: None }
    }

    /// Until nobody has anything to send for long, or may.
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let clock = Arc::clone(&self.desk.clock);
        let mut waiting = None;
        loop {
            let first = match waiting.take() {
                Some(job) => job,
                None => tokio::select! {
                    job = jobs.recv() => match job {
                        Some(job) => job,
                        None => return,
                    },
                    () = clock.sleep(IDLE) => {
                        // What came in this moment is still taken; the queue's end begins a new writer.
                        jobs.close();
                        continue;
                    }
                },
            };
            let mut gathered = Gathered::default();
            gathered.add(first);
            while let Ok(job) = jobs.try_recv() {
                if !gathered.has_room_for(&job) {
                    waiting = Some(job);
                    break;
                }
                gathered.add(job);
            }
            self.store(gathered.jobs).await;
        }
    }

    /// Stores a wave and answers each of its mails.
    async fn store(&mut self, jobs: Vec<Job>) {
        let (submissions, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.submission, job.answer)).unzip();
        match self.append(submissions).await {
            Ok(ids) => {
                self.told.notify_one();
                for (answer, id) in answers.into_iter().zip(ids) {
                    // A client that is gone has its mail sent all the same: it may have seen none of our words.
                    let _ = answer.send(Ok(id));
                }
            }
            Err(error) => {
                // What a stream's next number is cannot be known any more.
                self.open = None;
                let (shared, mut error) = (shared(&error), Some(error));
                for answer in answers {
                    let _ =
                        answer.send(Err(error.take().unwrap_or_else(|| AppError::Ledger(shared.clone()))));
                }
            }
        }
    }

    async fn append(&mut self, submissions: Vec<Submission>) -> Result<Vec<MailId>, AppError> {
        let (tenant, sender, now) = (self.access.tenant(), self.sender, self.desk.clock.now());
        let open = self.stream(now).await?;
        let mut wave = StreamWave {
            tenant,
            release: open.release,
            wave: open.wave,
            sender,
            parts: Vec::with_capacity(submissions.len()),
            intents: Vec::with_capacity(submissions.len()),
            digest: AudienceDigest::default(),
            due_at: now,
            now,
        };
        let mut ids = Vec::with_capacity(submissions.len());
        let (release, mut intent, mut part) = (open.release, open.intent, open.part);
        for submission in submissions {
            enter(&mut wave, &submission.recipients, part, &mut intent);
            wave.parts.push(submission.content.into_part(part)?);
            ids.push(MailId { release, part });
            part += 1;
        }
        self.desk.store.stream_append(wave).await?;
        if let Some(open) = &mut self.open {
            (open.wave, open.intent, open.part) = (open.wave + 1, intent, part);
        }
        Ok(ids)
    }

    /// The stream to write to: the one at hand, or a new one.
    async fn stream(&mut self, now: Timestamp) -> Result<&mut Open, AppError> {
        if self.open.as_ref().is_some_and(|open| open.wave >= WAVES_MAX || now >= open.until) {
            self.open = None;
        }
        match self.open.take() {
            Some(open) => Ok(self.open.insert(open)),
            None => {
                let open = self.begin(now).await?;
                Ok(self.open.insert(open))
            }
        }
    }

    async fn begin(&self, now: Timestamp) -> Result<Open, AppError> {
        let entry = self.desk.find(&self.access, &self.relay.to_string()).await?;
        let name = format!("mails by API and SMTP through {}, from {now}", entry.value.name);
        let release = begin(&self.desk, &self.access, &entry, name, now + STREAM_SPAN + DEADLINE).await?;
        Ok(Open { release, wave: 1, intent: 1, part: 1, until: now + STREAM_SPAN })
    }
}

/// Makes a stream that mails can be added to until its deadline, and says how it is sent.
pub(super) async fn begin(
    desk: &RelayDesk,
    access: &Access,
    relay: &Entry<Relay>,
    name: String,
    deadline_at: Timestamp,
) -> Result<ReleaseId, AppError> {
    let now = desk.clock.now();
    let bits = desk.entropy.bits().map_err(AppError::Entropy)?;
    let release = ReleaseId::generate(now.as_millis(), bits);
    let row = ReleaseRow {
        tenant: access.tenant(),
        release,
        relay: relay_id(relay)?,
        content_digest: sha256(name.as_bytes()),
        list_digest: sha256(name.as_bytes()),
        name,
        lane: Lane::Urgent,
        policy: UnknownPolicy::Hold,
        retry_initial_ms: RETRY_INITIAL.as_millis() as u64,
        deadline_at,
        created_at: now,
    };
    desk.store.release_create(row, vec![header()]).await?;
    // A secret that was replaced while the stream was being made is found by the second look.
    let mut version = relay.version;
    let mut spec = desk.spec(access, relay)?;
    loop {
        desk.put_route(&Route { spec, dkim: None }, release).await?;
        let now = desk.find(access, &relay.id).await?;
        if now.version == version {
            return Ok(release);
        }
        (version, spec) = (now.version, desk.spec(access, &now)?);
    }
}

/// Adds a mail's recipients, numbered on from `intent`, and counts them as who took the mail in.
pub(super) fn enter(wave: &mut StreamWave, recipients: &[Recipient], part: u32, intent: &mut u32) {
    for recipient in recipients {
        let fields = fields(part, recipient.personalization);
        let address = recipient.address.as_str().to_owned();
        wave.digest.add(&recipient_hash(&address, &fields));
        wave.intents.push(IntentRow { intent: IntentNo(*intent), address, fields, suppression: None });
        *intent += 1;
    }
}

/// What the other mails of a wave that failed are told.
fn shared(error: &AppError) -> LedgerError {
    match error {
        AppError::Ledger(error) => error.clone(),
        other => LedgerError::Io { operation: "taking a mail in", reason: other.to_string() },
    }
}
