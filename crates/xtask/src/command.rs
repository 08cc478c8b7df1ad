//! Runs other programs with a time limit.
//!
//! A program that takes too long is killed with its whole process group. Its output is shown as it comes, or
//! collected; a step may look at each line (to count tests).

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How many of the last lines of a quiet program's output stand in its error.
const LINES_SHOWN_MAX: usize = 20;

/// A program to run.
pub struct Program {
    command: Command,
    shown: String,
    limit: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it ended by itself with code 0.
    pub success: bool,
    /// Why not, in words; empty on success.
    pub reason: String,
}

impl Program {
    /// This program in this folder, for at most `limit`.
    pub fn new(name: impl AsRef<OsStr>, folder: &Path, limit: Duration) -> Self {
        let mut command = Command::new(name.as_ref());
        command.current_dir(folder).stdin(Stdio::null()).process_group(0);
        Self { command, shown: name.as_ref().to_string_lossy().into_owned(), limit }
    }

    /// `cargo` in the workspace's root.
    pub fn cargo(root: &Path, limit: Duration) -> Self {
        // The toolchain of a running cargo is found again by the folder's own settings.
        let mut program = Self::new("cargo", root, limit);
        for name in ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            program.command.env_remove(name);
        }
        program
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self.shown = format!("{} {}", self.shown, argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    /// Sets environment variables.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Runs it, its output going where this program's goes.
    pub fn show(mut self) -> anyhow::Result<Ended> {
        let child = self.spawn()?;
        self.wait(child)
    }

    /// Runs it; each line that it prints, on either output, is given to `look`.
    pub fn look(mut self, look: &mut dyn FnMut(String)) -> anyhow::Result<Ended> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn()?;
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let readers =
            [out.map(|p| read_lines(p, sender.clone())), err.map(|p| read_lines(p, sender.clone()))];
        drop(sender);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| self.wait(child));
            lines.into_iter().for_each(look);
            readers.into_iter().flatten().for_each(|reader| drop(reader.join()));
            waiting.join().unwrap_or_else(|_| bail!("the thread that waits for a program failed"))
        })
    }

    /// Runs it and gives its standard output; its errors go where this program's go.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn output(mut self) -> anyhow::Result<String> {
        self.command.stdout(Stdio::piped());
        let mut child = self.spawn()?;
        let pipe = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            pipe.map(|mut pipe| pipe.read_to_string(&mut text));
            text
        });
        let ended = self.wait(child)?;
        let text = reader.join().unwrap_or_default();
        if !ended.success {
            bail!("{}: {}", self.shown, ended.reason);
        }
        Ok(text)
    }

    /// Runs it quietly.
    ///
    /// # Errors
    /// When it does not end well, with the end of what it printed.
    pub fn quiet(self) -> anyhow::Result<()> {
        let shown = self.shown.clone();
        let mut printed = Vec::new();
        let ended = self.look(&mut |line| printed.push(line))?;
        if !ended.success {
            let end = &printed[printed.len().saturating_sub(LINES_SHOWN_MAX)..];
            bail!("{shown}: {}\n{}", ended.reason, end.join("\n"));
        }
        Ok(())
    }

    fn spawn(&mut self) -> anyhow::Result<Child> {
        self.command.spawn().with_context(|| format!("cannot start {}", self.shown))
    }

    /// Waits within the limit, then kills the group.
    fn wait(&self, mut child: Child) -> anyhow::Result<Ended> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (sender, ended) = channel();
        let waiting = thread::spawn(move || drop(sender.send(child.wait())));
        let status = match ended.recv_timeout(self.limit) {
            Ok(status) => status.with_context(|| format!("cannot wait for {}", self.shown))?,
            Err(_) => {
                group.map(|group| kill_process_group(group, Signal::KILL));
                let _ = waiting.join();
                let reason = format!("took longer than its limit of {} s", self.limit.as_secs());
                return Ok(Ended { success: false, reason });
            }
        };
        Ok(Ended { success: status.success(), reason: describe(status) })
    }
}

fn describe(status: ExitStatus) -> String {
    if status.success() { String::new() } else { format!("failed ({status})") }
}

fn read_lines(pipe: impl Read + Send + 'static, lines: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    })
}

/// Whether a program of this name is in the path.
pub fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit_ms: u64) -> Program {
        Program::new("sh", Path::new("/"), Duration::from_millis(limit_ms)).args(["-c", script])
    }

    #[test]
    fn output_is_collected_and_failure_named() {
        assert_eq!(shell("echo one", 10_000).output().expect("it ends well"), "one\n");
        let failed = shell("echo why >&2; exit 3", 10_000).quiet().expect_err("it fails").to_string();
        assert!(failed.contains("exit status: 3") && failed.ends_with("why"), "{failed}");
    }

    #[test]
    fn every_line_is_looked_at() {
        let mut lines = Vec::new();
        shell("echo a; echo b >&2", 10_000).look(&mut |line| lines.push(line)).expect("it runs");
        lines.sort();
        assert_eq!(lines, ["a", "b"]);
    }

    #[test]
    fn what_takes_too_long_is_killed_with_its_children() {
        let ended = shell("cat /dev/zero | cat >/dev/null", 50).look(&mut |_| ()).expect("it is killed");
        assert!(!ended.success && ended.reason.contains("limit"), "{ended:?}");
    }
}
