//! Passwords as people choose them: which may be used, and in which form they are hashed.
//!
//! Length counts, composition does not (NIST SP 800-63B). A password is hashed in Unicode's form NFKC: an input method that
//! gives half-width kana, full-width digits or an ideographic space makes the same password as one that does not. That folds
//! a few characters together (`①` and `1`), which costs a pass phrase next to nothing and spares people a door that stays shut on
//! another device. Left to others: hashing, lists of breached passwords.

use smtp::{ExposeSecret, Secret};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The least characters, counted in NFKC.
pub const CHARACTERS_MIN: usize = 12;
/// The most octets, before NFKC.
pub const OCTETS_MAX: usize = 1024;

/// Why a password cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error(
        "the password has fewer than {CHARACTERS_MIN} characters; a sentence of a few words is easy to keep"
    )]
    Short,
    /// Too long.
    #[error("the password has more than {OCTETS_MAX} octets")]
    Long,
    /// A line break, a tab …
    #[error("the password holds a control character")]
    Control,
    /// The address or the name, more or less.
    #[error(
        "the password is little more than your address or name; choose something that nobody knows of you"
    )]
    Personal,
    /// On a list.
    #[error("this password is on a list of passwords that were stolen elsewhere; choose another one")]
    Breached,
}

/// A password in the form that is hashed.
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// One to be compared with what is stored; whatever rules there are today, old ones must go on working.
    ///
    /// `None` for one that no rule ever allowed.
    #[must_use]
    pub fn given(text: &Secret) -> Option<Self> {
        let text = text.expose_secret();
        (text.len() <= OCTETS_MAX).then(|| Self::normal(text))
    }

    /// One to be stored; `personal` is what everybody may know of its owner.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn chosen(text: &Secret, personal: &[&str]) -> Result<Self, PasswordError> {
        let text = text.expose_secret();
        if text.len() > OCTETS_MAX {
            return Err(PasswordError::Long);
        }
        let password = Self::normal(text);
        if password.0.chars().count() < CHARACTERS_MIN {
            return Err(PasswordError::Short);
        }
        if password.0.chars().any(char::is_control) {
            return Err(PasswordError::Control);
        }
        if personal.iter().any(|known| password.is_little_more_than(known)) {
            return Err(PasswordError::Personal);
        }
        Ok(password)
    }

    /// Its octets.
    pub(super) fn octets(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn normal(text: &str) -> Self {
        Self(Zeroizing::new(text.nfkc().collect()))
    }

    /// What is left without the known part is shorter than a third of the least length.
    fn is_little_more_than(&self, known: &str) -> bool {
        let folded = |text: &str| text.nfkc().flat_map(char::to_lowercase).collect::<String>();
        let (own, known) = (Zeroizing::new(folded(&self.0)), folded(known));
        if known.chars().count() < 4 {
            return false;
        }
        let left = Zeroizing::new(own.replace(&known, ""));
        left.len() < own.len() && left.chars().count() < CHARACTERS_MIN / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, PasswordError>) {
        let personal = ["hanako.tanaka@example.co.jp", "hanako.tanaka", "田中 花子"];
        let found = Password::chosen(&Secret::from(text.to_owned()), &personal);
        let found = found.map(|password| password.0.to_string());
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn length_counts_and_composition_does_not() {
        check("correct horse battery", Ok("correct horse battery"));
        check("aaaaaaaaaaaa", Ok("aaaaaaaaaaaa"));
        check("elevenchars", Err(PasswordError::Short));
        check("", Err(PasswordError::Short));
        check(&"あ".repeat(341), Ok(&"あ".repeat(341)));
        check(&"あ".repeat(342), Err(PasswordError::Long));
        check("twelve\u{0}chars!!", Err(PasswordError::Control));
        check("🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑", Ok("🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑"));
    }

    #[test]
    fn one_pass_phrase_from_any_input_method() {
        check("春はあけぼの やうやう白く", Ok("春はあけぼの やうやう白く"));
        check("春はあけぼの　やうやう白く", Ok("春はあけぼの やうやう白く"));
        check("ﾊﾙﾊｱｹﾎﾞﾉﾔｳﾔｳｼﾛｸ", Ok("ハルハアケボノヤウヤウシロク"));
        check("ｐａｓｓ１２３４５６７８", Ok("pass12345678"));
        check("は\u{3099}は\u{3099}は\u{3099}かきくけこさしすせ", Ok("ばばばかきくけこさしすせ"));
        check("㈱髙島屋①番地の合言葉です", Ok("(株)髙島屋1番地の合言葉です"));
    }

    #[test]
    fn what_everybody_knows_is_no_password() {
        check("hanako.tanaka", Err(PasswordError::Personal));
        check("Hanako.Tanaka1", Err(PasswordError::Personal));
        check("hanako.tanaka@example.co.jp", Err(PasswordError::Personal));
        check("田中 花子田中 花子田中 花子", Err(PasswordError::Personal));
        check("hanako.tanaka likes rivers", Ok("hanako.tanaka likes rivers"));
    }

    #[test]
    fn nothing_is_shown() {
        let password = Password::given(&Secret::from("correct horse".to_owned()));
        assert_eq!(format!("{password:?}"), "Some(Password(…))");
        assert!(Password::given(&Secret::from("x".repeat(OCTETS_MAX + 1))).is_none());
    }
}
