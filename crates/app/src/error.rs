//! What a use case can fail with, in words for people: what, where, and the remedy.
//!
//! A mail that fails is data, not an error. Texts never hold addresses of recipients, subjects or secrets.

use std::io;
use std::path::PathBuf;

use crate::access::Right;
use crate::folder::FolderError;
use crate::list::ListError;
use crate::relay::RelayUrlError;
use crate::release::ContentError;

/// Why a use case gave up.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No copy of the folder, or none from one.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// The books are not for this folder.
    #[error(transparent)]
    Installation(#[from] crate::installation::InstallationError),
    /// Not all of the books is in the other store.
    #[error(transparent)]
    Transfer(#[from] crate::transfer::TransferError),
    /// The list cannot be used.
    #[error(transparent)]
    List(#[from] ListError),
    /// The release file or an attachment cannot be used.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// Something about people: a log-in, a password, an invitation, a role.
    #[error(transparent)]
    People(#[from] crate::people::PeopleError),
    /// The relay's URL cannot be used.
    #[error(transparent)]
    RelayUrl(#[from] RelayUrlError),
    /// The books failed.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    /// The engine could not start.
    #[error(transparent)]
    Engine(#[from] engine::StartError),
    /// The relay's actor could not be opened.
    #[error(transparent)]
    Relay(#[from] engine::OpenRelayError),
    /// The operating system gave no random bits.
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(#[source] io::Error),
    /// What was asked for does not exist for this tenant.
    #[error("{what} does not exist; {remedy}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The caller's right does not suffice.
    #[error("this needs the right to {}", match needed { Right::Read => "read", Right::Write => "write", Right::Send => "send", Right::Manage => "manage the tenant", Right::Operate => "operate" })]
    Forbidden {
        /// The least right that would.
        needed: Right,
    },
    /// What is to be made stands already.
    #[error("{what} exists already; {remedy}")]
    Exists {
        /// What.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The tenant may not send.
    #[error("the tenant is {state} and sends nothing; ask the operator")]
    Suspended {
        /// Its state.
        state: &'static str,
    },
    /// The author's address was not verified for the tenant.
    #[error(
        "`{address}` is not a verified sender of the tenant; have it verified (`hikyaku sender verify`), or send from one that is"
    )]
    Unverified {
        /// The address, which the caller gave.
        address: String,
    },
    /// There is no way to take more in just now.
    #[error("no more mails can be taken in just now; try again in a moment")]
    Busy,
    /// A setting or file contradicts the rules; the text says which, where, and the remedy.
    #[error("{0}")]
    BadInput(String),
    /// The same release name stands in the folder with other content or another list (S13).
    #[error(transparent)]
    Changed(#[from] ChangedError),
    /// A file besides the data folder cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// The books failed or an identity did not fit while sending; everything stopped at once.
    #[error("sending stopped: {0}")]
    Broken(String),
    /// A piece of background work ended by a defect.
    #[error("a background task ended by a defect while {0}")]
    Defect(&'static str),
}

/// A release of this name was frozen before, and what is given now differs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangedError {
    /// The content differs.
    #[error(
        "release `{name}` was frozen with other content (frozen {frozen}, given {given}); \
         give the frozen files to go on with it, or send the changed ones as a new release with --new"
    )]
    Content {
        /// The release's name.
        name: String,
        /// Digest of what was frozen.
        frozen: String,
        /// Digest of what was given.
        given: String,
    },
    /// The list differs.
    #[error(
        "release `{name}` was frozen with another list (frozen {frozen}, given {given}); give the frozen list to go \
         on with it, --extend to also send to recipients who are not in it yet, or --new for a new release to all"
    )]
    List {
        /// The release's name.
        name: String,
        /// Digest of what was frozen.
        frozen: String,
        /// Digest of what was given.
        given: String,
    },
    /// Planning was interrupted, and the list differs from the one that was being read.
    #[error(
        "the freeze of release `{name}` was interrupted, and the list has changed since (was {frozen}, is {given}); \
         nothing of it was sent; give the first list to go on with it, or --new to begin a new release"
    )]
    ListWhilePlanning {
        /// The release's name.
        name: String,
        /// Digest of what was being frozen.
        frozen: String,
        /// Digest of what was given.
        given: String,
    },
}

/// The first eight octets of a digest, as people compare them.
#[must_use]
pub fn short_digest(digest: &[u8; 32]) -> String {
    hex(&digest[..8])
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        for digit in [octet >> 4, octet & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
