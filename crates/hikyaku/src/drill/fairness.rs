//! The drill *fairness*: what one tenant's release waits for others. A small release is sent alone, beside another
//! tenant's huge one, and beside tenants whose relays stall and refuse; then an urgent one behind the huge one over
//! the same relay.
//!
//! A mail's wait is the time from the moment its release was let go to the moment its receiver had it, by the
//! receiver's own clock. The waits of all rounds of a scene are one sample.

use std::time::Duration;

use domain::{Lane, LinkSecurity, Timestamp};
use engine::{ReleaseEnd, ReleaseRun, TlsTrust};
use ledger::ReleaseRow;
use runtime::{Clock, SystemClock};
use testkit::sink::{Act, Behaviour, LogMode, Sink, SinkConfig, SinkHandle, When};

use super::OutsideSink;
use super::stage::{Account, Key, Stage, TemporaryFolder};

/// Mails of the small release.
const SMALL_MAILS: u64 = 1000;
/// Mails of the urgent release.
const URGENT_MAILS: u64 = 100;
/// Mails of each release whose relay stalls or refuses.
const FAILING_MAILS: u64 = 2000;
/// How often the small release is sent in each scene.
const ROUNDS: u32 = 5;
/// Sessions of the huge release.
const HUGE_SESSIONS: u32 = 50;
/// Sessions of everybody else.
const SESSIONS: u32 = 10;
/// How long the small release's relay takes for each reply.
const REPLY_DELAY: Duration = Duration::from_millis(2);
/// How many times as long as alone a mail may wait beside others (row S6).
const TIMES_MAX: f64 = 2.0;
/// How long an urgent mail may wait (row S14).
const URGENT_MAX: Duration = Duration::from_secs(2);
/// The most that a scene is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The 99th of 100 waits of each scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FairnessReport {
    /// Mails of the huge release.
    pub huge: u64,
    /// The small release alone.
    pub alone: Duration,
    /// Beside the huge release of another tenant.
    pub beside_huge: Duration,
    /// Beside tenants whose relays stall and refuse.
    pub beside_failing: Duration,
    /// The urgent release behind the huge one of the same tenant and relay.
    pub urgent: Duration,
}

impl FairnessReport {
    /// True when nobody waited longer than is allowed.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        let most = self.alone.mul_f64(TIMES_MAX);
        self.beside_huge <= most && self.beside_failing <= most && self.urgent <= URGENT_MAX
    }
}

/// Plays all scenes in a temporary data folder, which is removed afterwards.
pub async fn run(huge_mails: u64) -> anyhow::Result<FairnessReport> {
    let folder = TemporaryFolder::make()?;
    let stage = Stage::open(&folder.0.join("data")).await?;
    let quick = Player::enter(&stage, "quick", delayed()).await?;
    let huge =
        Player::enter(&stage, "huge", SinkConfig { log: LogMode::Counters, ..SinkConfig::default() }).await?;
    let alone = rounds(&stage, &quick).await?;

    let (row, run) = huge.start(&stage, huge_mails).await?;
    let before = huge.kept();
    let beside_huge = rounds(&stage, &quick).await?;
    anyhow::ensure!(huge.kept() > before, "the huge release stood still");
    huge.ensure_unfinished(huge_mails)?;
    stage.cancel(&row, &run).await?;

    let busy = Player::enter(&stage, "busy", SinkConfig::default()).await?;
    let (row, run) = busy.start(&stage, huge_mails).await?;
    busy.ensure_unfinished(huge_mails)?;
    let urgent = busy.send(&stage, "urgent", Lane::Urgent, URGENT_MAILS).await?;
    stage.cancel(&row, &run).await?;

    // Last, for what a stalled relay has on the wire is not settled before the engine ends.
    let stalled = Player::enter(&stage, "stalled", faulty(Act::NeverReply)).await?;
    let refusing = Player::enter(&stage, "refusing", faulty(Act::Storm)).await?;
    let _beside = [stalled.start(&stage, FAILING_MAILS).await?, refusing.start(&stage, FAILING_MAILS).await?];
    let beside_failing = rounds(&stage, &quick).await?;
    stage.close().await?;
    let p99 = |waits| percentile(waits, 99);
    Ok(FairnessReport {
        huge: huge_mails,
        alone: p99(alone),
        beside_huge: p99(beside_huge),
        beside_failing: p99(beside_failing),
        urgent: p99(urgent),
    })
}

/// The small release, some times; the waits of all its mails.
async fn rounds(stage: &Stage, quick: &Player) -> anyhow::Result<Vec<Duration>> {
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        waits.extend(quick.send(stage, "small", Lane::Bulk, SMALL_MAILS).await?);
    }
    Ok(waits)
}

