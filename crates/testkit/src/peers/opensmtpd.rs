//! Debian's OpenSMTPD: STARTTLS and AUTH (PLAIN, LOGIN).

use super::{Delivery, PeersError, Prepared, RelayOptions, RunningRelay};
use crate::peers::relay::Site;

const SCRIPT: &str = include_str!("../../peers/opensmtpd.sh");

/// Starts OpenSMTPD.
pub struct OpenSmtpd;

impl OpenSmtpd {
    /// An OpenSMTPD of its own for the caller. Needs root (namespaces).
    ///
    /// # Errors
    /// When the peers are not prepared, it does not start, or accounts are asked for without STARTTLS: it offers
    /// AUTH on encrypted sessions alone.
    pub fn start(options: &RelayOptions) -> Result<RunningRelay, PeersError> {
        if !options.starttls && !options.accounts.is_empty() {
            let reason = "it offers AUTH behind STARTTLS alone";
            return Err(PeersError::Options { server: "OpenSMTPD", reason });
        }
        let root = Prepared::locate().debian()?;
        let site = Site::open("OpenSMTPD", options)?;
        site.write_accounts()?;
        site.write("conf/smtpd.conf", &smtpd_conf(options, site.addr.port()))?;
        site.start_isolated(&root, SCRIPT)
    }
}

fn smtpd_conf(options: &RelayOptions, port: u16) -> String {
    let mut listen = format!("listen on 127.0.0.1 port {port} hostname relay.test");
    let mut text = String::new();
    if options.starttls {
        text += "pki \"relay.test\" cert \"/run/chain.pem\"\npki \"relay.test\" key \"/run/key.pem\"\n";
        listen += " tls-require pki \"relay.test\"";
    }
    let mut from = "from any";
    if !options.accounts.is_empty() {
        text += "table accounts file:/run/accounts\n";
        listen += " auth <accounts>";
        from = "auth from any";
    }
    let action = match options.delivery {
        Delivery::Inbox => "maildir \"/mnt/inbox\" virtual <everyone>".to_owned(),
        Delivery::Onward(sink) => format!("relay host smtp://{sink}"),
    };
    text + &format!(
        "table everyone {{ \"@\" = \"courier\" }}\n\
         {listen}\n\
         action \"filed\" {action}\n\
         match {from} for any action \"filed\"\n"
    )
}
