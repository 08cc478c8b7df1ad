//! Sessions: who is logged in, where and since when. A token of 256 bits; stored is its SHA-256 alone.
//!
//! A session ends seven days after it began, after twelve hours without use, when it is revoked, and when its user's epoch goes on
//! (a new password, another role, a lock by a person). Its id begins with a tag of the user's, so that a user's sessions are found
//! without a table. When it was used is written in steps of five minutes: an idle session may end that much earlier.
//!
//! Invariant: a session that was removed does not come back by a late note of its use, for each change names the version it saw.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use ledger::{AuditNote, DocumentChange, Expected, LedgerError, sha256};
use serde::{Deserialize, Serialize};
use smtp::{ExposeSecret, Secret};

use super::error::PeopleError;
use super::user::{LockCause, User};
use super::{Client, People, token};
use crate::directory::{Entry, Kind, change, removal};
use crate::error::AppError;

/// How long a session lasts at most.
pub const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long without use.
pub const IDLE: Duration = Duration::from_secs(12 * 3600);
/// For how long a shown password opens what needs one.
pub const RECENT: Duration = Duration::from_secs(5 * 60);
/// How precisely use is noted.
const SEEN_STEP: Duration = Duration::from_secs(5 * 60);
/// Sessions of one user; the oldest goes for one more.
const SESSIONS_MAX: usize = 50;
/// Octets of a user's tag.
const TAG_OCTETS: usize = 16;

/// A tenant that an operator entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acting {
    /// Its id.
    pub tenant: String,
    /// Since when, ms since 1970.
    pub since: i64,
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub user: String,
    pub epoch: u64,
    pub created_at: i64,
    pub seen_at: i64,
    pub proved_at: i64,
    pub from: String,
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting: Option<Acting>,
}

impl Kind for Stored {
    const KIND: &'static str = "session";
}

impl Stored {
    fn is_over(&self, now: Timestamp) -> bool {
        let is_past = |since: i64, span| (Timestamp::from_millis(since) + span) <= now;
        is_past(self.created_at, LIFE) || is_past(self.seen_at, IDLE)
    }
}

/// A session that began just now; its token is given once.
pub struct NewSession {
    /// For the client.
    pub token: Secret,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
    /// The device's mark, to be kept by the client and shown at its next log-in.
    pub device: Secret,
}

/// Somebody who is logged in, for the length of one request.
#[derive(Debug, Clone)]
pub struct Session {
    pub(super) entry: Entry<Stored>,
    pub(super) user: Entry<User>,
    pub(super) at: Timestamp,
}

impl Session {
    /// Its id, which opens nothing.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.entry.id
    }

    /// Who.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user.value
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user.id
    }

    /// Refuses what needs a password that was shown lately.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`].
    pub fn require_recent(&self, span: Duration) -> Result<(), PeopleError> {
        let proved = Timestamp::from_millis(self.entry.value.proved_at);
        if self.at < proved + span { Ok(()) } else { Err(PeopleError::ProofNeeded) }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// When it began, ms since 1970.
    pub created_at: i64,
    /// When it was used last, to five minutes, ms since 1970.
    pub seen_at: i64,
    /// When it ends, ms since 1970.
    pub ends_at: i64,
    /// The address that it began from.
    pub from: String,
    /// What the client says that it is.
    pub agent: String,
}

