//! Streams as fast as a store takes them: what its waves cost, with a clock of the caller's.

use futures_util::future::try_join_all;

use super::bench::Breach;
use super::stage::{Stage, at, sender_row};
use crate::directory::ContentPart;
use crate::store::Store;

/// How much comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// Tenants whose streams grow at the same time, each wave by wave.
    pub tenants: u64,
    /// Waves of each.
    pub waves: u16,
    /// Mails of a wave.
    pub mails: u32,
    /// Octets of a mail's content.
    pub octets: usize,
}

impl Flood {
    /// Makes the tenants, in an empty store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn stages(&self, store: &std::sync::Arc<dyn Store>) -> Result<Vec<Stage>, Breach> {
        let sender = store.sender_register(sender_row(1)).await?;
        try_join_all((1..=self.tenants).map(|number| Stage::of_tenant(store, number, sender))).await
    }

    /// Appends all waves; gives how many mails came.
    ///
    /// # Errors
    /// What the store says.
    pub async fn pour(&self, stages: &[Stage]) -> Result<u64, Breach> {
        try_join_all(stages.iter().map(|stage| self.pour_into(stage))).await?;
        Ok(self.tenants * u64::from(self.waves) * u64::from(self.mails))
    }

    async fn pour_into(&self, stage: &Stage) -> Result<(), Breach> {
        for number in 1..=self.waves {
            let first = (u32::from(number) - 1) * self.mails + 1;
            let mut wave = stage.stream_wave(number, &[], (first, first + self.mails - 1));
            // Octets that do not compress to nothing, as encoded mails do not.
            let part = |intent: u32| ContentPart {
                part_no: intent + 1,
                name: "mail.eml".to_owned(),
                bytes: (0..self.octets).map(|at| mixed(intent, at)).collect(),
            };
            wave.parts = (first..first + self.mails).map(part).collect();
            (wave.due_at, wave.now) = (at(i64::from(number)), at(i64::from(number)));
            stage.store.stream_append(wave).await?;
        }
        Ok(())
    }
}

fn mixed(intent: u32, at: usize) -> u8 {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mix = (intent as usize).wrapping_mul(0x9e37_79b9).wrapping_add(at.wrapping_mul(0x85eb_ca6b));
    SIGNS[(mix ^ (mix >> 13)) % SIGNS.len()]
}
