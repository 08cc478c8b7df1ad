//! The disk of a sender over SQLite is full in the middle of a campaign: it stops and says so; once there is room again it
//! goes on where it was.
//!
//! The data folder lies on a small ext4 of the scenario's own, on a loop device. What fills it is one more file.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::report::Report;
use super::{Scenario, Stage};
use crate::command::Program;
use crate::rig::campaign::RUN_MAX;
use crate::rig::{Campaign, Dice, Ended, since};

/// Mails for each full disk, and once more.
const MESSAGES_EACH: u32 = 4_000;
/// Each reply waits so long, that mails are on the wire when the disk is full.
const BEHAVIOUR: &str = "reply-delay:2";
/// Room for the books of some hundred thousand mails.
const DISK_OCTETS: u64 = 96 << 20;
const MOUNT_MAX: Duration = Duration::from_secs(60);
/// From the full disk until the sender has stopped: what was written ahead must be used up first.
const STOPS_MAX: Duration = Duration::from_secs(60);
/// What it says then: the store's words, or the system's.
const WORDS: [&str; 2] = ["no space is left", "No space left on device"];
/// It sends again within this time once there is room.
const SENDS_AGAIN_MAX: Duration = Duration::from_secs(15);
static PIECE: [u8; 1 << 16] = [0x5a; 1 << 16];

/// Plays it.
///
/// # Errors
/// When the scenario itself cannot go on; what the product does wrong is in the report.
pub fn play(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let plan = stage.plan(MESSAGES_EACH * (stage.arguments.fills + 1), BEHAVIOUR);
    let disk = Disk::mount(stage.folder)?;
    let mut campaign = Campaign::prepare(stage.binaries, stage.folder, plan)?;
    campaign.sender.data = disk.at.join("data");
    let mut report = stage.report(Scenario::DiskFull, &plan);
    report.means = Some("ext4 on a loop device");
    let mut drill = Drill { dice: stage.dice(), campaign, disk, report };
    drill.fill_all(stage.arguments.fills)?;
    drill.conclude()
}

struct Drill {
    dice: Dice,
    campaign: Campaign,
    disk: Disk,
    report: Report,
}

impl Drill {
    fn fill_all(&mut self, fills: u32) -> anyhow::Result<()> {
        for left in (1..=fills).rev() {
            let mut process = self.campaign.sender.start("send", &[])?;
            let begun = self.campaign.tail.received();
            if !self.campaign.await_more(1, SENDS_AGAIN_MAX)? {
                let words = process.errors_shown();
                self.report.complaints.push(format!("nothing was sent within {SENDS_AGAIN_MAX:?}: {words}"));
                return Ok(());
            }
            self.report.longest("sends_again_ms_max", since(process.started()), SENDS_AGAIN_MAX);
            self.campaign.await_moment(&mut self.dice, left + 1)?;
            self.disk.fill()?;
            let Some(ended) = process.ends_within(STOPS_MAX)? else {
                self.report.complaints.push(format!("it goes on {STOPS_MAX:?} after its disk was full"));
                return Ok(());
            };
            let sent = self.campaign.tail.received() - begun;
            let words = process.errors_shown();
            if matches!(ended.status.code(), Some(0 | 3)) {
                bail!("the disk was full too late ({sent} mails): use more --messages");
            }
            self.report.faults += 1;
            self.report.count("fills");
            self.judge_stop(ended, &words);
            // Who begins on a full disk is told the same.
            let mut process = self.campaign.sender.start("send", &[])?;
            let ended = process.wait(STOPS_MAX)?;
            self.judge_stop(ended, &process.errors_shown());
            if !self.report.complaints.is_empty() {
                return Ok(());
            }
            self.disk.make_room()?;
        }
        Ok(())
    }

    fn judge_stop(&mut self, ended: Ended, words: &str) {
        if ended.status.code() != Some(2) || !WORDS.iter().any(|said| words.contains(said)) {
            self.report.complaints.push(format!("at a full disk it ended with {}: {words}", ended.status));
        }
    }

    fn conclude(mut self) -> anyhow::Result<Report> {
        if self.report.complaints.is_empty() {
            let mut process = self.campaign.sender.start("send", &[])?;
            let ended = process.wait(RUN_MAX)?;
            if !matches!(ended.status.code(), Some(0 | 3)) {
                let words = process.errors_shown();
                self.report.complaints.push(format!("the last run failed ({}): {words}", ended.status));
            }
        }
        self.report.compare(&mut self.campaign)?;
        self.campaign.close()?;
        Ok(self.report)
    }
}

/// A small file system; it goes with the mount namespace that it was mounted in.
struct Disk {
    at: PathBuf,
    filler: PathBuf,
}

impl Disk {
    fn mount(folder: &Path) -> anyhow::Result<Self> {
        let (image, at) = (folder.join("disk.img"), folder.join("disk"));
        let file = File::create(&image).with_context(|| format!("making {}", image.display()))?;
        file.set_len(DISK_OCTETS).with_context(|| format!("making {}", image.display()))?;
        std::fs::create_dir_all(&at).with_context(|| format!("making {}", at.display()))?;
        let program = |name| Program::new(name, folder, MOUNT_MAX);
        program("mkfs.ext4").args(["-q", "-m", "0", "-E", "lazy_itable_init=0"]).args([&image]).quiet()?;
        program("mount").args(["-o", "loop"]).args([&image, &at]).quiet()?;
        Ok(Self { filler: at.join("filler"), at })
    }

    /// Takes all room that there is.
    fn fill(&self) -> anyhow::Result<()> {
        let mut file =
            File::create(&self.filler).with_context(|| format!("making {}", self.filler.display()))?;
        let mut piece = PIECE.len();
        while piece > 0 {
            match file.write(&PIECE[..piece]) {
                Ok(count) => ensure!(count > 0, "the filler takes nothing"),
                // The last of it in smaller pieces.
                Err(error) if error.kind() == ErrorKind::StorageFull => piece /= 16,
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
        Ok(())
    }

    fn make_room(&self) -> anyhow::Result<()> {
        std::fs::remove_file(&self.filler).with_context(|| format!("removing {}", self.filler.display()))
    }
}
