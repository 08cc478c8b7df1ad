//! What is done with a whole installation: schema, move, backup, restore.

use std::path::PathBuf;

use clap::Args;

use super::DatabaseFlags;

/// `migrate`.
#[derive(Debug, Args)]
pub struct MigrateFlags {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseFlags,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `move`. The URLs may hold passwords.
#[derive(Args)]
pub struct MoveFlags {
    /// Where the books are: a data folder, or the URL of a database.
    #[arg(long, value_name = "DIR|URL")]
    pub from: String,
    /// Where they are to be: the URL of a database without books (`hikyaku migrate` makes its schema), or a data folder
    /// without books.
    #[arg(long, value_name = "DIR|URL")]
    pub to: String,
    /// The database's password, in the first line of a file. Also: PGPASSWORD.
    #[arg(long, value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
    /// A data folder that is made anew gets a copy of this installation.key: that of a node that uses the database.
    #[arg(long, value_name = "FILE")]
    pub installation_key: Option<PathBuf>,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct BackupFlags {
    /// A new folder for the copy.
    pub target: PathBuf,
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "./hikyaku-data")]
    pub data: PathBuf,
    /// The database, where one holds the books.
    #[command(flatten)]
    pub database: DatabaseFlags,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct RestoreFlags {
    /// The copy.
    pub source: PathBuf,
    /// The data folder that is made; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// A database without books, into which they go on from the folder.
    #[command(flatten)]
    pub database: DatabaseFlags,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
