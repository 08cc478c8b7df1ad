//! Secrets at rest: each is encrypted under a data key of its own, and that key under the vault's (envelope encryption).
//!
//! AES-256-GCM (NIST SP 800-38D) with random nonces. Tenant, kind, id and version of the row are bound to both texts, so that
//! what was moved to another row opens nothing. Keys of the vault have numbers: a new one may be added at any time, what
//! is stored is brought under it piece by piece, and only then the old one goes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use domain::TenantId;
use runtime::Entropy;
use serde::{Deserialize, Serialize};
use smtp::Secret;
use zeroize::Zeroizing;

use crate::error::AppError;

/// Octets of a key.
const KEY_OCTETS: usize = 32;

/// Encrypts and decrypts data keys: the installation's own keys, or a service that keeps them.
pub trait KeyKeeper: Send + Sync {
    /// Encrypts a data key under the newest key; gives that key's number with it.
    ///
    /// # Errors
    /// When the keeper, or the random source, fails.
    fn wrap(&self, key: &[u8], bound: &[u8], entropy: &dyn Entropy) -> Result<(u32, Vec<u8>), AppError>;

    /// Decrypts a data key.
    ///
    /// # Errors
    /// When there is no such key, or it was made for another row.
    fn unwrap(&self, number: u32, wrapped: &[u8], bound: &[u8]) -> Result<Zeroizing<Vec<u8>>, AppError>;

    /// The number of the newest key.
    fn newest(&self) -> u32;
}

/// Which row a secret belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// The document's kind, and which of its secrets.
    pub kind: &'a str,
    /// The document's id.
    pub id: &'a str,
    /// The secret's version.
    pub version: u32,
}

impl Place<'_> {
    fn bound(&self) -> Vec<u8> {
        let mut bound = b"hikyaku secret 1\0".to_vec();
        bound.extend_from_slice(&self.tenant.0.to_be_bytes());
        bound.extend_from_slice(&self.version.to_be_bytes());
        for text in [self.kind, self.id] {
            bound.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bound.extend_from_slice(text.as_bytes());
        }
        bound
    }
}

/// An encrypted secret, as documents hold it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The number of the vault's key.
    pub key: u32,
    /// The data key, base64.
    wrapped: String,
    /// The secret, base64.
    text: String,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed(under key {})", self.key)
    }
}

/// Seals and opens secrets.
pub struct Vault {
    keeper: Box<dyn KeyKeeper>,
}

impl Vault {
    /// A vault whose keys this keeper has.
    #[must_use]
    pub fn new(keeper: Box<dyn KeyKeeper>) -> Self {
        Self { keeper }
    }

    /// The number of the newest key.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.keeper.newest()
    }

    /// Encrypts a secret for its row.
    ///
    /// # Errors
    /// When the random source or the keeper fails.
    pub fn seal(&self, entropy: &dyn Entropy, place: Place<'_>, secret: &str) -> Result<Sealed, AppError> {
        let bound = place.bound();
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        entropy.fill(&mut *key).map_err(AppError::Entropy)?;
        let text = encrypt(&*key, &bound, secret.as_bytes(), entropy)?;
        let (number, wrapped) = self.keeper.wrap(&*key, &bound, entropy)?;
        let coded = |octets: &[u8]| STANDARD_NO_PAD.encode(octets);
        Ok(Sealed { key: number, wrapped: coded(&wrapped), text: coded(&text) })
    }

    /// Decrypts a secret of this row.
    ///
    /// # Errors
    /// When it was sealed for another row, or under a key that the vault does not have.
    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Secret, AppError> {
        let bound = place.bound();
        let decoded = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| unreadable(sealed.key));
        let key = self.keeper.unwrap(sealed.key, &decoded(&sealed.wrapped)?, &bound)?;
        let octets = decrypt(&key, &bound, &decoded(&sealed.text)?).ok_or_else(|| unreadable(sealed.key))?;
        let text = std::str::from_utf8(&octets).map_err(|_| unreadable(sealed.key))?;
        Ok(Secret::from(text.to_owned()))
    }
}

/// Keys that the installation has itself, each under its number; the highest is the newest.
pub struct KeyRing {
    keys: Vec<(u32, Zeroizing<[u8; KEY_OCTETS]>)>,
}

