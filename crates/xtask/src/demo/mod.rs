//! `cargo xtask demo`: a sample press release to 1,000 sample recipients, through an SMTP server of our own whose
//! mails can be read in a browser. Nothing leaves the machine.
//!
//! Some recipients are refused, some deferred once, some links are cut after the dot: the statement at the end
//! accounts for each. Everything is made anew in `target/demo`.

mod serving;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::rig::binaries::fresh_folder;
use crate::rig::{Binaries, Process, Profile, Sender, Statement};
use crate::workspace::Workspace;

const RECIPIENTS: u64 = 1000;
const START_MAX: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Flags of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// End after the statement instead of staying up for reading.
    #[arg(long)]
    once: bool,
    /// Port of the page.
    #[arg(long, default_value_t = 8025)]
    port: u16,
}

#[derive(Debug, Deserialize)]
struct Inbox {
    smtp: SocketAddr,
    page: SocketAddr,
}

/// Shows it; false when the statement does not balance.
///
/// # Errors
/// When something does not start.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let binaries = Binaries::build(workspace, Profile::Dev)?;
    let folder = fresh_folder(workspace, "demo")?;
    let (release, list) = (folder.join("release.md"), folder.join("list.csv"));
    let mut sample = Command::new(binaries.rig());
    sample.args(["sample", "--faulty", "--rows", &RECIPIENTS.to_string()]);
    sample.arg("--release").arg(&release).arg("--list").arg(&list);
    let mut sampling = Process::start("sample", &folder, &mut sample)?;
    if !sampling.wait(START_MAX)?.status.success() {
        bail!("the sample could not be written: {}", sampling.errors_shown());
    }
    // With --once nobody reads, and any free port will do.
    let port = if arguments.once { 0 } else { arguments.port };
    let mut command = Command::new(binaries.rig());
    command.args(["inbox", "--page", &format!("127.0.0.1:{port}")]);
    let mut inbox_process = Process::start("inbox", &folder, &mut command)?;
    let inbox: Inbox = serde_json::from_str(&inbox_process.line_after(0, START_MAX)?).context("the inbox")?;
    eprintln!();
    eprintln!("飛脚が {RECIPIENTS} 通をお届けします。 Hikyaku delivers {RECIPIENTS} mails.");
    eprintln!("一部は拒否・一時拒否・切断されます。 Some are refused, deferred, or cut off after the dot.");
    eprintln!("リリース release: {}   配信先 list: {}", release.display(), list.display());
    eprintln!();
    let data = folder.join("data");
    let flags = Vec::new();
    let (programs, place) = (binaries.clone(), folder.clone());
    let sender = Sender {
        binaries,
        folder,
        release,
        list,
        data,
        relay: inbox.smtp,
        sessions: 10,
        flags,
        environment: Vec::new(),
    };
    send(&sender)?;
    let statement = sender.statement()?;
    let balanced = show(&sender, &statement)?;
    let served = serving::start(&programs, &place, inbox.smtp)?;
    if arguments.once {
        serving::hand_one_in(&served)?;
        served.close()?;
        inbox_process.close(START_MAX)?;
        return Ok(balanced);
    }
    eprintln!("届いたメールを読む / read the mails:  http://{}/", inbox.page);
    eprintln!("終了は Ctrl-C / Ctrl-C ends it.");
    while inbox_process.ends_within(LOOK_AGAIN)?.is_none() {}
    Ok(balanced)
}

/// Sends with the terminal's own progress bar and statement.
fn send(sender: &Sender) -> anyhow::Result<()> {
    let mut command = Command::new(sender.binaries.hikyaku());
    command.arg("send").arg(&sender.release).arg("--list").arg(&sender.list);
    command.arg("--relay").arg(format!("smtp://demo:demo-secret@{}?tls=none", sender.relay));
    command.arg("--data").arg(&sender.data).args(["--sessions", &sender.sessions.to_string()]);
    // A deferred recipient is tried again at once, for somebody is watching.
    command.args(["--policy", "hold", "--retry-initial", "2s"]);
    let status = command.status().context("starting hikyaku send")?;
    match status.code() {
        // 3: unknown ones are left, which is part of the show.
        Some(0 | 3) => Ok(()),
        _ => bail!("hikyaku send failed ({status})"),
    }
}

/// Says what the statement means, and names the unknown recipients.
fn show(sender: &Sender, statement: &Statement) -> anyhow::Result<bool> {
    let balanced = is_whole(statement);
    eprintln!();
    if statement.unknown > 0 {
        let name = sender.release_name()?;
        let (_, process) = sender.read("unknown", &["recipients", name, "--outcome", "unknown"])?;
        println!("{}", process.output()?.trim_end());
        eprintln!(
            "この {} 通は届いたかどうか証明できません。二重には送りません。\n\
             Nobody can prove whether these {} mails arrived; none is sent twice (--policy hold).",
            statement.unknown, statement.unknown
        );
    }
    if balanced {
        eprintln!(
            "貸借一致: {0} 件すべての行方がわかっています。 The books balance: all {0} intents are accounted for.",
            statement.audience
        );
    } else {
        eprintln!("貸借不一致! The books do not balance: {statement:?}");
    }
    Ok(balanced)
}

/// Every recipient is in the audience, and accounted for with nothing left to do.
fn is_whole(statement: &Statement) -> bool {
    statement.balances() && statement.audience == RECIPIENTS && statement.pending == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_allowed_and_pending_is_not() {
        let check = |accepted, unknown, pending, whole: bool| {
            let audience = accepted + unknown + pending;
            let statement = Statement { audience, accepted, unknown, pending, ..Statement::default() };
            assert_eq!(is_whole(&statement), whole, "{statement:?}");
        };
        check(1000, 0, 0, true);
        check(994, 6, 0, true);
        check(999, 0, 1, false);
        check(999, 0, 0, false);
    }
}
