//! The desk of the tests: keeps what it made durable in memory, and does as it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::EmailAddress;
use ingress::{Account, Desk, LoginAttempt, LoginRefusal, Refusal, SubmittedMail};
use smtp::ExposeSecret as _;
use tokio::sync::Semaphore;

/// The user and key that may log in.
pub const USER: &str = "apikey";
pub const KEY: &str = "SG.test.secret-鍵";

/// What the tests' mails may hold in their first line to be refused.
const REFUSE: &[u8] = b"X-Refuse: ";

/// A mail that was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable {
    pub from: String,
    pub to: Vec<String>,
    pub octets: Vec<u8>,
    pub eight_bit: bool,
    pub smtputf8: bool,
    pub encrypted: bool,
    pub greeted_as: String,
}

/// See the module.
#[derive(Default)]
pub struct Book {
    mails: Mutex<HashMap<String, Durable>>,
    count: AtomicU64,
    pub logins: AtomicU64,
    /// When set, each `accept` takes a permit before it writes.
    gate: Option<Semaphore>,
    /// When set, logins end so.
    login: Option<LoginRefusal>,
}

/// One client of the book.
struct Client(Arc<Book>);

/// The desk itself.
pub struct BookDesk(pub Arc<Book>);

impl Book {
    /// Makes nothing durable until [`Self::open_gate`].
    pub fn gated() -> Self {
        Self { gate: Some(Semaphore::new(0)), ..Self::default() }
    }

    /// Lets so many mails become durable.
    pub fn open_gate(&self, mails: usize) {
        self.gate.as_ref().expect("a gate").add_permits(mails);
    }

    /// Lets nobody in.
    pub fn refusing_logins(refusal: LoginRefusal) -> Self {
        Self { login: Some(refusal), ..Self::default() }
    }

    /// Each mail by its id.
    pub fn mails(&self) -> MutexGuard<'_, HashMap<String, Durable>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The only mail.
    pub fn only(&self) -> Durable {
        let mails = self.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.values().next().cloned().expect("a mail")
    }
}

#[async_trait]
impl Desk for BookDesk {
    async fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<Arc<dyn Account>, LoginRefusal> {
        self.0.logins.fetch_add(1, Ordering::Relaxed);
        if let Some(refusal) = self.0.login {
            return Err(refusal);
        }
        if attempt.user == USER && attempt.secret.expose_secret() == KEY {
            Ok(Arc::new(Client(Arc::clone(&self.0))))
        } else {
            Err(LoginRefusal::Rejected)
        }
    }
}

#[async_trait]
impl Account for Client {
    async fn may_send_from(&self, reverse_path: Option<&EmailAddress>) -> Result<(), Refusal> {
        match reverse_path {
            Some(address) if address.domain() == "elsewhere.example" => {
                Err(Refusal::not_allowed("The domain elsewhere.example is not verified; verify it first"))
            }
            _ => Ok(()),
        }
    }

    fn may_send_to(&self, forward_path: &EmailAddress) -> Result<(), Refusal> {
        match forward_path.local_part() {
            "nobody" => Err(Refusal::not_allowed("You may not write to nobody")),
            _ => Ok(()),
        }
    }

    async fn accept(&self, mail: SubmittedMail) -> Result<String, Refusal> {
        let book = &self.0;
        if let Some(gate) = &book.gate {
            gate.acquire().await.expect("the gate is never closed").forget();
        }
        let first = mail.octets.strip_prefix(REFUSE).and_then(|rest| rest.first());
        match first {
            Some(b'4') => return Err(Refusal::try_later("The book is busy; try again later")),
            Some(b'5') => return Err(Refusal::content("The book does not like it; write something else")),
            Some(b'!') => panic!("the desk breaks"),
            _ => {}
        }
        let id = format!("m{}", book.count.fetch_add(1, Ordering::Relaxed));
        let durable = Durable {
            from: mail.reverse_path.map(|path| path.as_str().to_owned()).unwrap_or_default(),
            to: mail.recipients.iter().map(|recipient| recipient.as_str().to_owned()).collect(),
            octets: mail.octets,
            eight_bit: mail.eight_bit,
            smtputf8: mail.smtputf8,
            encrypted: mail.encrypted,
            greeted_as: mail.greeted_as,
        };
        book.mails().insert(id.clone(), durable);
        Ok(id)
    }
}
