//! One seed from its beginning to its end: the loop of *let the sender run, look at what happened, go on in time*.

mod fault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger_sqlite::{Place, SqliteOptions, SqliteStore};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::check;
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::node::Node;
use crate::node::operator::{DISK, Premises};
use crate::scenario::{Fault, SECOND, Scenario, When};
use crate::world::{Event, Shared, World};
use fault::Death;

/// How long after the last fault and order everything must be settled: retries wait an hour at most, and the wall
/// clock may stand an hour or two wrong.
const PATIENCE_US: u64 = 8 * 3600 * SECOND;
/// More events than any run should need.
const EVENTS_MAX: u64 = 300_000;
/// Lines of history that a failing seed shows.
const TAIL_LINES: usize = 60;

/// What a seed came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What must not be; empty is good.
    pub breaches: Vec<String>,
    /// The end of the history, when something was breached.
    pub tail: String,
    /// How much happened.
    pub figures: Figures,
}

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub struct Figures {
    /// Recipients.
    pub recipients: u64,
    /// Message ends that relays saw.
    pub messages: u64,
    /// Kills, power cuts and failures of the disk that ended a process.
    pub deaths: u64,
    /// Events of the world.
    pub events: u64,
}

impl Figures {
    /// Adds another run's.
    pub fn add(&mut self, other: Self) {
        self.recipients += other.recipients;
        self.messages += other.messages;
        self.deaths += other.deaths;
        self.events += other.events;
    }
}

/// A run under way.
pub struct Run {
    world: Shared,
    scenario: Arc<Scenario>,
    disk: SimDisk,
    folder: TempDir,
    journals: PathBuf,
    /// Where the journals of a process that dies in a write are kept.
    kept: PathBuf,
    journal_folders: u64,
    dice: Dice,
    node: Option<Node>,
    stop: watch::Sender<bool>,
    secrets: watch::Sender<u64>,
    boot: [u8; 16],
    /// Faults that wait for the work to get so far.
    faults_ahead: Vec<(u64, Fault)>,
    dying: Option<(Death, u64)>,
    frozen: bool,
    /// How many mails the next recovery may call unknown at most.
    unknown_max: u64,
    /// Links that there had been when the process started.
    links_at_start: u64,
    /// The process was asked to end for good.
    ending: bool,
    over: bool,
    figures: Figures,
}

