//! One drill: rounds of a release each, every round with its share of kills, then the comparison.
//!
//! A round begins with a list and ends with a run that nobody kills. All rounds share a data folder, so that
//! books grow as in real life; every round is compared at the end, for a later cut must not harm it either.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};

use super::Arguments;
use super::killing::{Moment, Outlook, Stage, choose};
use super::power::{Power, boot_flag};
use super::report::{Facts, Report};
use crate::judge::{LogTail, Verdict, compare_release};
use crate::rig::campaign::{LOOK_AGAIN, PATIENCE, RELEASE, RUN_MAX, sender};
use crate::rig::list::write_list;
use crate::rig::sender::write;
use crate::rig::{Binaries, Dice, Ended, Policy, Process, Sender, SinkProcess, since};

/// Kills of a round: few enough that planning is killed often, many enough that recovery follows recovery.
const KILLS_PER_ROUND: u32 = 20;
/// The sink has read what dead senders left in the sockets when its log is this long without a change.
const QUIET: Duration = Duration::from_millis(200);
/// Each reply waits so long, that mails are on the wire when a sender dies.
pub(super) const BEHAVIOUR: &str = "reply-delay:2";

/// Runs it.
///
/// # Errors
/// When the drill itself cannot go on; what the product does wrong is in the report.
pub fn run(
    binaries: &Binaries,
    folder: &Path,
    arguments: &Arguments,
    policy: Policy,
) -> anyhow::Result<Report> {
    let sink = match arguments.sink {
        Some(_) => None,
        None => Some(SinkProcess::start(binaries, folder, "sink", true, BEHAVIOUR)?),
    };
    let relay = arguments.sink.or(sink.as_ref().map(SinkProcess::addr)).context("no sink")?;
    let mut sender = sender(binaries, folder, policy, arguments.sessions, relay);
    if arguments.plant_synchronous_off {
        sender.flags.extend(["--synchronous", "off"].map(str::to_owned));
    }
    let log = arguments.sink_log.as_deref().or(sink.as_ref().and_then(SinkProcess::log));
    let mut drill = Drill {
        dice: Dice::new(arguments.seed ^ if policy == Policy::Hold { 0 } else { 0x5eed }),
        tail: log.map(LogTail::open).transpose()?,
        power: if arguments.power { Some(Power::mount(binaries, folder)?) } else { None },
        sender,
        kills: BTreeMap::new(),
        complaints: Vec::new(),
        planning: Duration::from_millis(50),
        rounds: Vec::new(),
        runs: 0,
        boot: Vec::new(),
    };
    drill.all_rounds(arguments)?;
    let verdict = if drill.complaints.is_empty() { drill.compare_all()? } else { Verdict::default() };
    if let Some(found) = drill.sender.check()? {
        drill.complaints.push(found);
    }
    let facts = Facts {
        policy,
        power: arguments.power,
        sessions: arguments.sessions,
        messages: drill.rounds.iter().copied().map(u64::from).sum(),
        strangers: drill.tail.as_ref().map_or(0, LogTail::strangers),
        kills: drill.kills,
        complaints: drill.complaints,
        cluster: None,
    };
    drill.power.map_or(Ok(()), Power::unmount)?;
    if let Some(sink) = sink {
        sink.stop()?;
    }
    Ok(Report::new(facts, verdict))
}

struct Drill {
    dice: Dice,
    tail: Option<LogTail>,
    power: Option<Power>,
    sender: Sender,
    kills: BTreeMap<Stage, u32>,
    complaints: Vec<String>,
    planning: Duration,
    /// Recipients of each round.
    rounds: Vec<u32>,
    runs: u64,
    boot: Vec<String>,
}

impl Drill {
    fn killed(&self) -> u32 {
        self.kills.values().sum()
    }

    fn all_rounds(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        let rounds = (arguments.kills / KILLS_PER_ROUND).max(1);
        let share = (arguments.messages / rounds).max(1);
        // A round may be over before its share of kills is made; the next ones make up for it.
        let rounds_max = rounds * 2 + 10;
        for round in 0..rounds_max {
            let left = arguments.kills - self.killed();
            if round >= rounds && left == 0 || !self.complaints.is_empty() {
                return Ok(());
            }
            let rounds_left = rounds.saturating_sub(round).max(1);
            self.round(round, share, left.div_ceil(rounds_left))?;
            eprintln!("  round {round}: {} of {} kills", self.killed(), arguments.kills);
        }
        bail!("only {} of {} kills hit a running sender: use more --messages", self.killed(), arguments.kills)
    }

