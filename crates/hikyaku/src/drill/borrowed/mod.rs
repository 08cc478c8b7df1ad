//! The drill *borrowed credentials*: many tenants of one relay service share host, port, encryption and even the
//! user name `apikey`; only the secret tells them apart. All start in the same moment, secrets are rotated under
//! way, links are cut and logins refused. No mail may ever travel over a session that another tenant's secret
//! opened.
//!
//! The oracle is the receiving side's log: the account whose secret authenticated a session against the tenant
//! that each mail names in MAIL FROM and in `X-Tenant`. The engine is the real one; the plan of faults is fixed, so
//! every run meets the same ones.

mod fleet;
mod oracle;
mod plan;
mod round;

use domain::Statement;

pub use oracle::Judgement;

use super::OutsideSink;
use super::stage::TemporaryFolder;
use fleet::Fleet;
use oracle::Oracle;

/// Tenants of the drill: as many as were mixed up in the incident that it repeats.
pub const TENANTS: u32 = 18;
/// Mails of one tenant in one round.
pub const MAILS_PER_ROUND: u32 = 5;

/// How the drill is run.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// Rounds.
    pub rounds: u32,
    /// Somebody else's sink, which then is the judge.
    pub sink: Option<OutsideSink>,
    /// Plants the fault that the drill must find: sessions opened with whatever secret came first, as a pool keyed
    /// by host, port and user would.
    pub plant_borrowing: bool,
}

/// What the drill came to.
#[derive(Debug, Clone)]
pub struct DrillReport {
    /// Rounds that were run.
    pub rounds: u32,
    /// What the books say of all mails.
    pub statement: Statement,
    /// Rotations of a secret.
    pub rotations: u64,
    /// Logins that the sink refused.
    pub refused_logins: u64,
    /// What the sink's log says; `None` when somebody else judges.
    pub judgement: Option<Judgement>,
}

/// Runs the drill in a temporary data folder, which is removed afterwards.
pub async fn run(options: DrillOptions) -> anyhow::Result<DrillReport> {
    let folder = TemporaryFolder::make()?;
    let oracle = match &options.sink {
        Some(_) => None,
        None => Some(Oracle::start(options.rounds, &folder.0)?),
    };
    let sink = match (&options.sink, &oracle) {
        (Some(outside), _) => outside.clone(),
        (None, Some(oracle)) => oracle.as_sink(),
        (None, None) => anyhow::bail!("the drill has no sink"),
    };
    let mut fleet = Fleet::assemble(&folder.0.join("data"), sink, options.plant_borrowing).await?;
    let (mut statement, mut accepted) = (Statement::default(), Vec::new());
    for round in 0..options.rounds {
        let plan = plan::of_round(round);
        if let Some(oracle) = &oracle {
            oracle.prepare(round, &plan, &fleet);
        }
        let (sum, more) = round::run(&mut fleet, round, &plan, oracle.is_some()).await?;
        statement.join(&sum);
        accepted.extend(more);
    }
    let rotations = fleet.rotations();
    fleet.stage.close().await?;
    let (refused_logins, judgement) = match oracle {
        Some(oracle) => oracle.judge(&accepted),
        None => (0, None),
    };
    Ok(DrillReport { rounds: options.rounds, statement, rotations, refused_logins, judgement })
}

impl DrillReport {
    /// Mails that the books have no answer for, and those that they call accepted though the sink never kept them. A
    /// mail that the books call unknown may have been kept or not.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let Statement { audience, accepted, unknown, .. } = self.statement;
        let owed = u64::from(self.rounds * TENANTS * MAILS_PER_ROUND).max(audience);
        owed.saturating_sub(accepted + unknown) + self.judgement.map_or(0, |judgement| judgement.lost)
    }
}