impl Run {
    /// The run of a seed, at its beginning.
    ///
    /// # Errors
    /// When this machine lacks something, such as a folder for temporary files.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let mut dice = Dice::new(seed);
        let (scenario, relays) = Scenario::draw(&mut dice);
        let mut world = World::new(&mut dice, relays);
        world.enter(0, Event::Start);
        let mut faults_ahead = Vec::new();
        for (when, fault) in &scenario.faults {
            match when {
                When::At(at) => world.enter_at(*at, Event::Fault(*fault)),
                When::Parcels(count) => faults_ahead.push((*count, *fault)),
            }
        }
        let figures = Figures {
            recipients: scenario.releases.iter().map(|release| u64::from(release.recipients)).sum(),
            ..Figures::default()
        };
        let mut boot = [0; 16];
        dice.fill(&mut boot);
        let folder = tempfile::tempdir()?;
        let journals = folder.path().join("0");
        std::fs::create_dir(&journals)?;
        Ok(Self {
            world: Shared::new(world),
            scenario: Arc::new(scenario),
            disk: SimDisk::mount(DISK, dice.fork())?,
            folder,
            kept: PathBuf::new(),
            journals,
            journal_folders: 0,
            dice,
            node: None,
            stop: watch::Sender::new(false),
            secrets: watch::Sender::new(0),
            boot,
            faults_ahead,
            dying: None,
            frozen: false,
            unknown_max: 0,
            links_at_start: 0,
            ending: false,
            over: false,
            figures,
        })
    }

    /// Runs it to its end; the history with the report.
    ///
    /// # Errors
    /// When the simulator itself fails.
    pub fn finish(mut self, seed: u64) -> anyhow::Result<(Report, String)> {
        let last = self.last_deed_us() + PATIENCE_US;
        while !self.over {
            self.let_node_run()?;
            self.look()?;
            if !self.world.lock().breaches.is_empty() {
                break;
            }
            if self.over {
                break;
            }
            let event = self.world.lock().next_event();
            let Some(event) = event else { break };
            self.figures.events += 1;
            self.handle(event);
            self.befall_by_progress();
            let now = self.world.lock().now_us();
            if now > last || self.figures.events > EVENTS_MAX {
                self.world.lock().breach(format!("9 liveness: not settled after {} s", now / SECOND));
            }
        }
        // The process is gone before the world is.
        self.node = None;
        self.figures.messages = self.world.lock().relays.iter().map(|relay| relay.log.len() as u64).sum();
        let world = self.world.lock();
        let failed = !world.breaches.is_empty();
        let tail = if failed { world.history.tail(TAIL_LINES).to_owned() } else { String::new() };
        let report = Report { seed, breaches: world.breaches.clone(), tail, figures: self.figures };
        Ok((report, world.history.text().to_owned()))
    }

    fn last_deed_us(&self) -> u64 {
        let orders = self.scenario.releases.iter().flat_map(|release| &release.orders);
        orders.map(|order| order.at_us).max().unwrap_or(0).max(self.scenario.calm_us)
    }

    fn let_node_run(&mut self) -> anyhow::Result<()> {
        let Some(node) = self.node.as_mut().filter(|_| !self.frozen) else { return Ok(()) };
        if let Some((death, steps)) = self.dying.take() {
            node.run_steps(steps);
            self.die(death);
            return Ok(());
        }
        node.run();
        if self.world.lock().dead.is_some() {
            self.die(Death::KillInWrite);
            return Ok(());
        }
        let Some(why) = node.ended() else { return Ok(()) };
        let whole = why == "drained, whole";
        if !whole && self.dice.chance(500) {
            // It is killed before it could close the books.
            self.disk.kill();
        }
        self.node = None;
        self.world.lock().trap = None;
        self.world.lock().note(format!("the process ended: {why}"));
        if whole && self.ending {
            return self.check_all();
        }
        if !whole {
            self.figures.deaths += 1;
            // Sessions that ended after the books failed could not write down how.
            let links = self.world.lock().links_made - self.links_at_start;
            self.unknown_max = self.unknown_max.saturating_add(links);
        }
        (self.ending, self.stop) = (false, watch::Sender::new(false));
        let pause = self.dice.magnitude(SECOND / 10, 10 * SECOND);
        self.world.lock().enter(pause, Event::Start);
        Ok(())
    }

    /// Holds what happened against the books, and sees whether all is done.
    fn look(&mut self) -> anyhow::Result<()> {
        let Some(node) = &self.node else { return Ok(()) };
        let mut world = self.world.lock();
        for entry in std::mem::take(&mut world.seen) {
            check::message_end(&mut world, &node.store, &entry)?;
        }
        if let Some(recovered) = world.known.recovered.take() {
            if recovered.unknown > self.unknown_max {
                let most = self.unknown_max;
                world.breach(format!("5 window: {} unknown, at most {most} could be", recovered.unknown));
            }
            self.unknown_max = 0;
        }
        world.known.latest_wall_ms = world.known.latest_wall_ms.max(world.wall_ms());
        let settled = world.known.settled.len() == self.scenario.releases.len();
        if world.calm && settled && !self.ending {
            world.note("all is settled: the process is asked to end");
            drop(world);
            self.ending = true;
            self.stop.send_replace(true);
            return self.let_node_run();
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) {
        let mut world = self.world.lock();
        match event {
            Event::Timer(timer) => world.ring(timer),
            Event::ToRelay(link, parcel) => world.arrive_at_relay(link, parcel),
            Event::ToSender(link, parcel) => world.arrive_at_sender(link, parcel),
            Event::UserTimeout(link) => world.user_timeout(link),
            Event::Answer(link) => world.answer(link),
            Event::Thaw => {
                world.note("the process goes on");
                self.frozen = false;
            }
            Event::Start => {
                drop(world);
                self.start();
            }
            Event::Fault(fault) => {
                drop(world);
                self.befall(fault);
            }
        }
    }

    fn start(&mut self) {
        if self.node.is_some() {
            return;
        }
        self.world.lock().note("the process starts");
        self.world.lock().leases.clear();
        self.links_at_start = self.world.lock().links_made;
        let premises = Premises {
            world: self.world.clone(),
            scenario: Arc::clone(&self.scenario),
            journals: self.journals.clone(),
            boot: self.boot,
            stop: self.stop.subscribe(),
            secrets: self.secrets.subscribe(),
        };
        match Node::start(premises) {
            Ok(Ok(node)) => self.node = Some(node),
            Ok(Err(error)) => {
                let mut world = self.world.lock();
                world.note(format!("the books cannot be opened: {error}"));
                world.enter(5 * SECOND, Event::Start);
            }
            Err(error) => self.world.lock().breach(format!("the simulator failed: {error:#}")),
        }
    }

    /// The last look: nobody has the books open.
    fn check_all(&mut self) -> anyhow::Result<()> {
        let options = SqliteOptions {
            vfs: Some(DISK.to_owned()),
            place: Place::CallersThread,
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open_read_only(Path::new("/"), options)?;
        let mut world = self.world.lock();
        for entry in std::mem::take(&mut world.seen) {
            check::message_end(&mut world, &store, &entry)?;
        }
        check::end::whole_run(&mut world, &store, &self.scenario)?;
        self.over = true;
        Ok(())
    }
}
