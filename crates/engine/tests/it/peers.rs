//! Real relays: Postfix, Haraka and aiosmtpd under STARTTLS with AUTH, OpenSMTPD in clear. Their inboxes are the
//! oracle. (Debian's OpenSMTPD can do no TLS with its OpenSSL, and offers AUTH only under TLS.)

use std::collections::BTreeMap;
use std::time::Duration;

use domain::LinkSecurity;
use engine::{EngineConfig, Login, ReleaseEnd, TlsTrust};
use smtp::Secret;
use testkit::peers::{
    Aiosmtpd, Haraka, OpenSmtpd, PeersError, Postfix, RelayOptions, RunningRelay, prepared_or_skip,
};

use crate::rig::{Order, Rig, addresses};

const MAILS: usize = 120;

/// Sends a release through the relay; each recipient must have one mail, byte for byte.
async fn check(start: fn(&RelayOptions) -> Result<RunningRelay, PeersError>, options: RelayOptions) {
    if prepared_or_skip().is_none() {
        return;
    }
    let relay = start(&options).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let ca = rig.folder.path().join("ca.pem");
    std::fs::write(&ca, &relay.ca_pem).unwrap();
    let mut client = rig.client("一社", relay.addr, &relay.secret).await;
    client.spec.host = "localhost".to_owned();
    client.spec.login = None;
    if options.starttls {
        client.spec.security = LinkSecurity::StartTls;
        client.spec.trust = TlsTrust::File(ca);
        let secret = Secret::from(relay.secret.clone());
        client.spec.login = Some(Login { user: relay.user.clone(), secret, mechanism: None });
    }
    client.spec.limits.sessions_max = 4;
    let order = Order::to(addresses("a", MAILS));
    let (_, end, statement) = rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled, "{}", relay.log_end());
    assert_eq!(statement.accepted, MAILS as u64, "{statement:?}\n{}", relay.log_end());
    let mut received = BTreeMap::new();
    for mail in relay.received_at_least(MAILS, Duration::from_secs(30)).unwrap() {
        let content = String::from_utf8(mail.wire_content()).unwrap();
        assert!(content.contains("\r\n.leading dot\r\n"), "the dot is neither lost nor doubled: {content}");
        for recipient in mail.recipients {
            *received.entry(recipient).or_insert(0) += 1;
        }
    }
    assert_eq!(received.len(), MAILS);
    assert!(received.values().all(|count| *count == 1), "{received:?}");
    rig.close().await;
}

#[tokio::test]
async fn postfix_takes_each_mail_once() {
    check(Postfix::start, RelayOptions::default()).await;
}

#[tokio::test]
async fn opensmtpd_takes_each_mail_once() {
    check(OpenSmtpd::start, RelayOptions::open()).await;
}

#[tokio::test]
async fn haraka_takes_each_mail_once() {
    check(Haraka::start, RelayOptions::default()).await;
}

#[tokio::test]
async fn aiosmtpd_takes_each_mail_once() {
    check(Aiosmtpd::start, RelayOptions::default()).await;
}
