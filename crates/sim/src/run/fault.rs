//! What befalls a run: deaths of the process, and everything else that is planned against it.

use std::path::Path;

use tokio::sync::watch;

use super::Run;
use crate::disk::SimDisk;
use crate::relay::mood::Mood;
use crate::relay::{Account, Reach};
use crate::scenario::{Fault, SECOND, secret};
use crate::world::Event;

/// How a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    Kill,
    /// As a kill; the journal of dots was kept as it stood at the write.
    KillInWrite,
    PowerCut,
}

/// Octets that a journal keeps or loses together.
const JOURNAL_PAGE: usize = 4096;

impl Run {
    pub(super) fn die(&mut self, death: Death) {
        self.figures.deaths += 1;
        let mut world = self.world.lock();
        let links = world.dead.unwrap_or_else(|| world.open_links());
        world.note(format!("{death:?} with {links} links open"));
        match death {
            Death::Kill => {
                self.unknown_max = self.unknown_max.saturating_add(links);
                self.disk.kill();
            }
            Death::KillInWrite => self.unknown_max = self.unknown_max.saturating_add(links),
            Death::PowerCut => {
                self.unknown_max = u64::MAX;
                world.silence_links();
                self.disk.cut_power();
                self.dice.fill(&mut self.boot);
            }
        }
        let pause = self.dice.magnitude(SECOND / 20, 20 * SECOND);
        world.enter(pause, Event::Start);
        world.trap = None;
        drop(world);
        self.node = None;
        match death {
            Death::Kill => {}
            Death::KillInWrite => self.journals.clone_from(&self.kept),
            Death::PowerCut => self.lose_pages_of_journals(),
        }
        self.world.lock().dead = None;
        (self.ending, self.stop) = (false, watch::Sender::new(false));
    }

    /// Nothing of a journal was ever synced: after a power cut some of its pages are as they were made.
    fn lose_pages_of_journals(&mut self) {
        let Ok(files) = std::fs::read_dir(&self.journals) else { return };
        let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        for path in paths {
            let Ok(mut octets) = std::fs::read(&path) else { continue };
            // The first page is the head, without which the journal proves nothing anyway.
            for page in octets.chunks_mut(JOURNAL_PAGE).skip(1).filter(|_| self.dice.chance(500)) {
                page.fill(0);
            }
            // One that could not be written is whole, as it may well be.
            let _ = std::fs::write(&path, octets);
        }
    }

    /// At the next write the disk and the journals stay as they are, whatever the process still tries.
    fn set_trap(&mut self) {
        let (disk, from) = (self.disk.clone(), self.journals.clone());
        self.journal_folders += 1;
        let to = self.folder.path().join(self.journal_folders.to_string());
        self.kept.clone_from(&to);
        self.world.lock().trap = Some(Box::new(move || {
            disk.kill();
            // A journal that could not be kept is one that proves nothing, which the checkers would say.
            let _ = copy_folder(&from, &to);
        }));
    }

    pub(super) fn befall(&mut self, fault: Fault) {
        self.world.lock().note(format!("fault {fault:?}"));
        let alive = self.node.is_some() && !self.ending;
        match fault {
            Fault::Kill(steps) if alive => self.dying = Some((Death::Kill, steps)),
            Fault::PowerCut(steps) if alive => self.dying = Some((Death::PowerCut, steps)),
            Fault::KillInWrite if alive => self.set_trap(),
            Fault::Restart if alive => {
                self.stop.send_replace(true);
            }
            Fault::Freeze(span) if alive && !self.frozen => {
                self.frozen = true;
                self.world.lock().enter(span, Event::Thaw);
            }
            Fault::Kill(_) | Fault::KillInWrite | Fault::PowerCut(_) | Fault::Restart | Fault::Freeze(_) => {}
            Fault::DiskFull(span) => self.disk_fault(span, |disk| disk.set_full(true)),
            Fault::SyncFails(span) => self.disk_fault(span, |disk| disk.refuse_sync(true)),
            Fault::DiskAgain => {
                self.disk.set_full(false);
                self.disk.refuse_sync(false);
            }
            Fault::Rotate(tenant) => self.rotate(tenant),
            Fault::Revoke(tenant) => self.revoke(tenant),
            Fault::WallJump(by) => self.world.lock().jump_wall(by),
            Fault::Reach(host, reach, span) => {
                let mut world = self.world.lock();
                world.relays[host].reach = reach;
                world.enter(span, Event::Fault(Fault::ReachAgain(host)));
            }
            Fault::ReachAgain(host) => self.world.lock().relays[host].reach = Reach::Up,
            Fault::Mood(host, mood) => self.world.lock().relays[host].mood = mood,
            Fault::Calm => self.calm(),
        }
    }

    /// The faults for which the work is far enough by now; after the calm none.
    pub(super) fn befall_by_progress(&mut self) {
        let (parcels, calm) = {
            let world = self.world.lock();
            (world.parcels, world.calm)
        };
        let due = |(count, _): &mut (u64, Fault)| *count <= parcels;
        let faults: Vec<_> = self.faults_ahead.extract_if(.., due).collect();
        faults.into_iter().filter(|_| !calm).for_each(|(_, fault)| self.befall(fault));
    }

    fn disk_fault(&mut self, span: u64, strike: impl FnOnce(&SimDisk)) {
        let mut world = self.world.lock();
        if !world.calm {
            strike(&self.disk);
            world.enter(span, Event::Fault(Fault::DiskAgain));
        }
    }

    fn rotate(&mut self, tenant: u64) {
        let mut world = self.world.lock();
        let version = world.known.secret_version(tenant) + 1;
        world.known.secrets.insert(tenant, version);
        let account = Account { tenant, secret: secret(tenant, version) };
        let host = self.scenario.tenants[usize::try_from(tenant).unwrap_or(0)].relay;
        world.relays[host].accounts.push(account);
        drop(world);
        self.secrets.send_modify(|count| *count += 1);
    }

    fn revoke(&mut self, tenant: u64) {
        let mut world = self.world.lock();
        let newest = secret(tenant, world.known.secret_version(tenant));
        for relay in &mut world.relays {
            relay.accounts.retain(|account| account.tenant != tenant || account.secret == newest);
        }
    }

    fn calm(&mut self) {
        let mut world = self.world.lock();
        world.calm = true;
        world.trap = None;
        for relay in &mut world.relays {
            (relay.reach, relay.mood) = (Reach::Up, Mood::good());
        }
        drop(world);
        self.disk.set_full(false);
        self.disk.refuse_sync(false);
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
