//! A TCP proxy that breaks links exactly where a test says: after so many octets of one direction.
//!
//! Each connection gets a [`Script`]. What passes is never changed, and never exceeds the script: an octet
//! beyond a cut does not reach the other side. The proxy reads no more of a direction than it may pass on,
//! but the sender's kernel may have taken more into its own buffers, as with any real network.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use runtime::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Octets passed on at once.
const PIECE_OCTETS: usize = 64 << 10;

/// How a link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both ends get a reset at once.
    Reset,
    /// Both ends get an orderly end of file; what still arrives is swallowed.
    Fin,
}

/// One thing that happens to a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// After this many octets of the direction (counted from the connection's start) the whole link is cut.
    CutAt(u64, Cut),
    /// After this many octets the direction waits once.
    DelayAt(u64, Duration),
    /// After this many octets nothing more passes, and the link stays open.
    StallAt(u64),
}

impl Step {
    fn offset(self) -> u64 {
        match self {
            Self::CutAt(offset, _) | Self::DelayAt(offset, _) | Self::StallAt(offset) => offset,
        }
    }
}

/// What happens to one connection. The default passes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Steps of the direction client → server, by growing offset.
    pub client_to_server: Vec<Step>,
    /// Steps of the direction server → client, by growing offset.
    pub server_to_client: Vec<Step>,
}

impl Script {
    /// Cuts after so many octets from the client.
    #[must_use]
    pub fn cut_client_at(octets: u64, cut: Cut) -> Self {
        Self { client_to_server: vec![Step::CutAt(octets, cut)], ..Self::default() }
    }

    /// Cuts after so many octets from the server.
    #[must_use]
    pub fn cut_server_at(octets: u64, cut: Cut) -> Self {
        Self { server_to_client: vec![Step::CutAt(octets, cut)], ..Self::default() }
    }
}

/// What passed through one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Octets given to the server.
    pub client_to_server: u64,
    /// Octets given to the client.
    pub server_to_client: u64,
    /// The link is over, for whatever reason.
    pub ended: bool,
}

/// A running proxy; dropping it cuts every link and ends it.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    passed: Arc<Mutex<Vec<Passed>>>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free loopback port and passes every connection on to `upstream`. `script` is asked once a
    /// connection, with its number counted from 0.
    ///
    /// # Errors
    /// When the port, the thread or its runtime cannot be had.
    pub fn start(
        upstream: SocketAddr,
        script: impl FnMut(usize) -> Script + Send + 'static,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let passed = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = watch::channel(false);
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counts = Arc::clone(&passed);
        let thread = thread::Builder::new().name("fault-proxy".to_owned()).spawn(move || {
            executor.block_on(serve(listener, upstream, script, counts, stopped));
        })?;
        Ok(Self { addr, passed, stop, thread: Some(thread) })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What passed so far, a row for each connection.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    upstream: SocketAddr,
    mut script: impl FnMut(usize) -> Script,
    passed: Arc<Mutex<Vec<Passed>>>,
    mut stopped: watch::Receiver<bool>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut links = JoinSet::new();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
            Some(_) = links.join_next(), if !links.is_empty() => continue,
        };
        let Ok((client, _)) = client else { continue };
        let number = {
            let mut rows = passed.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push(Passed::default());
            rows.len() - 1
        };
        let count = Count { rows: Arc::clone(&passed), number };
        links.spawn(link(client, upstream, script(number), count));
    }
}

/// One connection's row.
struct Count {
    rows: Arc<Mutex<Vec<Passed>>>,
    number: usize,
}

impl Count {
    fn update(&self, change: impl FnOnce(&mut Passed)) {
        if let Some(row) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).get_mut(self.number) {
            change(row);
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.update(|row| row.ended = true);
    }
}

async fn link(client: TcpStream, upstream: SocketAddr, script: Script, count: Count) {
    let Ok(server) = TcpStream::connect(upstream).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = client.set_nodelay(true).and(server.set_nodelay(true));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let mut upward =
        Direction { from: client_read, to: server_write, steps: script.client_to_server, done: 0 };
    let mut downward =
        Direction { from: server_read, to: client_write, steps: script.server_to_client, done: 0 };
    let cut = {
        let up = upward.run(|done| count.update(|row| row.client_to_server = done));
        let down = downward.run(|done| count.update(|row| row.server_to_client = done));
        tokio::pin!(up, down);
        tokio::select! {
            end = &mut up => match end { End::Cut(cut) => Some(cut), End::Eof => down.await.cut() },
            end = &mut down => match end { End::Cut(cut) => Some(cut), End::Eof => up.await.cut() },
        }
    };
    match cut {
        Some(Cut::Reset) => upward.reset(downward),
        Some(Cut::Fin) => tokio::join!(upward.swallow(), downward.swallow()).0,
        None => {}
    }
}

/// Why a direction stopped.
enum End {
    Cut(Cut),
    Eof,
}

impl End {
    fn cut(self) -> Option<Cut> {
        match self {
            Self::Cut(cut) => Some(cut),
            Self::Eof => None,
        }
    }
}

struct Direction {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    steps: Vec<Step>,
    done: u64,
}

impl Direction {
    /// Passes octets on until a cut, the end of the file or an error of either side.
    async fn run(&mut self, counted: impl Fn(u64)) -> End {
        let mut piece = vec![0; PIECE_OCTETS];
        let mut steps = std::mem::take(&mut self.steps).into_iter().peekable();
        loop {
            while let Some(step) = steps.next_if(|step| step.offset() <= self.done) {
                match step {
                    Step::CutAt(_, cut) => return End::Cut(cut),
                    Step::DelayAt(_, span) => SystemClock.sleep(span).await,
                    Step::StallAt(_) => std::future::pending().await,
                }
            }
            let room = steps.peek().map_or(u64::MAX, |step| step.offset() - self.done);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(PIECE_OCTETS);
            let octets = match self.from.read(&mut piece[..room]).await {
                Ok(0) => {
                    let _ = self.to.shutdown().await;
                    return End::Eof;
                }
                Ok(octets) => octets,
                Err(_) => return End::Cut(Cut::Reset),
            };
            if self.to.write_all(&piece[..octets]).await.is_err() {
                return End::Cut(Cut::Reset);
            }
            self.done += octets as u64;
            counted(self.done);
        }
    }

    /// Ends both sockets with a reset. The writing halves are forgotten, for their drop would send an orderly end
    /// of file first.
    fn reset(self, other: Self) {
        for half in [self.to, other.to] {
            let _ = half.as_ref().set_zero_linger();
            half.forget();
        }
    }

    /// Ends the writing half and reads the other to its end.
    async fn swallow(&mut self) {
        let _ = self.to.shutdown().await;
        let mut piece = vec![0; PIECE_OCTETS];
        while matches!(self.from.read(&mut piece).await, Ok(octets) if octets > 0) {}
    }
}
