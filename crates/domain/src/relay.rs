//! What an operator says of a relay: where it is, how the link is protected, and how much it takes.

use std::fmt;
use std::str::FromStr;

/// How the link to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkSecurity {
    /// Clear text.
    None,
    /// STARTTLS, required: without it nothing is sent (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

impl LinkSecurity {
    /// The word in a relay URL.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Implicit => "implicit",
        }
    }

    /// The inverse of [`Self::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::StartTls, Self::Implicit].into_iter().find(|security| security.word() == word)
    }
}

/// Named relay services whose published limits are kept without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayKind {
    /// A bare URL: only the given flags limit it.
    Bare,
    /// Twilio SendGrid.
    SendGrid,
    /// Gmail and Google Workspace.
    Gmail,
    /// Microsoft 365.
    Microsoft365,
    /// Amazon SES.
    Ses,
    /// Another relay service.
    Other,
}

impl RelayKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Bare, Self::SendGrid, Self::Gmail, Self::Microsoft365, Self::Ses, Self::Other];

    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::SendGrid => "sendgrid",
            Self::Gmail => "gmail",
            Self::Microsoft365 => "microsoft365",
            Self::Ses => "ses",
            Self::Other => "other",
        }
    }

    /// The limits that the kind asks for.
    #[must_use]
    pub const fn limits(self) -> RelayLimits {
        let (per_connection, per_minute) = match self {
            Self::Bare => (None, None),
            Self::SendGrid => (Some(100), Some(1000)),
            Self::Gmail | Self::Microsoft365 => (Some(20), None),
            Self::Ses => (Some(100), None),
            Self::Other => (Some(30), None),
        };
        RelayLimits {
            sessions_max: 50,
            messages_per_connection_max: per_connection,
            messages_per_minute_max: per_minute,
        }
    }
}

impl FromStr for RelayKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or(())
    }
}

/// How much a relay takes; never exceeded by the receiver's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayLimits {
    /// Connections at the same time.
    pub sessions_max: u32,
    /// Messages over one connection; `None` is unlimited.
    pub messages_per_connection_max: Option<u32>,
    /// Messages in any 60 seconds over all connections; `None` is unlimited.
    pub messages_per_minute_max: Option<u32>,
}

/// The keyed hash of the secret that authenticated: tells two secrets apart without showing either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 12]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
