//! The house's own interface. One file for each thing.

mod audit;
mod docs;
mod events;
mod keys;
mod nodes;
mod relays;
mod releases;
mod senders;
mod tenant;

use domain::Timestamp;

use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = keys::routes(senders::routes(relays::routes(routes)));
    let routes = events::routes(releases::routes(tenant::routes(routes)));
    docs::routes(audit::routes(nodes::routes(routes)))
}

/// RFC 3339.
fn time(at: Timestamp) -> String {
    at.to_string()
}

fn time_of_ms(ms: i64) -> String {
    time(Timestamp::from_millis(ms))
}
