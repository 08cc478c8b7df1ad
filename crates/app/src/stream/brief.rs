//! What is to be known of a tenant before a mail of it is taken in, kept for a moment: thousands of mails a second ask.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EmailAddress, Moment, RelayId, TenantId};

use crate::access::Access;
use crate::directory::relays::{RelayDesk, relay_id};
use crate::directory::senders::{self, SenderName};
use crate::directory::tenants::{self, TenantState};
use crate::error::AppError;

/// How old what is known may be: how soon a suspension takes effect.
const FRESH: Duration = Duration::from_millis(800);
/// Tenants that are remembered.
const TENANTS_MAX: usize = 10_000;

/// What is known of a tenant.
#[derive(Debug, Clone)]
pub struct Brief {
    state: TenantState,
    /// Id and name of each relay, oldest first.
    relays: Vec<(RelayId, String)>,
    senders: HashSet<String>,
    at: Moment,
}

impl Brief {
    /// The relay of this name; without a name the oldest.
    ///
    /// # Errors
    /// When there is none.
    pub fn relay(&self, name: Option<&str>) -> Result<RelayId, AppError> {
        let wanted = |(_, own): &&(RelayId, String)| name.is_none_or(|name| name == own);
        self.relays.iter().find(wanted).map(|(relay, _)| *relay).ok_or_else(|| AppError::NotFound {
            what: name.map_or("a relay of the tenant".to_owned(), |name| format!("relay `{name}`")),
            remedy: "add one with `hikyaku relay add`".to_owned(),
        })
    }

    /// Refuses what the tenant may not send.
    ///
    /// # Errors
    /// [`AppError::Suspended`], [`AppError::Unverified`].
    pub fn admit(&self, from: &EmailAddress) -> Result<(), AppError> {
        if self.state != TenantState::Active {
            return Err(AppError::Suspended { state: self.state.word() });
        }
        let domain = SenderName::Domain(from.domain().to_lowercase()).id();
        let allowed =
            self.senders.contains(&domain) || self.senders.contains(&SenderName::Address(from.clone()).id());
        if allowed { Ok(()) } else { Err(AppError::Unverified { address: from.as_str().to_owned() }) }
    }
}

/// The briefs of tenants that sent lately.
#[derive(Default)]
pub(super) struct Briefs(Mutex<HashMap<TenantId, Arc<Brief>>>);

impl Briefs {
    pub async fn of(&self, desk: &RelayDesk, access: &Access) -> Result<Arc<Brief>, AppError> {
        let now = desk.clock.moment();
        let known = self.lock().get(&access.tenant()).cloned();
        if let Some(brief) = known.filter(|brief| now < brief.at + FRESH) {
            return Ok(brief);
        }
        let brief = Arc::new(look(desk, access, now).await?);
        let mut all = self.lock();
        if all.len() >= TENANTS_MAX {
            all.retain(|_, brief| now < brief.at + FRESH);
        }
        all.insert(access.tenant(), Arc::clone(&brief));
        Ok(brief)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Arc<Brief>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(desk: &RelayDesk, access: &Access, at: Moment) -> Result<Brief, AppError> {
    let state = tenants::state(&*desk.store, &*desk.clock, access).await?;
    let relays = desk.list(access).await?;
    let relays = relays
        .into_iter()
        .map(|entry| Ok((relay_id(&entry)?, entry.value.name)))
        .collect::<Result<Vec<_>, AppError>>()?;
    let senders = senders::list(&*desk.store, &*desk.clock, access).await?;
    let senders = senders.into_iter().map(|entry| entry.id).collect();
    Ok(Brief { state, relays, senders, at })
}
