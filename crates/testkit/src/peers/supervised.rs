//! A server's process: started under a small supervisor that ends when the pipe to it closes.
//!
//! Closing happens when this value is dropped and when the owning process dies in any way, so no server is left
//! behind and no process is ended by name. What the server prints goes to a file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SUPERVISED: &str = include_str!("../../peers/supervised.sh");
const ISOLATED: &str = include_str!("../../peers/isolated.sh");

/// How long a stopped server may take to end; it is killed by its supervisor, so this is short.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How much of the end of a log is shown in an error.
const LOG_SHOWN_MAX: u64 = 4096;

/// A running server.
pub(super) struct Supervised {
    /// The pipe whose closing stops the server.
    lifeline: Option<ChildStdin>,
    /// Behind a lock, so that tests may share the server.
    ended: Mutex<Receiver<()>>,
    logs: Vec<PathBuf>,
}

impl Supervised {
    /// Starts `command` as it is, as this user.
    pub(super) fn start(command: &[&Path], folder: &Path) -> io::Result<Self> {
        let script = folder.join("supervised.sh");
        std::fs::write(&script, SUPERVISED)?;
        let mut supervisor = Command::new("bash");
        supervisor.arg(script).args(command);
        Self::spawn(supervisor, folder, Vec::new())
    }

    /// Starts the script `inner` over the packages in `root`, in namespaces of its own. Needs root.
    pub(super) fn start_isolated(root: &Path, inner: &str, folder: &Path) -> io::Result<Self> {
        let (outer_path, inner_path) = (folder.join("isolated.sh"), folder.join("inner.sh"));
        std::fs::write(&outer_path, ISOLATED)?;
        std::fs::write(&inner_path, inner)?;
        let mut supervisor = Command::new("unshare");
        supervisor.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash"]);
        supervisor.arg(outer_path).arg(root).arg(folder).args(["bash", "/mnt/inner.sh"]);
        Self::spawn(supervisor, folder, vec![folder.join("log/server")])
    }

    fn spawn(mut supervisor: Command, folder: &Path, mut logs: Vec<PathBuf>) -> io::Result<Self> {
        let log_path = folder.join("output");
        let log = File::create(&log_path)?;
        logs.push(log_path);
        supervisor.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).process_group(0);
        supervisor.env_remove("LD_LIBRARY_PATH").current_dir(folder);
        let mut child = supervisor.spawn()?;
        let lifeline = child.stdin.take();
        Ok(Self { lifeline, ended: Mutex::new(watch(child)), logs })
    }

    /// Waits up to `pause` for the server's end; whether it came.
    pub(super) fn ends_within(&self, pause: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(ended.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
    }

    /// The last lines that the server wrote.
    pub(super) fn log_end(&self) -> String {
        self.logs.iter().filter_map(|path| log_end(path).ok()).collect()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        self.ends_within(STOP_MAX);
    }
}

/// Reaps the child on a thread of its own, so that its end can be awaited with a limit.
fn watch(mut child: Child) -> Receiver<()> {
    let (sender, ended) = channel::<()>();
    std::thread::spawn(move || {
        let _ = child.wait();
        // Dropping the sender is the message.
        drop(sender);
    });
    ended
}

fn log_end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_SHOWN_MAX)))?;
    let mut octets = Vec::new();
    file.take(LOG_SHOWN_MAX).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
