//! One release to a numbered list, through a sink whose log is read while it grows.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};

use super::dice::Dice;
use super::list::write_list;
use super::sender::write;
use super::{Binaries, Policy, Sender, SinkProcess, SinkStats, since};
use crate::judge::{LogTail, Verdict, compare_release};

/// A run that nobody disturbs.
pub const RUN_MAX: Duration = Duration::from_secs(30 * 60);
/// Longer than any lease, take-over and early retry: what has not changed for so long does not go on.
const STANDSTILL_MAX: Duration = Duration::from_secs(120);
/// A sender whose log stands still for so long waits for something.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at the log.
pub const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The release that is sent.
pub const RELEASE: &str = "---\nsubject: \"【訓練】{{ 会社名 }} 御中\"\nfrom: \"広報部 <news@crash.example>\"\n---\n\
                       {{ 氏名 }} 様\n\nこれは送信停止の訓練です。 This is a crash drill.\n";

/// How the campaign is sent.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Recipients.
    pub messages: u32,
    /// Sessions.
    pub sessions: u32,
    /// What becomes of unknown mails.
    pub policy: Policy,
    /// How the sink behaves.
    pub behaviour: &'a str,
}

/// A campaign under way.
pub struct Campaign {
    /// Who sends it.
    pub sender: Sender,
    /// What the sink has so far.
    pub tail: LogTail,
    /// Recipients.
    pub messages: u32,
    sink: SinkProcess,
}

/// A sender with its files in `folder`.
pub fn sender(
    binaries: &Binaries,
    folder: &Path,
    policy: Policy,
    sessions: u32,
    relay: std::net::SocketAddr,
) -> Sender {
    let flags =
        ["--policy", policy.name(), "--retry-initial", "1s", "--deadline", "1d", "--tcp-user-timeout", "1s"];
    Sender {
        binaries: binaries.clone(),
        folder: folder.to_owned(),
        release: folder.join("crash-0.md"),
        list: folder.join("crash-0.csv"),
        data: folder.join("data"),
        relay,
        sessions,
        flags: flags.map(str::to_owned).to_vec(),
        environment: Vec::new(),
    }
}

impl Campaign {
    /// Starts the sink, and writes release and list.
    ///
    /// # Errors
    /// When the sink does not start, or the file system refuses.
    pub fn prepare(binaries: &Binaries, folder: &Path, plan: Plan<'_>) -> anyhow::Result<Self> {
        let sink = SinkProcess::start(binaries, folder, "sink", true, plan.behaviour)?;
        let mut tail = LogTail::open(sink.log().context("the sink keeps no log")?)?;
        let sender = sender(binaries, folder, plan.policy, plan.sessions, sink.addr());
        write_list(&sender.list, 0, plan.messages)?;
        write(&sender.release, RELEASE)?;
        tail.begin(plan.messages);
        Ok(Self { sender, tail, messages: plan.messages, sink })
    }

    /// Freezes the audience for others to send.
    ///
    /// # Errors
    /// When that fails.
    pub fn freeze(&self) -> anyhow::Result<()> {
        let mut process = self.sender.start("freeze", &["--detach".to_owned()])?;
        let ended = process.wait(RUN_MAX)?;
        if ended.status.code() != Some(3) {
            bail!("hikyaku send --detach ({}): {}", ended.status, process.errors_shown());
        }
        Ok(())
    }

    /// Recipients that have nothing by now.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn remaining(&mut self) -> anyhow::Result<u32> {
        self.tail.poll()?;
        Ok(self.messages.saturating_sub(self.tail.received()))
    }

    /// Waits until some of what is left was received, so that the mails last for so many disturbances; false when
    /// nothing came for a while.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn await_moment(&mut self, dice: &mut Dice, disturbances_left: u32) -> anyhow::Result<bool> {
        let share = u64::from(self.remaining()?) * 2 / (u64::from(disturbances_left) + 1);
        let share = u32::try_from(dice.below(share.max(1))).unwrap_or(u32::MAX);
        self.await_more(share, PATIENCE)
    }

    /// Waits until so many more were received; false when nothing came for this long.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn await_more(&mut self, more: u32, patience: Duration) -> anyhow::Result<bool> {
        self.tail.poll()?;
        let begun = self.tail.received();
        let (mut last, mut changed) = (begun, SystemClock.moment());
        while last - begun < more {
            if since(changed) > patience {
                return Ok(false);
            }
            std::thread::park_timeout(LOOK_AGAIN);
            self.tail.poll()?;
            if self.tail.received() != last {
                (last, changed) = (self.tail.received(), SystemClock.moment());
            }
        }
        Ok(true)
    }

    /// Until nothing is pending; else, once nothing changes any more, why.
    ///
    /// # Errors
    /// When the books cannot be read.
    pub fn await_settled(&mut self) -> anyhow::Result<Option<String>> {
        let begun = SystemClock.moment();
        let (mut changed, mut last) = (begun, None);
        loop {
            let statement = self.sender.statement()?;
            self.tail.poll()?;
            if statement.pending == 0 && statement.audience == u64::from(self.messages) {
                return Ok(None);
            }
            if last.replace(statement.pending) != Some(statement.pending) {
                changed = SystemClock.moment();
            }
            if since(changed) > STANDSTILL_MAX || since(begun) > RUN_MAX {
                return Ok(Some(format!("not settled: {statement:?}")));
            }
            std::thread::park_timeout(PATIENCE);
        }
    }

    /// Holds the sink's log against the books.
    ///
    /// # Errors
    /// When either cannot be read.
    pub fn verdict(&mut self) -> anyhow::Result<Verdict> {
        self.tail.poll()?;
        compare_release(&self.sender, 0, self.messages, Some(self.tail.copies(0)))
    }

    /// Ends the sink; gives its counters.
    ///
    /// # Errors
    /// When it failed, or its log is incomplete.
    pub fn close(self) -> anyhow::Result<SinkStats> {
        self.sink.stop()
    }
}
