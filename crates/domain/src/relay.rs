//! What an operator says of a relay: where it is, how the link is protected, and how much it takes.

use std::fmt;

crate::worded! {
    /// How the link to a relay is protected.
    pub enum LinkSecurity {
        /// Clear text.
        None => "none",
        /// STARTTLS, required: without it nothing is sent (RFC 3207).
        StartTls => "starttls",
        /// TLS from the first byte (RFC 8314).
        Implicit => "implicit",
    }
}

crate::worded! {
    /// Named relay services whose published limits are kept without being asked.
    pub enum RelayKind {
        /// A bare URL: only the given flags limit it.
        Bare => "bare",
        /// Twilio SendGrid.
        SendGrid => "sendgrid",
        /// Gmail and Google Workspace.
        Gmail => "gmail",
        /// Microsoft 365.
        Microsoft365 => "microsoft365",
        /// Amazon SES.
        Ses => "ses",
        /// Another relay service.
        Other => "other",
    }
}

impl RelayKind {
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
