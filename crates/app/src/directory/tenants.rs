//! Tenants: who may send at all, by the operator's word.

use domain::TenantId;
use ledger::{Expected, Store, TenantRow};
use runtime::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Directory, Entry, Kind, change, note};
use crate::access::{Access, Right, check_name};
use crate::error::AppError;

/// The id of a tenant's own document.
pub(crate) const ID: &str = "tenant";

/// Whether a tenant may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It signed up, and nobody approved it yet.
    Pending,
    /// It may send.
    Active,
    /// It may read, and sends nothing new.
    Suspended,
    /// It signed up, and an operator said no.
    Rejected,
    /// What people set of it was removed; its books alone are left.
    Removed,
}

impl TenantState {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Rejected => "rejected",
            Self::Removed => "removed",
        }
    }
}

/// What people set of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Whether it may send.
    pub state: TenantState,
    /// Why, for a suspended or rejected one; what the tenant is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Kind for Tenant {
    const KIND: &'static str = "tenant";
}

/// A tenant with its state; one that only ever sent by command line has none set, and is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantView {
    /// Its row.
    pub row: TenantRow,
    /// Whether it may send.
    pub state: TenantState,
}

/// Makes a tenant that may send at once, by the operator's word.
///
/// # Errors
/// When the name cannot be used or stands already, or the store fails.
pub async fn create(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    operator: &Access,
    name: &str,
) -> Result<TenantView, AppError> {
    operator.require(Right::Operate)?;
    check_name(name)?;
    let now = clock.now();
    let tenant = TenantId::generate(now.as_millis(), entropy.bits().map_err(AppError::Entropy)?);
    let row = store.tenant_ensure(TenantRow { tenant, name: name.to_owned(), created_at: now }).await?;
    if row.tenant != tenant {
        return Err(AppError::Exists {
            what: format!("tenant `{name}`"),
            remedy: "choose another name, or use the one that stands".to_owned(),
        });
    }
    let directory = Directory::of_tenant(store, clock, tenant);
    let value = Tenant { state: TenantState::Active, reason: None };
    let said = note(operator, "tenant.create", &tenant.to_string(), &json!({ "name": name }));
    directory.write(vec![change(ID, Expected::Any, &value)?], said).await?;
    Ok(TenantView { row, state: value.state })
}

/// Sets whether a tenant may send.
///
/// # Errors
/// When the caller is no operator, or the store fails.
pub async fn set_state(
    store: &dyn Store,
    clock: &dyn Clock,
    operator: &Access,
    state: TenantState,
    reason: Option<String>,
) -> Result<(), AppError> {
    let tenant = operator.require(Right::Operate)?;
    let directory = Directory::of_tenant(store, clock, tenant);
    let said =
        note(operator, "tenant.state", &tenant.to_string(), &json!({ "state": state, "reason": reason }));
    directory.write(vec![change(ID, Expected::Any, &Tenant { state, reason })?], said).await.map(drop)
}

/// The state of the caller's tenant.
///
/// # Errors
/// When the store fails.
pub async fn state(store: &dyn Store, clock: &dyn Clock, access: &Access) -> Result<TenantState, AppError> {
    let found: Option<Entry<Tenant>> = Directory::of(store, clock, access).get(ID).await?;
    Ok(found.map_or(TenantState::Active, |entry| entry.value.state))
}

/// All tenants, by name.
///
/// # Errors
/// When the caller has no access to the installation, or the store fails.
pub async fn list(
    store: &dyn Store,
    clock: &dyn Clock,
    operator: &Access,
) -> Result<Vec<TenantView>, AppError> {
    operator.require_installation(Right::Read)?;
    let mut all = Vec::new();
    for row in store.tenant_list().await? {
        let found: Option<Entry<Tenant>> = Directory::of_tenant(store, clock, row.tenant).get(ID).await?;
        let state = found.map_or(TenantState::Active, |entry| entry.value.state);
        all.push(TenantView { row, state });
    }
    Ok(all)
}

/// Refuses whatever sends for a tenant that may not.
///
/// # Errors
/// [`AppError::Suspended`].
pub async fn require_active(store: &dyn Store, clock: &dyn Clock, access: &Access) -> Result<(), AppError> {
    match state(store, clock, access).await? {
        TenantState::Active => Ok(()),
        other => Err(AppError::Suspended { state: other.word() }),
    }
}
