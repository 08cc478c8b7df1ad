//! Opens folder and store: as their owner, or as a reader beside the owner.

use std::path::Path;
use std::sync::Arc;

use app::DataFolder;
use app::send::Premises;
use engine::EngineConfig;
use ledger::{Live, Store};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{SystemClock, SystemEntropy, SystemNetwork};

/// The books as a reader sees them.
pub struct Reading {
    /// The books.
    pub store: Arc<dyn Store>,
    /// The senders at work now.
    pub live: Live,
}

/// An executor on this thread alone.
pub fn executor() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Opens the books of a folder without owning it.
pub async fn read(dir: &Path) -> anyhow::Result<Reading> {
    app::folder::look_into(dir)?;
    if !dir.join(ledger_sqlite::DATABASE_FILE).is_file() {
        let (sealed, _) = app::folder::Seals::in_folder(dir).read()?;
        anyhow::ensure!(
            sealed.is_empty(),
            "the books of the data folder {} are lost; restore a backup",
            dir.display()
        );
        anyhow::bail!("the data folder {} has no books yet: nothing was ever frozen in it", dir.display());
    }
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_read_only(dir, SqliteOptions::default())?);
    let live = app::books::live_senders(&*store, dir, &SystemClock).await?;
    Ok(Reading { store, live })
}

/// What a process that owns the folder works on; the store once more, to be closed at the end.
pub fn own(
    folder: DataFolder,
    options: SqliteOptions,
    boot: [u8; 16],
    config: EngineConfig,
) -> anyhow::Result<(Premises, Arc<SqliteStore>)> {
    refuse_lost_books(&folder)?;
    let store = Arc::new(SqliteStore::open(folder.dir(), options)?);
    let premises = Premises {
        folder,
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        network: Arc::new(SystemNetwork),
        boot,
        config,
    };
    Ok((premises, store))
}

/// Seals without books: beginning anew would send everything a second time.
fn refuse_lost_books(folder: &DataFolder) -> anyhow::Result<()> {
    let path = folder.dir().join(ledger_sqlite::DATABASE_FILE);
    let is_there = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    let (sealed, _) = folder.seals().read()?;
    if !is_there && !sealed.is_empty() {
        anyhow::bail!(
            "the books of the data folder {} are lost: {} is missing or empty, though seals.log names {} chains of \
             them; restore a backup, or use another --data",
            folder.dir().display(),
            ledger_sqlite::DATABASE_FILE,
            sealed.len()
        );
    }
    Ok(())
}

/// Who is at the keyboard, for the record.
pub fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "command line".to_owned())
}
