//! What the second book says: the verdict over one attempt, or the settlement of an intent without one.

use std::fmt;

/// One word per entry of the outcomes book. The numbers stand in columns and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// A 2xx reply to the message end.
    Accepted = 1,
    /// A failure before the message end, or a 4xx reply: may be tried again by itself.
    Deferred = 2,
    /// A 5xx reply, or a local limit that no retry can mend.
    Rejected = 3,
    /// The link died after the message end, before its reply.
    Unknown = 4,
    /// A person cancelled what was still owed.
    Cancelled = 5,
    /// The release's deadline passed while the intent was owed.
    Expired = 6,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Deferred, Self::Rejected, Self::Unknown, Self::Cancelled, Self::Expired];

    /// The word that operators read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The number that stands in a column.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The inverse of [`Self::code`].
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.code() == code)
    }

    /// True for entries that settle an intent without an attempt (their attempt number is 0).
    #[must_use]
    pub const fn is_settlement(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a frozen recipient is not owed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SuppressionReason {
    /// The same mailbox stands earlier in the audience.
    Duplicate = 1,
    /// An earlier hard bounce.
    HardBounce = 2,
    /// A complaint.
    Complaint = 3,
    /// An unsubscription.
    Unsubscribed = 4,
}

impl SuppressionReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Duplicate, Self::HardBounce, Self::Complaint, Self::Unsubscribed];

    /// The word that operators read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::HardBounce => "hard bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// The number that stands in a column.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The inverse of [`Self::code`].
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for SuppressionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