/// The value that `percent` of 100 do not exceed.
fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(place).copied().unwrap_or_default()
}

fn delayed() -> SinkConfig {
    let behaviour = Behaviour { reply_delay: Some(REPLY_DELAY), ..Behaviour::default() };
    SinkConfig { behaviour, ..SinkConfig::default() }
}

fn faulty(act: Act) -> SinkConfig {
    SinkConfig { behaviour: Behaviour::default().with(When::Always, act, None), ..SinkConfig::default() }
}

/// One tenant with a receiver of its own.
struct Player {
    account: Account,
    sink: SinkHandle,
    sessions: u32,
}

impl Player {
    async fn enter(stage: &Stage, name: &str, config: SinkConfig) -> anyhow::Result<Self> {
        let sessions = if matches!(name, "huge" | "busy") { HUGE_SESSIONS } else { SESSIONS };
        let sink = Sink::start(config)?;
        let account = stage.enter(name.to_owned(), &place(&sink)).await?;
        Ok(Self { account, sink, sessions })
    }

    /// Freezes a release and lets it go; gives when.
    async fn let_go(
        &self,
        stage: &Stage,
        name: &str,
        lane: Lane,
        mails: u64,
    ) -> anyhow::Result<(ReleaseRow, ReleaseRun, Timestamp)> {
        let address = |number: u64| format!("{name}.{number}@{}.example", self.account.name);
        let row = stage.freeze(&self.account, name.to_owned(), lane, (1..=mails).map(address)).await?;
        let secret = format!("SG.{}", self.account.name);
        let key = Key { said: secret.clone(), secret, sessions: self.sessions };
        let actor = stage.relay(&self.account, key, &place(&self.sink)).await?;
        let (run, started) = (stage.send(&self.account, &row, actor), SystemClock.now());
        Ok((row, run, started))
    }

    /// Starts a release that others are measured beside; it is under way when this returns.
    async fn start(&self, stage: &Stage, mails: u64) -> anyhow::Result<(ReleaseRow, ReleaseRun)> {
        let (row, run, _) = self.let_go(stage, "beside", Lane::Bulk, mails).await?;
        let connected = self.sink.wait_until(PATIENCE, |seen| seen.connections > 0).await;
        anyhow::ensure!(connected.is_ok(), "{} did not connect", self.account.name);
        Ok((row, run))
    }

    /// Sends a release to its end; the waits of its mails.
    async fn send(&self, stage: &Stage, name: &str, lane: Lane, mails: u64) -> anyhow::Result<Vec<Duration>> {
        let (_, run, started) = self.let_go(stage, name, lane, mails).await?;
        let end = run.ended().await;
        anyhow::ensure!(end == ReleaseEnd::Settled, "the release {name} was not settled: {end:?}");
        let prefix = format!("{name}.");
        let mut waits = Vec::new();
        self.sink.for_each_mail(0, |mail| {
            let own = mail.to.iter().any(|to| to.starts_with(&prefix)) && mail.at_ms >= started.as_millis();
            if own {
                waits.push(mail.at().since(started));
            }
        });
        anyhow::ensure!(waits.len() as u64 == mails, "{name}: {} of {mails} mails arrived", waits.len());
        Ok(waits)
    }

    fn kept(&self) -> u64 {
        self.sink.snapshot().kept
    }

    /// The huge release must outlast what is measured beside it.
    fn ensure_unfinished(&self, mails: u64) -> anyhow::Result<()> {
        anyhow::ensure!(self.kept() < mails, "the huge release ended too early: give --huge more mails");
        Ok(())
    }
}

fn place(sink: &SinkHandle) -> OutsideSink {
    OutsideSink { place: sink.addr(), security: LinkSecurity::None, trust: TlsTrust::System }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_100_is_found() {
        let values: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(values, 99), Duration::from_millis(198));
        assert_eq!(percentile(vec![Duration::from_millis(7)], 99), Duration::from_millis(7));
        assert_eq!(percentile(Vec::new(), 99), Duration::ZERO);
    }

    #[test]
    fn twice_as_long_is_the_most() {
        let ms = Duration::from_millis;
        let fair = FairnessReport {
            huge: 1,
            alone: ms(100),
            beside_huge: ms(200),
            beside_failing: ms(200),
            urgent: ms(2000),
        };
        assert!(fair.is_fair());
        assert!(!FairnessReport { beside_huge: ms(201), ..fair }.is_fair());
        assert!(!FairnessReport { beside_failing: ms(201), ..fair }.is_fair());
        assert!(!FairnessReport { urgent: ms(2001), ..fair }.is_fair());
    }
}