    fn round(&mut self, round: u32, share: u32, kills: u32) -> anyhow::Result<()> {
        self.point_to(round);
        write_list(&self.sender.list, round, share)?;
        write(&self.sender.release, RELEASE)?;
        if let Some(tail) = &mut self.tail {
            tail.begin(share);
        }
        self.rounds.push(share);
        for kills_left in (1..=kills).rev() {
            if self.run_and_kill(share, kills_left)? {
                return Ok(());
            }
        }
        let mut process = self.start()?;
        let ended = process.wait(RUN_MAX)?;
        self.judge_end(&process, ended);
        Ok(())
    }

    fn point_to(&mut self, round: u32) {
        self.sender.release = self.sender.folder.join(format!("crash-{round}.md"));
        self.sender.list = self.sender.folder.join(format!("crash-{round}.csv"));
    }

    fn start(&mut self) -> anyhow::Result<Process> {
        self.runs += 1;
        self.sender.start("send", &self.boot)
    }

    /// One run with a kill; true when the run was over before it.
    fn run_and_kill(&mut self, share: u32, kills_left: u32) -> anyhow::Result<bool> {
        let received = self.look()?.0;
        let outlook = Outlook {
            remaining: share.saturating_sub(received),
            kills_left,
            planning: self.planning,
            sessions: self.sender.sessions,
        };
        let moment = choose(&mut self.dice, outlook);
        let mut process = self.start()?;
        let Some(stage) = self.await_moment(&mut process, moment)? else {
            let ended = process.wait(RUN_MAX)?;
            self.judge_end(&process, ended);
            return Ok(true);
        };
        let ended = process.kill()?;
        if ended.status.code().is_some() {
            // It ended by itself just before.
            self.judge_end(&process, ended);
            return Ok(true);
        }
        *self.kills.entry(stage).or_insert(0) += 1;
        if let Some(power) = &mut self.power {
            power.cut(self.dice.bits())?;
            self.boot = boot_flag(&mut self.dice).to_vec();
        }
        Ok(false)
    }

    /// Waits for the moment; gives the part of its life that it came to, or nothing when the process ended before.
    fn await_moment(&mut self, process: &mut Process, moment: Moment) -> anyhow::Result<Option<Stage>> {
        let begun = self.look()?;
        let (mut last, mut changed) = (begun, SystemClock.moment());
        let mut stage = moment.stage;
        while self.tail.is_some() {
            let now = self.look()?;
            if now.1 > begun.1 && last.1 == begun.1 {
                self.planning = since(process.started());
            }
            if now != last {
                (last, changed) = (now, SystemClock.moment());
            }
            if now.0 - begun.0 >= moment.received && now.1 - begun.1 >= moment.logins {
                break;
            }
            if since(changed) > PATIENCE {
                stage = Stage::Waiting;
                break;
            }
            if process.ends_within(LOOK_AGAIN)?.is_some() {
                return Ok(None);
            }
        }
        // Without a log only time is left to choose by.
        let blind = if self.tail.is_none() { self.dice.below(1_000_000) } else { 0 };
        let ended = process.ends_within(moment.then + Duration::from_micros(blind))?;
        Ok(ended.is_none().then_some(stage))
    }

    /// Recipients of this round that the sink has, and logins ever.
    fn look(&mut self) -> anyhow::Result<(u32, u64)> {
        let Some(tail) = &mut self.tail else { return Ok((0, 0)) };
        tail.poll()?;
        Ok((tail.received(), tail.logins()))
    }

    /// A run that ends by itself settled everything, or left unknown mails on hold.
    fn judge_end(&mut self, process: &Process, ended: Ended) {
        if !matches!(ended.status.code(), Some(0 | 3)) {
            let run = self.runs;
            let words = process.errors_shown();
            self.complaints.push(format!("run {run} of hikyaku send failed ({}): {words}", ended.status));
        }
    }

    fn compare_all(&mut self) -> anyhow::Result<Verdict> {
        self.await_quiet()?;
        let mut sum = Verdict::default();
        for (round, recipients) in (0..).zip(self.rounds.clone()) {
            self.point_to(round);
            match self.compare_round(round, recipients) {
                Ok(verdict) => sum.join(verdict),
                Err(error) => self.complaints.push(format!("{error:#}")),
            }
        }
        Ok(sum)
    }

    fn compare_round(&self, round: u32, count: u32) -> anyhow::Result<Verdict> {
        let copies = self.tail.as_ref().map(|tail| tail.copies(round as usize));
        compare_release(&self.sender, round, count, copies)
    }

    fn await_quiet(&mut self) -> anyhow::Result<()> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        let mut changed = SystemClock.moment();
        let mut mails = tail.mails();
        while SystemClock.moment().since(changed) < QUIET {
            // Nobody ends here: the wait is for the sink alone.
            std::thread::park_timeout(LOOK_AGAIN);
            tail.poll()?;
            if tail.mails() != mails {
                (mails, changed) = (tail.mails(), SystemClock.moment());
            }
        }
        Ok(())
    }
}
