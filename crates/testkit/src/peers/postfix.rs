//! Debian's Postfix: STARTTLS and SASL (PLAIN, LOGIN, CRAM-MD5) by Cyrus' sasldb; all else as Debian ships it.

use super::{Delivery, PeersError, Prepared, RelayOptions, RunningRelay};
use crate::peers::relay::Site;

const SCRIPT: &str = include_str!("../../peers/postfix.sh");

/// Cyrus SASL's settings; the script makes the database from the accounts.
const SASL: &str = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /run/accounts.db\n\
                    mech_list: PLAIN LOGIN CRAM-MD5\n";

/// Starts Postfix.
pub struct Postfix;

impl Postfix {
    /// A Postfix of its own for the caller. Needs root (namespaces).
    ///
    /// With [`RelayOptions::production`] nothing but port and next hop differs from Postfix' defaults (100 processes a service).
    ///
    /// # Errors
    /// When the peers are not prepared, or it does not start.
    pub fn start(options: &RelayOptions) -> Result<RunningRelay, PeersError> {
        let root = Prepared::locate().debian()?;
        let site = Site::open("Postfix", options)?;
        site.write_accounts()?;
        // Debian's build looks for it beside main.cf, whatever main.cf says.
        site.write("conf/sasl/smtpd.conf", SASL)?;
        site.write("conf/main.cf", &main_cf(options))?;
        site.write("conf/master.cf", &master_cf(site.addr.port()))?;
        site.start_isolated(&root, SCRIPT)
    }
}

fn main_cf(options: &RelayOptions) -> String {
    let mut text = String::from(
        "compatibility_level = 3.6\n\
         myhostname = relay.test\n\
         mydestination =\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         queue_directory = /var/spool/postfix\n\
         data_directory = /var/spool/data\n\
         maillog_file = /var/log/server\n\
         alias_maps =\n\
         alias_database =\n\
         smtpd_peername_lookup = no\n",
    );
    text += match options.accounts.is_empty() {
        true => "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject\n",
        false => {
            "mynetworks =\n\
             smtpd_relay_restrictions = permit_sasl_authenticated, reject\n\
             smtpd_sasl_auth_enable = yes\n\
             smtpd_sasl_local_domain = relay.test\n\
             smtpd_sasl_security_options = noanonymous\n"
        }
    };
    if options.starttls {
        text += "smtpd_tls_security_level = may\n\
                 smtpd_tls_auth_only = yes\n\
                 smtpd_tls_cert_file = /mnt/conf/chain.pem\n\
                 smtpd_tls_key_file = /mnt/conf/key.pem\n";
    }
    text + &match options.delivery {
        Delivery::Onward(sink) => format!("relayhost = [{}]:{}\n", sink.ip(), sink.port()),
        // Every domain is a virtual one whose every address is filed in the one Maildir.
        Delivery::Inbox => "virtual_mailbox_domains = static:all\n\
                            virtual_mailbox_base = /mnt\n\
                            virtual_mailbox_maps = static:inbox/\n\
                            virtual_uid_maps = static:64105\n\
                            virtual_gid_maps = static:64105\n"
            .to_owned(),
    }
}

/// The services of Debian's `master.cf` that take part, none of them in a chroot.
fn master_cf(port: u16) -> String {
    let services = "\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
";
    format!("127.0.0.1:{port} inet n - n - - smtpd\n{services}")
}
