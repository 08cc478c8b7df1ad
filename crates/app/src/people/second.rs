//! Setting up an authenticator app, recovery codes, and taking them away again.
//!
//! The owner does it behind a password shown lately; an app is asked for a code before it counts, so that nobody shuts
//! themselves out. For who lost both app and codes, whoever manages people takes the second factor away, which the owner is told.

use ledger::Expected;
use serde_json::json;
use smtp::{ExposeSecret, Secret};

use super::error::PeopleError;
use super::login::{TOTP_PLACE, again};
use super::session::{RECENT, Session};
use super::user::{Second, User};
use super::{Event, People, own_note, recovery, totp};
use crate::access::INSTALLATION;
use crate::directory::change;
use crate::error::AppError;
use crate::office::Hidden;
use crate::vault::Place;

impl People {
    /// Offers a secret for an app; it counts once a code of it was given.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`]; when the store fails.
    pub async fn offer_second_factor(&self, session: &mut Session) -> Result<totp::Offer, AppError> {
        session.require_recent(RECENT)?;
        let id = session.user.id.clone();
        let secret = totp::new_secret(&*self.entropy)?;
        let version = version_of(session.user());
        let place = Place { tenant: INSTALLATION, kind: TOTP_PLACE, id: &id, version };
        let sealed = self.vault.seal(&*self.entropy, place, secret.expose_secret())?;
        session.user.value.second_offered = Some(Second { secret: sealed, version, last_step: None });
        let changed = change(&id, Expected::Version(session.user.version), session.user())?;
        let versions = self.directory().write_quietly(vec![changed]).await.map_err(again)?;
        session.user.version = versions.first().copied().unwrap_or_default();
        totp::offer(&session.user.value.address, &secret)
    }

    /// Sets up the app that was offered, by a code of it; gives new recovery codes, which are shown once.
    ///
    /// # Errors
    /// [`PeopleError::SecondFactor`] when none was offered or the code is none of it; when the store fails.
    pub async fn confirm_second_factor(
        &self,
        session: &mut Session,
        code: &str,
    ) -> Result<Vec<Secret>, AppError> {
        session.require_recent(RECENT)?;
        let id = session.user.id.clone();
        let offered = session.user.value.second_offered.clone();
        let mut second =
            offered.ok_or(PeopleError::SecondFactor("no authenticator app was offered; begin again"))?;
        let place = Place { tenant: INSTALLATION, kind: TOTP_PLACE, id: &id, version: second.version };
        let secret = self.vault.open(place, &second.secret)?;
        let step = totp::accepted(&secret, code, self.clock.now(), None)?;
        let wrong =
            "this is not the app's code of now; look at the clock of the device, and give the next one";
        second.last_step = Some(step.ok_or(PeopleError::SecondFactor(wrong))?);
        session.user.value.second = Some(second);
        session.user.value.second_offered = None;
        let codes = self.put_recovery_codes(session)?;
        self.write_own(session, "user.second-factor").await?;
        self.tell(session.user(), Event::SecondFactorSet);
        Ok(codes)
    }

    /// New recovery codes in place of those that are left; shown once.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`], [`PeopleError::SecondFactor`] without an app; when the store fails.
    pub async fn renew_recovery_codes(&self, session: &mut Session) -> Result<Vec<Secret>, AppError> {
        session.require_recent(RECENT)?;
        if !session.user().has_second_factor() {
            return Err(PeopleError::SecondFactor("set up an authenticator app first").into());
        }
        let codes = self.put_recovery_codes(session)?;
        self.write_own(session, "user.recovery-codes").await?;
        Ok(codes)
    }

    /// Takes the app and the recovery codes away.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`]; when the store fails.
    pub async fn remove_second_factor(&self, session: &mut Session) -> Result<(), AppError> {
        session.require_recent(RECENT)?;
        forget_second(&mut session.user.value);
        self.write_own(session, "user.second-factor.remove").await?;
        self.tell(session.user(), Event::SecondFactorRemoved);
        Ok(())
    }

    fn put_recovery_codes(&self, session: &mut Session) -> Result<Vec<Secret>, AppError> {
        let (codes, digests) = recovery::new_set(&*self.entropy, &session.user.id)?;
        session.user.value.recovery = digests.into_iter().map(Hidden).collect();
        Ok(codes)
    }

    /// Writes what somebody changed of themselves; their other sessions end.
    pub(super) async fn write_own(&self, session: &mut Session, action: &str) -> Result<(), AppError> {
        let id = session.user.id.clone();
        let kept = session.entry.clone();
        let mut changes = self.end_sessions(&id, &mut session.user.value, Some(&kept)).await?;
        // The kept session is the last of the changes that end the others.
        let kept_at = changes.len() - 1;
        changes.push(change(&id, Expected::Version(session.user.version), session.user())?);
        let note = own_note(session.user(), action, &id, &json!({}));
        let versions = self.directory().write(changes, note).await.map_err(again)?;
        session.entry.value.epoch = session.user.value.epoch;
        session.entry.version = versions.get(kept_at).copied().unwrap_or_default();
        session.user.version = versions.get(kept_at + 1).copied().unwrap_or_default();
        Ok(())
    }
}

/// Takes the second factor away.
pub(super) fn forget_second(user: &mut User) {
    user.second = None;
    user.second_offered = None;
    user.recovery = Vec::new();
}

/// The version of the next secret: above all that stand, so that no sealed text opens in another's place.
fn version_of(user: &User) -> u32 {
    let standing = [&user.second, &user.second_offered];
    let newest = standing.into_iter().flatten().map(|second| second.version).max();
    newest.unwrap_or(0).saturating_add(1)
}
