//! The database that a command was told of: its URL and password, from flags or the environment, and how it is opened.
//!
//! Invariant: neither URL nor password is in an error, a log or `Debug`; places are named by host, port and database.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use ledger_postgres::{Migrated, PostgresOptions, PostgresStore};
use runtime::SystemClock;

use crate::arguments::DatabaseFlags;
use crate::secret;

/// The variable that may hold the password, as PostgreSQL's own programs have it.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// A database that was asked for.
#[derive(Debug, Clone)]
pub struct Wanted(PostgresOptions);

/// The database that the flags name, if they name one.
pub fn wanted(flags: &DatabaseFlags) -> anyhow::Result<Option<Wanted>> {
    let url = flags.database_url.as_deref().unwrap_or_default();
    if url.is_empty() {
        if flags.database_password_file.is_some() {
            bail!("--database-password-file: there is no --database-url that it could belong to");
        }
        return Ok(None);
    }
    let mut options = parse(url)?;
    let found = match &flags.database_password_file {
        Some(path) => Some(secret::read("--database-password-file", path)?),
        None => secret::variable(PASSWORD_VARIABLE)?,
    };
    if let Some(password) = found {
        options.set_password(&password);
    }
    Ok(Some(Wanted(options)))
}

/// Options out of a URL, which is not repeated in errors.
pub fn parse(url: &str) -> anyhow::Result<PostgresOptions> {
    if !is_url(url) {
        bail!(
            "--database-url: it begins with postgres://, as in postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full"
        );
    }
    PostgresOptions::parse(url).context("--database-url")
}

/// True for what names a database and not a folder.
pub fn is_url(text: &str) -> bool {
    secret::DATABASE_SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

impl Wanted {
    /// Where it is, without secrets.
    pub fn place(&self) -> String {
        self.0.place()
    }

    /// Makes or updates its schema.
    pub async fn migrate(&self) -> anyhow::Result<Migrated> {
        PostgresStore::migrate(&self.0, Arc::new(SystemClock)).await.with_context(|| self.said())
    }

    /// Opens the books in it.
    pub async fn open(&self) -> anyhow::Result<Arc<PostgresStore>> {
        let opened = PostgresStore::open(self.0.clone(), Arc::new(SystemClock)).await;
        Ok(Arc::new(opened.with_context(|| self.said())?))
    }

    fn said(&self) -> String {
        format!("the database {} (--database-url)", self.place())
    }
}
