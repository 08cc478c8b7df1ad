//! Where the books and a node's own things are.

use std::path::PathBuf;

use clap::Args;

/// The database that holds the books of all nodes, where one does. Its URL may hold a password.
#[derive(Clone, Args)]
pub struct DatabaseFlags {
    /// postgres://USER@HOST:PORT/DATABASE?sslmode=disable|prefer|require|verify-full, also &sslrootcert=FILE: the books
    /// are in it, and --data is this node's own folder (keys, journal of dots, seals).
    #[arg(long, value_name = "URL", env = "HIKYAKU_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The database's password, in the first line of a file (`ps` never shows it). Also: PGPASSWORD.
    #[arg(long, value_name = "FILE")]
    pub database_password_file: Option<PathBuf>,
}

impl std::fmt::Debug for DatabaseFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseFlags(…)")
    }
}

/// Where a node's own things are.
#[derive(Debug, Clone, Args)]
pub struct PlaceFlags {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "./hikyaku-data")]
    pub data: PathBuf,
    /// The database, where one holds the books.
    #[command(flatten)]
    pub database: DatabaseFlags,
    /// A data folder that is made anew gets a copy of this installation.key: that of a node that uses the same database.
    #[arg(long, value_name = "FILE")]
    pub installation_key: Option<PathBuf>,
}
