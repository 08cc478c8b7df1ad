//! One installation, one key: whoever writes to its books has the key that their fingerprints are made with.
//!
//! The books hold a keyed check of `installation.key`, never the key; it is stored by who uses them first. Under another
//! key the same secret would look like a new one, the same reply like another, and tokens would not be known.

use std::path::{Path, PathBuf};

use ledger::{InstallationRow, InstallationUse, Store};

use crate::error::AppError;
use crate::folder::{DataFolder, INSTALLATION_KEY_FILE};

/// Why these books are not for this folder.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The folder's key is another one.
    #[error(
        "the books were begun under another installation key than {dir}/{INSTALLATION_KEY_FILE}; use the data folder \
         that belongs to them, or a new one made with --data DIR --installation-key FILE, where FILE is the \
         {INSTALLATION_KEY_FILE} of a node that uses these books"
    )]
    OtherKey {
        /// Which folder.
        dir: PathBuf,
    },
    /// A new folder would be given a key of its own.
    #[error(
        "the books have an installation key already, and {dir} has none yet; give --installation-key FILE, the \
         {INSTALLATION_KEY_FILE} of a node that uses these books"
    )]
    KeyNeeded {
        /// Which folder.
        dir: PathBuf,
    },
    /// Other books are being copied into these.
    #[error(
        "these books are not whole: a move or restore into them did not end; run it again, with the same arguments"
    )]
    Receiving,
    /// They are elsewhere now.
    #[error(
        "these books were moved to another store, and what is here is a copy to read; send from where they are now"
    )]
    Moved,
}

/// Lets the folder's owner write to the books, whose key this is from now on if they had none.
///
/// # Errors
/// [`InstallationError`], or when the books cannot be read or written.
pub async fn admit(store: &dyn Store, folder: &DataFolder) -> Result<(), AppError> {
    let key_check = folder.keys().installation.check();
    let row = InstallationRow { key_check, use_now: InstallationUse::Open };
    let row = match store.installation_get().await? {
        Some(row) => row,
        None => store.installation_ensure(row).await?,
    };
    if row.key_check != key_check {
        return Err(InstallationError::OtherKey { dir: folder.dir().to_owned() }.into());
    }
    match row.use_now {
        InstallationUse::Open => Ok(()),
        InstallationUse::Receiving => Err(InstallationError::Receiving.into()),
        InstallationUse::Moved => Err(InstallationError::Moved.into()),
    }
}

/// What a reader must know of books that nobody sends from.
///
/// # Errors
/// When the books cannot be read.
pub async fn look(store: &dyn Store) -> Result<Option<InstallationError>, AppError> {
    Ok(store.installation_get().await?.and_then(|row| match row.use_now {
        InstallationUse::Open => None,
        InstallationUse::Receiving => Some(InstallationError::Receiving),
        InstallationUse::Moved => Some(InstallationError::Moved),
    }))
}

/// Refuses to make a folder with a new key for books that have one.
///
/// # Errors
/// [`InstallationError::KeyNeeded`], or when the books cannot be read.
pub async fn refuse_new_key(store: &dyn Store, dir: &Path) -> Result<(), AppError> {
    if dir.join(INSTALLATION_KEY_FILE).is_file() || store.installation_get().await?.is_none() {
        return Ok(());
    }
    Err(InstallationError::KeyNeeded { dir: dir.to_owned() }.into())
}
