//! What people change of their own account: password, name, language.

use ledger::Expected;
use serde::Serialize;
use serde_json::json;
use smtp::Secret;

use super::error::PeopleError;
use super::login::again;
use super::session::{RECENT, Session};
use super::user::{Language, check_name};
use super::{Event, People, own_note};
use crate::directory::change;
use crate::error::AppError;
use crate::office::Hidden;

/// How an account is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecondView {
    /// An authenticator app is asked for a code.
    pub has_second_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: usize,
    /// When the password was set, ms since 1970.
    pub password_changed_at: i64,
}

impl Session {
    /// How the account is protected.
    #[must_use]
    pub fn protection(&self) -> SecondView {
        let user = self.user();
        SecondView {
            has_second_factor: user.has_second_factor(),
            recovery_codes_left: user.recovery_codes_left(),
            password_changed_at: user.password_changed_at,
        }
    }
}

impl People {
    /// Sets a new password; all other sessions of the user end.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`]; a rule that the password breaks; when the store fails.
    pub async fn change_password(&self, session: &mut Session, new: &Secret) -> Result<(), AppError> {
        session.require_recent(RECENT)?;
        let password = self.checked(new, &session.user().personal()).await?;
        session.user.value.password = Hidden(self.hashing.make(&*self.entropy, password).await?);
        session.user.value.password_changed_at = self.clock.now().as_millis();
        self.write_own(session, "user.password").await?;
        self.tell(session.user(), Event::PasswordChanged);
        Ok(())
    }

    /// Sets what others call the user, and what the user reads.
    ///
    /// # Errors
    /// [`PeopleError::Field`]; when the store fails.
    pub async fn change_profile(
        &self,
        session: &mut Session,
        name: &str,
        language: Language,
    ) -> Result<(), AppError> {
        let was =
            own_note(session.user(), "user.profile", session.user_id(), &json!({ "name": name.trim() }));
        session.user.value.name = check_name(name)?;
        session.user.value.language = language;
        let changed = change(&session.user.id, Expected::Version(session.user.version), session.user())?;
        let versions = self.directory().write(vec![changed], was).await.map_err(again)?;
        session.user.version = versions.first().copied().unwrap_or_default();
        Ok(())
    }

    /// Removes what is over: sessions and links. Gives how many; to be called now and then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, AppError> {
        Ok(self.sweep_sessions().await? + self.sweep_invitations().await?)
    }
}

/// A password's rule, as an error of people.
impl From<super::password::PasswordError> for AppError {
    fn from(error: super::password::PasswordError) -> Self {
        PeopleError::Password(error).into()
    }
}
