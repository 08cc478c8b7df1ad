//! Debian's PostgreSQL as a store's server: a new cluster of its own, fsync on, TLS, one user with a password.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::relay::{make_folder, wait_until};
use super::supervised::Supervised;
use super::{PeersError, Prepared};
use crate::certs::Authority;

const SCRIPT: &str = include_str!("../../peers/postgres.sh");
const SERVER: &str = "PostgreSQL";

/// The one user, a superuser: tests end other connections and look behind the store's back.
const USER: &str = "hikyaku";
const PASSWORD: &str = "hikyaku-test-secret";

/// Starts PostgreSQL.
pub struct Postgres;

/// A running server; it ends when this is dropped, and its data goes.
pub struct RunningPostgres {
    /// Where it listens on 127.0.0.1.
    pub addr: SocketAddr,
    /// What a client has to trust, in PEM. The certificate is for `localhost` and 127.0.0.1.
    pub ca_pem: String,
    // Before the folder: the server is gone when its files go.
    server: Supervised,
    folder: TempDir,
}

impl Postgres {
    /// A server of its own for the caller. Needs root (namespaces); the server itself runs as another user.
    ///
    /// # Errors
    /// When the peers are not prepared, or it does not start.
    pub fn start() -> Result<RunningPostgres, PeersError> {
        Self::start_within(None)
    }

    /// The same with its data in a folder within this one: a disk to measure.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_within(within: Option<&Path>) -> Result<RunningPostgres, PeersError> {
        let root = Prepared::locate().debian()?;
        let failed = |source| PeersError::Folder { server: SERVER, source };
        let (folder, _, addr) = make_folder(within).map_err(failed)?;
        let authority = Authority::generate()?;
        let certificate = authority.localhost()?;
        let conf = folder.path().join("conf");
        for (name, text) in [
            ("chain.pem", certificate.chain_pem.as_str()),
            ("key.pem", certificate.key_pem.as_str()),
            ("password", PASSWORD),
            ("postgresql.conf", &settings(addr.port())),
            ("pg_hba.conf", "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"),
        ] {
            fs::write(conf.join(name), text).map_err(failed)?;
        }
        let started = Supervised::start_isolated(&root, SCRIPT, folder.path());
        let server = started.map_err(|source| PeersError::Spawn { server: SERVER, source })?;
        let running = RunningPostgres { addr, ca_pem: authority.ca_pem(), server, folder };
        match wait_until(|| running.is_ready(), &running.server) {
            Ok(()) => Ok(running),
            Err(reason) => Err(PeersError::Start { server: SERVER, reason, log: running.log_end() }),
        }
    }
}

impl RunningPostgres {
    /// How to connect over the Unix socket, as `PostgresOptions::parse` takes it.
    #[must_use]
    pub fn by_socket(&self) -> String {
        self.connection(&self.folder.path().join("socket").display().to_string())
    }

    /// How to connect over TCP, without `sslmode`.
    #[must_use]
    pub fn by_tcp(&self) -> String {
        self.connection("127.0.0.1")
    }

    /// How to connect to one of its databases over TCP, as a URL without password and parameters.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{database}", self.addr)
    }

    /// The one user's password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A file with [`Self::ca_pem`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ca_file(&self) -> Result<PathBuf, PeersError> {
        let path = self.folder.path().join("ca.pem");
        let written = fs::write(&path, &self.ca_pem);
        written.map(|()| path).map_err(|source| PeersError::Folder { server: SERVER, source })
    }

    /// The last lines of its log, for a failed test's message.
    #[must_use]
    pub fn log_end(&self) -> String {
        self.server.log_end()
    }

    fn connection(&self, host: &str) -> String {
        format!("host={host} port={} user={USER} password={PASSWORD} dbname=postgres", self.addr.port())
    }

    /// Whether its own status file says so.
    fn is_ready(&self) -> bool {
        let status = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
    }
}

impl std::fmt::Debug for RunningPostgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningPostgres").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// The maker's own settings but for where things lie and how many may connect.
fn settings(port: u16) -> String {
    format!(
        "listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = '/mnt/socket'\n\
         max_connections = 200\n\
         shared_buffers = 128MB\n\
         dynamic_shared_memory_type = mmap\n\
         fsync = on\n\
         ssl = on\n\
         ssl_cert_file = '/mnt/conf/chain.pem'\n\
         ssl_key_file = '/mnt/conf/key.pem'\n\
         timezone = 'UTC'\n"
    )
}

/// A server for a test; `None` if the peers are not prepared, after saying that the test is skipped.
///
/// # Panics
/// When it does not start; or is not prepared although it has to be: `CI` or `HIKYAKU_REQUIRE_PEERS` is set.
#[must_use]
pub fn postgres_or_skip() -> Option<RunningPostgres> {
    match Postgres::start() {
        Ok(running) => Some(running),
        Err(lacking @ PeersError::NotPrepared { .. }) => {
            super::prepared::skip(&lacking);
            None
        }
        Err(error) => panic!("{error}"),
    }
}
