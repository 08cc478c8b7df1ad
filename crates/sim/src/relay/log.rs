//! A relay's own log: every message end that it saw, whose account it came over, and what it made of it.

use std::fmt;

/// What the relay made of a message whose end it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It took responsibility, whether or not its reply arrives.
    Taken,
    /// It said 4xx.
    Deferred,
    /// It said 5xx.
    Refused,
    /// It forgot the message without a word.
    Lost,
}

/// One message end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, by the boot clock.
    pub at_us: u64,
    /// Whose account it came over, by the scenario's number.
    pub tenant: u64,
    /// The secret that opened the account.
    pub secret: String,
    /// RCPT TO.
    pub recipient: String,
    /// `X-Intent`: the scenario's release and the intent's number.
    pub marker: Marker,
    /// What became of it.
    pub fate: Fate,
}

/// What a mail says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// The release, by the scenario's number.
    pub release: u64,
    /// The intent.
    pub intent: u32,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, recipient, marker, fate, .. } = self;
        write!(f, "t{tenant} r{}/{} {recipient} {fate:?}", marker.release, marker.intent)
    }
}
