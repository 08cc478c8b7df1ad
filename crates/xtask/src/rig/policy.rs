//! What becomes of unknown mails, as a drill is told of it.

use clap::ValueEnum;

/// The policies to drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policies {
    /// The one.
    Hold,
    /// The other.
    ResendOnce,
    /// One after the other.
    Both,
}

/// A tenant's policy for unknown mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Never sent again.
    Hold,
    /// Sent once more.
    ResendOnce,
}

impl Policy {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::ResendOnce => "resend-once",
        }
    }
}

impl Policies {
    /// One by one.
    pub fn each(self) -> &'static [Policy] {
        match self {
            Self::Hold => &[Policy::Hold],
            Self::ResendOnce => &[Policy::ResendOnce],
            Self::Both => &[Policy::Hold, Policy::ResendOnce],
        }
    }
}
