//! What a command came to, as a shell sees it.

use std::process::ExitCode;

/// Exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Well,
    /// A drill failed.
    Failed,
    /// Bad input or a fault.
    Refused,
    /// A mail is unknown, expired, pending or cancelled, or the books differ.
    Unsettled,
    /// `check` or `verify` found something.
    Findings,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Unsettled => 3,
            Self::Findings => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
