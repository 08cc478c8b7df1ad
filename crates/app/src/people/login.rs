//! Logging in: address and password, then, where one is set, a code; then a session.
//!
//! Every failure has one answer, and costs a password hash whether there is an account or not; a locked account is compared
//! like any other. What somebody holds between the steps is signed, not stored (`step`). A code of an app, or a recovery code, is used
//! up in the transaction that begins the session. Left to others: how fast tries may come (`throttle`).

use ledger::{AuditNote, DocumentWrite, Expected, LedgerError};
use serde_json::json;
use smtp::Secret;

use super::error::PeopleError;
use super::password::Password;
use super::session::NewSession;
use super::step::{Device, Step};
use super::throttle::{Account, LOCK_AFTER, Network, Try};
use super::user::{Lock, LockCause, User, UserId};
use super::{Client, Event, People, Session, own_note, recovery, totp};
use crate::access::INSTALLATION;
use crate::directory::{Entry, change};
use crate::error::AppError;
use crate::vault::Place;

/// The kind of an app's secret in the vault.
pub(super) const TOTP_PLACE: &str = "user totp";

/// What a password led to.
pub enum LoggedIn {
    /// In.
    Done(NewSession),
    /// A code of the authenticator app, or a recovery code, is asked for; this is handed in with it.
    NeedsCode(Secret),
}

/// What is known when a password was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// The password is the account's; never so without an account.
    is_same: bool,
    is_locked: bool,
    has_second_factor: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Refuse,
    AskCode,
    LetIn,
}

fn judge(facts: Facts) -> Verdict {
    match facts {
        Facts { is_same: false, .. } | Facts { is_locked: true, .. } => Verdict::Refuse,
        Facts { has_second_factor: true, .. } => Verdict::AskCode,
        Facts { .. } => Verdict::LetIn,
    }
}

impl People {
    /// The first step.
    ///
    /// # Errors
    /// [`PeopleError::Refused`], whatever is wrong; [`PeopleError::Throttled`], [`PeopleError::Busy`]; when the store fails.
    pub async fn log_in(
        &self,
        address: &str,
        password: &Secret,
        client: &Client,
    ) -> Result<LoggedIn, AppError> {
        let id = UserId::parse(address).map_err(|_| PeopleError::Refused)?;
        let found: Option<Entry<User>> = self.directory().get(id.as_str()).await?;
        let tried = self.begin_try(id.as_str(), client)?;
        let is_old = match self.compare(found.as_ref(), password, &tried).await? {
            Some(is_old) => is_old,
            None => return Err(self.failed(id.as_str(), found, &tried).await?.into()),
        };
        let mut user = found.ok_or(PeopleError::Refused)?;
        let facts = Facts {
            is_same: true,
            is_locked: user.value.lock.is_some(),
            has_second_factor: user.value.has_second_factor(),
        };
        match judge(facts) {
            Verdict::Refuse => Err(self.failed(id.as_str(), Some(user), &tried).await?.into()),
            Verdict::AskCode => {
                self.throttle().passed(&tried);
                let step = Step { user: user.id, epoch: user.value.epoch };
                Ok(LoggedIn::NeedsCode(step.sign(&self.steps, self.clock.now())))
            }
            Verdict::LetIn => {
                if is_old {
                    self.hash_anew(&mut user.value, password).await?;
                }
                self.let_in(user, client, &tried, "password").await.map(LoggedIn::Done)
            }
        }
    }

    /// The second step: a code of the authenticator app, or a recovery code.
    ///
    /// # Errors
    /// As [`Self::log_in`].
    pub async fn enter_code(
        &self,
        step: &Secret,
        code: &str,
        client: &Client,
    ) -> Result<NewSession, AppError> {
        let step = Step::read(step, &self.steps, self.clock.now()).ok_or(PeopleError::Refused)?;
        let found: Option<Entry<User>> = self.directory().get(&step.user).await?;
        let mut user = found.ok_or(PeopleError::Refused)?;
        let tried = self.begin_try(&step.user, client)?;
        let may_go_on = user.value.epoch == step.epoch && user.value.lock.is_none();
        let factor = if may_go_on { self.use_code(&user.id, &mut user.value, code)? } else { None };
        match factor {
            Some(factor) => self.let_in(user, client, &tried, factor).await,
            None => Err(self.failed(&step.user, Some(user), &tried).await?.into()),
        }
    }

