//! The books are lost in the middle of a campaign, and restored from a backup that was taken some mails before.
//!
//! What was sent after the backup is not in the restored books, and nobody but the sink knows of it. So everything that may
//! be sent is on hold: whoever sends from them sends nothing, until a person resumes the release. Then what the books
//! owe is sent, twice to those of whom they know nothing; what they call unknown is not. Played over SQLite, where a
//! sender owns its folder, and over PostgreSQL, where nodes share the books.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::report::Report;
use super::{Scenario, Stage};
use crate::judge::Verdict;
use crate::rig::campaign::RUN_MAX;
use crate::rig::{Campaign, Nodes, Policy, PostgresProcess, Process};

/// Mails over each store.
const MESSAGES: u32 = 4_000;
/// Each reply waits so long, that mails are left when the backup was taken, and on the wire when the books are lost.
const BEHAVIOUR: &str = "reply-delay:80";
/// Attempts of one session that can be open when the backup is taken.
const OPEN_PER_SESSION: u64 = 16;
const COMMAND_MAX: Duration = Duration::from_secs(120);
/// Whoever sends would have begun within this time.
const SENDS_MAX: Duration = Duration::from_secs(5);
/// The time until the sink has what dead senders left in the sockets.
const QUIET: Duration = Duration::from_millis(500);
const FIRST_MAIL_MAX: Duration = Duration::from_secs(60);

/// Plays it over both stores.
///
/// # Errors
/// When the scenario itself cannot go on; what the product does wrong is in the report.
pub fn play(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let plan = stage.plan(MESSAGES, BEHAVIOUR);
    let mut report = stage.report(Scenario::Restore, &plan);
    let mut sum = Verdict::default();
    let mut strangers = 0;
    for store in [Store::Sqlite, Store::Postgres] {
        let folder = stage.folder_named(store.name())?;
        let campaign = Campaign::prepare(stage.binaries, &folder, plan)?;
        let mut drill = Drill { stage, folder, store, campaign, report: &mut report };
        sum.join(drill.play()?);
        strangers += drill.campaign.tail.strangers();
        drill.campaign.close()?;
    }
    // As after a power cut: the journals of dots are not in the backup.
    report.open_max = Some(u64::from(report.faults) * u64::from(plan.sessions) * OPEN_PER_SESSION);
    report.judge(sum, strangers);
    Ok(report)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Who sends: a sender that owns its folder, or nodes.
enum Senders {
    One(Process),
    Many(Nodes),
}

struct Drill<'a> {
    stage: &'a Stage<'a>,
    folder: PathBuf,
    store: Store,
    campaign: Campaign,
    report: &'a mut Report,
}

