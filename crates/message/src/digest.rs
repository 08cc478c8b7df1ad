//! SHA-256, by which bodies, boundaries and canonical forms are named.

/// A running SHA-256.
pub(crate) struct Sha256(aws_lc_rs::digest::Context);

impl Sha256 {
    /// Of nothing yet.
    pub(crate) fn new() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }

    /// Takes in more octets.
    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    /// The digest of all that was taken in.
    pub(crate) fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        let digest = self.0.finish();
        for (slot, octet) in out.iter_mut().zip(digest.as_ref()) {
            *slot = *octet;
        }
        out
    }
}
