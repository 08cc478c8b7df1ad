//! Scopes: what a key may do, in the words that SendGrid's clients know, and more of our own in the same form.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::Right;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal needs $right:ident;)*) => {
        /// One thing that a key may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Scope {
            $($(#[$doc])* $name,)*
        }

        impl Scope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The least right that it stands for.
            #[must_use]
            pub fn right(self) -> Right {
                match self { $(Self::$name => Right::$right),* }
            }
        }
    };
}

scopes! {
    /// Send mails by API or by SMTP.
    MailSend = "mail.send" needs Send;
    /// Make batch ids.
    MailBatchCreate = "mail.batch.create" needs Send;
    /// Look batch ids up.
    MailBatchRead = "mail.batch.read" needs Read;
    /// See what is scheduled.
    ScheduledRead = "user.scheduled_sends.read" needs Read;
    /// Pause or cancel what is scheduled.
    ScheduledCreate = "user.scheduled_sends.create" needs Send;
    /// Change what is paused or cancelled.
    ScheduledUpdate = "user.scheduled_sends.update" needs Send;
    /// Let go on what was paused.
    ScheduledDelete = "user.scheduled_sends.delete" needs Send;
    /// See the keys.
    KeysRead = "api_keys.read" needs Manage;
    /// Make keys.
    KeysCreate = "api_keys.create" needs Manage;
    /// Change keys.
    KeysUpdate = "api_keys.update" needs Manage;
    /// Remove keys.
    KeysDelete = "api_keys.delete" needs Manage;
    /// See templates.
    TemplatesRead = "templates.read" needs Read;
    /// Make templates.
    TemplatesCreate = "templates.create" needs Write;
    /// Change templates.
    TemplatesUpdate = "templates.update" needs Write;
    /// Remove templates.
    TemplatesDelete = "templates.delete" needs Write;
    /// See releases, statements, recipients and attempts.
    ReleasesRead = "releases.read" needs Read;
    /// Make, pause, resume and cancel releases.
    ReleasesUpdate = "releases.update" needs Send;
    /// Write drafts of releases.
    ReleasesDraft = "releases.draft" needs Write;
    /// Approve drafts of others.
    ReleasesApprove = "releases.approve" needs Write;
    /// See relays and verified senders.
    RelaysRead = "relays.read" needs Read;
    /// Add and change relays.
    RelaysUpdate = "relays.update" needs Manage;
    /// See the audit log.
    AuditRead = "audit.read" needs Manage;
    /// See the people of the tenant.
    PeopleRead = "people.read" needs Manage;
    /// Invite people, change their roles, remove them.
    PeopleUpdate = "people.update" needs Manage;
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|scope| scope.word() == word);
        found.copied().ok_or_else(|| UnknownScope { word: word.chars().take(80).collect() })
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no scope; known are {}", Scopes::all())]
pub struct UnknownScope {
    /// The word.
    word: String,
}

/// What a key may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.iter().copied().collect())
    }

    /// True when the key may do this.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// True when these hold all of the others.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// Their words, in order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|scope| scope.word())
    }

    /// The least right that all of them need.
    #[must_use]
    pub fn right(&self) -> Right {
        self.0.iter().map(|scope| scope.right()).max().unwrap_or(Right::Read)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = UnknownScope;

    fn try_from(words: Vec<String>) -> Result<Self, UnknownScope> {
        words.iter().map(|word| word.parse()).collect::<Result<BTreeSet<_>, _>>().map(Self)
    }
}

impl From<Scopes> for Vec<String> {
    fn from(scopes: Scopes) -> Self {
        scopes.words().map(str::to_owned).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_scopes_are_one_to_one() {
        for scope in Scope::ALL {
            assert_eq!(scope.word().parse(), Ok(*scope));
        }
        let words: BTreeSet<_> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        assert_eq!(words.len(), Scope::ALL.len());
        assert!("mail.sent".parse::<Scope>().is_err_and(|error| error.to_string().contains("mail.send")));
    }

    #[test]
    fn a_key_has_the_least_right_that_its_scopes_need() {
        let right = |scopes: &[Scope]| scopes.iter().copied().collect::<Scopes>().right();
        assert_eq!(right(&[Scope::ReleasesRead]), Right::Read);
        assert_eq!(right(&[Scope::ReleasesRead, Scope::MailSend]), Right::Send);
        assert_eq!(right(&[Scope::KeysRead]), Right::Manage);
        assert!(Scopes::all().right() < Right::Operate, "no key is an operator");
    }
}
