//! Verified senders: the addresses and domains that a tenant may send from.
//!
//! An address is allowed by itself or by its domain; a domain does not allow its subdomains. Compared without case, domains
//! in their ASCII form (RFC 5890).

use domain::EmailAddress;
use ledger::{Expected, Store};
use runtime::Clock;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Directory, Entry, Kind, change, note, removal};
use crate::access::{Access, Right};
use crate::error::AppError;

/// How it was shown that the tenant may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The operator's word.
    Operator,
}

/// A verified address or domain; its id is [`SenderName`]'s text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// How it was verified.
    pub proof: Proof,
}

impl Kind for Sender {
    const KIND: &'static str = "sender";
}

/// What is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderName {
    /// One address.
    Address(EmailAddress),
    /// All addresses of a domain.
    Domain(String),
}

impl SenderName {
    /// One address.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(text: &str) -> Result<Self, AppError> {
        let address = EmailAddress::parse(text);
        address.map(Self::Address).map_err(|error| AppError::BadInput(format!("the address: {error}")))
    }

    /// A domain.
    ///
    /// # Errors
    /// When it is none.
    pub fn domain(text: &str) -> Result<Self, AppError> {
        let probe = EmailAddress::parse(&format!("postmaster@{text}"));
        let probe = probe.map_err(|_| {
            AppError::BadInput(format!("`{text}` is no domain; write one such as example.co.jp"))
        })?;
        Ok(Self::Domain(probe.domain().to_lowercase()))
    }

    /// As an id of a document.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Address(address) => format!("address:{}", comparable(address)),
            Self::Domain(domain) => format!("domain:{domain}"),
        }
    }
}

/// Both parts in lower case: whoever tells two mailboxes apart by case cannot be served two senders.
fn comparable(address: &EmailAddress) -> String {
    address.as_str().to_lowercase()
}

/// Verifies a sender by the operator's word; twice is once.
///
/// # Errors
/// When the caller is no operator, or the store fails.
pub async fn verify(
    store: &dyn Store,
    clock: &dyn Clock,
    operator: &Access,
    name: &SenderName,
) -> Result<(), AppError> {
    operator.require(Right::Operate)?;
    let value = Sender { proof: Proof::Operator };
    let said = note(operator, "sender.verify", &name.id(), &json!({ "proof": value.proof }));
    let directory = Directory::of(store, clock, operator);
    directory.write(vec![change(&name.id(), Expected::Any, &value)?], said).await.map(drop)
}

/// Forgets a verified sender.
///
/// # Errors
/// When there is none, or the store fails.
pub async fn remove(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    name: &SenderName,
) -> Result<(), AppError> {
    access.require(Right::Manage)?;
    let directory = Directory::of(store, clock, access);
    let found: Option<Entry<Sender>> = directory.get(&name.id()).await?;
    let found = found.ok_or_else(|| AppError::NotFound {
        what: "this verified sender".to_owned(),
        remedy: "list the senders that are verified".to_owned(),
    })?;
    let said = note(access, "sender.remove", &found.id, &json!({}));
    let removed = removal::<Sender>(&found.id, Expected::Version(found.version));
    directory.write(vec![removed], said).await.map(drop)
}

/// All verified senders, addresses first.
///
/// # Errors
/// When the store fails.
pub async fn list(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
) -> Result<Vec<Entry<Sender>>, AppError> {
    access.require(Right::Read)?;
    Directory::of(store, clock, access).list().await
}

/// Whether the tenant may send from this address.
///
/// # Errors
/// When the store fails.
pub async fn allows(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    from: &EmailAddress,
) -> Result<bool, AppError> {
    let directory = Directory::of(store, clock, access);
    let domain = SenderName::Domain(from.domain().to_lowercase());
    for name in [domain, SenderName::Address(from.clone())] {
        if directory.get::<Sender>(&name.id()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
