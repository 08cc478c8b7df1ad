//! The operator's orders by command line: tenants, relays, senders, keys, people. Carried out by the process that owns the books,
//! which gets them over the control socket, or by the command itself where nobody serves.
//!
//! Every order goes to the same use case as a call of the API does. An answer is a JSON object for people and programs.

use std::fmt;
use std::sync::Arc;

use domain::{RelayKind, RelayLimits, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smtp::{ExposeSecret, Secret};

use crate::access::{Access, Right};
use crate::directory::keys::{self, KeyRequest};
use crate::directory::relay_request::RelayRequest;
use crate::directory::relays::{RelayDesk, shown};
use crate::directory::senders::{self, SenderName};
use crate::directory::tenants::{self, TenantState};
use crate::error::AppError;
use crate::people::{People, Settings, UserOrder};
use crate::relay::RelayUrl;
use crate::scope::Scopes;

/// A text that nobody prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Make a tenant that may send at once.
    TenantCreate {
        /// Its name.
        name: String,
    },
    /// All tenants.
    TenantList,
    /// Set whether a tenant may send.
    TenantState {
        /// Its name.
        tenant: String,
        /// Whether it may.
        state: TenantState,
        /// Why.
        reason: Option<String>,
    },
    /// Add a relay.
    RelayAdd {
        /// Whose.
        tenant: String,
        /// What it is to be.
        relay: NewRelay,
    },
    /// Replace a relay's secret.
    RelayRotate {
        /// Whose.
        tenant: String,
        /// Its id or name.
        relay: String,
        /// The new secret.
        secret: Hidden,
    },
    /// The relays of a tenant.
    RelayList {
        /// Whose.
        tenant: String,
    },
    /// Verify an address by the operator's word.
    SenderVerifyAddress {
        /// Whose.
        tenant: String,
        /// The address.
        address: String,
    },
    /// Verify a domain by the operator's word.
    SenderVerifyDomain {
        /// Whose.
        tenant: String,
        /// The domain.
        domain: String,
    },
    /// The verified senders of a tenant.
    SenderList {
        /// Whose.
        tenant: String,
    },
    /// Make an API key.
    KeyCreate {
        /// Whose.
        tenant: String,
        /// What people call it.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// Until when it works, ms since 1970.
        expires_at: Option<i64>,
    },
    /// Revoke an API key.
    KeyRevoke {
        /// Whose.
        tenant: String,
        /// Its id.
        key: String,
    },
    /// The keys of a tenant.
    KeyList {
        /// Whose.
        tenant: String,
    },
    /// About people.
    User(UserOrder),
}

/// A relay to add, as it is sent over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRelay {
    /// What people call it.
    pub name: String,
    /// `smtp://USER@HOST:PORT?tls=…`, without the secret.
    pub url: Hidden,
    /// The secret.
    pub secret: Option<Hidden>,
    /// Which service it is, by its word.
    pub kind: String,
    /// Connections at the same time; `None`: what the kind asks for, as with the other limits.
    pub sessions_max: Option<u32>,
    /// Messages over one connection.
    pub messages_per_connection_max: Option<u32>,
    /// Messages a minute.
    pub messages_per_minute_max: Option<u32>,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// PEM of the only authorities that are believed.
    pub authorities: Option<String>,
    /// BDAT instead of DATA where offered.
    pub use_chunking: bool,
}

/// Carries orders out.
#[derive(Clone)]
pub struct Office {
    desk: RelayDesk,
    people: Arc<People>,
}

impl Office {
    /// An office over these books.
    #[must_use]
    pub fn new(desk: RelayDesk) -> Self {
        let people = Arc::new(People::new(&desk, Settings::default()));
        Self { desk, people }
    }

    /// An office that shares what is remembered of failed log-ins with who lets people in.
    #[must_use]
    pub fn with_people(desk: RelayDesk, people: Arc<People>) -> Self {
        Self { desk, people }
    }

    /// Everything about people.
    #[must_use]
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// The books, clocks and keys that it works with.
    #[must_use]
    pub fn desk(&self) -> &RelayDesk {
        &self.desk
    }

    /// Does what the order says, in this user's name.
    ///
    /// # Errors
    /// As the use case that it goes to.
    pub async fn carry_out(&self, user: &str, order: Order) -> Result<Value, AppError> {
        match order {
            Order::TenantCreate { .. } | Order::TenantList | Order::TenantState { .. } => {
                self.on_tenants(user, order).await
            }
            Order::RelayAdd { .. } | Order::RelayRotate { .. } | Order::RelayList { .. } => {
                self.on_relays(user, order).await
            }
            Order::User(order) => self.people.carry_out(user, order).await,
            _ => self.on_senders_and_keys(user, order).await,
        }
    }

    async fn access(&self, tenant: &str, user: &str) -> Result<Access, AppError> {
        // The tenant finds in its audit log that it was not one of its own people.
        let operator = format!("operator {user}");
        Access::admit(&*self.desk.store, tenant, &operator, Right::Operate).await
    }

