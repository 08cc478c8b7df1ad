//! npm's Haraka: STARTTLS and AUTH (PLAIN, LOGIN, CRAM-MD5), mails filed by a plugin of ours.

use std::path::Path;

use serde_json::json;

use super::{Delivery, PeersError, Prepared, RelayOptions, RunningRelay};
use crate::peers::relay::Site;

const PLUGIN: &str = include_str!("../../peers/haraka_inbox.js");

/// Starts Haraka.
pub struct Haraka;

impl Haraka {
    /// A Haraka of its own for the caller. Needs `node` 20 or later in the path.
    ///
    /// # Errors
    /// When the peers are not prepared, it does not start, or [`Delivery::Onward`] is asked for.
    pub fn start(options: &RelayOptions) -> Result<RunningRelay, PeersError> {
        if options.delivery != Delivery::Inbox {
            return Err(PeersError::Options { server: "Haraka", reason: "it keeps mails only" });
        }
        let package = Prepared::locate().node_modules()?.join("Haraka");
        let site = Site::open("Haraka", options)?;
        write_config(&site)?;
        site.copy(&package.join("config/connection.ini"), "conf/config/connection.ini")?;
        let haraka = package.join("bin/haraka");
        let home = site.path("conf");
        site.start(&[Path::new("node"), &haraka, Path::new("-c"), &home])
    }
}

/// Haraka's home is `conf/`: its `config/` and `plugins/` lie in it.
fn write_config(site: &Site<'_>) -> Result<(), PeersError> {
    let options = site.options;
    let mut plugins = String::new();
    if options.starttls {
        plugins += "tls\n";
        let (key, chain) = (site.path("conf/key.pem"), site.path("conf/chain.pem"));
        site.write("conf/config/tls.ini", &format!("key={}\ncert={}\n", key.display(), chain.display()))?;
    }
    if !options.accounts.is_empty() {
        plugins += "auth/flat_file\n";
        let users: String = options.accounts.iter().map(|a| format!("{}={}\n", a.user, a.secret)).collect();
        let text = format!("[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\nconstrain_sender=false\n[users]\n{users}");
        site.write("conf/config/auth_flat_file.ini", &text)?;
    }
    site.write("conf/config/plugins", &(plugins + "haraka_inbox\n"))?;
    site.write("conf/plugins/haraka_inbox.js", PLUGIN)?;
    let inbox = json!({ "folder": site.path("inbox"), "open": options.accounts.is_empty() });
    site.write("conf/config/inbox.json", &inbox.to_string())?;
    site.write("conf/config/smtp.ini", &format!("listen={}\nnodes=0\n", site.addr))?;
    // Nothing leaves, whatever a plugin does.
    site.write("conf/config/outbound.ini", "disabled=true\n")?;
    site.write("conf/config/log.ini", "[main]\nlevel=notice\n")?;
    site.write("conf/config/me", "relay.test\n")
}
