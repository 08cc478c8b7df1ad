//! The owner's control socket: orders from other processes of the same person while a send runs.
//!
//! `control.sock` in the data folder, mode 0600: whoever may use it may write the folder. One JSON object a line
//! each way; at most [`LINE_OCTETS_MAX`] octets. An order is stored first, then told to the run. That somebody
//! answers here is also how readers know that a sender is at work.

mod client;
mod place;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::{ReleaseId, SenderEpoch, TenantId};
use engine::ReleaseRun;
use ledger::Store;
use runtime::Clock;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::access::{Access, Right};
use crate::directory::relays::RelayDesk;
use crate::error::AppError;
use crate::folder::DataFolder;
use crate::hold::{Changed, HoldOrder, hold, settle_cancelled};
use crate::office::{Office, Order};

pub use client::{ask, is_served};

/// Octets of a line.
pub const LINE_OCTETS_MAX: u64 = 64 * 1024;
/// How long nobody is let in after a failed accept.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// How long a caller may take for its line.
const PATIENCE: Duration = Duration::from_secs(5);

/// An order over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlOrder {
    /// What is to be done.
    pub order: HoldOrder,
    /// Whose releases; `None`: everybody's.
    pub tenant: Option<String>,
    /// One release by name or id; `None`: all of them.
    pub release: Option<String>,
}

/// What comes over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ControlRequest {
    /// About releases.
    Hold(ControlOrder),
    /// About the installation.
    Office {
        /// What is to be done.
        office: Order,
        /// Who is at the keyboard.
        user: String,
    },
}

/// The answer to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// Done.
    Changed(Vec<Changed>),
    /// What an office's order gave.
    Done(serde_json::Value),
    /// Refused, with the reason.
    Refused(String),
}

/// A release that this process runs.
pub struct Served {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub release: ReleaseId,
    /// Its run.
    pub run: Arc<ReleaseRun>,
}

/// The listening socket; it is removed when the value is dropped.
pub struct Control {
    served: Arc<Mutex<Vec<Served>>>,
    sender: Arc<OnceLock<SenderEpoch>>,
    listening: Option<(PathBuf, JoinHandle<()>)>,
}

impl Control {
    /// Listens in the folder, replacing a socket that a dead owner left.
    ///
    /// Where no socket can be made (some file systems have none) the send goes on without; readers then count the
    /// mails on the wire as unknown until it ends.
    pub fn open(folder: &DataFolder, desk: RelayDesk) -> Self {
        Self::open_with(folder, Office::new(desk))
    }

    /// The same, with the office that carries orders out.
    pub fn open_with(folder: &DataFolder, office: Office) -> Self {
        let served = Arc::new(Mutex::new(Vec::new()));
        let sender = Arc::new(OnceLock::new());
        let listening = match bind(folder) {
            Ok((path, listener)) => {
                let (served, sender) = (Arc::clone(&served), Arc::clone(&sender));
                let (store, clock) = (Arc::clone(&office.desk().store), Arc::clone(&office.desk().clock));
                let desk = Desk { store, clock, served, sender, office };
                Some((path, tokio::spawn(listen(listener, Arc::new(desk)))))
            }
            Err(error) => {
                tracing::warn!(%error, "no control socket: this send can be ended by signals only");
                None
            }
        };
        Self { served, sender, listening }
    }

    /// From now on what is cancelled and not under way is settled in this sender's name.
    pub fn begin(&self, sender: SenderEpoch) {
        // Set once: a process has one sender.
        let _ = self.sender.set(sender);
    }

    /// From now on orders reach this run too.
    pub fn serve(&self, served: Served) {
        let mut all = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !one.run.is_over());
        all.push(served);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some((path, task)) = self.listening.take() {
            task.abort();
            // A socket that stays is replaced by the next owner.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind(folder: &DataFolder) -> std::io::Result<(PathBuf, UnixListener)> {
    let path = place::socket(folder.dir());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = place::with_short_path(folder.dir(), |short| UnixListener::bind(short))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((path, listener))
}

/// What answering needs.
struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    served: Arc<Mutex<Vec<Served>>>,
    sender: Arc<OnceLock<SenderEpoch>>,
    office: Office,
}

async fn listen(listener: UnixListener, desk: Arc<Desk>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                // A caller that hung up gets no answer; the order stands in the books all the same.
                tokio::spawn(async move { answer(&desk, stream).await });
            }
            // Too many open files, say: callers wait in line meanwhile.
            Err(error) => {
                tracing::warn!(%error, "the control socket takes no caller for a moment");
                desk.clock.sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn answer(desk: &Desk, mut stream: UnixStream) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(LINE_OCTETS_MAX));
    // Only the line has a time limit: an order that was read is carried out whole.
    tokio::select! {
        read = reading.read_line(&mut line) => read?,
        () = desk.clock.sleep(PATIENCE) => return Ok(()),
    };
    if line.is_empty() {
        return Ok(());
    }
    let answer = match serde_json::from_str(&line) {
        Ok(ControlRequest::Hold(order)) => desk.obey(&order).await.map(ControlAnswer::Changed),
        Ok(ControlRequest::Office { office, user }) => {
            desk.office.carry_out(&user, office).await.map(ControlAnswer::Done)
        }
        Err(_) => Err(AppError::BadInput("the order is not one that this version knows".to_owned())),
    };
    let answer = answer.unwrap_or_else(|error| ControlAnswer::Refused(error.to_string()));
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

impl Desk {
    async fn obey(&self, order: &ControlOrder) -> Result<Vec<Changed>, AppError> {
        let mut changed = Vec::new();
        for tenant in tenants(&*self.store, order.tenant.as_deref()).await? {
            let access = Access::admit(&*self.store, &tenant, "control socket", Right::Send).await?;
            let more =
                hold(&*self.store, &*self.clock, &access, order.release.as_deref(), order.order).await?;
            for change in &more {
                if !self.tell(&access, change)
                    && change.is_cancelled()
                    && let Some(sender) = self.sender.get()
                {
                    settle_cancelled(&*self.store, &*self.clock, *sender, access.tenant(), change.id()?)
                        .await?;
                }
            }
            changed.extend(more);
        }
        Ok(changed)
    }

    /// True when a run of the release is here, and was told.
    fn tell(&self, access: &Access, change: &Changed) -> bool {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs = served
            .iter()
            .filter(|one| one.tenant == access.tenant() && one.release.to_string() == change.release);
        runs.next().is_some_and(|one| {
            one.run.recheck();
            true
        })
    }
}

/// The tenants that an order is about.
pub async fn tenants(store: &dyn Store, named: Option<&str>) -> Result<Vec<String>, AppError> {
    match named {
        Some(name) => Ok(vec![name.to_owned()]),
        None => Ok(store.tenant_list().await?.into_iter().map(|row| row.name).collect()),
    }
}
