//! Codes of an authenticator app (TOTP, RFC 6238): SHA-1, six digits, 30 seconds, one step of skew either way.
//!
//! That is what every app can do. A code is accepted once: whoever keeps the secret also keeps the last step that was accepted,
//! and nothing at or before it is accepted again (RFC 6238, section 5.2).

use domain::Timestamp;
use runtime::Entropy;
use smtp::{ExposeSecret, Secret};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::error::AppError;

/// Octets of a secret (RFC 4226, section 4, requirement 6).
const SECRET_OCTETS: usize = 20;
/// Seconds of a step.
pub const STEP_SECONDS: u64 = 30;
/// Steps before and after now in which a code is accepted.
pub const SKEW_STEPS: u16 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Who the app says that the code is for.
const ISSUER: &str = "Hikyaku";

/// A secret for an app, to be shown once.
pub struct Offer {
    /// `otpauth://totp/…`, for a picture.
    pub uri: Secret,
    /// The secret in base 32, for hands.
    pub text: Secret,
}

/// A new secret, in base 32.
///
/// # Errors
/// When the random source fails.
pub fn new_secret(entropy: &dyn Entropy) -> Result<Secret, AppError> {
    let mut octets = Zeroizing::new([0; SECRET_OCTETS]);
    entropy.fill(&mut *octets).map_err(AppError::Entropy)?;
    Ok(Secret::from(totp_rs::Secret::new_stack(*octets).to_base32()))
}

/// What the app is told.
///
/// # Errors
/// When the secret cannot be read: a defect.
pub fn offer(address: &str, secret: &Secret) -> Result<Offer, AppError> {
    // A colon would end the account's name in the URI.
    let account = address.replace(':', " ");
    let uri = codes(&account, secret)?.to_url().map_err(|_| unreadable())?;
    Ok(Offer { uri: Secret::from(uri), text: Secret::from(secret.expose_secret().to_owned()) })
}

/// The step whose code this is, if it may still be accepted.
///
/// # Errors
/// When the secret cannot be read: a defect.
pub fn accepted(
    secret: &Secret,
    code: &str,
    now: Timestamp,
    last_step: Option<u64>,
) -> Result<Option<u64>, AppError> {
    let Some(code) = digits(code) else { return Ok(None) };
    let seconds = u64::try_from(now.as_millis() / 1000).unwrap_or(0);
    let found = codes("", secret)?.check(&code, seconds);
    Ok(found.filter(|step| last_step.is_none_or(|last| *step > last)))
}

/// The code's digits: as people type them, with a space in the middle or in full width.
fn digits(code: &str) -> Option<String> {
    use unicode_normalization::UnicodeNormalization;
    let plain = |c: &char| !c.is_whitespace() && *c != '-';
    let code: String = code.chars().take(DIGITS * 4).nfkc().filter(plain).collect();
    (code.len() == DIGITS && code.bytes().all(|octet| octet.is_ascii_digit())).then_some(code)
}

fn codes(account: &str, secret: &Secret) -> Result<Totp, AppError> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose_secret()).map_err(|_| unreadable())?;
    Builder::new()
        .with_secret(secret)
        .with_skew(SKEW_STEPS)
        .with_step_duration(STEP_SECONDS)
        .with_account_name(account.to_owned())
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|_| unreadable())
}

fn unreadable() -> AppError {
    AppError::Defect("reading the secret of an authenticator app")
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::SystemEntropy;

    /// RFC 6238, appendix B: `12345678901234567890`, the last six of its eight digits.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn check(code: &str, seconds: i64, last: Option<u64>, expected: Option<u64>) {
        let secret = Secret::from(SECRET.to_owned());
        let found = accepted(&secret, code, Timestamp::from_millis(seconds * 1000), last).expect("readable");
        assert_eq!(found, expected, "{code} at {seconds} after {last:?}");
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        check("287082", 59, None, Some(1));
        check("081804", 1_111_111_109, None, Some(37_037_036));
        check("050471", 1_111_111_111, None, Some(37_037_037));
        check("005924", 1_234_567_890, None, Some(41_152_263));
        check("279037", 2_000_000_000, None, Some(66_666_666));
    }

    #[test]
    fn one_step_of_skew_and_no_more() {
        for (seconds, expected) in [(0, Some(1)), (29, Some(1)), (30, Some(1)), (89, Some(1)), (90, None)] {
            check("287082", seconds, None, expected);
        }
    }

    #[test]
    fn a_code_is_accepted_once_and_none_before_it() {
        check("287082", 59, Some(0), Some(1));
        check("287082", 59, Some(1), None);
        check("287082", 59, Some(2), None);
    }

    #[test]
    fn codes_are_taken_as_people_type_them() {
        check(" 287 082 ", 59, None, Some(1));
        check("２８７０８２", 59, None, Some(1));
        for wrong in ["", "28708", "2870821", "28708a", "二八七〇八二", "287082287082287082287082287082"]
        {
            check(wrong, 59, None, None);
        }
    }

    #[test]
    fn an_app_is_told_secret_issuer_and_account() {
        let secret = new_secret(&SystemEntropy).expect("a secret");
        assert_eq!(secret.expose_secret().len(), 32);
        let offer = offer("hanako@example.co.jp", &secret).expect("an offer");
        let uri = offer.uri.expose_secret();
        assert!(uri.starts_with("otpauth://totp/Hikyaku:hanako%40example.co.jp?"), "{uri}");
        assert!(
            uri.contains(&format!("secret={}", secret.expose_secret())) && uri.contains("issuer=Hikyaku"),
            "{uri}"
        );
        assert_ne!(secret.expose_secret(), new_secret(&SystemEntropy).expect("another").expose_secret());
    }
}
