//! The data folder on a store that loses power.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::bail;

use crate::rig::{Binaries, Dice, Process};

const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A mounted power-cut store.
pub struct Power {
    process: Process,
    answers: usize,
}

impl Power {
    /// Mounts one at `FOLDER/data`.
    ///
    /// # Errors
    /// When it cannot be mounted (no root, no `/dev/fuse`).
    pub fn mount(binaries: &Binaries, folder: &Path) -> anyhow::Result<Self> {
        let at = folder.join("data");
        let mut command = Command::new(binaries.rig());
        command.arg("power").arg("--at").arg(&at);
        let mut process = Process::start("power", folder, &mut command)?;
        process.line_after(0, ANSWER_MAX)?;
        Ok(Self { process, answers: 1 })
    }

    /// Cuts the power: every process that used the folder is gone already.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn cut(&mut self, seed: u64) -> anyhow::Result<()> {
        self.process.order(&format!("cut {seed}"))?;
        let answer = self.process.line_after(self.answers, ANSWER_MAX)?;
        self.answers += 1;
        if answer.contains("error") {
            bail!("the power-cut store: {answer}");
        }
        Ok(())
    }

    /// Unmounts it; what was in it is gone.
    ///
    /// # Errors
    /// When a process still uses it.
    pub fn unmount(mut self) -> anyhow::Result<()> {
        let ended = self.process.close(ANSWER_MAX)?;
        if !ended.status.success() {
            bail!("the power-cut store did not unmount: {}", self.process.errors_shown());
        }
        Ok(())
    }
}

/// The flag that makes a process believe in a new boot of the machine.
pub fn boot_flag(dice: &mut Dice) -> [String; 2] {
    ["--boot-id".to_owned(), format!("{:016x}{:016x}", dice.bits(), dice.bits())]
}
