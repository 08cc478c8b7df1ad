//! The addresses that mails leave from, in turn, each within its day's mails.
//!
//! Counts of addresses that warm up outlive the process in a small file: what is written there is ahead of what was
//! sent, so that after a kill a day has fewer mails, never more.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::Timestamp;
use domain::direct::{SourceAddress, SourceUse};

use crate::relay::lock;

/// Mails by which the file is ahead.
const AHEAD: u32 = 16;
/// Octets of the file that are read.
const FILE_OCTETS_MAX: u64 = 64 * 1024;

/// The addresses of one process.
pub struct SourcePool {
    uses: Mutex<Vec<Counted>>,
    next: AtomicUsize,
    file: Option<PathBuf>,
}

struct Counted {
    used: SourceUse,
    /// What the file says of the same day.
    written: u32,
}

/// One address, taken by a session.
pub struct SourceTicket {
    pool: Arc<SourcePool>,
    place: usize,
    /// The address.
    pub ip: IpAddr,
}

impl SourcePool {
    /// The kernel chooses.
    #[must_use]
    pub fn none() -> Arc<Self> {
        Arc::new(Self { uses: Mutex::default(), next: AtomicUsize::new(0), file: None })
    }

    /// These addresses, with what `file` says that they have sent.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(addresses: &[SourceAddress], file: Option<PathBuf>) -> io::Result<Arc<Self>> {
        let text = file.as_ref().map_or_else(|| Ok(String::new()), read)?;
        let counted = |address: &SourceAddress| {
            let (day, mails) = text.lines().find_map(|line| count(line, address.ip)).unwrap_or((i64::MIN, 0));
            Counted { used: SourceUse::new(*address, day, mails), written: mails }
        };
        let uses = Mutex::new(addresses.iter().map(counted).collect());
        Ok(Arc::new(Self { uses, next: AtomicUsize::new(0), file }))
    }

    /// True when a mail may leave now.
    #[must_use]
    pub fn has_room(&self, now: Timestamp) -> bool {
        let uses = self.uses();
        uses.is_empty() || uses.iter().any(|counted| counted.used.has_room(now))
    }

    /// The next address in turn that has room; none where the kernel chooses, an error when all are used up today.
    ///
    /// # Errors
    /// When no address may send today any more.
    pub fn choose(self: &Arc<Self>, now: Timestamp) -> Result<Option<SourceTicket>, UsedUp> {
        let uses = self.uses();
        if uses.is_empty() {
            return Ok(None);
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let places = (0..uses.len()).map(|step| first.wrapping_add(step) % uses.len());
        let place = places.into_iter().find(|place| uses[*place].used.has_room(now)).ok_or(UsedUp)?;
        let ip = uses[place].used.address.ip;
        Ok(Some(SourceTicket { pool: Arc::clone(self), place, ip }))
    }

    fn take(&self, place: usize, now: Timestamp) -> bool {
        let mut uses = self.uses();
        let counted = &mut uses[place];
        let day = counted.used.count().0;
        if !counted.used.try_take(now) {
            return false;
        }
        let (today, mails) = counted.used.count();
        if counted.used.address.started_day.is_none() || (today == day && mails <= counted.written) {
            return true;
        }
        counted.written = mails + AHEAD;
        match self.write(&uses) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "what the source addresses have sent cannot be written: nothing is sent");
                uses[place].written = 0;
                uses[place].used.give_back();
                false
            }
        }
    }

    fn write(&self, uses: &[Counted]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut text = String::new();
        for counted in uses.iter().filter(|counted| counted.used.address.started_day.is_some()) {
            let (day, mails) = counted.used.count();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {day} {}", counted.used.address.ip, mails.max(counted.written));
        }
        let new = file.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::File::open(&new)?.sync_data()?;
        std::fs::rename(&new, file)
    }

    fn uses(&self) -> MutexGuard<'_, Vec<Counted>> {
        lock(&self.uses)
    }
}

/// No address may send today any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source addresses have sent what their warm-up allows today")]
pub struct UsedUp;

impl SourceTicket {
    /// Takes one of the day's mails; false when there is none left.
    #[must_use]
    pub fn try_take(&self, now: Timestamp) -> bool {
        self.pool.take(self.place, now)
    }

    /// Gives one back that the receiver never saw.
    pub fn give_back(&self) {
        self.pool.uses()[self.place].used.give_back();
    }
}

fn read(file: &PathBuf) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    match std::fs::File::open(file) {
        Ok(opened) => opened.take(FILE_OCTETS_MAX).read_to_string(&mut text).map(|_| text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error),
    }
}

fn count(line: &str, ip: IpAddr) -> Option<(i64, u32)> {
    let mut words = line.split(' ');
    let known: IpAddr = words.next()?.parse().ok()?;
    (known == ip).then_some(())?;
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000)
    }

    fn warming(last: u8) -> SourceAddress {
        SourceAddress { ip: IpAddr::from([127, 0, 0, last]), started_day: Some(100) }
    }

    #[test]
    fn addresses_take_turns_until_their_day_is_used_up() {
        let pool = SourcePool::open(&[warming(2), warming(3)], None).expect("a pool");
        let mut from = std::collections::BTreeMap::new();
        while let Ok(Some(ticket)) = pool.choose(at(100)) {
            assert!(ticket.try_take(at(100)));
            *from.entry(ticket.ip).or_insert(0) += 1;
        }
        assert_eq!(from.into_values().collect::<Vec<_>>(), [50, 50]);
        assert!(!pool.has_room(at(100)) && pool.has_room(at(101)));
        assert!(SourcePool::none().choose(at(100)).is_ok_and(|ticket| ticket.is_none()));
    }

    #[test]
    fn a_new_process_goes_on_with_the_days_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sources");
        let open = || SourcePool::open(&[warming(2)], Some(file.clone())).expect("a pool");
        let sent = |pool: Arc<SourcePool>, max: usize| {
            let ticket = pool.choose(at(100)).ok().flatten();
            ticket.map_or(0, |ticket| (0..max).filter(|_| ticket.try_take(at(100))).count())
        };
        let first = sent(open(), 20);
        let second = sent(open(), 1000);
        assert_eq!(first, 20);
        assert!((50 - 20 - AHEAD as usize..=50 - 20).contains(&second), "{second}");
        assert_eq!(sent(open(), 1000), 0);
    }
}
