//! The same mails through Debian's Postfix with production defaults, handed on to the same sink.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};
use serde::Deserialize;

use super::Scenario;
use super::campaign::{SMALL, load};
use super::figures::{Figure, Figures};
use super::place::Place;
use crate::rig::Process;
use crate::workspace::Workspace;

const START_MAX: Duration = Duration::from_secs(60);
/// Without a further mail in the sink for so long, Postfix is stuck.
const STUCK: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Started {
    addr: std::net::SocketAddr,
}

/// Injects by the sender without books, and waits until the sink has all.
///
/// # Errors
/// When Postfix cannot be installed or started, or does not deliver everything once.
pub fn run(workspace: &Workspace, place: &Place<'_>, figures: &mut Figures) -> anyhow::Result<()> {
    crate::peers::prepare(workspace)?;
    let messages = place.messages(Scenario::Postfix);
    let receiver = place.receiver(true)?;
    let Some(log) = receiver.log().map(Path::to_owned) else {
        eprintln!("  postfix skipped: only our own sink tells when it has all");
        return Ok(());
    };
    let mut command = Command::new(place.binaries.rig());
    command.args(["postfix", "--sink", &receiver.addr().to_string(), "--folder"]).arg(place.folder);
    command.env("HIKYAKU_PEERS", workspace.peers());
    let mut postfix = Process::start("postfix", place.folder, &mut command)?;
    let started: Started =
        serde_json::from_str(&postfix.line_after(0, START_MAX)?).context("hikyaku-rig postfix")?;
    let began = SystemClock.now();
    load(place, started.addr, messages, figures.octets.unwrap_or(SMALL.octets))?;
    await_mails(&log, messages, &mut postfix)?;
    postfix.close(START_MAX)?;
    let stats = receiver.stop(messages)?.context("no counters")?;
    let elapsed_ms = stats.last_ms.saturating_sub(began.as_millis());
    let elapsed = Duration::from_millis(u64::try_from(elapsed_ms).unwrap_or(0));
    figures.add(Figure {
        scenario: Scenario::Postfix,
        messages,
        elapsed,
        cpu: None,
        peak_kib: None,
        books: None,
    });
    Ok(())
}

/// Waits until the log has so many mails.
pub(super) fn await_mails(log: &Path, messages: u64, postfix: &mut Process) -> anyhow::Result<()> {
    let (mut seen, mut since) = (0, SystemClock.moment());
    loop {
        let count = count_mails(&std::fs::read(log).context("reading the sink's log")?);
        if count >= messages {
            return Ok(());
        }
        if count > seen {
            (seen, since) = (count, SystemClock.moment());
        }
        if SystemClock.moment().since(since) > STUCK || postfix.ends_within(LOOK_AGAIN)?.is_some() {
            bail!("Postfix delivered {count} of {messages} mails: {}", postfix.errors_shown());
        }
    }
}

fn count_mails(log: &[u8]) -> u64 {
    log.split_inclusive(|octet| *octet == b'\n').filter(|line| line.starts_with(br#"{"mail":"#)).count()
        as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_counted_and_logins_not() {
        assert_eq!(count_mails(b"{\"mail\":{}}\n{\"login\":{}}\n{\"mail\":{}}\n"), 2);
        assert_eq!(count_mails(b""), 0);
    }
}
