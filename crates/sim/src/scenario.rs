//! What a seed means: client companies, releases, limits, and the faults that befall them.
//!
//! A plan is drawn whole before anything runs. After [`Scenario::calm_us`] no fault happens any more, and everything
//! must come to its end.

use std::time::Duration;

use domain::{Lane, RelayLimits, UnknownPolicy};
use engine::EngineConfig;

use crate::dice::Dice;
use crate::relay::mood::Mood;
use crate::relay::{Account, Reach, Relay};

/// One second, in µs.
pub const SECOND: u64 = 1_000_000;
/// No fault falls later than this.
const FAULTS_MAX: u64 = 1200 * SECOND;

/// A fault, or a thing that people do.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The process dies in the middle of its work, after so many steps of its tasks.
    Kill(u64),
    /// The process dies between its next write to a relay and whatever it would do after that.
    KillInWrite,
    /// So does the whole machine: what was not synced is lost.
    PowerCut(u64),
    /// The process is asked to end in order, and started again.
    Restart,
    /// The process stands still for so many µs.
    Freeze(u64),
    /// The wall clock jumps by so many ms.
    WallJump(i64),
    /// A host is reachable in this way for so many µs.
    Reach(usize, Reach, u64),
    /// A host's mood changes.
    Mood(usize, Mood),
    /// The disk is full for so many µs.
    DiskFull(u64),
    /// The disk refuses to sync for so many µs.
    SyncFails(u64),
    /// A client company gets a further secret, which the sender is told of.
    Rotate(u64),
    /// Its older secrets open nothing any more.
    Revoke(u64),
    /// The end of such a spell.
    ReachAgain(usize),
    /// The end of such a spell.
    DiskAgain,
    /// Faults are over.
    Calm,
}

/// When a fault falls.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// At this time by the boot clock, in µs.
    At(u64),
    /// When so many parcels have reached relays: in the middle of the work, however quick that is.
    Parcels(u64),
}

/// What a person does with a release, when.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// When, by the boot clock.
    pub at_us: u64,
    /// Paused, active or cancelled.
    pub state: ledger::ReleaseState,
    /// Whether the run is told of it, or has to find out.
    pub told: bool,
}

/// A release to be sent.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its number; its place in the plan.
    pub number: u64,
    /// Whose, by number.
    pub tenant: u64,
    /// How many recipients.
    pub recipients: u32,
    /// Every so-manieth recipient is suppressed; 0 is none.
    pub suppressed_each: u32,
    /// The mail of every so-manieth cannot be made; 0 is none.
    pub unfit_each: u32,
    /// What is done with unknown mails.
    pub policy: UnknownPolicy,
    /// Its lane.
    pub lane: Lane,
    /// The wait after a first failure.
    pub retry_initial: Duration,
    /// How long it may be tried.
    pub deadline: Duration,
    /// When it is begun.
    pub start_us: u64,
    /// What people do with it.
    pub orders: Vec<Order>,
}

impl Release {
    /// True when this recipient is not owed anything.
    #[must_use]
    pub fn is_suppressed(&self, intent: u32) -> bool {
        self.suppressed_each > 0 && intent.is_multiple_of(self.suppressed_each)
    }

    /// True when this recipient's mail cannot be made.
    #[must_use]
    pub fn is_unfit(&self, intent: u32) -> bool {
        !self.is_suppressed(intent) && self.unfit_each > 0 && intent.is_multiple_of(self.unfit_each)
    }
}

/// A client company.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its number.
    pub number: u64,
    /// The relay that it uses.
    pub relay: usize,
    /// How much the relay takes of it.
    pub limits: RelayLimits,
    /// BDAT where offered.
    pub use_chunking: bool,
}

/// All of a seed.
pub struct Scenario {
    /// The companies.
    pub tenants: Vec<Tenant>,
    /// The releases.
    pub releases: Vec<Release>,
    /// The faults, each with when it falls.
    pub faults: Vec<(When, Fault)>,
    /// When faults are over.
    pub calm_us: u64,
    /// The engine's numbers.
    pub config: EngineConfig,
    /// The longest time that the store takes before and after a call, in µs.
    pub store_us_max: u64,
}

impl Scenario {
    /// Draws a plan, with the relays that it needs.
    pub fn draw(dice: &mut Dice) -> (Self, Vec<Relay>) {
        let hosts = dice.pick(&[1, 1, 1, 2]);
        let mut relays: Vec<Relay> =
            (0..hosts).map(|no| Relay::draw(format!("relay-{no}.example"), dice)).collect();
        let tenants: Vec<Tenant> =
            (0..dice.between(1, 3)).map(|number| tenant(number, hosts, dice)).collect();
        for tenant in &tenants {
            let account = Account { tenant: tenant.number, secret: secret(tenant.number, 1) };
            relays[tenant.relay].accounts.push(account);
        }
        let count = tenants.len() as u64;
        let span = dice.magnitude(2 * SECOND, FAULTS_MAX);
        let releases: Vec<Release> =
            (0..dice.between(1, 3)).map(|number| release(number, count, span, dice)).collect();
        let recipients = releases.iter().map(|release| u64::from(release.recipients)).sum();
        let mut faults = faults((span, recipients), count, hosts, dice);
        let calm_us = SECOND + span + 5 * SECOND;
        faults.push((When::At(calm_us), Fault::Calm));
        let store_us_max = dice.magnitude(1, 100_000);
        let scenario = Self { tenants, releases, faults, calm_us, config: config(dice), store_us_max };
        (scenario, relays)
    }
}