    /// Shows once more who has the session: the password, and a code where one is set.
    ///
    /// # Errors
    /// As [`Self::log_in`].
    pub async fn prove(
        &self,
        session: &mut Session,
        password: &Secret,
        code: Option<&str>,
        client: &Client,
    ) -> Result<(), AppError> {
        let id = session.user.id.clone();
        let tried = self.begin_try(&id, client)?;
        let is_same = self.compare(Some(&session.user), password, &tried).await?.is_some();
        let mut user = session.user.clone();
        let has_second = user.value.has_second_factor();
        // The code is looked at only behind a right password: it must not be used up for a wrong one.
        let is_proven = is_same
            && (!has_second || self.use_code(&id, &mut user.value, code.unwrap_or_default())?.is_some());
        if !is_proven {
            return Err(self.failed(&id, Some(session.user.clone()), &tried).await?.into());
        }
        session.entry.value.proved_at = self.clock.now().as_millis();
        let mut changes =
            vec![change(&session.entry.id, Expected::Version(session.entry.version), &session.entry.value)?];
        if has_second {
            changes.push(change(&id, Expected::Version(user.version), &user.value)?);
        }
        let versions = self.directory().write_quietly(changes).await.map_err(again)?;
        session.entry.version = versions.first().copied().unwrap_or_default();
        user.version = versions.get(1).copied().unwrap_or(user.version);
        session.user = user;
        session.at = self.clock.now();
        self.throttle().succeeded(&tried);
        Ok(())
    }

    fn begin_try(&self, id: &str, client: &Client) -> Result<Try, PeopleError> {
        let device = self.device_of(id, client).map(|device| device.number);
        let account = Account { user: id.to_owned(), device };
        let (network, now) = (Network::of(client.address), self.clock.moment());
        self.throttle().begin(account, network, now).map_err(|wait| PeopleError::Throttled { wait })
    }

    /// The device that the client shows, if it is one of this user's.
    fn device_of(&self, id: &str, client: &Client) -> Option<Device> {
        let mark = client.device.as_ref()?;
        Device::read(mark, &self.steps, self.clock.now()).filter(|device| device.user == id)
    }

    /// The mark of the client's device, for its next log-in: the one that it has, or a new one.
    pub(super) fn device_mark(&self, id: &str, client: &Client) -> Result<Secret, AppError> {
        let device = match self.device_of(id, client) {
            Some(device) => device,
            None => Device { user: id.to_owned(), number: self.entropy.bits().map_err(AppError::Entropy)? },
        };
        Ok(device.sign(&self.steps, self.clock.now()))
    }

    /// Whether the password is the account's; if so, whether its hash is an old one.
    async fn compare(
        &self,
        found: Option<&Entry<User>>,
        password: &Secret,
        tried: &Try,
    ) -> Result<Option<bool>, AppError> {
        let stored = found.map(|entry| entry.value.password.0.as_str());
        let compared = self.hashing.compare(&*self.entropy, stored, Password::given(password)).await;
        if compared.is_err() {
            // Nobody guessed anything.
            self.throttle().passed(tried);
        }
        let compared = compared?;
        Ok(compared.is_same.then_some(compared.is_old))
    }

