//! Two of Debian's PostgreSQL: a primary and a standby that follows it. The primary can be killed at any moment; the
//! standby takes its place, and gets a standby of its own from a fresh copy.
//!
//! Both have addresses of their own among 127.0.0.0/8, whose ports no client is ever given: a dead server's address is
//! free when its successor wants it.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::{Clock as _, SystemClock};
use tempfile::TempDir;

use super::supervised::Supervised;
use super::{PeersError, Prepared};

const SCRIPT: &str = include_str!("../../peers/postgres_pair.sh");
const SERVER: &str = "PostgreSQL";
const USER: &str = "hikyaku";
const PASSWORD: &str = "hikyaku-test-secret";

/// Where the two listen.
const HOSTS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 11), Ipv4Addr::new(127, 0, 0, 12)];

/// How the primary knows its standby.
const STANDBY_NAME: &str = "hikyaku_standby";

/// A copy of the primary, and whatever else a server does before it answers.
const STEP_MAX: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whether commits wait for the standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// A commit is answered after the standby has it on its disk too.
    Synchronous,
    /// A commit is answered before.
    Asynchronous,
}

impl Replication {
    /// PostgreSQL's word for such a standby.
    fn state(self) -> &'static str {
        match self {
            Self::Synchronous => "sync",
            Self::Asynchronous => "async",
        }
    }
}

/// A primary, and mostly a standby.
pub struct PostgresPair {
    primary: Member,
    standby: Option<Member>,
    site: Site,
}

/// What both have in common.
struct Site {
    root: PathBuf,
    within: PathBuf,
    addresses: [SocketAddr; 2],
    replication: Replication,
}

/// One of the two.
struct Member {
    /// Which of the addresses it has.
    place: usize,
    answered: usize,
    // Before the folder: the server is gone when its files go.
    server: Supervised,
    folder: TempDir,
}

impl PostgresPair {
    /// Both, with their data in folders within this one. Needs root (namespaces).
    ///
    /// # Errors
    /// When the peers are not prepared, or one of them does not start.
    pub fn start_within(within: &Path, replication: Replication) -> Result<Self, PeersError> {
        let root = Prepared::locate().debian()?;
        let failed = |source| PeersError::Folder { server: SERVER, source };
        let mut addresses = [SocketAddr::from((HOSTS[0], 0)); 2];
        for (address, host) in addresses.iter_mut().zip(HOSTS) {
            let free = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr());
            *address = free.map_err(failed)?;
        }
        let site = Site { root, within: within.to_owned(), addresses, replication };
        let mut pair = Self { primary: Member::start(&site, 0, false)?, standby: None, site };
        pair.renew_standby()?;
        Ok(pair)
    }

    /// How to connect to whichever is the primary, without the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let [one, other] = self.site.addresses;
        format!("postgres://{USER}@{one},{other}/{database}?target_session_attrs=read-write")
    }

    /// The one user's password.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Kills the primary with all its processes (SIGKILL), and makes the standby the primary after this time without
    /// any. Then there is no standby.
    ///
    /// # Errors
    /// When there is no standby, or it is not promoted in time.
    pub fn fail_over(&mut self, away: Duration) -> Result<(), PeersError> {
        let lacks = PeersError::Options { server: SERVER, reason: "there is no standby to promote" };
        let standby = self.standby.take().ok_or(lacks)?;
        drop(std::mem::replace(&mut self.primary, standby));
        std::thread::park_timeout(away);
        self.primary.order("promote")
    }

    /// A new standby in place of the one that is lacking, from a fresh copy of the primary. Returns once it follows.
    ///
    /// # Errors
    /// When it does not start or follow in time.
    pub fn renew_standby(&mut self) -> Result<(), PeersError> {
        drop(self.standby.take());
        self.standby = Some(Member::start(&self.site, 1 - self.primary.place, true)?);
        self.primary.order(&format!("await {}", self.site.replication.state()))
    }
}

