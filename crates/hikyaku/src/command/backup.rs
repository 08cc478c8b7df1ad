//! `hikyaku backup` and `hikyaku restore`. A backup is a data folder whatever held the books: SQLite's own copy of a
//! folder's, or a transfer of a database's from one state of it; and each goes back into either.

use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use app::FolderKeys;
use app::backup::{self, Backup, Copied};
use app::hold::Changed;
use app::installation::InstallationError;
use app::transfer::{Side, conclude, copy};
use engine::EngineConfig;
use ledger::DirectoryStore as _;
use ledger_sqlite::{DATABASE_FILE, SqliteOptions, SqliteStore};
use runtime::{SystemClock, SystemEntropy};
use serde_json::json;

use super::transfer;
use crate::arguments::{BackupFlags, MoveFlags, RestoreFlags};
use crate::database::{self, Wanted};
use crate::exit::Exit;
use crate::{opened, print};

/// Copies the data folder, and the books wherever they are, also while somebody sends.
pub fn backup(flags: &BackupFlags) -> anyhow::Result<Exit> {
    let wanted = database::wanted(&flags.database)?;
    let copied = match &wanted {
        None => {
            let backup = Backup::begin(&flags.data, &flags.target, &SystemClock)?;
            ledger_sqlite::copy_books(&flags.data, &flags.target)?;
            backup.finish(DATABASE_FILE)?
        }
        Some(wanted) => opened::executor()?.block_on(of_database(flags, wanted))?,
    };
    if flags.json {
        print::line(&object(&copied, &[]).to_string());
    } else {
        print::line(&format!(
            "{}: {} files, {} octets, as of {}; it holds the installation's keys, keep it as you keep them",
            flags.target.display(),
            copied.files,
            copied.octets,
            copied.taken_at
        ));
    }
    Ok(Exit::Well)
}

/// A copy of a database's books, as a folder's. Seals are copied first: they must not be ahead of the chains.
async fn of_database(flags: &BackupFlags, wanted: &Wanted) -> anyhow::Result<Copied> {
    let store = wanted.open().await?;
    app::folder::look_into(&flags.data)?;
    let key_check = FolderKeys::read(&flags.data)?.installation.check();
    let row = store.installation_get().await?;
    let other = InstallationError::OtherKey { dir: flags.data.clone() };
    ensure!(row.is_none_or(|row| row.key_check == key_check), other);
    let backup = Backup::begin(&flags.data, &flags.target, &SystemClock)?;
    let books = Arc::new(SqliteStore::open(&flags.target, SqliteOptions::default())?);
    let source = Side::of(Arc::clone(&store), wanted.place());
    let target = Side::of(Arc::clone(&books), flags.target.display().to_string());
    copy(&source, &target, key_check, &|_| ()).await?;
    conclude(&source, &target, false).await?;
    drop(target);
    books.close().await?;
    store.close();
    Ok(backup.finish(DATABASE_FILE)?)
}

/// Makes a data folder from a copy, with everything that may be sent on hold; and a database's books from that folder.
pub fn restore(flags: &RestoreFlags) -> anyhow::Result<Exit> {
    let wanted = database::wanted(&flags.database)?;
    let executor = opened::executor()?;
    if let Some(wanted) = &wanted {
        // Before a folder is made: whether the database can be used at all.
        executor.block_on(wanted.open())?.close();
    }
    let copied = backup::restore(&flags.source, &flags.data)?;
    let held = executor.block_on(hold(&flags.data))?;
    if let Some(url) = flags.database.database_url.clone().filter(|_| wanted.is_some()) {
        let onwards = MoveFlags {
            from: flags.data.display().to_string(),
            to: url,
            database_password_file: flags.database.database_password_file.clone(),
            installation_key: None,
            json: flags.json,
        };
        let moved = executor.block_on(transfer::go(&onwards))?;
        ensure!(
            moved.report.findings.is_empty(),
            "the restored books have findings; `hikyaku check` shows them"
        );
    }
    if flags.json {
        print::line(&object(&copied, &held).to_string());
        return Ok(Exit::Well);
    }
    let place = wanted.map_or_else(|| flags.data.display().to_string(), |wanted| wanted.place());
    print::line(&format!("{place}: as of {}", copied.taken_at));
    held.iter().for_each(|one| print::line(&format!("on hold: {} ({})", one.name, one.release)));
    if !held.is_empty() {
        print::line(
            "what was sent after the backup was taken is not in these books: `hikyaku resume` sends it again",
        );
    }
    Ok(Exit::Well)
}

async fn hold(data: &Path) -> anyhow::Result<Vec<Changed>> {
    let folder = app::DataFolder::open(data, &SystemClock, &SystemEntropy)?;
    let ground = opened::Ground { folder, database: None };
    let (boot, config) = (runtime::boot_id()?, EngineConfig::default());
    let (premises, books) = opened::own(ground, SqliteOptions::default(), boot, config).await?;
    let held = backup::put_on_hold(&*premises.store, &SystemClock, &opened::user()).await?;
    drop(premises);
    books.close().await?;
    Ok(held)
}

fn object(copied: &Copied, held: &[Changed]) -> serde_json::Value {
    json!({
        "taken_at": copied.taken_at.to_string(),
        "files": copied.files,
        "octets": copied.octets,
        "on_hold": held.iter().map(|one| json!({"release": one.name, "release_id": one.release})).collect::<Vec<_>>(),
    })
}
