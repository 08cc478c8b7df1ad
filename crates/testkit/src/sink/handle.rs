//! Starting a sink, and what a test holds of it while it runs.

use std::collections::vec_deque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use domain::Moment;
use runtime::{Clock, SystemClock};
use smtp::server::ServerConfig;
use tokio::sync::mpsc;

use super::behaviour::{Behaviour, Judge};
use super::book::Book;
use super::config::SinkConfig;
use super::dialogue;
use super::kept::KeptMail;
use super::listener::{self, Order};
use super::record::{Login, Mail};
use super::snapshot::Snapshot;

/// How often a waiting test looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A sink could not start.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address is taken or not ours.
    #[error("the sink cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The log file cannot be appended to.
    #[error("the sink cannot open its log {path}: {source}")]
    Log {
        /// The file asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No thread or executor.
    #[error("the sink's thread cannot start: {0}")]
    Thread(#[from] io::Error),
}

/// What the sink's thread and its handles share.
#[derive(Debug)]
pub(super) struct Shared {
    pub config: SinkConfig,
    pub server: Arc<ServerConfig>,
    pub book: Mutex<Book>,
    pub judge: Mutex<Judge>,
    pub started: Moment,
}

impl Shared {
    /// The book; a panic elsewhere does not make it unreadable.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The judge.
    pub fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The catch-all SMTP server; see the module's text.
#[derive(Debug, Clone, Copy)]
pub struct Sink;

impl Sink {
    /// Starts a sink on a thread of its own. It listens when this returns.
    ///
    /// # Errors
    /// When address, log file or thread cannot be had.
    pub fn start(config: SinkConfig) -> Result<SinkHandle, SinkError> {
        let book = Book::open(&config).map_err(|source| SinkError::Log {
            path: config.log.file().cloned().unwrap_or_default(),
            source,
        })?;
        let addr = config.listen;
        let socket =
            std::net::TcpListener::bind(addr).map_err(|source| SinkError::Listen { addr, source })?;
        socket.set_nonblocking(true)?;
        let addr = socket.local_addr()?;
        let judge = Mutex::new(Judge::new(config.behaviour.clone()));
        let started = SystemClock.moment();
        let server = Arc::new(dialogue::server_config(&config));
        let shared = Arc::new(Shared { config, server, book: Mutex::new(book), judge, started });
        let (orders, inbox) = mpsc::unbounded_channel();
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("smtp-sink".to_owned())
            .spawn(move || executor.block_on(listener::serve(socket, served, inbox)))?;
        Ok(SinkHandle { addr, shared, orders, thread: Some(thread) })
    }
}

/// A running sink; dropping it ends the sink.
#[derive(Debug)]
pub struct SinkHandle {
    addr: SocketAddr,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    thread: Option<thread::JoinHandle<()>>,
}

impl SinkHandle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.shared.book())
    }

    /// All mails and refused recipients in the order of arrival; empty unless the log is in memory.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.book().mails(0).collect()
    }

    /// The same, one by one and from the `skip`th on, without a copy of all. The sink waits meanwhile.
    pub fn for_each_mail(&self, skip: usize, each: impl FnMut(Mail)) {
        self.shared.book().mails(skip).for_each(each);
    }

    /// All tries to log in (the first million).
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        self.shared.book().logins().to_vec()
    }

    /// The newest mails whose bytes were kept, oldest first.
    #[must_use]
    pub fn kept_mails(&self) -> Vec<KeptMail> {
        self.shared.book().kept().cloned().collect()
    }

    /// Octets that the log takes in memory.
    #[must_use]
    pub fn log_octets(&self) -> usize {
        self.shared.book().arena_octets()
    }

    /// Forgets mails, logins, kept bytes and counts. What the judge counted stays.
    pub fn clear(&self) {
        self.shared.book().clear();
    }

    /// Changes the faults for every mail from now on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.shared.judge().replace(behaviour);
    }

    /// Cuts every open connection at once; new ones are welcome.
    pub fn cut_connections(&self) {
        let _ = self.orders.send(Order::CutConnections);
    }

    /// A reader for other threads, which does not keep the sink alive.
    #[must_use]
    pub fn reader(&self) -> SinkReader {
        SinkReader { shared: Arc::clone(&self.shared) }
    }

    /// Waits until the counters satisfy `condition`, and gives them.
    ///
    /// # Errors
    /// The counters at the deadline, when they never did.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        condition: impl Fn(&Snapshot) -> bool,
    ) -> Result<Snapshot, Box<Snapshot>> {
        let end = SystemClock.moment() + deadline;
        loop {
            let snapshot = self.snapshot();
            if condition(&snapshot) {
                return Ok(snapshot);
            }
            if SystemClock.moment() >= end {
                return Err(Box::new(snapshot));
            }
            SystemClock.sleep(LOOK_AGAIN).await;
        }
    }

    /// [`Self::wait_until`] for a caller without an executor.
    ///
    /// # Errors
    /// The counters at the deadline, when they never satisfied `condition`.
    pub fn wait_until_blocking(
        &self,
        deadline: Duration,
        condition: impl Fn(&Snapshot) -> bool,
    ) -> Result<Snapshot, Box<Snapshot>> {
        let executor = tokio::runtime::Builder::new_current_thread().enable_time().build();
        match executor {
            Ok(executor) => executor.block_on(self.wait_until(deadline, condition)),
            Err(_) => Err(Box::new(self.snapshot())),
        }
    }

    /// Cuts every connection, ends the sink and gives the last counters. The log file is complete then.
    #[must_use]
    pub fn stop(mut self) -> Snapshot {
        self.end();
        self.snapshot()
    }

    fn end(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.shared.book().flush();
    }
}

impl Drop for SinkHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads a sink's book from another thread.
#[derive(Debug, Clone)]
pub struct SinkReader {
    shared: Arc<Shared>,
}

impl SinkReader {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.shared.book())
    }

    /// Works on the kept mails (oldest first) while the sink waits.
    pub fn with_kept<T>(&self, work: impl FnOnce(vec_deque::Iter<'_, KeptMail>) -> T) -> T {
        work(self.shared.book().kept())
    }
}
