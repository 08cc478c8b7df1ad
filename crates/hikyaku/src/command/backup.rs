//! `hikyaku backup` and `hikyaku restore`.

use app::backup::{self, Copied};
use app::hold::Changed;
use engine::EngineConfig;
use ledger_sqlite::{DATABASE_FILE, SqliteOptions};
use runtime::{SystemClock, SystemEntropy};
use serde_json::json;

use crate::arguments::{BackupFlags, RestoreFlags};
use crate::exit::Exit;
use crate::{opened, print};

/// Copies the data folder, also while somebody sends from it.
pub fn backup(flags: &BackupFlags) -> anyhow::Result<Exit> {
    let books = (DATABASE_FILE, ledger_sqlite::copy_books);
    let copied = backup::backup(&flags.data, &flags.target, &SystemClock, books)?;
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

/// Makes a data folder from a copy, with everything that may be sent on hold.
pub fn restore(flags: &RestoreFlags) -> anyhow::Result<Exit> {
    let copied = backup::restore(&flags.source, &flags.data)?;
    let held = opened::executor()?.block_on(async {
        let folder = app::DataFolder::open(&flags.data, &SystemClock, &SystemEntropy)?;
        let ground = opened::Ground { folder, database: None };
        let (boot, config) = (runtime::boot_id()?, EngineConfig::default());
        let (premises, books) = opened::own(ground, SqliteOptions::default(), boot, config).await?;
        let held = backup::put_on_hold(&*premises.store, &SystemClock, &opened::user()).await?;
        drop(premises);
        books.close().await?;
        anyhow::Ok(held)
    })?;
    if flags.json {
        print::line(&object(&copied, &held).to_string());
        return Ok(Exit::Well);
    }
    print::line(&format!("{}: as of {}", flags.data.display(), copied.taken_at));
    held.iter().for_each(|one| print::line(&format!("on hold: {} ({})", one.name, one.release)));
    if !held.is_empty() {
        print::line(
            "what was sent after the backup was taken is not in these books: `hikyaku resume` sends it again",
        );
    }
    Ok(Exit::Well)
}

fn object(copied: &Copied, held: &[Changed]) -> serde_json::Value {
    json!({
        "taken_at": copied.taken_at.to_string(),
        "files": copied.files,
        "octets": copied.octets,
        "on_hold": held.iter().map(|one| json!({"release": one.name, "release_id": one.release})).collect::<Vec<_>>(),
    })
}
