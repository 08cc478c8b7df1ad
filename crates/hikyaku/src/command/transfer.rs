//! `hikyaku move`: a whole installation from a data folder into a database, back, or between databases.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use app::backup::put_on_hold;
use app::transfer::{Side, TableCount, conclude, copy, refuse_used};
use app::{DataFolder, FolderKeys};
use ledger::{CheckReport, InstallationRow, InstallationUse};
use ledger_postgres::PostgresStore;
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock as _, SystemClock, SystemEntropy};
use serde_json::json;

use crate::arguments::{DatabaseFlags, MoveFlags};
use crate::exit::Exit;
use crate::{database, opened, print, progress};

/// What a move came to.
pub struct Moved {
    /// How much of each table.
    pub tables: Vec<TableCount>,
    /// What a check of the target found.
    pub report: CheckReport,
}

/// One end of a move, opened and owned.
struct End {
    side: Side,
    /// The folder, where it is one.
    folder: Option<DataFolder>,
    books: opened::Books,
}

/// Moves, checks the target, and prints how much it was. Exit code 4 when the check finds something.
pub fn run(flags: &MoveFlags) -> anyhow::Result<Exit> {
    if flags.from == flags.to {
        bail!("--from and --to name the same place");
    }
    let moved = opened::executor()?.block_on(go(flags))?;
    let rows: u64 = moved.tables.iter().map(|table| table.rows).sum();
    if flags.json {
        let tables = moved
            .tables
            .iter()
            .map(|count| json!({ "table": count.table, "tenants": count.tenants, "rows": count.rows }));
        let findings = moved.report.findings.len();
        print::line(
            &json!({ "rows": rows, "findings": findings, "tables": tables.collect::<Vec<_>>() }).to_string(),
        );
    } else {
        for count in &moved.tables {
            print::line(&format!("{:<16} {:>12} rows", count.table, count.rows));
        }
        moved.report.findings.iter().for_each(|finding| print::line(&super::check::text(finding)));
        print::line(&format!(
            "{rows} rows are the same on both sides, {} findings; what may be sent is on hold until `hikyaku resume`",
            moved.report.findings.len()
        ));
    }
    Ok(if moved.report.findings.is_empty() { Exit::Well } else { Exit::Findings })
}

/// Moves from one place to another.
pub async fn go(flags: &MoveFlags) -> anyhow::Result<Moved> {
    // The target database first: a wrong password must not be learnt after a folder was locked.
    let target = match database::is_url(&flags.to) {
        true => Some(open_database(flags, &flags.to).await?),
        false => None,
    };
    let source = match database::is_url(&flags.from) {
        true => open_database(flags, &flags.from).await?,
        false => {
            let dir = app::folder::look_into(&PathBuf::from(&flags.from))?;
            drop(opened::read_folder(&dir)?);
            open_folder(DataFolder::open(&dir, &SystemClock, &SystemEntropy)?)?
        }
    };
    let key_check = match &source.folder {
        Some(folder) => own_key(&source, folder).await?,
        None => {
            let row = source.side.books.installation_get().await?;
            row.with_context(|| {
                format!("{}: it was never sent from; there is nothing to move", source.side.place)
            })?
            .key_check
        }
    };
    let target = match target {
        Some(target) => target,
        None => target_folder(flags, &source, key_check).await?,
    };
    let now = SystemClock.now();
    refuse_nodes(&source, now).await?;
    hold_source(&source).await?;
    let told = |table: &'static str| {
        if progress::is_wanted() {
            eprintln!("{table}");
        }
    };
    let tables = copy(&source.side, &target.side, key_check, &told).await?;
    refuse_nodes(&source, now).await?;
    let moved = check(&source, &target, tables).await?;
    if moved.report.findings.is_empty() {
        conclude(&source.side, &target.side, true).await?;
    }
    source.books.close().await?;
    target.books.close().await?;
    Ok(moved)
}

