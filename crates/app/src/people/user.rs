//! A person who may log in, as a document of the installation: its id is the address in one spelling.
//!
//! Left to others: what a person may do (`role`), who is left when one goes (`roster`). Invariants: no secret stands here but
//! sealed or hashed; [`User::epoch`] is in every session, and one more ends all of them.

use std::collections::BTreeMap;
use std::fmt;

use domain::{EmailAddress, TenantId};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::error::PeopleError;
use super::role::{OperatorRole, Role};
use crate::directory::Kind;
use crate::error::AppError;
use crate::office::Hidden;
use crate::vault::Sealed;

/// Characters of a person's name.
pub const NAME_MAX: usize = 100;
/// Characters of a reason.
pub const REASON_MAX: usize = 500;
/// Tenants of one person.
pub const MEMBERSHIPS_MAX: usize = 200;

domain::worded! {
    /// The language that a person reads.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Language {
        /// Japanese.
        Ja => "ja",
        /// English.
        En => "en",
    }
}

domain::worded! {
    /// Where an account stands.
    pub enum UserState {
        /// There is a link for it, which nobody has opened yet.
        Invited => "invited",
        /// May log in.
        Active => "active",
        /// May not.
        Locked => "locked",
    }
}

domain::worded! {
    /// Why an account is locked.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum LockCause {
        /// Too many tries failed; sessions that are open go on.
        Failures => "too many failed tries",
        /// Somebody locked it; no session goes on.
        Person => "locked by a person",
    }
}

/// A lock on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Why.
    pub cause: LockCause,
    /// Since when, ms since 1970.
    pub since: i64,
}

/// An authenticator app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Its secret.
    pub(super) secret: Sealed,
    /// The secret's version in the vault.
    pub(super) version: u32,
    /// The last step whose code was accepted.
    pub(super) last_step: Option<u64>,
}

/// A person as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The address, spelled as its owner does.
    pub address: String,
    /// What people call them.
    pub name: String,
    /// What they read.
    pub language: Language,
    /// What they are to tenants, by the tenant's id.
    #[serde(default)]
    pub memberships: BTreeMap<String, Role>,
    /// What they are to the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorRole>,
    /// Why they may not log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The hash of the password.
    pub(super) password: Hidden,
    /// When the password was set, ms since 1970.
    pub password_changed_at: i64,
    /// The authenticator app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) second: Option<Second>,
    /// One that was offered, and not confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) second_offered: Option<Second>,
    /// Digests of recovery codes that are left.
    #[serde(default)]
    pub(super) recovery: Vec<Hidden>,
    /// Sessions of an earlier number are over.
    pub(super) epoch: u64,
    /// When they were made, ms since 1970.
    pub created_at: i64,
    /// When they logged in last, ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login_at: Option<i64>,
}

impl Kind for User {
    const KIND: &'static str = "user";
}

impl User {
    /// Where the account stands.
    #[must_use]
    pub fn state(&self) -> UserState {
        if self.lock.is_some() { UserState::Locked } else { UserState::Active }
    }

    /// True when a log-in asks for a code besides.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.second.is_some()
    }

    /// Recovery codes that are left.
    #[must_use]
    pub fn recovery_codes_left(&self) -> usize {
        self.recovery.len()
    }

    /// What they are to a tenant.
    #[must_use]
    pub fn role_in(&self, tenant: TenantId) -> Option<Role> {
        self.memberships.get(&tenant.to_string()).copied()
    }

    /// As the audit log names them: the name may be anybody's, the address is theirs.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("{} <{}>", self.name, self.address)
    }

    /// What everybody may know of them, which is no password.
    pub(super) fn personal(&self) -> [&str; 3] {
        personal(&self.address, &self.name)
    }
}

/// What everybody may know of somebody of this address and name.
pub(super) fn personal<'a>(address: &'a str, name: &'a str) -> [&'a str; 3] {
    [address, address.split('@').next().unwrap_or_default(), name]
}

/// Whom a user's document is about: the address, NFC, lower case, the domain in ASCII.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId {
    id: String,
    address: EmailAddress,
}

impl UserId {
    /// By an address as people write it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, AppError> {
        // More than an address can have is not worth folding.
        let text: String = text.chars().take(1000).nfc().collect();
        let address = EmailAddress::parse(&text)
            .map_err(|error| PeopleError::Field { what: "address", rule: error.to_string() })?;
        Ok(Self { id: address.comparison_key(), address })
    }

    /// The document's id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The address as it was written.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.as_str()
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({:?})", self.address)
    }
}

/// A name that can stand in pages and logs.
///
/// # Errors
/// When it is empty, too long or holds what is not seen.
pub(super) fn check_name(name: &str) -> Result<String, PeopleError> {
    let name: String = name.trim().chars().take(NAME_MAX * 4).nfc().collect();
    let fine = !name.is_empty()
        && name.chars().count() <= NAME_MAX
        && !name.chars().any(|c| c.is_control() || is_unseen(c) || matches!(c, '<' | '>'));
    if fine {
        return Ok(name);
    }
    let rule = format!("1 to {NAME_MAX} characters, no control or direction characters, no angle brackets");
    Err(PeopleError::Field { what: "name", rule })
}

/// A reason that people are told.
pub(super) fn check_reason(reason: &str) -> Result<String, PeopleError> {
    let reason = reason.trim().to_owned();
    let fine = !reason.is_empty()
        && reason.chars().count() <= REASON_MAX
        && !reason.chars().any(|c| c.is_control() && c != '\n');
    let rule = || format!("1 to {REASON_MAX} characters, no control character");
    if fine { Ok(reason) } else { Err(PeopleError::Field { what: "reason", rule: rule() }) }
}

/// Marks that turn the reading direction round make one name look like another.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_id_however_it_is_spelled() {
        let id = |text: &str| UserId::parse(text).map(|user| user.id).ok();
        assert_eq!(id(" Hanako.TANAKA@Example.CO.jp "), Some("hanako.tanaka@example.co.jp".to_owned()));
        assert_eq!(id("か\u{3099}@例え.jp"), id("が@例え.jp"));
        assert_eq!(id("田中"), None);
        assert_eq!(id(&format!("{}@example.jp", "a".repeat(5000))), None);
        let shown = format!("{:?}", UserId::parse("hanako@example.jp").ok());
        assert!(!shown.contains("hanako"), "{shown}");
    }

    #[test]
    fn names_can_be_shown() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(check_name(name).ok(), expected.map(str::to_owned), "{name:?}");
        };
        check(" 髙橋　﨑太郎㈱ ", Some("髙橋　﨑太郎㈱"));
        check("ﾀﾅｶ ﾊﾅｺ 🌸", Some("ﾀﾅｶ ﾊﾅｺ 🌸"));
        check(&"鷗".repeat(100), Some(&"鷗".repeat(100)));
        for bad in ["", "　", "a\nb", "a\u{202E}b", "a\u{200B}", "A <b@example.jp>"] {
            check(bad, None);
        }
        check(&"鷗".repeat(101), None);
    }
}
