//! Digests: what identifies content, and keyed ones that reveal nothing without the installation's key.

use aws_lc_rs::{digest, hmac};
use domain::{Fingerprint, RelayId, TenantId};

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// What the audience digest sums: one recipient with its record snapshot.
#[must_use]
pub fn recipient_hash(address: &str, fields: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&u32::try_from(address.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.update(address.as_bytes());
    context.update(fields.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The key of an installation, under which secrets and replies are fingerprinted.
#[derive(Clone)]
pub struct InstallationKey(hmac::Key);

impl InstallationKey {
    /// From the 32 octets of the key file.
    #[must_use]
    pub fn new(octets: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// Tells two secrets of a relay apart without showing either.
    #[must_use]
    pub fn fingerprint(&self, tenant: TenantId, relay: RelayId, secret: &[u8]) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"credential");
        context.update(&tenant.0.to_be_bytes());
        context.update(&relay.0.to_be_bytes());
        context.update(secret);
        let mut out = [0; 12];
        out.copy_from_slice(&context.sign().as_ref()[..12]);
        Fingerprint(out)
    }

    /// Tells whether two nodes have the same key, without showing it.
    #[must_use]
    pub fn check(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.0, b"hikyaku installation check").as_ref());
        out
    }

    /// Stands for a reply's text in the book, which must not hold it.
    #[must_use]
    pub fn reply_digest(&self, text: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"reply");
        context.update(text);
        let mut out = [0; 16];
        out.copy_from_slice(&context.sign().as_ref()[..16]);
        out
    }
}

impl std::fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstallationKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_tenant_relay_and_secret() {
        let key = InstallationKey::new(&[7; 32]);
        let base = key.fingerprint(TenantId(1), RelayId(1), b"secret");
        assert_eq!(base, key.fingerprint(TenantId(1), RelayId(1), b"secret"));
        assert_ne!(base, key.fingerprint(TenantId(2), RelayId(1), b"secret"));
        assert_ne!(base, key.fingerprint(TenantId(1), RelayId(2), b"secret"));
        assert_ne!(base, key.fingerprint(TenantId(1), RelayId(1), b"Secret"));
        assert_ne!(base, InstallationKey::new(&[8; 32]).fingerprint(TenantId(1), RelayId(1), b"secret"));
    }

    #[test]
    fn address_and_fields_do_not_run_together() {
        assert_ne!(recipient_hash("a@b.jp", "c"), recipient_hash("a@b.jpc", ""));
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", InstallationKey::new(&[65; 32])), "InstallationKey(…)");
    }
}