impl std::fmt::Debug for PostgresPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresPair").field("addresses", &self.site.addresses).finish_non_exhaustive()
    }
}

impl Member {
    fn start(site: &Site, place: usize, follows: bool) -> Result<Self, PeersError> {
        let failed = |source| PeersError::Folder { server: SERVER, source };
        let prefix = "hikyaku-peer-";
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(&site.within).map_err(failed)?;
        let conf = folder.path().join("conf");
        fs::create_dir(&conf).and_then(|()| fs::create_dir(folder.path().join("log"))).map_err(failed)?;
        let other = site.addresses[1 - place];
        for (name, text) in [
            ("password", PASSWORD.to_owned()),
            ("postgresql.conf", site.settings(place)),
            ("pg_hba.conf", HBA.to_owned()),
        ] {
            fs::write(conf.join(name), text).map_err(failed)?;
        }
        if follows {
            let text = format!("{} {}\n", other.ip(), other.port());
            fs::write(conf.join("primary"), text).map_err(failed)?;
        }
        let server = Supervised::start_isolated(&site.root, SCRIPT, folder.path())
            .map_err(|source| PeersError::Spawn { server: SERVER, source })?;
        let member = Self { place, answered: 0, server, folder };
        member.wait(|| member.is_ready())?;
        Ok(member)
    }

    /// Gives an order, and waits until it is done.
    fn order(&mut self, order: &str) -> Result<(), PeersError> {
        let failed = |source| PeersError::Folder { server: SERVER, source };
        // Opened for both, for then it does not wait for a reader.
        let pipe = fs::OpenOptions::new().read(true).write(true).open(self.folder.path().join("orders"));
        pipe.and_then(|mut pipe| writeln!(pipe, "{order}")).map_err(failed)?;
        let wanted = self.answered + 1;
        self.wait(|| self.answers() >= wanted)?;
        self.answered = wanted;
        Ok(())
    }

    fn answers(&self) -> usize {
        fs::read_to_string(self.folder.path().join("answers")).unwrap_or_default().lines().count()
    }

    /// Whether its own status file says that it takes connections.
    fn is_ready(&self) -> bool {
        let status = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
        status.lines().nth(7).is_some_and(|line| ["ready", "standby"].contains(&line.trim()))
    }

    fn wait(&self, is_done: impl Fn() -> bool) -> Result<(), PeersError> {
        let deadline = SystemClock.moment() + STEP_MAX;
        let failed = |reason| PeersError::Start { server: SERVER, reason, log: self.server.log_end() };
        while !is_done() {
            if self.server.ends_within(LOOK_AGAIN) {
                return Err(failed("it ended"));
            }
            if deadline.since(SystemClock.moment()).is_zero() {
                return Err(failed("it was not ready in time"));
            }
        }
        Ok(())
    }
}

const HBA: &str = "local all all scram-sha-256\nhost all all 127.0.0.0/8 scram-sha-256\n\
                   host replication all 127.0.0.0/8 scram-sha-256\n";

impl Site {
    /// Whichever role it has: what concerns the other role is not looked at.
    fn settings(&self, place: usize) -> String {
        let (own, other) = (self.addresses[place], self.addresses[1 - place]);
        let names = if self.replication == Replication::Synchronous { STANDBY_NAME } else { "" };
        format!(
            "listen_addresses = '{}'\n\
             port = {}\n\
             unix_socket_directories = '/mnt/socket'\n\
             max_connections = 200\n\
             shared_buffers = 128MB\n\
             dynamic_shared_memory_type = mmap\n\
             fsync = on\n\
             timezone = 'UTC'\n\
             wal_level = replica\n\
             wal_keep_size = 512MB\n\
             synchronous_commit = on\n\
             synchronous_standby_names = '{names}'\n\
             primary_conninfo = 'host={} port={} user={USER} password={PASSWORD} application_name={STANDBY_NAME}'\n",
            own.ip(),
            own.port(),
            other.ip(),
            other.port()
        )
    }
}
