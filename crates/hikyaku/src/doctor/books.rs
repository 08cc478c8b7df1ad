//! The books, and the ways to the relays that stand in them: names are looked up, and a connection is opened and closed.

use std::time::Duration;

use app::Access;
use app::directory::Directory;
use app::directory::relays::Relay;
use ledger::Store;
use runtime::{DialOptions, Network as _, SystemClock, SystemNetwork};

use super::{Finding, Health};
use crate::arguments::PlaceFlags;
use crate::{database, opened};

/// How long a relay may take to answer a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Relays that are tried.
const RELAYS_MAX: usize = 200;

/// Looks at the books, if there are any, and at the relays in them.
pub async fn look(place: &PlaceFlags, all: &mut Vec<Finding>) {
    const WHAT: &str = "books";
    if let Err(error) = standby(place, all).await {
        all.push(Finding::new(WHAT, Health::Faulty, format!("{error:#}")));
        return;
    }
    let in_folder = place.data.join(ledger_sqlite::DATABASE_FILE).is_file();
    if place.database.database_url.as_deref().unwrap_or_default().is_empty() && !in_folder {
        all.push(Finding::new(
            WHAT,
            Health::Well,
            "there are none yet; they are made when they are first used",
        ));
        return;
    }
    match opened::read(place).await {
        Err(error) => all.push(Finding::new(WHAT, Health::Faulty, format!("{error:#}"))),
        Ok(reading) => match reading.store.tenant_list().await {
            Err(error) => all.push(Finding::new(WHAT, Health::Faulty, error.to_string())),
            Ok(tenants) => {
                all.push(Finding::new(WHAT, Health::Well, format!("{} tenants", tenants.len())));
                for tenant in tenants {
                    relays(&*reading.store, &tenant.name, all).await;
                }
            }
        },
    }
}

/// What the database itself says of standbys; its version was looked at when it was opened.
async fn standby(place: &PlaceFlags, all: &mut Vec<Finding>) -> anyhow::Result<()> {
    let Some(wanted) = database::wanted(&place.database)? else { return Ok(()) };
    let store = wanted.open().await?;
    let standby = store.standby().await?;
    let health = if standby.may_lose_commits() { Health::Doubtful } else { Health::Well };
    all.push(Finding::new(format!("database {}", wanted.place()), health, standby.to_string()));
    store.close();
    Ok(())
}

async fn relays(store: &dyn Store, tenant: &str, all: &mut Vec<Finding>) {
    let user = opened::user();
    let Ok(access) = Access::admit(store, tenant, &user, app::Right::Read).await else { return };
    match Directory::of(store, &SystemClock, &access).list::<Relay>().await {
        Err(error) => {
            all.push(Finding::new(format!("relays of {tenant}"), Health::Faulty, error.to_string()))
        }
        Ok(relays) => {
            for entry in relays.into_iter().take(RELAYS_MAX) {
                all.push(reach(tenant, &entry.value).await);
            }
        }
    }
}

async fn reach(tenant: &str, relay: &Relay) -> Finding {
    let what = format!("relay {} of {tenant}", relay.name);
    let options = DialOptions { timeout: CONNECT, user_timeout: CONNECT };
    match SystemNetwork.dial(&relay.host, relay.port, options).await {
        Ok(connection) => Finding::new(what, Health::Well, format!("{} answers", connection.peer)),
        Err(error) => Finding::new(
            what,
            Health::Faulty,
            format!(
                "{}:{} cannot be reached ({error}); see to DNS and to firewalls on the way",
                relay.host, relay.port
            ),
        ),
    }
}
