//! What can go wrong with people, in words for them: never more than whoever asks may know.

use std::path::PathBuf;
use std::time::Duration;

/// Why something about people was refused.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The one answer to a log-in that fails, whatever failed: no account, a wrong password or code, a lock.
    #[error(
        "address, password or code is wrong, or the account is locked; try again, or ask your administrator"
    )]
    Refused,
    /// Too many failed tries; the same for accounts that do not exist.
    #[error("too many tries; wait {} s", wait.as_secs().max(1))]
    Throttled {
        /// How long.
        wait: Duration,
    },
    /// Too many passwords are being checked just now.
    #[error("too many people log in just now; try again in a moment")]
    Busy,
    /// The session has not shown its password lately.
    #[error("show your password once more before you change this")]
    ProofNeeded,
    /// The operator looks at a tenant that this session did not enter.
    #[error("enter the tenant first, with a reason; it is told who acts for it")]
    EnterFirst,
    /// The password cannot be used.
    #[error(transparent)]
    Password(#[from] super::password::PasswordError),
    /// A name, language or reason cannot be used.
    #[error("{what}: {rule}")]
    Field {
        /// Which.
        what: &'static str,
        /// What it must be.
        rule: String,
    },
    /// The one-time link is unknown, used or over, which nobody is told apart.
    #[error("this link is not valid any more; ask for a new one")]
    Link,
    /// The link is for somebody who has an account.
    #[error("there is an account of this address already; log in, and open the link again")]
    LogInFirst,
    /// The link is for another person than the one who is logged in.
    #[error("this link is for another address than the one that you are logged in with")]
    OtherPerson,
    /// Nobody would be left who can set the people.
    #[error("{who} is the last {role}; give somebody else that role first")]
    Last {
        /// Who.
        who: String,
        /// What.
        role: &'static str,
    },
    /// More than is kept.
    #[error("at most {max} {what}; remove those that nobody needs")]
    TooMany {
        /// How many there may be.
        max: usize,
        /// Of what.
        what: &'static str,
    },
    /// A second factor stands already, or none does.
    #[error("{0}")]
    SecondFactor(&'static str),
    /// The list of breached passwords cannot be asked.
    #[error("the list of breached passwords cannot be read: {path}: {reason}; mend it, or start without it")]
    BreachList {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: std::io::Error,
    },
}
