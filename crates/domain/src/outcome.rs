//! What the second book says: the verdict over one attempt, or the settlement of an intent without one.

crate::coded! {
    /// One word per entry of the outcomes book. The numbers stand in columns and never change meaning.
    pub enum Verdict {
        /// A 2xx reply to the message end.
        Accepted = 1 => "accepted",
        /// A failure before the message end, or a 4xx reply: may be tried again by itself.
        Deferred = 2 => "deferred",
        /// A 5xx reply, or a local limit that no retry can mend.
        Rejected = 3 => "rejected",
        /// The link died after the message end, before its reply.
        Unknown = 4 => "unknown",
        /// A person cancelled what was still owed.
        Cancelled = 5 => "cancelled",
        /// The release's deadline passed while the intent was owed.
        Expired = 6 => "expired",
    }
}

impl Verdict {
    /// True for entries that settle an intent without an attempt (their attempt number is 0).
    #[must_use]
    pub const fn is_settlement(self) -> bool {
        matches!(self, Self::Cancelled | Self::Expired)
    }
}

crate::coded! {
    /// Why a frozen recipient is not owed anything.
    pub enum SuppressionReason {
        /// The same mailbox stands earlier in the audience.
        Duplicate = 1 => "duplicate",
        /// An earlier hard bounce.
        HardBounce = 2 => "hard bounce",
        /// A complaint.
        Complaint = 3 => "complaint",
        /// An unsubscription.
        Unsubscribed = 4 => "unsubscribed",
    }
}
