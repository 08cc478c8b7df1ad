//! The server: whether it is fit to hold books, and the pool of connections to it.

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use ledger::LedgerError;
use tokio_postgres::Client;

use crate::options::PostgresOptions;
use crate::queries;
use crate::tls;

/// Older ones lack nothing that is known, and were never tried.
const SERVER_VERSION_MIN: u32 = 150_000;
const OPERATION: &str = "opening the books";
/// The name of its channel has five octets more, and 63 are the most that PostgreSQL has.
const SCHEMA_OCTETS_MAX: usize = 58;

/// A pool whose every connection is to a fit server, and set to the schema.
pub(crate) fn pool(options: &PostgresOptions) -> Result<Pool, LedgerError> {
    let schema = options.schema.clone();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if schema.is_empty() || schema.len() > SCHEMA_OCTETS_MAX || !schema.chars().all(plain) {
        let reason = "the schema's name needs 1 to 58 lower-case letters, digits or `_`".to_owned();
        return Err(LedgerError::Unfit { reason });
    }
    let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(options.config.clone(), tls::connector(options)?, config);
    let set_up = Hook::async_fn(move |client, _| {
        let schema = schema.clone();
        Box::pin(async move { set_up(client, &schema).await })
    });
    Pool::builder(manager)
        .max_size(options.connections_max.max(2))
        .runtime(Runtime::Tokio1)
        .wait_timeout(None)
        .create_timeout(Some(options.create_max()))
        .post_create(set_up)
        .build()
        .map_err(|error| LedgerError::Io { operation: OPERATION, reason: error.to_string() })
}

/// Looks at a new connection's server, and sets the connection up.
async fn set_up(client: &Client, schema: &str) -> Result<(), HookError> {
    let row = client.query_one(queries::SERVER_SETTINGS, &[]).await.map_err(HookError::Backend)?;
    let text = |column: usize| row.try_get::<_, &str>(column).unwrap_or_default();
    let settings = Settings {
        version: text(0).parse().unwrap_or(0),
        fsync: text(1) == "on",
        full_page_writes: text(2) == "on",
        synchronous_commit: text(3),
    };
    if let Some(reason) = settings.objection() {
        return Err(HookError::Message(reason.into()));
    }
    // Said again for this connection, so that a later change of the server's own setting does not reach it.
    let own = format!(
        "SET synchronous_commit = '{}'; SET search_path = \"{schema}\"; {}",
        settings.synchronous_commit,
        queries::CONNECTION_SETTINGS
    );
    client.batch_execute(&own).await.map_err(HookError::Backend)
}

/// What of a server bears on whether a commit lasts.
struct Settings<'a> {
    version: u32,
    fsync: bool,
    full_page_writes: bool,
    synchronous_commit: &'a str,
}

impl Settings<'_> {
    /// Why no books may be kept on it.
    fn objection(&self) -> Option<String> {
        if self.version < SERVER_VERSION_MIN {
            return Some(format!(
                "it is version {}; PostgreSQL 15 or newer is needed",
                self.version / 10_000
            ));
        }
        let off = [
            (!self.fsync, "fsync", "a crash of the machine would lose commits and damage the books"),
            (
                !self.full_page_writes,
                "full_page_writes",
                "a crash of the machine could tear pages of the books",
            ),
            (
                // Each of the others waits for this server's own disk.
                !["on", "local", "remote_write", "remote_apply"].contains(&self.synchronous_commit),
                "synchronous_commit",
                "mails would be sent whose attempts a crash forgets",
            ),
        ];
        let (_, setting, why) = off.into_iter().find(|(is_off, ..)| *is_off)?;
        Some(format!("{setting} is off there: {why}; set {setting} = on for the server, role and database"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: Settings<'static> =
        Settings { version: 150_019, fsync: true, full_page_writes: true, synchronous_commit: "on" };

    #[test]
    fn servers_that_forget_are_refused() {
        assert_eq!(FIT.objection(), None);
        assert_eq!(Settings { synchronous_commit: "remote_apply", ..FIT }.objection(), None);
        for (settings, word) in [
            (Settings { version: 140_010, ..FIT }, "version 14"),
            (Settings { fsync: false, ..FIT }, "fsync is off"),
            (Settings { full_page_writes: false, ..FIT }, "full_page_writes is off"),
            (Settings { synchronous_commit: "off", ..FIT }, "synchronous_commit is off"),
        ] {
            let objection = settings.objection().expect(word);
            assert!(objection.contains(word), "{objection}");
        }
    }
}
