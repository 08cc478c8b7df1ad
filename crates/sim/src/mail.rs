//! The mails of a run: each a function of its release and intent, so that a relay can tell whether it arrived whole.

use engine::{ComposeError, Composed, Composer};
use ledger::{LeasedIntent, sha256};

use crate::relay::log::Marker;

/// The user name that every client company has with every relay.
pub const USER: &str = "apikey";

/// The address of a recipient.
#[must_use]
pub fn address(tenant: u64, marker: Marker) -> String {
    format!("i{}.r{}@t{tenant}.example", marker.intent, marker.release)
}

/// The octets of a mail.
#[must_use]
pub fn text(marker: Marker, recipient: &str) -> String {
    let Marker { release, intent } = marker;
    let lines = "A line of the release, and one that begins with a dot:\r\n.hidden\r\n"
        .repeat(1 + intent as usize % 5);
    format!(
        "From: pr@example.jp\r\nTo: {recipient}\r\nMessage-ID: <{intent}.{release}@example.jp>\r\n\
         X-Intent: {release}/{intent}\r\nSubject: release {release}\r\n\r\n{lines}end of {release}/{intent}\r\n"
    )
}

/// What a mail says of itself.
#[must_use]
pub fn marker(octets: &[u8]) -> Option<Marker> {
    let text = std::str::from_utf8(octets).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("X-Intent: "))?;
    let (release, intent) = line.split_once('/')?;
    Some(Marker { release: release.parse().ok()?, intent: intent.parse().ok()? })
}

/// Composes the mails of one release, by the scenario's number.
pub struct SimComposer {
    /// The release.
    pub release: u64,
}

/// The record of a recipient whose mail cannot be made.
pub const UNFIT: &str = "unfit";

impl Composer for SimComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        if intent.fields == UNFIT {
            return Err(ComposeError("a field is missing".to_owned()));
        }
        let marker = Marker { release: self.release, intent: intent.intent.0 };
        let head = text(marker, &intent.address).into_bytes();
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(&head)[..16]);
        Ok(Composed { head, tail: None, eight_bit: false, smtputf8: false, digest, reverse_path: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_names_its_intent() {
        let marker_of = Marker { release: 3, intent: 17 };
        assert_eq!(marker(text(marker_of, "a@example.jp").as_bytes()), Some(marker_of));
        assert_eq!(marker(b"Subject: x\r\n\r\n"), None);
    }
}
