//! What all relays have in common: a private folder, a free port, a certificate, the wait for the greeting.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::{Clock as _, SystemClock};
use tempfile::TempDir;

use super::inbox::{Inbox, ReceivedMail};
use super::supervised::Supervised;
use super::{Account, PeersError, RelayOptions};
use crate::certs::Authority;

/// How long a server may take until it greets.
const START_MAX: Duration = Duration::from_secs(30);
/// Lines of a reply that are looked at.
const REPLY_LINES_MAX: usize = 64;

/// Between two tries to connect.
const TRY_PAUSE: Duration = Duration::from_millis(20);

/// A relay that takes mail; it ends when this is dropped.
pub struct RunningRelay {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The user name of the first account; empty if nobody needs to authenticate.
    pub user: String,
    /// The secret of the first account.
    pub secret: String,
    /// What a client has to trust, in PEM; empty without STARTTLS. The certificate is for `localhost` and 127.0.0.1.
    pub ca_pem: String,
    inbox: Inbox,
    // Before the folder: the server is gone when its files go.
    server: Supervised,
    _folder: TempDir,
}

impl RunningRelay {
    /// The mails in its inbox by now, oldest first.
    ///
    /// # Errors
    /// What the file system says.
    pub fn received(&self) -> Result<Vec<ReceivedMail>, PeersError> {
        self.inbox.read().map_err(PeersError::Inbox)
    }

    /// The mails in its inbox, as soon as there are at least `count`: a relay files after its reply.
    ///
    /// # Errors
    /// When they do not come `within` this time, with the end of the server's log.
    pub fn received_at_least(&self, count: usize, within: Duration) -> Result<Vec<ReceivedMail>, PeersError> {
        let received = self.inbox.wait(count, within).map_err(PeersError::Inbox)?;
        if received < count {
            return Err(PeersError::Late { received, awaited: count, within, log: self.server.log_end() });
        }
        self.received()
    }

    /// The last lines of its log, for a failed test's message.
    #[must_use]
    pub fn log_end(&self) -> String {
        self.server.log_end()
    }
}

impl std::fmt::Debug for RunningRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningRelay")
            .field("addr", &self.addr)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A relay about to be started: its folder and port are chosen, its configuration is not written yet.
pub(super) struct Site<'a> {
    pub(super) server: &'static str,
    pub(super) options: &'a RelayOptions,
    pub(super) addr: SocketAddr,
    folder: TempDir,
    inbox: Inbox,
    ca_pem: String,
}

impl<'a> Site<'a> {
    /// Makes the folder, with `inbox/`, `log/`, `spool/` and `conf/`; in `conf/` the certificate if one is wanted.
    pub(super) fn open(server: &'static str, options: &'a RelayOptions) -> Result<Self, PeersError> {
        check_accounts(server, &options.accounts)?;
        let failed = |source| PeersError::Folder { server, source };
        let (folder, inbox, addr) = make_folder(options.folder.as_deref()).map_err(failed)?;
        let mut site = Self { server, options, addr, folder, inbox, ca_pem: String::new() };
        if options.starttls {
            let authority = Authority::generate()?;
            let certificate = authority.localhost()?;
            site.write("conf/chain.pem", &certificate.chain_pem)?;
            site.write("conf/key.pem", &certificate.key_pem)?;
            site.ca_pem = authority.ca_pem();
        }
        Ok(site)
    }

