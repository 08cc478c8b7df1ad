//! PyPI's aiosmtpd: STARTTLS and AUTH (PLAIN, LOGIN), mails filed by a handler of ours.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Delivery, PeersError, Prepared, RelayOptions, RunningRelay};
use crate::peers::relay::Site;

const RELAY: &str = include_str!("../../peers/aiosmtpd_relay.py");

/// Starts aiosmtpd.
pub struct Aiosmtpd;

impl Aiosmtpd {
    /// An aiosmtpd of its own for the caller.
    ///
    /// # Errors
    /// When the peers are not prepared, it does not start, or [`Delivery::Onward`] is asked for.
    pub fn start(options: &RelayOptions) -> Result<RunningRelay, PeersError> {
        if options.delivery != Delivery::Inbox {
            return Err(PeersError::Options { server: "aiosmtpd", reason: "it keeps mails only" });
        }
        let python = Prepared::locate().python()?;
        let site = Site::open("aiosmtpd", options)?;
        site.write("conf/relay.py", RELAY)?;
        site.write("conf/relay.json", &setup(&site).to_string())?;
        let (script, setup) = (site.path("conf/relay.py"), site.path("conf/relay.json"));
        site.start(&[&python, Path::new("-u"), &script, &setup])
    }
}

fn setup(site: &Site<'_>) -> Value {
    let secrets = site.options.accounts.iter().map(|a| (a.user.clone(), Value::from(a.secret.as_str())));
    let pem = |name: &str| site.options.starttls.then(|| site.path(name));
    json!({
        "host": site.addr.ip(),
        "port": site.addr.port(),
        "inbox": site.path("inbox"),
        "accounts": secrets.collect::<Map<String, Value>>(),
        "chain": pem("conf/chain.pem"),
        "key": pem("conf/key.pem"),
    })
}