    async fn on_tenants(&self, user: &str, order: Order) -> Result<Value, AppError> {
        let (store, clock) = (&*self.desk.store, &*self.desk.clock);
        let operator = Access::to_installation(user);
        match order {
            Order::TenantCreate { name } => {
                let made = tenants::create(store, clock, &*self.desk.entropy, &operator, &name).await?;
                Ok(json!({ "tenant": made.row.tenant.to_string(), "name": made.row.name }))
            }
            Order::TenantState { tenant, state, reason } => {
                let access = self.access(&tenant, user).await?;
                tenants::set_state(store, clock, &access, state, reason).await?;
                Ok(json!({ "tenant": access.tenant().to_string(), "state": state }))
            }
            _ => {
                let all = tenants::list(store, clock, &operator).await?;
                let shown = |view: tenants::TenantView| json!({ "tenant": view.row.tenant.to_string(), "name": view.row.name, "state": view.state });
                Ok(json!({ "tenants": all.into_iter().map(shown).collect::<Vec<_>>() }))
            }
        }
    }

    async fn on_relays(&self, user: &str, order: Order) -> Result<Value, AppError> {
        match order {
            Order::RelayAdd { tenant, relay } => {
                let access = self.access(&tenant, user).await?;
                let added = self.desk.add(&access, request(relay)?).await?;
                Ok(json!({ "relay": added.to_string() }))
            }
            Order::RelayRotate { tenant, relay, secret } => {
                let access = self.access(&tenant, user).await?;
                let version = self.desk.rotate(&access, &relay, &Secret::from(secret.0)).await?;
                let found = self.desk.find(&access, &relay).await?;
                Ok(json!({ "relay": found.id, "credential": version.0 }))
            }
            Order::RelayList { tenant } => {
                let access = self.access(&tenant, user).await?;
                let all = self.desk.list(&access).await?;
                let all = all.into_iter().map(|entry| {
                    let mut object = shown(&entry.value);
                    object["relay"] = json!(entry.id);
                    object
                });
                Ok(json!({ "relays": all.collect::<Vec<_>>() }))
            }
            _ => Err(AppError::Defect("sorting an order")),
        }
    }

    async fn on_senders_and_keys(&self, user: &str, order: Order) -> Result<Value, AppError> {
        let desk = &self.desk;
        let (store, clock) = (&*desk.store, &*desk.clock);
        match order {
            Order::SenderVerifyAddress { tenant, address } => {
                self.verify(user, &tenant, SenderName::address(&address)?).await
            }
            Order::SenderVerifyDomain { tenant, domain } => {
                self.verify(user, &tenant, SenderName::domain(&domain)?).await
            }
            Order::SenderList { tenant } => {
                let access = self.access(&tenant, user).await?;
                let all = senders::list(store, clock, &access).await?;
                Ok(json!({ "senders": all.into_iter().map(|entry| entry.id).collect::<Vec<_>>() }))
            }
            Order::KeyCreate { tenant, name, scopes, expires_at } => {
                let access = self.access(&tenant, user).await?;
                let expires_at = expires_at.map(Timestamp::from_millis);
                let request = KeyRequest { name, scopes, expires_at };
                let made = keys::create(store, clock, &*desk.entropy, &access, request).await?;
                Ok(json!({ "key": made.text.expose_secret(), "id": made.id }))
            }
            Order::KeyRevoke { tenant, key } => {
                let access = self.access(&tenant, user).await?;
                keys::revoke(store, clock, &access, &key).await?;
                Ok(json!({ "id": key }))
            }
            Order::KeyList { tenant } => {
                let access = self.access(&tenant, user).await?;
                let all = keys::list(store, clock, &access).await?;
                let shown = |entry: crate::directory::Entry<keys::ApiKey>| {
                    json!({ "id": entry.id, "name": entry.value.name, "scopes": entry.value.scopes,
                        "expires_at": entry.value.expires_at })
                };
                Ok(json!({ "keys": all.into_iter().map(shown).collect::<Vec<_>>() }))
            }
            _ => Err(AppError::Defect("sorting an order")),
        }
    }

    async fn verify(&self, user: &str, tenant: &str, name: SenderName) -> Result<Value, AppError> {
        let access = self.access(tenant, user).await?;
        senders::verify(&*self.desk.store, &*self.desk.clock, &access, &name).await?;
        Ok(json!({ "sender": name.id() }))
    }
}

/// The relay as its use case wants it.
fn request(relay: NewRelay) -> Result<RelayRequest, AppError> {
    let mut url = RelayUrl::parse(&relay.url.0)?;
    if let Some(secret) = relay.secret {
        url.secret = Some(Secret::from(secret.0));
    }
    let kind = RelayKind::from_word(&relay.kind).ok_or_else(|| {
        AppError::BadInput(format!(
            "kind: `{}` is no kind of relay",
            relay.kind.chars().take(40).collect::<String>()
        ))
    })?;
    let own = kind.limits();
    let limits = RelayLimits {
        sessions_max: relay.sessions_max.unwrap_or(own.sessions_max),
        messages_per_connection_max: relay.messages_per_connection_max.or(own.messages_per_connection_max),
        messages_per_minute_max: relay.messages_per_minute_max.or(own.messages_per_minute_max),
    };
    let NewRelay { name, ehlo_name, authorities, use_chunking, .. } = relay;
    Ok(RelayRequest { name, url, kind, limits, ehlo_name, authorities, use_chunking })
}
