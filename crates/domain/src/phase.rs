//! How far an attempt got: the one word of evidence that decides whether a failure may be retried.

use std::fmt;

/// The last step of an attempt that is known to have happened. The order is the order of a dialogue.
///
/// Up to [`Phase::Data`] nothing of the message's end has left this machine, so the receiver cannot have taken
/// it. At [`Phase::Dot`] it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// The attempt was made durable, and nothing was sent for it.
    Permit = 0,
    /// The TCP connection and the greeting.
    Connect = 1,
    /// STARTTLS or the TLS handshake.
    Tls = 2,
    /// EHLO and AUTH.
    Auth = 3,
    /// MAIL FROM.
    Mail = 4,
    /// RCPT TO.
    Rcpt = 5,
    /// DATA or BDAT: the content, but not the whole of its end.
    Data = 6,
    /// The whole message end was handed to the kernel, or may have been.
    Dot = 7,
    /// The server's reply to the message end arrived.
    Reply = 8,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 9] = [
        Self::Permit,
        Self::Connect,
        Self::Tls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Dot,
        Self::Reply,
    ];

    /// The word that operators read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Dot => "dot",
            Self::Reply => "reply",
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
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