/// The key of a folder's books; they are given a check of it where they were made before there was one.
async fn own_key(source: &End, folder: &DataFolder) -> anyhow::Result<[u8; 32]> {
    let key_check = folder.keys().installation.check();
    let row = InstallationRow { key_check, use_now: InstallationUse::Open };
    let row = source.side.books.installation_ensure(row).await?;
    let dir = folder.dir().to_owned();
    anyhow::ensure!(row.key_check == key_check, app::installation::InstallationError::OtherKey { dir });
    Ok(key_check)
}

/// Nodes may send from a database; from a folder nobody does, for its lock is held here.
async fn refuse_nodes(source: &End, now: domain::Timestamp) -> anyhow::Result<()> {
    match source.folder {
        Some(_) => Ok(()),
        None => Ok(refuse_used(&source.side, now).await?),
    }
}

/// Whatever may be sent is on hold before it is copied, and so on both sides; not again, should it have been moved.
async fn hold_source(source: &End) -> anyhow::Result<()> {
    let row = source.side.books.installation_get().await?;
    if row.is_none_or(|row| row.use_now == InstallationUse::Open) {
        put_on_hold(&*source.side.books, &SystemClock, &opened::user()).await?;
    }
    Ok(())
}

/// Checks the target, against the seals of whichever folder there is; then seals its heads.
async fn check(source: &End, target: &End, tables: Vec<TableCount>) -> anyhow::Result<Moved> {
    let folder = target.folder.as_ref().or(source.folder.as_ref());
    let sealed = match &source.folder {
        Some(folder) => folder.seals().read()?.0,
        None => match &target.folder {
            Some(folder) => folder.seals().read()?.0,
            None => Vec::new(),
        },
    };
    let report = target.side.books.check(sealed, ledger::Live::default(), SystemClock.now()).await?;
    if let Some(folder) = folder
        && report.findings.is_empty()
    {
        folder.seals().append(SystemClock.now(), &target.side.books.heads().await?)?;
    }
    Ok(Moved { tables, report })
}

async fn open_database(flags: &MoveFlags, url: &str) -> anyhow::Result<End> {
    let named = DatabaseFlags {
        database_url: Some(url.to_owned()),
        database_password_file: flags.database_password_file.clone(),
    };
    let wanted = database::wanted(&named)?.context("a database's URL is empty")?;
    let store: Arc<PostgresStore> = wanted.open().await?;
    let side = Side::of(Arc::clone(&store), wanted.place());
    Ok(End { side, folder: None, books: opened::Books::Postgres(store) })
}

fn open_folder(folder: DataFolder) -> anyhow::Result<End> {
    let store = Arc::new(SqliteStore::open(folder.dir(), SqliteOptions::default())?);
    let side = Side::of(Arc::clone(&store), folder.dir().display().to_string());
    Ok(End { side, folder: Some(folder), books: opened::Books::Sqlite(store) })
}

/// A folder with the source's key: that of a node that used the database, or a new one.
async fn target_folder(flags: &MoveFlags, source: &End, key_check: [u8; 32]) -> anyhow::Result<End> {
    let dir = PathBuf::from(&flags.to);
    let key = flags.installation_key.as_deref();
    if key.is_none() && source.folder.is_none() {
        app::installation::refuse_new_key(&*source.side.books, &dir).await?;
    }
    let from_folder =
        source.folder.as_ref().map(|folder| folder.dir().join(app::folder::INSTALLATION_KEY_FILE));
    let key = key.or(from_folder.as_deref());
    if let Some(key) = key {
        let given = FolderKeys::from_file(key)?.installation.check();
        anyhow::ensure!(given == key_check, app::installation::InstallationError::OtherKey { dir });
    }
    let folder = DataFolder::open_with_key(&dir, key, &SystemClock, &SystemEntropy)?;
    if folder.keys().installation.check() != key_check {
        bail!(app::installation::InstallationError::OtherKey { dir });
    }
    open_folder(folder)
}