    /// Uses up a code, if it is one; says which kind it was. The user must be written in the same transaction as what it opens.
    pub(super) fn use_code(
        &self,
        id: &str,
        user: &mut User,
        code: &str,
    ) -> Result<Option<&'static str>, AppError> {
        let Some(second) = &mut user.second else { return Ok(None) };
        let place = Place { tenant: INSTALLATION, kind: TOTP_PLACE, id, version: second.version };
        let secret = self.vault.open(place, &second.secret)?;
        if let Some(step) = totp::accepted(&secret, code, self.clock.now(), second.last_step)? {
            second.last_step = Some(step);
            return Ok(Some("code"));
        }
        let digests: Vec<String> = user.recovery.iter().map(|digest| digest.0.clone()).collect();
        let Some(place) = recovery::place(&digests, id, code) else { return Ok(None) };
        user.recovery.remove(place);
        Ok(Some("recovery code"))
    }

    async fn hash_anew(&self, user: &mut User, password: &Secret) -> Result<(), AppError> {
        let Some(password) = Password::given(password) else { return Ok(()) };
        user.password = crate::office::Hidden(self.hashing.make(&*self.entropy, password).await?);
        Ok(())
    }

    async fn let_in(
        &self,
        mut user: Entry<User>,
        client: &Client,
        tried: &Try,
        factor: &str,
    ) -> Result<NewSession, AppError> {
        user.value.last_login_at = Some(self.clock.now().as_millis());
        let (session, mut changes) = self.begin_session(&user.id, &user.value, client).await?;
        changes.push(change(&user.id, Expected::Version(user.version), &user.value)?);
        let detail = json!({ "by": factor, "from": client.address.to_canonical().to_string() });
        let note = own_note(&user.value, "session.begin", &user.id, &detail);
        self.directory().write(changes, note).await.map_err(again)?;
        self.throttle().succeeded(tried);
        if factor == "recovery code" {
            self.tell(&user.value, Event::RecoveryCodeUsed(user.value.recovery.len()));
        }
        Ok(session)
    }

    /// A try that failed, which was charged when it began. The one too many locks the account; where there is none, as
    /// much is written.
    async fn failed(
        &self,
        id: &str,
        user: Option<Entry<User>>,
        tried: &Try,
    ) -> Result<PeopleError, AppError> {
        if tried.in_a_row != LOCK_AFTER {
            return Ok(PeopleError::Refused);
        }
        let now = self.clock.now();
        let detail = json!({ "reason": LockCause::Failures.word(), "tries": LOCK_AFTER });
        let note = |action: &str, object: &str| AuditNote {
            actor: "the installation".to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            detail: detail.to_string(),
        };
        let (changes, note) = match &user {
            Some(entry) => {
                let mut locked = entry.value.clone();
                let lock = Lock { cause: LockCause::Failures, since: now.as_millis() };
                locked.lock.get_or_insert(lock);
                (vec![change(id, Expected::Version(entry.version), &locked)?], note("user.lock", id))
            }
            None => (Vec::new(), note("user.unknown", "an address without an account")),
        };
        let write = DocumentWrite { tenant: INSTALLATION, changes, note: Some(note), now };
        match self.store.document_write(write).await {
            Ok(_) => {}
            // Changed meanwhile: by who logged in, or locked it.
            Err(LedgerError::Stale { .. }) => return Ok(PeopleError::Refused),
            Err(error) => return Err(error.into()),
        }
        if let Some(entry) = user {
            self.tell(&entry.value, Event::Locked);
        }
        Ok(PeopleError::Refused)
    }
}

/// What two requests did at the same time only one of them may do: the other is asked to try again, or finds its code used.
pub(super) fn again(error: AppError) -> AppError {
    match error {
        AppError::Ledger(LedgerError::Stale { .. }) => PeopleError::Busy.into(),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_goes_on_with_a_wrong_password_or_a_lock() {
        let check = |is_same, is_locked, has_second_factor, expected| {
            let facts = Facts { is_same, is_locked, has_second_factor };
            assert_eq!(judge(facts), expected, "{facts:?}");
        };
        for has_second in [false, true] {
            check(false, false, has_second, Verdict::Refuse);
            check(false, true, has_second, Verdict::Refuse);
            check(true, true, has_second, Verdict::Refuse);
        }
        check(true, false, true, Verdict::AskCode);
        check(true, false, false, Verdict::LetIn);
    }
}