impl People {
    /// Who the holder of a token is; `None` for whatever opens nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn admit(&self, token: &Secret) -> Result<Option<Session>, AppError> {
        let Some(id) = id_of(token) else { return Ok(None) };
        let directory = self.directory();
        let Some(mut entry) = directory.get::<Stored>(&id).await? else { return Ok(None) };
        let now = self.clock.now();
        let Some(user) = directory.get::<User>(&entry.value.user).await? else { return Ok(None) };
        let is_shut = user.value.lock.as_ref().is_some_and(|lock| lock.cause == LockCause::Person);
        if entry.value.is_over(now) || is_shut || user.value.epoch != entry.value.epoch {
            return Ok(None);
        }
        if Timestamp::from_millis(entry.value.seen_at) + SEEN_STEP <= now {
            entry.value.seen_at = now.as_millis();
            match self.rewrite(&entry, None).await {
                Ok(version) => entry.version = version,
                // Another request noted it, or somebody revoked it just now: the next one will know.
                Err(AppError::Ledger(LedgerError::Stale { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Session { entry, user, at: now }))
    }

    /// The changes that begin a session of a user: it, and what must go for it.
    pub(super) async fn begin_session(
        &self,
        id: &str,
        user: &User,
        client: &Client,
    ) -> Result<(NewSession, Vec<DocumentChange>), AppError> {
        let now = self.clock.now();
        let mut standing = self.sessions_of(id).await?;
        let (over, going): (Vec<_>, Vec<_>) =
            standing.drain(..).partition(|entry| entry.value.is_over(now) || entry.value.epoch != user.epoch);
        let mut changes: Vec<_> =
            over.iter().map(|entry| removal::<Stored>(&entry.id, Expected::Any)).collect();
        let too_many = (going.len() + 1).saturating_sub(SESSIONS_MAX);
        let mut going = going;
        going.sort_by_key(|entry| entry.value.seen_at);
        changes.extend(going.iter().take(too_many).map(|entry| removal::<Stored>(&entry.id, Expected::Any)));
        let secret = token::new(&*self.entropy)?;
        let token = Secret::from(format!("{}.{}", tag(id), secret.expose_secret()));
        let session = id_of(&token).ok_or(AppError::Defect("making a session's token"))?;
        let millis = now.as_millis();
        let stored = Stored {
            user: id.to_owned(),
            epoch: user.epoch,
            created_at: millis,
            seen_at: millis,
            proved_at: millis,
            from: client.address.to_canonical().to_string(),
            agent: client.shown_agent(),
            acting: None,
        };
        changes.push(change(&session, Expected::Nothing, &stored)?);
        let device = self.device_mark(id, client)?;
        Ok((NewSession { token, ends_at: now + LIFE, device }, changes))
    }

    /// Ends every session of a user but, perhaps, one; the changes stand beside that of the user, whose epoch goes on.
    pub(super) async fn end_sessions(
        &self,
        id: &str,
        user: &mut User,
        keep: Option<&Entry<Stored>>,
    ) -> Result<Vec<DocumentChange>, AppError> {
        user.epoch += 1;
        let kept = keep.map(|entry| entry.id.as_str());
        let mut changes = Vec::new();
        for entry in self.sessions_of(id).await? {
            if Some(entry.id.as_str()) != kept {
                changes.push(removal::<Stored>(&entry.id, Expected::Any));
            }
        }
        if let Some(entry) = keep {
            let stored = Stored { epoch: user.epoch, ..entry.value.clone() };
            changes.push(change(&entry.id, Expected::Version(entry.version), &stored)?);
        }
        Ok(changes)
    }

    /// The sessions of a user that have not ended, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions(&self, session: &Session) -> Result<Vec<SessionView>, AppError> {
        self.session_views(&session.user.id, session.user.value.epoch).await
    }

    pub(super) async fn session_views(&self, id: &str, epoch: u64) -> Result<Vec<SessionView>, AppError> {
        let now = self.clock.now();
        let mut views: Vec<_> = self
            .sessions_of(id)
            .await?
            .into_iter()
            .filter(|entry| !entry.value.is_over(now) && entry.value.epoch == epoch)
            .map(view)
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.seen_at));
        Ok(views)
    }

    /// Ends the session: logs out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log_out(&self, session: &Session) -> Result<(), AppError> {
        let user = &session.user.value;
        let note = super::own_note(user, "session.end", &session.user.id, &serde_json::json!({}));
        self.directory()
            .write(vec![removal::<Stored>(&session.entry.id, Expected::Any)], note)
            .await
            .map(drop)
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is nobody's or somebody else's; when the store fails.
    pub async fn end_session(&self, session: &Session, other: &str) -> Result<(), AppError> {
        let note =
            super::own_note(session.user(), "session.revoke", session.user_id(), &serde_json::json!({}));
        self.remove_session(session.user_id(), other, note).await
    }

    pub(super) async fn remove_session(&self, user: &str, id: &str, note: AuditNote) -> Result<(), AppError> {
        let found = self.directory().get::<Stored>(id).await?.filter(|entry| entry.value.user == user);
        let found = found.ok_or_else(|| AppError::NotFound {
            what: "this session".to_owned(),
            remedy: "list the sessions that are open".to_owned(),
        })?;
        self.directory().write(vec![removal::<Stored>(&found.id, Expected::Any)], note).await.map(drop)
    }

    /// Writes a session again, over the version that was seen.
    pub(super) async fn rewrite(
        &self,
        entry: &Entry<Stored>,
        note: Option<AuditNote>,
    ) -> Result<u64, AppError> {
        let changes = vec![change(&entry.id, Expected::Version(entry.version), &entry.value)?];
        let versions = match note {
            Some(note) => self.directory().write(changes, note).await?,
            None => self.directory().write_quietly(changes).await?,
        };
        Ok(versions.first().copied().unwrap_or_default())
    }

    pub(super) async fn sessions_of(&self, user: &str) -> Result<Vec<Entry<Stored>>, AppError> {
        // A tag is followed by a dot, and nothing but its own ids stand between it and the next octet.
        let prefix = format!("{}.", tag(user));
        let page = self.directory().page::<Stored>(&prefix, 2 * SESSIONS_MAX as u32).await?;
        let own = |entry: &Entry<Stored>| entry.id.starts_with(&prefix) && entry.value.user == user;
        Ok(page.into_iter().filter(own).collect())
    }

    /// Removes sessions whose time is over; gives how many.
    pub(super) async fn sweep_sessions(&self) -> Result<usize, AppError> {
        let now = self.clock.now();
        let all = self.directory().list::<Stored>().await?;
        let over: Vec<_> = all.into_iter().filter(|entry| entry.value.is_over(now)).collect();
        for some in over.chunks(100) {
            let gone = some.iter().map(|entry| removal::<Stored>(&entry.id, Expected::Any)).collect();
            self.directory().write_quietly(gone).await?;
        }
        Ok(over.len())
    }
}