impl KeyRing {
    /// A ring of these keys, of which there must be one.
    #[must_use]
    pub fn new(first: [u8; KEY_OCTETS], others: impl IntoIterator<Item = (u32, [u8; KEY_OCTETS])>) -> Self {
        let mut keys = vec![(0, Zeroizing::new(first))];
        keys.extend(others.into_iter().map(|(number, key)| (number, Zeroizing::new(key))));
        keys.sort_by_key(|(number, _)| *number);
        Self { keys }
    }

    fn get(&self, number: u32) -> Option<&[u8; KEY_OCTETS]> {
        self.keys.iter().find(|(other, _)| *other == number).map(|(_, key)| &**key)
    }
}

impl KeyKeeper for KeyRing {
    fn wrap(&self, key: &[u8], bound: &[u8], entropy: &dyn Entropy) -> Result<(u32, Vec<u8>), AppError> {
        let number = self.newest();
        let own = self.get(number).ok_or_else(|| unreadable(number))?;
        Ok((number, encrypt(own, bound, key, entropy)?))
    }

    fn unwrap(&self, number: u32, wrapped: &[u8], bound: &[u8]) -> Result<Zeroizing<Vec<u8>>, AppError> {
        let own = self.get(number).ok_or_else(|| unreadable(number))?;
        decrypt(own, bound, wrapped).ok_or_else(|| unreadable(number))
    }

    fn newest(&self) -> u32 {
        self.keys.last().map_or(0, |(number, _)| *number)
    }
}

fn unreadable(key: u32) -> AppError {
    AppError::BadInput(format!(
        "a secret that was stored under key {key} cannot be read; give this installation the keys that belong to its \
         books (installation.key, and secrets.keys where it has any)"
    ))
}

fn cipher(key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

/// The text with its tag, then the nonce.
fn encrypt(key: &[u8], bound: &[u8], text: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, AppError> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce).map_err(AppError::Entropy)?;
    let mut octets = text.to_vec();
    let cipher = cipher(key).ok_or(AppError::Defect("a key of 32 octets was refused"))?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut octets)
        .map_err(|_| AppError::Defect("encrypting a secret"))?;
    octets.extend_from_slice(&nonce);
    Ok(octets)
}

fn decrypt(key: &[u8], bound: &[u8], octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (text, nonce) = octets.split_at_checked(octets.len().checked_sub(NONCE_LEN)?)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?.open_in_place(nonce, Aad::from(bound), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::SystemEntropy;
    use smtp::ExposeSecret;

    const PLACE: Place<'_> = Place { tenant: TenantId(7), kind: "relay", id: "rly_1", version: 3 };

    fn vault(others: &[(u32, [u8; 32])]) -> Vault {
        Vault::new(Box::new(KeyRing::new([1; 32], others.iter().copied())))
    }

    #[test]
    fn a_secret_opens_in_its_own_row_alone() {
        let vault = vault(&[]);
        let sealed = vault.seal(&SystemEntropy, PLACE, "合言葉🔑").expect("sealed");
        let opened = |place| vault.open(place, &sealed).ok().map(|secret| secret.expose_secret().to_owned());
        assert_eq!(opened(PLACE).as_deref(), Some("合言葉🔑"));
        for other in [
            Place { tenant: TenantId(8), ..PLACE },
            Place { kind: "relays", ..PLACE },
            Place { id: "rly_2", ..PLACE },
            Place { version: 4, ..PLACE },
        ] {
            assert_eq!(opened(other), None, "{other:?}");
        }
        assert!(!format!("{sealed:?}").contains(&sealed.text));
    }

    #[test]
    fn a_new_key_takes_over_and_the_old_one_still_opens() {
        let (old, new) = (vault(&[]), vault(&[(1, [2; 32])]));
        let sealed = old.seal(&SystemEntropy, PLACE, "a").expect("sealed");
        assert_eq!(new.open(PLACE, &sealed).expect("opened").expose_secret(), "a");
        let again = new.seal(&SystemEntropy, PLACE, "a").expect("sealed");
        assert_eq!((sealed.key, again.key), (0, 1));
        let refused = old.open(PLACE, &again).map(|_| ()).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("key 1")));
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let vault = vault(&[]);
        let seal = || vault.seal(&SystemEntropy, PLACE, "a").expect("sealed");
        assert_ne!(seal(), seal());
    }
}
