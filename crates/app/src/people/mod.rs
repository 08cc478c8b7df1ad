//! People: who may log in, how they show who they are, what they may do, and who invited them.
//!
//! Users, rosters, sessions and invitations are documents of the installation ([`INSTALLATION`]), so that what belongs
//! together changes in one transaction: a role and the sessions that it ends, a code and the session that it opens. What concerns a
//! tenant's people is told in that tenant's audit log besides.
//!
//! Left to others: HTTP, cookies and pages; mailing links and notices (a [`Notices`] is told). Invariants: tokens, recovery
//! codes and passwords are stored as digests only; no answer to a log-in tells whether an account exists; the last admin of a
//! tenant and the last operator stay.

mod account;
mod acting;
pub mod breach;
mod error;
pub mod hashing;
mod invitation;
mod joining;
mod login;
mod members;
mod office;
pub mod password;
mod recovery;
mod removal;
pub mod role;
mod roster;
mod second;
mod session;
mod signup;
mod step;
mod throttle;
mod token;
mod totp;
mod user;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use domain::TenantId;
use ledger::{AuditNote, DocumentWrite, Store};
use runtime::{Clock, Entropy};
use serde::Serialize;

use crate::access::{Access, INSTALLATION, Right};
use crate::directory::Directory;
use crate::directory::relays::RelayDesk;
use crate::error::AppError;
use crate::vault::Vault;
use hashing::{Cost, Hashing};
use password::Password;
use throttle::Throttle;

pub use account::SecondView;
pub use breach::{BreachList, PrefixFolder};
pub use error::PeopleError;
pub use invitation::{Invitation, InvitationView, Invited};
pub use joining::{LinkView, Newcomer};
pub use login::LoggedIn;
pub use members::PersonView;
pub use office::UserOrder;
pub use removal::{Removed, RemovedKind};
pub use role::{OperatorRole, Role};
pub use roster::{Post, Seat};
pub use session::{NewSession, RECENT, Session, SessionView};
pub use signup::SignUp;
pub use totp::Offer;
pub use user::{Language, Lock, LockCause, User, UserId, UserState};

/// Characters of a client's own description that are kept.
const AGENT_MAX: usize = 200;

/// Who calls, from where.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address, as the outermost proxy that is trusted saw it.
    pub address: IpAddr,
    /// What it says that it is.
    pub agent: String,
    /// The mark that an earlier log-in gave it, if it shows one.
    pub device: Option<smtp::Secret>,
}

impl Client {
    /// The agent, in a form that can be shown.
    fn shown_agent(&self) -> String {
        self.agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect()
    }
}

/// Something that the owner of an account should hear of, whoever did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Too many tries failed, and the account is locked.
    Locked,
    /// The password is another one.
    PasswordChanged,
    /// An authenticator app was set up or replaced.
    SecondFactorSet,
    /// There is no authenticator app any more.
    SecondFactorRemoved,
    /// Somebody logged in with a recovery code; so many are left.
    RecoveryCodeUsed(usize),
}

/// An event, and whom to tell.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where to.
    pub address: String,
    /// In which language.
    pub language: Language,
    /// What happened.
    pub event: Event,
}

/// Tells people of events; must not wait.
pub trait Notices: Send + Sync {
    /// Takes a notice to be told.
    fn tell(&self, notice: Notice);
}

/// A queue that somebody else empties; what finds no room is dropped, and said in the log.
impl Notices for tokio::sync::mpsc::Sender<Notice> {
    fn tell(&self, notice: Notice) {
        if self.try_send(notice).is_err() {
            tracing::warn!("a notice to a person was dropped: the queue is full or closed");
        }
    }
}

/// What an installation may choose.
#[derive(Clone)]
pub struct Settings {
    /// What a password hash costs.
    pub cost: Cost,
    /// Hashes made at a time.
    pub hashes_at_once: usize,
    /// Passwords that were stolen elsewhere.
    pub breaches: Option<Arc<dyn BreachList>>,
    /// Who tells people of events.
    pub notices: Option<Arc<dyn Notices>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cost: Cost::default(), hashes_at_once: hashing::AT_ONCE, breaches: None, notices: None }
    }
}

/// Everything about people; one value for a process, for it remembers failed tries.
pub struct People {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Arc<Vault>,
    settings: Settings,
    hashing: Hashing,
    throttle: Mutex<Throttle>,
    /// Makes tokens between the steps of a log-in.
    steps: hmac::Key,
}

impl People {
    /// The people of an installation.
    #[must_use]
    pub fn new(desk: &RelayDesk, settings: Settings) -> Self {
        let steps = hmac::sign(&desk.keys.tokens, b"hikyaku steps of a log-in");
        Self {
            store: Arc::clone(&desk.store),
            clock: Arc::clone(&desk.clock),
            entropy: Arc::clone(&desk.entropy),
            vault: Arc::clone(&desk.vault),
            hashing: Hashing::new(settings.cost, settings.hashes_at_once),
            throttle: Mutex::default(),
            steps: hmac::Key::new(hmac::HMAC_SHA256, steps.as_ref()),
            settings,
        }
    }

    /// Password hashes that were made since the process began: what log-ins cost the machine.
    #[must_use]
    pub fn hashes_made(&self) -> u64 {
        self.hashing.made()
    }

    fn directory(&self) -> Directory<'_> {
        Directory::of_tenant(&*self.store, &*self.clock, INSTALLATION)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, user: &User, event: Event) {
        if let Some(notices) = &self.settings.notices {
            let User { address, language, .. } = user;
            notices.tell(Notice { address: address.clone(), language: *language, event });
        }
    }

    /// An entry in a tenant's own audit log of what was changed in the installation's documents.
    async fn tell_tenant(&self, tenant: TenantId, note: AuditNote) -> Result<(), AppError> {
        let write = DocumentWrite { tenant, changes: Vec::new(), note: Some(note), now: self.clock.now() };
        self.store.document_write(write).await?;
        Ok(())
    }

    /// A password that may be stored.
    async fn checked(&self, text: &smtp::Secret, personal: &[&str]) -> Result<Password, AppError> {
        let password = Password::chosen(text, personal).map_err(PeopleError::from)?;
        let Some(list) = self.settings.breaches.clone() else { return Ok(password) };
        let sha1 = breach::sha1(&password);
        let asked = tokio::task::spawn_blocking(move || list.holds(&sha1)).await;
        if asked.map_err(|_| AppError::Defect("asking the list of breached passwords"))?? {
            return Err(PeopleError::Password(password::PasswordError::Breached).into());
        }
        Ok(password)
    }
}

/// What the audit log says of something that this person did themselves.
fn own_note(user: &User, action: &str, object: &str, detail: &impl Serialize) -> AuditNote {
    AuditNote {
        actor: format!("user {}", user.actor()),
        action: action.to_owned(),
        object: object.to_owned(),
        detail: serde_json::to_string(detail).unwrap_or_default(),
    }
}

/// Where the caller may change people: in a tenant as who manages it, in the installation as an operator.
fn seat_to_change(access: &Access) -> Result<Seat, AppError> {
    if access.tenant() == INSTALLATION {
        access.require_installation(Right::Operate)?;
        return Ok(Seat::Operators);
    }
    access.require(Right::Manage).map(Seat::Tenant)
}