impl Drill<'_> {
    /// Gives what the restored books and the sink say of each other before anybody resumes.
    fn play(&mut self) -> anyhow::Result<Verdict> {
        let server = self.server("lost")?;
        if server.is_some() {
            self.campaign.freeze()?;
        }
        let senders = self.start()?;
        let (messages, backup) = (self.campaign.messages, self.folder.join("backup"));
        self.await_received(messages / 3)?;
        self.run("backup", &[Path::new("backup"), &backup, Path::new("--data"), &self.campaign.sender.data])?;
        self.await_received(messages / 20)?;
        kill(senders)?;
        server.map_or(Ok(()), PostgresProcess::close)?;
        std::fs::remove_dir_all(&self.campaign.sender.data).context("losing the data folder")?;
        self.report.faults += 1;
        self.report.count("restores");

        let server = self.server("new")?;
        self.campaign.sender.data = self.folder.join("restored");
        let data = self.campaign.sender.data.clone();
        let said = self.run("restore", &[Path::new("restore"), &backup, Path::new("--data"), &data])?;
        if said["on_hold"].as_array().is_none_or(Vec::is_empty) {
            self.report.complaints.push(format!("restored, and not on hold: {said}"));
        }
        let held = self.look_at_hold()?;
        self.resume()?;
        server.map_or(Ok(()), PostgresProcess::close)?;
        Ok(held)
    }

    /// A database of this name, where there is one; the sender's commands find it in their environment.
    fn server(&mut self, name: &str) -> anyhow::Result<Option<PostgresProcess>> {
        if self.store == Store::Sqlite {
            return Ok(None);
        }
        let folder = self.stage.folder_named(&format!("{}/{name}", self.store.name()))?;
        let server = PostgresProcess::start(self.stage.workspace, self.stage.binaries, &folder)?;
        let _: Value = server.migrate(self.stage.binaries, &folder)?;
        self.campaign.sender.environment = server.environment();
        Ok(Some(server))
    }

    fn start(&self) -> anyhow::Result<Senders> {
        Ok(match self.store {
            Store::Sqlite => Senders::One(self.campaign.sender.start("send", &[])?),
            Store::Postgres => {
                Senders::Many(Nodes::start(&self.campaign.sender, self.stage.arguments.nodes)?)
            }
        })
    }

    fn await_received(&mut self, more: u32) -> anyhow::Result<()> {
        if !self.campaign.await_more(more, FIRST_MAIL_MAX)? {
            let left = self.campaign.remaining()?;
            bail!(
                "nothing was sent within {FIRST_MAIL_MAX:?}, and {left} mails were left: use more --messages if none"
            );
        }
        Ok(())
    }

    /// Runs `hikyaku` with these words and `--json`; gives what it prints.
    fn run(&self, name: &str, arguments: &[&Path]) -> anyhow::Result<Value> {
        let sender = &self.campaign.sender;
        let mut command = Command::new(sender.binaries.hikyaku());
        command.args(arguments).arg("--json").envs(sender.environment.iter().cloned());
        let mut process = Process::start(name, &self.folder, &mut command)?;
        let ended = process.wait(COMMAND_MAX)?;
        let output = process.output()?;
        serde_json::from_str(output.lines().last().unwrap_or_default())
            .with_context(|| format!("hikyaku {name} ({}): {}", ended.status, process.errors_shown()))
    }

    /// Nobody sends anything from books that are on hold, and what they say is true as far as they know.
    fn look_at_hold(&mut self) -> anyhow::Result<Verdict> {
        self.campaign.await_more(1, QUIET)?;
        let before = self.campaign.tail.mails();
        let senders = self.start()?;
        if self.campaign.await_more(1, SENDS_MAX)? || self.campaign.tail.mails() != before {
            self.report.complaints.push(format!("{}: sent from books that are on hold", self.store.name()));
        }
        kill(senders)?;
        let mut held = self.campaign.verdict()?;
        // What is on hold is no loss: it is there, and waits for a person.
        let statement = self.campaign.sender.statement()?;
        held.lost = held.lost.saturating_sub(statement.pending);
        self.report.complaints.extend(self.campaign.sender.check()?);
        Ok(held)
    }

    /// A person resumes the release: everybody gets it then but for whom the books call unknown, and nobody of whom they
    /// know gets it twice.
    fn resume(&mut self) -> anyhow::Result<()> {
        let known: Vec<u32> = self.known()?;
        let copies = self.campaign.tail.copies(0).to_vec();
        let name = self.campaign.sender.release_name()?.to_owned();
        let data = self.campaign.sender.data.clone();
        self.run("resume", &[Path::new("resume"), Path::new(&name), Path::new("--data"), &data])?;
        match self.start()? {
            Senders::One(mut process) => drop(process.wait(RUN_MAX)?),
            Senders::Many(mut nodes) => {
                self.report.complaints.extend(self.campaign.await_settled()?);
                self.report.complaints.extend(nodes.end_all()?);
            }
        }
        let verdict = self.campaign.verdict()?;
        let after = self.campaign.tail.copies(0);
        let again =
            known.iter().filter(|number| after[**number as usize] > copies[**number as usize]).count();
        if again > 0 || verdict.lost + verdict.contradictions > 0 {
            let (store, lost) = (self.store.name(), verdict.lost);
            self.report.complaints.push(format!(
                "{store}: after `resume` {again} got it again of whom the books knew, {lost} are lost: {:?}",
                verdict.examples
            ));
        }
        self.report.set(
            match self.store {
                Store::Sqlite => "sqlite_sent_again_after_resume",
                Store::Postgres => "postgres_sent_again_after_resume",
            },
            verdict.duplicates,
        );
        self.report.complaints.extend(self.campaign.sender.check()?);
        Ok(())
    }

    /// Those of whom the restored books know that they have the mail, or may have it and are not to get it again.
    fn known(&self) -> anyhow::Result<Vec<u32>> {
        let mut known = Vec::new();
        let outcomes: &[&str] =
            if self.stage.policy == Policy::Hold { &["accepted", "unknown"] } else { &["accepted"] };
        for outcome in outcomes {
            let listed = self.campaign.sender.recipients(outcome)?;
            known.extend(crate::rig::list::recipients(listed.as_bytes()).map(|one| one.number));
        }
        Ok(known)
    }
}

fn kill(senders: Senders) -> anyhow::Result<()> {
    match senders {
        Senders::One(mut process) => process.kill().map(drop),
        // Each is killed as it is dropped.
        Senders::Many(nodes) => {
            drop(nodes);
            Ok(())
        }
    }
}
