//! A child process whose CPU time and peak memory are known at its end, and which can be killed at any moment.
//!
//! Invariants: a child does not outlive this program (the kernel ends it) nor its [`Process`]; a signal never
//! reaches a stranger, for it goes through a pidfd.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::Moment;
use runtime::{Clock as _, SystemClock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How much of the beginning, and of the end, of a child's errors is shown.
const ERRORS_SHOWN_OCTETS: usize = 500;

/// Time for a killed process to be gone; its memory and files may take the kernel a while.
const GONE_MAX: Duration = Duration::from_secs(60);

/// How a process ended, and what it used.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// When it was gone.
    pub at: Moment,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Most memory that was resident at once, in KiB.
    pub peak_kib: u64,
}

/// A running child.
pub struct Process {
    name: String,
    pidfd: OwnedFd,
    ended: Receiver<io::Result<Ended>>,
    known: Option<Ended>,
    input: Option<ChildStdin>,
    started: Moment,
    output: PathBuf,
    errors: PathBuf,
}

impl Process {
    /// Starts it. Its output goes to `FOLDER/NAME.out`, its errors to `FOLDER/NAME.err`; its input stays open.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> anyhow::Result<Self> {
        let (output, errors) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let create = |path: &Path| File::create(path).with_context(|| format!("making {}", path.display()));
        command.stdin(Stdio::piped()).stdout(create(&output)?).stderr(create(&errors)?);
        // SAFETY: the closure only makes one system call, which is allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)
            });
        }
        let started = SystemClock.moment();
        let mut child = command.spawn().with_context(|| format!("starting {name}"))?;
        let pid =
            i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process without an id")?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("opening a pidfd")?;
        let (sender, ended) = channel();
        let input = child.stdin.take();
        std::thread::spawn(move || drop(sender.send(reap(pid))));
        Ok(Self { name: name.to_owned(), pidfd, ended, known: None, input, started, output, errors })
    }

    /// When it was started.
    pub fn started(&self) -> Moment {
        self.started
    }

    /// Waits up to `span` for its end.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn ends_within(&mut self, span: Duration) -> anyhow::Result<Option<Ended>> {
        if self.known.is_none() {
            self.known = match self.ended.recv_timeout(span) {
                Ok(ended) => Some(ended.with_context(|| format!("waiting for {}", self.name))?),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => bail!("the thread waiting for {} is gone", self.name),
            };
        }
        Ok(self.known)
    }

    /// Waits for its end; a process that takes longer than `limit` is killed, and that is an error.
    ///
    /// # Errors
    /// As said, with what it wrote.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<Ended> {
        match self.ends_within(limit)? {
            Some(ended) => Ok(ended),
            None => {
                self.kill()?;
                bail!("{} took longer than {} s: {}", self.name, limit.as_secs(), self.errors_shown())
            }
        }
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go.
    pub fn kill(&mut self) -> anyhow::Result<Ended> {
        self.signal(Signal::KILL);
        match self.ends_within(GONE_MAX)? {
            Some(ended) => Ok(ended),
            None => bail!("{} does not die", self.name),
        }
    }

    /// Asks it to end (SIGTERM), and waits.
    ///
    /// # Errors
    /// When it takes longer than `limit`.
    pub fn terminate(&mut self, limit: Duration) -> anyhow::Result<Ended> {
        self.signal(Signal::TERM);
        self.wait(limit)
    }

    /// Stops it where it stands (SIGSTOP), until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Closes its input, which ends a part of a rig, and waits.
    ///
    /// # Errors
    /// When it takes longer than `limit`.
    pub fn close(&mut self, limit: Duration) -> anyhow::Result<Ended> {
        drop(self.input.take());
        self.wait(limit)
    }

    /// Gives it one line of input.
    ///
    /// # Errors
    /// When it is gone.
    pub fn order(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        let written = writeln!(input, "{line}");
        written.with_context(|| format!("{} is gone: {}", self.name, self.errors_shown()))
    }

    /// Its output so far.
    ///
    /// # Errors
    /// What the file system says.
    pub fn output(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.output).with_context(|| format!("reading {}", self.output.display()))
    }

    /// Waits until its output has more than `lines` whole lines, and gives the line after them.
    ///
    /// # Errors
    /// When it ends before, or takes longer than `limit`.
    pub fn line_after(&mut self, lines: usize, limit: Duration) -> anyhow::Result<String> {
        let deadline = SystemClock.moment() + limit;
        loop {
            let over = self.ends_within(Duration::from_millis(1))?.is_some();
            let output = self.output()?;
            if let Some(line) = output.split_inclusive('\n').filter(|line| line.ends_with('\n')).nth(lines) {
                return Ok(line.trim_end().to_owned());
            }
            if over || SystemClock.moment() >= deadline {
                bail!("{} did not answer: {}", self.name, self.errors_shown());
            }
        }
    }

    /// All that it wrote to its errors so far.
    ///
    /// # Errors
    /// What the file system says.
    pub fn errors(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.errors).with_context(|| format!("reading {}", self.errors.display()))
    }

    /// Beginning and end of what it wrote to its errors.
    pub fn errors_shown(&self) -> String {
        shown(&std::fs::read(&self.errors).unwrap_or_default())
    }

    fn signal(&self, signal: Signal) {
        // Failure means that it is gone already.
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The time since then.
pub fn since(start: Moment) -> Duration {
    SystemClock.moment().since(start)
}

fn shown(text: &[u8]) -> String {
    if text.len() <= 2 * ERRORS_SHOWN_OCTETS {
        return String::from_utf8_lossy(text).trim().to_owned();
    }
    let (begin, end) = (&text[..ERRORS_SHOWN_OCTETS], &text[text.len() - ERRORS_SHOWN_OCTETS..]);
    let (begin, end) = (String::from_utf8_lossy(begin), String::from_utf8_lossy(end));
    format!("{} […] {}", begin.trim(), end.trim())
}

/// Waits for a child and gives what it used. The standard library's `wait` does not tell that.
fn reap(pid: Pid) -> io::Result<Ended> {
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    loop {
        // SAFETY: both pointers are to live values of the types that wait4 fills; nobody else waits for this child.
        let reaped = unsafe { libc::wait4(pid.as_raw_nonzero().get(), &mut status, 0, usage.as_mut_ptr()) };
        if reaped >= 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: zeroed is a valid rusage, and wait4 has filled it.
    let usage = unsafe { usage.assume_init() };
    let span = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Ok(Ended {
        status: ExitStatus::from_raw(status),
        at: SystemClock.moment(),
        cpu: span(usage.ru_utime) + span(usage.ru_stime),
        peak_kib: usage.ru_maxrss.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> (tempfile::TempDir, Process) {
        let folder = tempfile::tempdir().expect("a folder");
        let process = Process::start("shell", folder.path(), Command::new("sh").args(["-c", script]));
        (folder, process.expect("sh starts"))
    }

    #[test]
    fn the_end_tells_status_and_use() {
        let (_folder, mut process) = shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3");
        let ended = process.wait(LONG).expect("it ends");
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.cpu > Duration::ZERO && ended.peak_kib > 100, "{ended:?}");
    }

    #[test]
    fn long_errors_show_their_beginning_and_end() {
        assert_eq!(shown(b" short \n"), "short");
        let text = shown([b"first ".as_slice(), &[b'x'; 5000], b" last\n"].concat().as_slice());
        assert!(text.starts_with("first x") && text.ends_with("x last") && text.len() < 1100, "{text}");
    }

    #[test]
    fn a_kill_is_a_kill() {
        let (_folder, mut process) = shell("cat");
        assert!(process.ends_within(Duration::from_millis(1)).expect("known").is_none());
        assert_eq!(process.kill().expect("gone").status.signal(), Some(9));
    }

    #[test]
    fn orders_are_answered_and_closing_ends_it() {
        let (_folder, mut process) = shell("while read line; do echo \"did $line\"; done");
        process.order("a").expect("taken");
        process.order("b").expect("taken");
        assert_eq!(process.line_after(1, LONG).expect("answered"), "did b");
        assert!(process.close(LONG).expect("ended").status.success());
    }
}
