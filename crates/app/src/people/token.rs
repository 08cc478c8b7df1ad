//! Tokens of 256 random bits, of which only the SHA-256 is stored: as the id of what they open.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::sha256;
use runtime::Entropy;
use smtp::{ExposeSecret, Secret};
use zeroize::Zeroizing;

use crate::error::{AppError, hex};

/// Octets of a token.
const OCTETS: usize = 32;
/// Characters of its text.
const CHARACTERS: usize = 43;

/// A new token.
///
/// # Errors
/// When the random source fails.
pub fn new(entropy: &dyn Entropy) -> Result<Secret, AppError> {
    let mut octets = Zeroizing::new([0; OCTETS]);
    entropy.fill(&mut *octets).map_err(AppError::Entropy)?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(*octets)))
}

/// The digest that stands for it; `None` for what is no token.
#[must_use]
pub fn digest(token: &Secret) -> Option<String> {
    let text = token.expose_secret();
    (text.len() == CHARACTERS).then(|| hex(&sha256(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::SystemEntropy;

    #[test]
    fn tokens_differ_and_their_digests_are_not_them() {
        let (a, b) = (new(&SystemEntropy).expect("a token"), new(&SystemEntropy).expect("a token"));
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert_ne!(digest(&a), digest(&b));
        assert_eq!(digest(&a).map(|digest| digest.len()), Some(64));
        for bad in ["", "a", &"a".repeat(44), &"あ".repeat(43)] {
            assert_eq!(digest(&Secret::from(bad.to_owned())), None);
        }
    }
}