/// The secret of a company's version.
#[must_use]
pub fn secret(tenant: u64, version: u64) -> String {
    format!("secret-{tenant}-{version}")
}

fn tenant(number: u64, hosts: usize, dice: &mut Dice) -> Tenant {
    let limits = RelayLimits {
        sessions_max: u32::try_from(dice.magnitude(1, 8)).unwrap_or(1),
        messages_per_connection_max: dice
            .chance(300)
            .then(|| u32::try_from(dice.magnitude(1, 20)).unwrap_or(1)),
        messages_per_minute_max: dice
            .chance(200)
            .then(|| u32::try_from(dice.magnitude(10, 200)).unwrap_or(10)),
    };
    let relay = usize::try_from(dice.below(hosts as u64)).unwrap_or(0);
    Tenant { number, relay, limits, use_chunking: dice.chance(400) }
}

fn release(number: u64, tenants: u64, span: u64, dice: &mut Dice) -> Release {
    let short = dice.chance(150);
    let deadline_s = if short { dice.magnitude(5, 600) } else { 86_400 };
    let mut orders = Vec::new();
    if dice.chance(300) {
        let at_us = SECOND + dice.magnitude(1000, span);
        let told = dice.chance(700);
        orders.push(Order { at_us, state: ledger::ReleaseState::Paused, told });
        let at_us = at_us + dice.magnitude(100_000, span);
        orders.push(Order { at_us, state: ledger::ReleaseState::Active, told: dice.chance(700) });
    }
    if dice.chance(150) {
        let at_us = SECOND + dice.magnitude(1000, span);
        orders.push(Order { at_us, state: ledger::ReleaseState::Cancelled, told: dice.chance(700) });
    }
    Release {
        number,
        tenant: dice.below(tenants),
        recipients: u32::try_from(dice.between(5, 60)).unwrap_or(5),
        suppressed_each: dice.pick(&[0, 0, 0, 7]),
        unfit_each: dice.pick(&[0, 0, 0, 9]),
        policy: dice.pick(&[UnknownPolicy::Hold, UnknownPolicy::ResendOnce]),
        lane: dice.pick(&[Lane::Bulk, Lane::Bulk, Lane::Urgent]),
        retry_initial: Duration::from_millis(dice.magnitude(200, 60_000)),
        deadline: Duration::from_secs(deadline_s),
        start_us: SECOND + if dice.chance(600) { dice.below(10_000) } else { dice.magnitude(1000, span) },
        orders,
    }
}

/// Parcels that one mail takes, roughly.
const PARCELS_A_MAIL: u64 = 5;

fn faults((span, recipients): (u64, u64), tenants: u64, hosts: usize, dice: &mut Dice) -> Vec<(When, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..dice.pick(&[0, 1, 1, 2, 3, 4, 6, 9]) {
        let at = SECOND + dice.magnitude(1000, span);
        let parcels = 1 + dice.below(recipients * PARCELS_A_MAIL);
        let when = if dice.chance(600) { When::Parcels(parcels) } else { When::At(at) };
        let spell = dice.magnitude(100_000, 120 * SECOND);
        let host = usize::try_from(dice.below(hosts as u64)).unwrap_or(0);
        let steps = dice.below(60);
        let fault = match dice.below(16) {
            0 | 1 => Fault::Kill(steps),
            2 | 3 => Fault::KillInWrite,
            4 | 5 => Fault::PowerCut(steps),
            6 => Fault::Restart,
            7 => Fault::Freeze(spell),
            8 => Fault::WallJump(wall_jump(dice)),
            9 => Fault::Reach(host, dice.pick(&[Reach::Refuses, Reach::DropsSyn, Reach::NoName]), spell),
            10 | 11 => Fault::Mood(host, Mood::draw(dice)),
            12 => Fault::DiskFull(spell / 4),
            13 => Fault::SyncFails(spell / 4),
            14 => {
                // What a failed sync left behind shows only when the power goes later.
                let later = When::Parcels(parcels + dice.below(20 * PARCELS_A_MAIL));
                faults.push((later, Fault::PowerCut(steps)));
                faults.push((When::Parcels(parcels), Fault::SyncFails(dice.magnitude(1000, 20 * SECOND))));
                continue;
            }
            _ => {
                let tenant = dice.below(tenants);
                let revoked_at_once = dice.chance(500);
                let span = if revoked_at_once { 0 } else { spell };
                faults.push((When::At(at), Fault::Rotate(tenant)));
                faults.push((When::At(at + span), Fault::Revoke(tenant)));
                continue;
            }
        };
        faults.push((when, fault));
    }
    faults
}

fn wall_jump(dice: &mut Dice) -> i64 {
    let by = i64::try_from(dice.magnitude(10, 3_600_000)).unwrap_or(0);
    if dice.chance(500) { by } else { -by }
}

fn config(dice: &mut Dice) -> EngineConfig {
    let mut few = |low, high| u32::try_from(dice.magnitude(low, high)).unwrap_or(1);
    EngineConfig {
        permits_ahead: few(1, 8) as usize,
        reply_late: Duration::from_millis(u64::from(few(500, 8000))),
        chunk_intents: few(2, 64),
        chunks_per_lease: few(1, 4),
        ready_octets_max: few(1024, 65_536),
        piece_mails: few(1, 16) as usize,
        composers: 0,
        sessions_max: few(4, 40) as usize,
        ..EngineConfig::default()
    }
}
