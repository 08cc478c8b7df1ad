//! Debian's OpenSMTPD, without encryption: OpenSMTPD 6.8 as Debian 12 builds it cannot answer a TLS handshake over
//! OpenSSL 3 (its key agent loses the key, whatever the key's kind), and it offers AUTH behind TLS alone.

use super::{Delivery, PeersError, Prepared, RelayOptions, RunningRelay};
use crate::peers::relay::Site;

const SCRIPT: &str = include_str!("../../peers/opensmtpd.sh");

/// Starts OpenSMTPD.
pub struct OpenSmtpd;

impl OpenSmtpd {
    /// An OpenSMTPD of its own for the caller: see [`RelayOptions::open`]. Needs root (namespaces).
    ///
    /// # Errors
    /// When the peers are not prepared, it does not start, or STARTTLS or accounts are asked for.
    pub fn start(options: &RelayOptions) -> Result<RunningRelay, PeersError> {
        if options.starttls || !options.accounts.is_empty() {
            let reason = "Debian 12's build fails at TLS with OpenSSL 3, and it offers AUTH behind TLS alone";
            return Err(PeersError::Options { server: "OpenSMTPD", reason });
        }
        let root = Prepared::locate().debian()?;
        let site = Site::open("OpenSMTPD", options)?;
        site.write("conf/smtpd.conf", &smtpd_conf(options.delivery, site.addr.port()))?;
        site.start_isolated(&root, SCRIPT)
    }
}

fn smtpd_conf(delivery: Delivery, port: u16) -> String {
    let action = match delivery {
        Delivery::Inbox => "maildir \"/mnt/inbox\" virtual <everyone>".to_owned(),
        Delivery::Onward(sink) => format!("relay host smtp://{sink}"),
    };
    format!(
        "table everyone {{ \"@\" = \"courier\" }}\n\
         listen on 127.0.0.1 port {port} hostname relay.test\n\
         action \"filed\" {action}\n\
         match from any for any action \"filed\"\n"
    )
}
