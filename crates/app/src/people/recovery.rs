//! Recovery codes: for whoever has lost the authenticator app. Ten, each once.
//!
//! A code has 80 random bits in 16 characters that nobody confuses, so a SHA-256 of it tells nothing; the user's id is hashed
//! with it, so that equal digests never show. Only digests are stored.

use aws_lc_rs::constant_time;
use ledger::sha256;
use runtime::Entropy;
use smtp::Secret;
use zeroize::Zeroizing;

use crate::error::{AppError, hex};

/// Codes of a set.
pub const CODES: usize = 10;
/// Octets of a code.
const CODE_OCTETS: usize = 10;
/// Characters of a group, for reading.
const GROUP: usize = 4;
/// Crockford's base 32, as ids have it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new set: what the person gets, and what is stored.
///
/// # Errors
/// When the random source fails.
pub fn new_set(entropy: &dyn Entropy, user: &str) -> Result<(Vec<Secret>, Vec<String>), AppError> {
    let mut codes = Vec::with_capacity(CODES);
    let mut digests = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let mut octets = Zeroizing::new([0; CODE_OCTETS]);
        entropy.fill(&mut *octets).map_err(AppError::Entropy)?;
        let code = text(&octets);
        digests.push(digest(user, &code));
        let mut shown = String::with_capacity(code.len() + code.len() / GROUP);
        for (place, c) in code.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                shown.push('-');
            }
            shown.push(c);
        }
        codes.push(Secret::from(shown));
    }
    Ok((codes, digests))
}

/// The place of the digest that this code has, if it is one of them.
#[must_use]
pub fn place(digests: &[String], user: &str, code: &str) -> Option<usize> {
    let code = normal(code)?;
    let given = digest(user, &code);
    let same =
        |stored: &String| constant_time::verify_slices_are_equal(stored.as_bytes(), given.as_bytes()).is_ok();
    digests.iter().position(same)
}

/// Lower case, without what people put between, with the letters that people take for digits.
fn normal(code: &str) -> Option<Zeroizing<String>> {
    use unicode_normalization::UnicodeNormalization;
    let plain = |c: &char| !c.is_whitespace() && *c != '-';
    let folded = code.chars().take(64).nfkc().filter(plain).flat_map(char::to_lowercase);
    let code: String = folded
        .map(|c| match c {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        })
        .collect();
    (code.len() == CODE_OCTETS * 8 / 5).then(|| Zeroizing::new(code))
}

fn digest(user: &str, code: &str) -> String {
    let text = Zeroizing::new(format!("hikyaku recovery code 1\0{user}\0{code}"));
    hex(&sha256(text.as_bytes()))
}

/// Five bits a character; ten octets have sixteen.
fn text(octets: &[u8; CODE_OCTETS]) -> Zeroizing<String> {
    let mut value = [0; 16];
    value[16 - CODE_OCTETS..].copy_from_slice(octets);
    let value = u128::from_be_bytes(value);
    let digits = (0..CODE_OCTETS * 8 / 5).rev().map(|place| {
        let digit = usize::try_from((value >> (5 * place)) & 31).unwrap_or(0);
        char::from(ALPHABET[digit])
    });
    Zeroizing::new(digits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::SystemEntropy;
    use smtp::ExposeSecret;

    #[test]
    fn each_of_ten_codes_has_its_place_and_no_other_has_one() {
        let (codes, digests) = new_set(&SystemEntropy, "a@example.jp").expect("a set");
        let (others, _) = new_set(&SystemEntropy, "a@example.jp").expect("a set");
        assert_eq!((codes.len(), digests.len()), (CODES, CODES));
        for (at, code) in codes.iter().enumerate() {
            let code = code.expose_secret();
            assert_eq!(code.len(), 19, "{code}");
            assert_eq!(place(&digests, "a@example.jp", code), Some(at));
            assert_eq!(place(&digests, "a@example.jp", &code.to_uppercase().replace('-', " ")), Some(at));
            assert_eq!(place(&digests, "b@example.jp", code), None, "of another user");
        }
        assert_eq!(place(&digests, "a@example.jp", others[0].expose_secret()), None);
        assert_eq!(place(&digests, "a@example.jp", ""), None);
    }

    #[test]
    fn letters_that_look_like_digits_are_digits() {
        let digests = [digest("a", "0110000000000000")];
        assert_eq!(place(&digests, "a", "OILo-oooo-Ｏ000-oooo"), Some(0));
        assert_eq!(place(&digests, "a", "OOLo-oooo-0000-oooo"), None);
    }

    #[test]
    fn all_bits_are_in_the_text() {
        assert_eq!(*text(&[0; CODE_OCTETS]), "0".repeat(16));
        assert_eq!(*text(&[255; CODE_OCTETS]), "z".repeat(16));
        assert_eq!(*text(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 33]), format!("{}11", "0".repeat(14)));
    }
}
