//! Opens folder and store: as their owner, or as a reader beside the owner.

use std::path::Path;
use std::sync::Arc;

use app::DataFolder;
use app::send::Premises;
use engine::EngineConfig;
use ledger::copy::Extent;
use ledger::{CopyStore as _, Live, Store};
use ledger_postgres::PostgresStore;
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{SystemClock, SystemEntropy, SystemNetwork};

use crate::arguments::PlaceFlags;
use crate::database;

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

/// The books that a process owns or shares, to be closed at the end.
pub enum Books {
    /// In the data folder.
    Sqlite(Arc<SqliteStore>),
    /// In a database.
    Postgres(Arc<PostgresStore>),
}

impl Books {
    /// As everybody above sees them.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::Postgres(store) => Arc::clone(store) as Arc<dyn Store>,
        }
    }

    /// How much they take.
    pub async fn extent(&self) -> anyhow::Result<Extent> {
        Ok(match self {
            Self::Sqlite(store) => store.extent().await?,
            Self::Postgres(store) => store.extent().await?,
        })
    }

    /// Finishes what is queued.
    pub async fn close(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(store) => store.close().await?,
            Self::Postgres(store) => store.close(),
        }
        Ok(())
    }
}

/// Opens the books of a place without owning the folder.
pub async fn read(place: &PlaceFlags) -> anyhow::Result<Reading> {
    let dir = &place.data;
    let store = match database::wanted(&place.database)? {
        Some(wanted) => wanted.open().await? as Arc<dyn Store>,
        None => Arc::new(read_folder(dir)?),
    };
    app::installation::look(&*store).await?.iter().for_each(|said| eprintln!("hikyaku: {said}"));
    let live = app::books::live_senders(&*store, dir, &SystemClock).await?;
    Ok(Reading { store, live })
}

/// The books in a folder, for reading.
pub fn read_folder(dir: &Path) -> anyhow::Result<SqliteStore> {
    app::folder::look_into(dir)?;
    if !dir.join(ledger_sqlite::DATABASE_FILE).is_file() {
        let (sealed, _) = app::folder::Seals::in_folder(dir).read()?;
        anyhow::ensure!(
            sealed.is_empty(),
            "the books of the data folder {} are lost; restore a backup, or name the database that holds them with \
             --database-url",
            dir.display()
        );
        anyhow::bail!("the data folder {} has no books yet: nothing was ever frozen in it", dir.display());
    }
    Ok(SqliteStore::open_read_only(dir, SqliteOptions::default())?)
}

/// A folder that this process owns from now on, and the database that holds its books, if one does.
pub struct Ground {
    /// The folder.
    pub folder: DataFolder,
    /// The database.
    pub database: Option<Arc<PostgresStore>>,
}

/// Opens the database first, so that no folder is made for books that cannot be used.
pub async fn ground(place: &PlaceFlags) -> anyhow::Result<Ground> {
    let database = match database::wanted(&place.database)? {
        Some(wanted) => Some(wanted.open().await?),
        None => None,
    };
    if let (Some(database), None) = (&database, &place.installation_key) {
        app::installation::refuse_new_key(&**database, &place.data).await?;
    }
    let key = place.installation_key.as_deref();
    let folder = DataFolder::open_with_key(&place.data, key, &SystemClock, &SystemEntropy)?;
    Ok(Ground { folder, database })
}

/// A promotion of a standby that lags behind is nothing that could be prevented here: whoever sends must know of it.
pub async fn warn_of_standby(ground: &Ground) -> anyhow::Result<()> {
    if let Some(database) = &ground.database {
        let standby = database.standby().await?;
        if standby.may_lose_commits() {
            eprintln!("hikyaku: the database has {standby}");
        }
    }
    Ok(())
}

/// What a process that owns the folder works on; the books once more, to be closed at the end.
pub async fn own(
    ground: Ground,
    options: SqliteOptions,
    boot: [u8; 16],
    config: EngineConfig,
) -> anyhow::Result<(Premises, Books)> {
    let Ground { folder, database } = ground;
    let books = match database {
        Some(database) => Books::Postgres(database),
        None => {
            refuse_lost_books(&folder)?;
            Books::Sqlite(Arc::new(SqliteStore::open(folder.dir(), options)?))
        }
    };
    app::installation::admit(&*books.store(), &folder).await?;
    let premises = Premises {
        folder,
        store: books.store(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        network: Arc::new(SystemNetwork),
        boot,
        config,
    };
    Ok((premises, books))
}

/// Seals without books: beginning anew would send everything a second time.
fn refuse_lost_books(folder: &DataFolder) -> anyhow::Result<()> {
    let path = folder.dir().join(ledger_sqlite::DATABASE_FILE);
    let is_there = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    let (sealed, _) = folder.seals().read()?;
    if !is_there && !sealed.is_empty() {
        anyhow::bail!(
            "the books of the data folder {} are lost: {} is missing or empty, though seals.log names {} chains of \
             them; restore a backup, name the database that holds them with --database-url, or use another --data",
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
