//! Who calls a use case: one tenant, one user, one right. Every use case takes an [`Access`].
//!
//! Invariant: whatever belongs to another tenant answers like what does not exist ([`AppError::NotFound`]).

use domain::TenantId;
use ledger::{Store, TenantRow};
use runtime::{Clock, Entropy};

use crate::error::AppError;

/// Characters of a tenant's name.
pub const TENANT_NAME_MAX: usize = 100;

/// The tenant whose documents are the installation's own.
pub const INSTALLATION: TenantId = TenantId(0);

/// What a caller may do; each right includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// See statements, recipients and attempts.
    Read,
    /// Also write drafts and templates, and approve them.
    Write,
    /// Also send, pause, resume and cancel the tenant's releases.
    Send,
    /// Also set the tenant's relays, senders, keys and people.
    Manage,
    /// Also what concerns the whole installation.
    Operate,
}

/// One caller's authority over one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    tenant: TenantId,
    tenant_name: String,
    user: String,
    right: Right,
}

impl Access {
    /// Access to a tenant that exists.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is no tenant of this name.
    pub async fn admit(store: &dyn Store, name: &str, user: &str, right: Right) -> Result<Self, AppError> {
        let found = store.tenant_list().await?.into_iter().find(|row| row.name == name);
        let row = found.ok_or_else(|| AppError::NotFound {
            what: format!("tenant `{name}`"),
            remedy: "name a tenant that has sent from this data folder with --tenant".to_owned(),
        })?;
        Ok(Self::over(row, user, right))
    }

    /// Access to a tenant that is entered in the directory when it is met first.
    ///
    /// # Errors
    /// When the name cannot be used or the store fails.
    pub async fn admit_new(
        store: &dyn Store,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        name: &str,
        user: &str,
    ) -> Result<Self, AppError> {
        check_name(name)?;
        let now = clock.now();
        let tenant = TenantId::generate(now.as_millis(), entropy.bits().map_err(AppError::Entropy)?);
        let row = TenantRow { tenant, name: name.to_owned(), created_at: now };
        Ok(Self::over(store.tenant_ensure(row).await?, user, Right::Send))
    }

    /// Access by an API key of the tenant.
    #[must_use]
    pub fn of_key(row: TenantRow, key: &str, right: Right) -> Self {
        Self::over(row, &format!("key {key}"), right.min(Right::Manage))
    }

    /// Access of a person of the tenant.
    #[must_use]
    pub fn of_member(row: TenantRow, user: &str, right: Right) -> Self {
        Self::over(row, &format!("user {user}"), right.min(Right::Manage))
    }

    /// Access of an operator who acts for the tenant, which finds the word `operator` before the name in its audit log.
    #[must_use]
    pub fn of_operator(row: TenantRow, operator: &str, right: Right) -> Self {
        Self::over(row, &format!("operator {operator}"), right)
    }

    /// An operator's access to the installation itself, whose documents are those of tenant 0.
    #[must_use]
    pub fn to_installation(user: &str) -> Self {
        Self::to_installation_with(user, Right::Operate)
    }

    /// Access to the installation itself with no more than this right.
    #[must_use]
    pub fn to_installation_with(user: &str, right: Right) -> Self {
        let row = TenantRow {
            tenant: INSTALLATION,
            name: "the installation".to_owned(),
            created_at: domain::Timestamp::EPOCH,
        };
        Self::over(row, &format!("operator {user}"), right)
    }

    fn over(row: TenantRow, user: &str, right: Right) -> Self {
        Self { tenant: row.tenant, tenant_name: row.name, user: user.to_owned(), right }
    }

    /// Whose data the caller may touch.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What people call the tenant.
    #[must_use]
    pub fn tenant_name(&self) -> &str {
        &self.tenant_name
    }

    /// Who calls.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The tenant, if the right suffices.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] when it does not.
    pub fn require(&self, right: Right) -> Result<TenantId, AppError> {
        if self.right >= right { Ok(self.tenant) } else { Err(AppError::Forbidden { needed: right }) }
    }
}

impl Access {
    /// For what concerns the installation itself, if the right suffices.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] when it does not, or the access is to a tenant.
    pub fn require_installation(&self, right: Right) -> Result<(), AppError> {
        self.require(right)?;
        if self.tenant == INSTALLATION { Ok(()) } else { Err(AppError::Forbidden { needed: Right::Operate }) }
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), AppError> {
    let fine = !name.trim().is_empty()
        && name.chars().count() <= TENANT_NAME_MAX
        && !name.chars().any(char::is_control);
    if fine {
        Ok(())
    } else {
        Err(AppError::BadInput(format!(
            "a tenant's name has 1 to {TENANT_NAME_MAX} characters and no control character"
        )))
    }
}