    /// A path within the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file within the folder.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), PeersError> {
        let path = self.path(name);
        let parent = path.parent().unwrap_or(self.folder.path());
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
        written.map_err(|source| PeersError::Folder { server: self.server, source })
    }

    /// Copies a file into the folder.
    pub(super) fn copy(&self, from: &Path, name: &str) -> Result<(), PeersError> {
        let copied = fs::copy(from, self.path(name));
        copied.map(drop).map_err(|source| PeersError::Folder { server: self.server, source })
    }

    /// The accounts, one `USER TAB SECRET` a line, in `conf/accounts`.
    pub(super) fn write_accounts(&self) -> Result<(), PeersError> {
        let line = |account: &Account| format!("{}\t{}\n", account.user, account.secret);
        self.write("conf/accounts", &self.options.accounts.iter().map(line).collect::<String>())
    }

    /// Starts a Debian server by its script, and waits for its greeting.
    pub(super) fn start_isolated(self, root: &Path, script: &str) -> Result<RunningRelay, PeersError> {
        let started = Supervised::start_isolated(root, script, self.folder.path());
        self.greeted(started)
    }

    /// Starts another server, and waits for its greeting.
    pub(super) fn start(self, command: &[&Path]) -> Result<RunningRelay, PeersError> {
        let started = Supervised::start(command, self.folder.path());
        self.greeted(started)
    }

    fn greeted(self, started: io::Result<Supervised>) -> Result<RunningRelay, PeersError> {
        let server = self.server;
        let supervised = started.map_err(|source| PeersError::Spawn { server, source })?;
        let (addr, starttls) = (self.addr, self.options.starttls);
        if let Err(reason) = wait_until(|| greets(addr, starttls).unwrap_or(false), &supervised) {
            return Err(PeersError::Start { server, reason, log: supervised.log_end() });
        }
        let first = self.options.accounts.first().cloned().unwrap_or_else(|| Account::new("", ""));
        let Self { addr, folder, inbox, ca_pem, .. } = self;
        let Account { user, secret } = first;
        Ok(RunningRelay { addr, user, secret, ca_pem, inbox, server: supervised, _folder: folder })
    }
}

/// The accounts stand one a line in files.
fn check_accounts(server: &'static str, accounts: &[Account]) -> Result<(), PeersError> {
    let breaks = |text: &str| text.is_empty() || text.contains(|c: char| c.is_control());
    match accounts.iter().any(|account| breaks(&account.user) || breaks(&account.secret)) {
        true => {
            Err(PeersError::Options { server, reason: "a user or secret is empty or has control characters" })
        }
        false => Ok(()),
    }
}

/// A private folder, an inbox in it, and a free port.
pub(super) fn make_folder(within: Option<&Path>) -> io::Result<(TempDir, Inbox, SocketAddr)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("hikyaku-peer-");
    let folder = within.map_or_else(|| builder.tempdir(), |path| builder.tempdir_in(path))?;
    for name in ["log", "spool", "conf"] {
        fs::create_dir(folder.path().join(name))?;
    }
    let inbox = Inbox::create(&folder.path().join("inbox"))?;
    // Free a moment ago. If another process takes it before the server does, the server ends and says so.
    let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    Ok((folder, inbox, addr))
}

/// Waits until the server is ready, within bounds; else says why it is not.
pub(super) fn wait_until(
    mut is_ready: impl FnMut() -> bool,
    server: &Supervised,
) -> Result<(), &'static str> {
    let deadline = SystemClock.moment() + START_MAX;
    loop {
        if is_ready() {
            return Ok(());
        }
        if server.ends_within(TRY_PAUSE) {
            return Err("it ended");
        }
        if deadline.since(SystemClock.moment()).is_zero() {
            return Err("it was not ready in time");
        }
    }
}

/// Whether a server says 220, and offers STARTTLS if it should: one that greets before its certificate is read (Haraka
/// does) is not ready.
fn greets(addr: SocketAddr, starttls: bool) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&addr, START_MAX)?;
    stream.set_read_timeout(Some(START_MAX))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut reply = || -> io::Result<Vec<String>> {
        let mut said = Vec::new();
        for line in lines.by_ref().take(REPLY_LINES_MAX) {
            said.push(line?);
            // The last line of a reply has no hyphen behind its code (RFC 5321 section 4.2.1).
            if said.last().is_some_and(|line| line.as_bytes().get(3) != Some(&b'-')) {
                break;
            }
        }
        Ok(said)
    };
    if !reply()?.last().is_some_and(|line| line.starts_with("220")) {
        return Ok(false);
    }
    stream.write_all(b"EHLO ready.test\r\n")?;
    let offers = reply()?.iter().any(|line| line.get(4..).is_some_and(|word| word.trim_end() == "STARTTLS"));
    stream.write_all(b"QUIT\r\n")?;
    Ok(offers || !starttls)
}
