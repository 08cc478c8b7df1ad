//! A folder with a release, a list and a data folder; a sink; and the binary run over them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::sink::{Behaviour, Sink, SinkConfig, SinkHandle};

/// The most that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const RELEASE: &str = "---\nsubject: \"{{ name }} 様へ\"\nfrom: 株式会社さくら <pr@sakura.example>\n---\n# お知らせ\n\n{{ name }} 様、新商品です。\n";

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The last line of stdout as JSON.
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn number(&self, key: &str) -> u64 {
        self.json()[key].as_u64().unwrap_or_else(|| panic!("no number `{key}`: {self:?}"))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// Files, and where they lie.
pub struct Scene {
    pub folder: TempDir,
    pub sink: SinkHandle,
    /// URL and password of the database that holds the books, where one does.
    pub database: Option<(String, String)>,
}

impl Scene {
    /// A release, a list of `recipients`, and a sink that takes everything.
    pub fn of(recipients: usize) -> Self {
        Self::with(recipients, SinkConfig::default())
    }

    pub fn with(recipients: usize, sink: SinkConfig) -> Self {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::start(sink).unwrap());
        let scene = Self { folder, sink, database: None };
        scene.write("news.md", RELEASE);
        scene.write("list.csv", list(0..recipients));
        scene
    }

    pub fn behaving(recipients: usize, behaviour: &str) -> Self {
        let behaviour: Behaviour = behaviour.parse().unwrap();
        Self::with(recipients, SinkConfig { behaviour, ..SinkConfig::default() })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn relay(&self) -> String {
        format!("smtp://user:secret@{}?tls=none", self.sink.addr())
    }

    /// `send news.md --list list.csv --json` with more arguments; ready to be run.
    pub fn send_command(&self, more: &[&str]) -> Command {
        self.send_through(&self.relay(), more)
    }

    pub fn send_through(&self, relay: &str, more: &[&str]) -> Command {
        let mut command =
            self.command(&["send", "news.md", "--list", "list.csv", "--data", "data", "--json"]);
        command.args(["--retry-initial", "50ms", "--relay", relay]).args(more);
        command
    }

    pub fn send(&self, more: &[&str]) -> Ran {
        run(self.send_command(more))
    }

    /// Another command over the data folder, with `--json`.
    pub fn ask(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.args(["--data", "data", "--json"]);
        run(command)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hikyaku"));
        command.current_dir(self.folder.path()).args(arguments).env_remove("HIKYAKU_RELAY_PASSWORD");
        command.stdin(Stdio::null()).env_remove("HIKYAKU_DATABASE_URL").env_remove("PGPASSWORD");
        if let Some((url, password)) = &self.database {
            command.env("HIKYAKU_DATABASE_URL", url).env("PGPASSWORD", password);
        }
        command
    }

    /// Recipients of the mails that the sink kept, each as often as it was kept.
    pub fn kept(&self) -> Vec<String> {
        let mails = self.sink.mails().into_iter().filter(|mail| mail.verdict.is_kept());
        let mut recipients: Vec<_> = mails.flat_map(|mail| mail.to).collect();
        recipients.sort();
        recipients
    }

    /// Waits until the sink kept so many mails.
    pub fn wait_for_kept(&self, mails: u64) {
        self.sink.wait_until_blocking(PATIENCE, |now| now.kept >= mails).unwrap();
    }
}

/// A sender of 400 mails is killed in their midst and run again: nothing is lost, and under `hold` nobody gets it twice.
/// Gives what the second run said. The sink must wait with its replies.
pub fn kill_and_go_on(scene: &Scene) -> Ran {
    let running = Running::start(scene.send_command(&["--sessions", "8"]));
    scene.wait_for_kept(60);
    running.signal("KILL");
    running.end();
    let between = scene.ask(&["statement", "news"]);
    assert_eq!((between.code, between.number("audience")), (3, 400), "{between:?}");
    let ran = scene.send(&["--sessions", "20"]);
    let (accepted, unknown) = (ran.number("accepted"), ran.number("unknown"));
    assert_eq!(accepted + unknown, 400, "{ran:?}");
    assert!(unknown <= 8, "{ran:?}");
    assert_eq!(ran.code, if unknown == 0 { 0 } else { 3 });
    let kept = scene.kept();
    assert_eq!(twice(&kept), 0);
    assert!(kept.len() as u64 >= accepted && kept.len() as u64 <= 400);
    scene.ask(&["check"]).expect(0);
    ran
}

/// CSV of `user<N>@example.jp`.
pub fn list(numbers: std::ops::Range<usize>) -> String {
    let rows = numbers.map(|no| format!("user{no}@example.jp,山田{no}\n"));
    std::iter::once("email,name\n".to_owned()).chain(rows).collect()
}

pub fn run(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A run that goes on while the test does other things; killed when dropped.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub fn end(mut self) -> Ran {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = self.0.wait().unwrap().code().unwrap_or(-1);
        Ran { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many of the recipients stand more than once.
pub fn twice(kept: &[String]) -> usize {
    kept.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
