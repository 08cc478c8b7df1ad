//! Companies that sign up by themselves, and their review by an operator.
//!
//! Signing up makes a link for the address, and nothing else: a tenant, in the state *pending*, begins when somebody opens it, so
//! that no stranger takes names or fills the directory. What is pending or rejected sends nothing.

use domain::TenantId;
use ledger::{AuditNote, TenantRow};
use serde_json::json;

use super::error::PeopleError;
use super::invitation::{Invited, Purpose};
use super::throttle::{Account, Network};
use super::user::{Language, UserId, check_reason};
use super::{Client, People};
use crate::access::{Access, Right, check_name};
use crate::directory::tenants::{self, Tenant, TenantState};
use crate::directory::{Directory, Entry, change};
use crate::error::AppError;

/// Links of companies that are open at a time.
const OPEN_MAX: usize = 500;

/// A company that wants to be a tenant.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The tenant's name.
    pub tenant: String,
    /// The address of its first admin.
    pub address: String,
    /// What that person reads.
    pub language: Language,
}

impl People {
    /// Makes the link by which a company's first admin begins it; to be mailed to that address and shown to nobody.
    ///
    /// # Errors
    /// A field that cannot be used; [`PeopleError::Throttled`], [`PeopleError::TooMany`]; when the store fails.
    pub async fn sign_up(&self, request: &SignUp, client: &Client) -> Result<Invited, AppError> {
        check_name(&request.tenant)?;
        let id = UserId::parse(&request.address)?;
        // Counted as a try of the network that is never given back: nobody signs companies up by the dozen.
        let account = Account { user: format!("sign-up {}", id.as_str()), device: None };
        let begun = self.throttle().begin(account, Network::of(client.address), self.clock.moment());
        let _charged = begun.map_err(|wait| PeopleError::Throttled { wait })?;
        let open = self.open_links().await?;
        let is_sign_up = |purpose: &Purpose| matches!(purpose, Purpose::SignUp { .. });
        if open.iter().filter(|entry| is_sign_up(&entry.value.purpose)).count() >= OPEN_MAX {
            return Err(PeopleError::TooMany { max: OPEN_MAX, what: "companies that sign up" }.into());
        }
        let bits = self.entropy.bits().map_err(AppError::Entropy)?;
        let tenant = TenantId::generate(self.clock.now().as_millis(), bits).to_string();
        let said = AuditNote {
            actor: "somebody who signs up".to_owned(),
            action: "tenant.sign-up".to_owned(),
            object: tenant.clone(),
            detail: json!({ "name": request.tenant }).to_string(),
        };
        let purpose = Purpose::SignUp { tenant, name: request.tenant.clone() };
        self.make_link(purpose, Some(&id), request.language, said).await
    }

    /// The tenant of a link that is being opened: pending, made now or by an earlier try.
    pub(super) async fn tenant_of_sign_up(
        &self,
        tenant: TenantId,
        name: &str,
        by: &str,
    ) -> Result<TenantId, AppError> {
        let row = TenantRow { tenant, name: name.to_owned(), created_at: self.clock.now() };
        let row = self.store.tenant_ensure(row).await?;
        if row.tenant != tenant {
            return Err(AppError::Exists {
                what: format!("tenant `{name}`"),
                remedy: "sign up once more with another name, or ask to be invited to it".to_owned(),
            });
        }
        let directory = Directory::of_tenant(&*self.store, &*self.clock, tenant);
        let found: Option<Entry<Tenant>> = directory.get(tenants::ID).await?;
        if found.is_none() {
            let value = Tenant { state: TenantState::Pending, reason: None };
            let note = AuditNote {
                actor: format!("user {by}"),
                action: "tenant.sign-up".to_owned(),
                object: tenant.to_string(),
                detail: json!({ "name": name }).to_string(),
            };
            directory.write(vec![change(tenants::ID, ledger::Expected::Nothing, &value)?], note).await?;
        }
        Ok(tenant)
    }

    /// Lets a tenant that signed up send.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; when it is not under review; when the store fails.
    pub async fn approve(&self, operator: &Access) -> Result<(), AppError> {
        self.review(operator, TenantState::Active, None).await
    }

    /// Refuses a tenant that signed up, for a reason that it is told.
    ///
    /// # Errors
    /// As [`Self::approve`]; [`PeopleError::Field`] for the reason.
    pub async fn reject(&self, operator: &Access, reason: &str) -> Result<(), AppError> {
        self.review(operator, TenantState::Rejected, Some(check_reason(reason)?)).await
    }

    async fn review(
        &self,
        operator: &Access,
        state: TenantState,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        operator.require(Right::Operate)?;
        let stands = tenants::state(&*self.store, &*self.clock, operator).await?;
        if !matches!(stands, TenantState::Pending | TenantState::Rejected) {
            let word = stands.word();
            return Err(AppError::BadInput(format!("the tenant is {word}: there is nothing to review")));
        }
        tenants::set_state(&*self.store, &*self.clock, operator, state, reason).await
    }
}
