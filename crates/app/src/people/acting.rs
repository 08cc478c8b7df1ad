//! What somebody who is logged in may do: for the tenants that they belong to, by their role; as an operator, for a tenant that
//! they entered, which is told so.
//!
//! Invariant: an operator's access to a tenant has an entry in that tenant's audit log before it, with the reason.

use std::time::Duration;

use domain::{TenantId, Timestamp};
use ledger::{AuditNote, TenantRow};
use serde_json::json;

use super::error::PeopleError;
use super::login::again;
use super::session::{Acting, RECENT, Session};
use super::user::check_reason;
use super::{OperatorRole, People};
use crate::access::{Access, Right};
use crate::error::AppError;
use crate::scope::Scopes;

/// How long an operator may act for a tenant before entering again.
pub const ENTERED_FOR: Duration = Duration::from_secs(3600);

impl People {
    /// Access to a tenant, and what may be called with it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for tenants that the user does not belong to, as for those that do not exist;
    /// [`PeopleError::EnterFirst`] for operators; when the store fails.
    pub async fn access(&self, session: &Session, tenant: TenantId) -> Result<(Access, Scopes), AppError> {
        let user = session.user();
        if let Some(role) = user.role_in(tenant) {
            let row = self.tenant_row(tenant).await?;
            return Ok((Access::of_member(row, &user.actor(), role.right()), role.scopes()));
        }
        let role = user.operator.ok_or_else(no_tenant)?;
        let row = self.tenant_row(tenant).await?;
        let entered = session.entry.value.acting.as_ref().filter(|acting| {
            let since = Timestamp::from_millis(acting.since);
            acting.tenant == tenant.to_string() && session.at < since + ENTERED_FOR
        });
        entered.ok_or(PeopleError::EnterFirst)?;
        Ok((Access::of_operator(row, &user.actor(), role.right()), role.scopes()))
    }

    /// The same for what changes credentials, keys, people or how is sent: behind a password shown lately.
    ///
    /// # Errors
    /// [`PeopleError::ProofNeeded`]; as [`Self::access`].
    pub async fn access_to_change(
        &self,
        session: &Session,
        tenant: TenantId,
    ) -> Result<(Access, Scopes), AppError> {
        session.require_recent(RECENT)?;
        self.access(session, tenant).await
    }

    /// Access to what concerns the whole installation: support reads, an operator changes, too, if the password was shown lately.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] for who is neither.
    pub fn installation_access(&self, session: &Session) -> Result<Access, AppError> {
        let user = session.user();
        let right = match user.operator {
            Some(OperatorRole::Operator) if session.require_recent(RECENT).is_ok() => Right::Operate,
            Some(_) => Right::Read,
            None => return Err(AppError::Forbidden { needed: Right::Operate }),
        };
        Ok(Access::to_installation_with(&user.actor(), right))
    }

    /// Enters a tenant as an operator, for a reason that the tenant reads; another one that was entered is left.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] for who is no operator; [`PeopleError::Field`]; when the store fails.
    pub async fn enter(&self, session: &mut Session, tenant: TenantId, reason: &str) -> Result<(), AppError> {
        if session.user().operator.is_none() {
            return Err(AppError::Forbidden { needed: Right::Operate });
        }
        let reason = check_reason(reason)?;
        self.tenant_row(tenant).await?;
        let detail = json!({ "reason": reason }).to_string();
        // Told first: whoever looks without having been told of is worse than who was told of and did not look.
        self.tell_tenant(tenant, acting_note(session, "operator.enter", tenant, &detail)).await?;
        let acting = Acting { tenant: tenant.to_string(), since: self.clock.now().as_millis() };
        self.act(session, Some(acting), acting_note(session, "operator.enter", tenant, &detail)).await
    }

    /// Leaves the tenant that was entered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leave(&self, session: &mut Session) -> Result<(), AppError> {
        let Some(acting) = session.entry.value.acting.clone() else { return Ok(()) };
        let tenant =
            acting.tenant.parse().map_err(|_| AppError::Defect("reading whom an operator acts for"))?;
        self.act(session, None, acting_note(session, "operator.leave", tenant, "")).await?;
        self.tell_tenant(tenant, acting_note(session, "operator.leave", tenant, "")).await
    }

    async fn act(
        &self,
        session: &mut Session,
        acting: Option<Acting>,
        note: AuditNote,
    ) -> Result<(), AppError> {
        session.entry.value.acting = acting;
        session.entry.version = self.rewrite(&session.entry, Some(note)).await.map_err(again)?;
        session.at = self.clock.now();
        Ok(())
    }

    /// A tenant's row.
    pub(super) async fn tenant_row(&self, tenant: TenantId) -> Result<TenantRow, AppError> {
        let found = self.store.tenant_list().await?.into_iter().find(|row| row.tenant == tenant);
        found.ok_or_else(no_tenant)
    }
}

fn acting_note(session: &Session, action: &str, tenant: TenantId, detail: &str) -> AuditNote {
    AuditNote {
        actor: format!("operator {}", session.user().actor()),
        action: action.to_owned(),
        object: tenant.to_string(),
        detail: detail.to_owned(),
    }
}

fn no_tenant() -> AppError {
    AppError::NotFound { what: "this tenant".to_owned(), remedy: "choose one that you belong to".to_owned() }
}
