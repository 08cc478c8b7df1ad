//! Signed words that clients hold, so that nothing is stored for who does not log in: a *step* between password and code,
//! and the mark of a *device* that somebody logged in with before.
//!
//! A step names the user, their epoch (a new password makes it worthless) and its end. A device's mark names the user, a number
//! and its end; it opens nothing, and only says whose failed tries are counted apart. Both are under a key of the installation, each
//! with a word of its own, so that neither stands for the other.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use smtp::{ExposeSecret, Secret};

/// How long the code may take.
pub const STEP_LIFE: Duration = Duration::from_secs(5 * 60);
/// How long a device is known.
pub const DEVICE_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// Characters of a word's text.
const TEXT_MAX: usize = 1000;

/// Whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The user's id.
    pub user: String,
    /// Their epoch.
    pub epoch: u64,
}

/// Where somebody logged in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The user's id.
    pub user: String,
    /// Which of theirs.
    pub number: u64,
}

impl Step {
    /// As the client holds it.
    #[must_use]
    pub fn sign(&self, key: &hmac::Key, now: Timestamp) -> Secret {
        sign("step", &self.user, self.epoch, key, now + STEP_LIFE)
    }

    /// One that was signed and is not over.
    #[must_use]
    pub fn read(text: &Secret, key: &hmac::Key, now: Timestamp) -> Option<Self> {
        read("step", text, key, now).map(|(user, epoch)| Self { user, epoch })
    }
}

impl Device {
    /// As the client holds it.
    #[must_use]
    pub fn sign(&self, key: &hmac::Key, now: Timestamp) -> Secret {
        sign("device", &self.user, self.number, key, now + DEVICE_LIFE)
    }

    /// One that was signed and is not over.
    #[must_use]
    pub fn read(text: &Secret, key: &hmac::Key, now: Timestamp) -> Option<Self> {
        read("device", text, key, now).map(|(user, number)| Self { user, number })
    }
}

fn sign(word: &str, user: &str, number: u64, key: &hmac::Key, ends: Timestamp) -> Secret {
    let said = format!("{word}.{}.{number}.{}", ends.as_millis(), URL_SAFE_NO_PAD.encode(user));
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(key, said.as_bytes()));
    Secret::from(format!("{said}.{tag}"))
}

fn read(word: &str, text: &Secret, key: &hmac::Key, now: Timestamp) -> Option<(String, u64)> {
    let text = text.expose_secret();
    let (said, tag) = text.rsplit_once('.').filter(|_| text.len() <= TEXT_MAX)?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    hmac::verify(key, said.as_bytes(), &tag).ok()?;
    let mut parts = said.strip_prefix(word)?.strip_prefix('.')?.split('.');
    let (ends, number, user) = (parts.next()?, parts.next()?, parts.next()?);
    let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
    (now.as_millis() < ends.parse().ok()?).then_some((user, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_key_reads_it_and_not_for_long() {
        let key = |octet: u8| hmac::Key::new(hmac::HMAC_SHA256, &[octet; 32]);
        let step = Step { user: "花子@example.jp".to_owned(), epoch: 7 };
        let now = Timestamp::from_millis(1_000_000);
        let signed = step.sign(&key(1), now);
        assert_eq!(Step::read(&signed, &key(1), now), Some(step.clone()));
        assert_eq!(Step::read(&signed, &key(2), now), None);
        assert_eq!(Step::read(&signed, &key(1), now + STEP_LIFE), None, "over");
        let other = Step { epoch: 8, ..step }.sign(&key(1), now);
        let (said, _) = other.expose_secret().rsplit_once('.').expect("a tag");
        let (_, tag) = signed.expose_secret().rsplit_once('.').expect("a tag");
        assert_eq!(Step::read(&Secret::from(format!("{said}.{tag}")), &key(1), now), None, "forged");
        assert_eq!(Step::read(&Secret::from(String::new()), &key(1), now), None);
    }

    #[test]
    fn a_step_is_no_device_and_a_device_no_step() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let now = Timestamp::from_millis(1_000_000);
        let device = Device { user: "a@example.jp".to_owned(), number: 7 };
        let signed = device.sign(&key, now);
        assert_eq!(Device::read(&signed, &key, now), Some(device));
        assert_eq!(Step::read(&signed, &key, now), None);
        assert_eq!(Device::read(&signed, &key, now + DEVICE_LIFE), None, "over");
        let step = Step { user: "a@example.jp".to_owned(), epoch: 7 }.sign(&key, now);
        assert_eq!(Device::read(&step, &key, now), None);
    }
}
