//! The Ed25519 key that signs exports: 32 octets of seed in `signing.key` (0600), made once.

use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::{FolderError, secret_file};

/// Signs exports of this installation.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes the key file where there is none; the caller owns the folder.
    pub(super) fn ensure(dir: &Path, seed: &[u8; 32]) -> Result<(), FolderError> {
        secret_file::ensure(&dir.join("signing.key"), seed).map(|_| ())
    }

    /// The folder's key.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let path = dir.join("signing.key");
        let seed =
            secret_file::read(&path).map_err(|reason| FolderError::File { path: path.clone(), reason })?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| FolderError::Damaged { path, reason: "it does not hold 32 octets".to_owned() })?;
        Ok(Self(pair))
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    /// What a signature is verified with.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// True when the signature is that of this key over this message.
#[must_use]
pub fn is_signed(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}
