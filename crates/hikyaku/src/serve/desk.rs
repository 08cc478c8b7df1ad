//! What SMTP submission asks of the installation: keys log in as `apikey`, and mails go into their tenant's stream.

use std::sync::Arc;

use app::directory::keys;
use app::intake::RawSubmission;
use app::scope::Scope;
use app::service::Service;
use app::{Access, AppError};
use async_trait::async_trait;
use domain::EmailAddress;
use ingress::{Account, Desk, LoginAttempt, LoginRefusal, Refusal, SubmittedMail};

/// The one user name: who it is, the key says.
const USER: &str = "apikey";

/// The desk over a service.
pub struct SubmissionDesk(pub Service);

#[async_trait]
impl Desk for SubmissionDesk {
    async fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<Arc<dyn Account>, LoginRefusal> {
        if attempt.user != USER {
            return Err(LoginRefusal::Rejected);
        }
        let desk = &self.0.desk;
        match keys::admit(&*desk.store, &*desk.clock, attempt.secret).await {
            Ok(Some((access, scopes))) if scopes.has(Scope::MailSend) => {
                Ok(Arc::new(KeyAccount { service: self.0.clone(), access }))
            }
            Ok(_) => Err(LoginRefusal::Rejected),
            Err(error) => {
                tracing::error!(%error, "a key could not be looked up");
                Err(LoginRefusal::Unavailable)
            }
        }
    }
}

/// A client that logged in with a key.
struct KeyAccount {
    service: Service,
    access: Access,
}

#[async_trait]
impl Account for KeyAccount {
    async fn may_send_from(&self, reverse_path: Option<&EmailAddress>) -> Result<(), Refusal> {
        let brief = self.service.streams.brief(&self.access).await.map_err(refusal)?;
        // The author of a mail without a return path is looked at with its content.
        reverse_path.map_or(Ok(()), |address| brief.admit(address)).map_err(refusal)
    }

    async fn accept(&self, mail: SubmittedMail) -> Result<String, Refusal> {
        let SubmittedMail { reverse_path, recipients, octets, .. } = mail;
        let submission = RawSubmission { reverse_path, recipients, octets };
        let taken = self.service.take_message(&self.access, submission).await;
        taken.map(|id| id.to_string()).map_err(refusal)
    }
}

/// The reply that tells a client's operator what is wrong.
fn refusal(error: AppError) -> Refusal {
    match error {
        AppError::Unverified { .. } | AppError::Suspended { .. } | AppError::Forbidden { .. } => {
            Refusal::not_allowed(error.to_string())
        }
        AppError::BadInput(_) | AppError::NotFound { .. } => Refusal::content(error.to_string()),
        AppError::Busy => Refusal::full(error.to_string()),
        other => {
            tracing::error!(error = %other, "a mail could not be taken in");
            Refusal::try_later("the mail could not be stored; try again later")
        }
    }
}