fn view(entry: Entry<Stored>) -> SessionView {
    let Stored { created_at, seen_at, from, agent, .. } = entry.value;
    let ends_at = (Timestamp::from_millis(created_at) + LIFE).as_millis();
    SessionView { id: entry.id, created_at, seen_at, ends_at, from, agent }
}

/// What the ids of a user's sessions begin with.
fn tag(user: &str) -> String {
    URL_SAFE_NO_PAD.encode(&sha256(user.as_bytes())[..TAG_OCTETS])
}

fn id_of(token: &Secret) -> Option<String> {
    let (tag, secret) = token.expose_secret().split_once('.')?;
    let fine =
        tag.len() == 22 && tag.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet));
    let digest = token::digest(&Secret::from(secret.to_owned()))?;
    fine.then(|| format!("{tag}.{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(created: i64, seen: i64) -> Stored {
        let hour = 3_600_000;
        Stored {
            user: "a".to_owned(),
            epoch: 1,
            created_at: created * hour,
            seen_at: seen * hour,
            proved_at: 0,
            from: String::new(),
            agent: String::new(),
            acting: None,
        }
    }

    #[test]
    fn sessions_end_by_the_week_and_by_the_half_day() {
        let check = |created, seen, now: i64, expected: bool| {
            let at = Timestamp::from_millis(now * 3_600_000);
            assert_eq!(stored(created, seen).is_over(at), expected, "{created} {seen} {now}");
        };
        check(0, 0, 11, false);
        check(0, 0, 12, true);
        check(0, 160, 167, false);
        check(0, 167, 168, true);
    }

    #[test]
    fn a_token_leads_to_its_id_and_nothing_else_does() {
        let token = |text: String| Secret::from(text);
        let fine = format!("{}.{}", tag("花子@example.jp"), "s".repeat(43));
        let id = id_of(&token(fine.clone())).expect("an id");
        assert!(id.starts_with(&format!("{}.", tag("花子@example.jp"))) && !id.contains("sss"));
        for bad in
            [String::new(), "s".repeat(43), fine.replace('.', "/"), format!("{fine}s"), format!("あ{fine}")]
        {
            assert_eq!(id_of(&token(bad.clone())), None, "{bad}");
        }
    }
}
