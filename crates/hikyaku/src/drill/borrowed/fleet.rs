//! The tenants of the drill with their secrets, on one stage.

use std::path::Path;
use std::sync::Arc;

use engine::RelayActor;

use super::super::OutsideSink;
use super::super::stage::{Account, Key, Stage};
use super::TENANTS;

/// Sessions of one tenant.
const SESSIONS: u32 = 2;

/// One tenant.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its place, counted from 0.
    pub number: u32,
    /// Its account.
    pub account: Account,
    /// How often its secret was changed, plus one.
    pub version: u32,
}

/// All tenants and the stage.
pub struct Fleet {
    /// The tenants.
    pub members: Vec<Member>,
    /// The engine that sends for all.
    pub stage: Stage,
    sink: OutsideSink,
    plant_borrowing: bool,
}

/// A tenant's name, which is also its account at the relay.
pub fn name(number: u32) -> String {
    format!("tenant{number:02}")
}

/// A tenant's secret in one version.
pub fn secret(number: u32, version: u32) -> String {
    format!("SG.{}.{version}", name(number))
}

impl Fleet {
    /// Enters all tenants into a new data folder and starts the engine.
    pub async fn assemble(dir: &Path, sink: OutsideSink, plant_borrowing: bool) -> anyhow::Result<Self> {
        let stage = Stage::open(dir).await?;
        let mut members = Vec::new();
        for number in 0..TENANTS {
            let account = stage.enter(name(number), &sink).await?;
            members.push(Member { number, account, version: 1 });
        }
        Ok(Self { members, stage, sink, plant_borrowing })
    }

    /// Changes a tenant's secret: a new version, hence a new actor.
    pub fn rotate(&mut self, number: u32) {
        for member in self.members.iter_mut().filter(|member| member.number == number) {
            member.version += 1;
        }
    }

    /// Changes of secrets so far.
    pub fn rotations(&self) -> u64 {
        self.members.iter().map(|member| u64::from(member.version - 1)).sum()
    }

    /// The relay of a tenant with its present secret.
    pub async fn relay(&self, member: &Member) -> anyhow::Result<Arc<RelayActor>> {
        let own = secret(member.number, member.version);
        let said = if self.plant_borrowing { secret(0, 1) } else { own.clone() };
        let key = Key { secret: own, said, sessions: SESSIONS };
        self.stage.relay(&member.account, key, &self.sink).await
    }
}
