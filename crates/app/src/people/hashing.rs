//! Hashing of passwords: argon2id (RFC 9106), on blocking threads of which few work at a time.
//!
//! What is stored is the PHC string of the hash, with its parameters, so that hashes of older parameters go on working and are
//! made anew at the next log-in. Each hash takes [`Cost::memory_kib`]; a semaphore bounds how many are made at a time, and who
//! waits beyond [`WAITING_MAX`] is sent away before anything is read. Invariant: a log-in without an account costs a hash too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use runtime::Entropy;
use tokio::sync::Semaphore;

use super::error::PeopleError;
use super::password::Password;
use crate::error::AppError;

/// Memory of one hash (OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane).
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
pub const PASSES: u32 = 2;
/// Lanes.
pub const LANES: u32 = 1;
/// Hashes made at a time.
pub const AT_ONCE: usize = 2;
/// Who may wait for one.
pub const WAITING_MAX: usize = 64;
/// The most memory of a stored hash: a damaged document must not take all there is.
const STORED_MEMORY_KIB_MAX: u32 = 1 << 20;
/// The most passes of a stored hash.
const STORED_PASSES_MAX: u32 = 64;
const SALT_OCTETS: usize = 16;
const HASH_OCTETS: usize = 32;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES }
    }
}

/// A hash as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phc {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What comparing a password with a stored hash came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// It is the password.
    pub is_same: bool,
    /// The hash has other parameters than new ones get.
    pub is_old: bool,
}

/// Makes and compares hashes.
pub struct Hashing {
    cost: Cost,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    made: Arc<AtomicU64>,
}

impl Hashing {
    /// Hashes of this cost, `at_once` at a time.
    #[must_use]
    pub fn new(cost: Cost, at_once: usize) -> Self {
        Self {
            cost,
            permits: Arc::new(Semaphore::new(at_once.max(1))),
            waiting: AtomicUsize::new(0),
            made: Arc::default(),
        }
    }

    /// The text to store for a password.
    ///
    /// # Errors
    /// [`PeopleError::Busy`]; when the random source fails.
    pub async fn make(&self, entropy: &dyn Entropy, password: Password) -> Result<String, AppError> {
        let mut salt = vec![0; SALT_OCTETS];
        entropy.fill(&mut salt).map_err(AppError::Entropy)?;
        let cost = self.cost;
        let hash = {
            let salt = salt.clone();
            self.on_a_thread(move || hash(cost, &salt, &password)).await??
        };
        Ok(Phc { cost, salt, hash }.text())
    }

    /// Compares a password with a stored text, or, where there is none, with a hash that no password has, at the same cost.
    ///
    /// # Errors
    /// [`PeopleError::Busy`]; when the stored text is damaged or the random source fails.
    pub async fn compare(
        &self,
        entropy: &dyn Entropy,
        stored: Option<&str>,
        password: Option<Password>,
    ) -> Result<Compared, AppError> {
        let nobody = Phc::of_nobody(self.cost, entropy)?;
        let phc = stored.map(Phc::parse).transpose()?;
        let is_real = phc.is_some() && password.is_some();
        let phc = phc.unwrap_or(nobody);
        let is_old = phc.cost != self.cost;
        let password = match password {
            Some(password) => password,
            None => Password::given(&smtp::Secret::from(String::new())).ok_or(PeopleError::Refused)?,
        };
        let found = self.on_a_thread(move || {
            let made = hash(phc.cost, &phc.salt, &password)?;
            Ok::<_, AppError>(constant_time::verify_slices_are_equal(&made, &phc.hash).is_ok())
        });
        let is_same = found.await?? && is_real;
        Ok(Compared { is_same, is_old })
    }

    /// Hashes made since the process began.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let _place = Place::take(&self.waiting).ok_or(PeopleError::Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| PeopleError::Busy)?;
        let made = Arc::clone(&self.made);
        let done = tokio::task::spawn_blocking(move || {
            made.fetch_add(1, Ordering::Relaxed);
            // Held by the thread: a caller that hangs up frees nobody else's memory before its own is free.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| AppError::Defect("hashing a password"))
    }
}

/// A place among those who wait or work.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // Dropping the place gives back what was taken, also where it was one too many.
        (waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(()).map(|()| place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash(cost: Cost, salt: &[u8], password: &Password) -> Result<Vec<u8>, AppError> {
    let refused = |_| AppError::Defect("hashing a password");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_OCTETS)).map_err(refused)?;
    let mut out = vec![0; HASH_OCTETS];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.octets(), salt, &mut out).map_err(refused)?;
    Ok(out)
}

impl Phc {
    /// What the hash of nobody's password looks like: random octets, which no password has.
    fn of_nobody(cost: Cost, entropy: &dyn Entropy) -> Result<Self, AppError> {
        let (mut salt, mut hash) = (vec![0; SALT_OCTETS], vec![0; HASH_OCTETS]);
        entropy.fill(&mut salt).map_err(AppError::Entropy)?;
        entropy.fill(&mut hash).map_err(AppError::Entropy)?;
        Ok(Self { cost, salt, hash })
    }

    fn text(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let coded = |octets: &[u8]| STANDARD_NO_PAD.encode(octets);
        let (salt, hash) = (coded(&self.salt), coded(&self.hash));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }

    fn parse(text: &str) -> Result<Self, AppError> {
        Self::read(text).ok_or_else(|| {
            let reason = "a stored password hash cannot be read".to_owned();
            AppError::Ledger(ledger::LedgerError::Damaged { reason })
        })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = cost.split(',');
        let mut number = |name: &str| numbers.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let cost = Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let is_bearable = cost.memory_kib <= STORED_MEMORY_KIB_MAX && cost.passes <= STORED_PASSES_MAX;
        let decoded = |text: &str| STANDARD_NO_PAD.decode(text).ok();
        (is_bearable && parts.next().is_none()).then_some(())?;
        Some(Self { cost, salt: decoded(salt)?, hash: decoded(hash)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::SystemEntropy;
    use smtp::Secret;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::given(&Secret::from(text.to_owned())).expect("short enough")
    }

    async fn compare(hashing: &Hashing, stored: Option<&str>, text: &str) -> Compared {
        hashing.compare(&SystemEntropy, stored, Some(password(text))).await.expect("compared")
    }

    #[test]
    fn parameters_are_those_that_are_advised() {
        assert_eq!(Cost::default(), Cost { memory_kib: 19_456, passes: 2, lanes: 1 });
    }

    /// A vector of the reference implementation's tests: 64 MiB, 2 passes, 1 lane.
    #[test]
    fn the_hash_is_argon2id() {
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        let params = Cost { memory_kib: 1 << 16, ..Cost::default() };
        let reference = hash(params, b"somesalt", &password("password")).expect("a hash");
        assert_eq!(crate::error::hex(&reference), expected);
    }

    #[tokio::test]
    async fn only_the_password_is_the_same_and_nobody_has_one() {
        let hashing = Hashing::new(CHEAP, 1);
        let stored = hashing.make(&SystemEntropy, password("春はあけぼの")).await.expect("made");
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(compare(&hashing, Some(&stored), "春はあけぼの").await.is_same);
        assert!(!compare(&hashing, Some(&stored), "夏は夜").await.is_same);
        assert!(!compare(&hashing, None, "春はあけぼの").await.is_same);
        let none = hashing.compare(&SystemEntropy, Some(&stored), None).await.expect("compared");
        assert!(!none.is_same, "a password that no rule allows is nobody's");
        let other = hashing.make(&SystemEntropy, password("春はあけぼの")).await.expect("made");
        assert_ne!(stored, other, "each has its own salt");
    }

    #[tokio::test]
    async fn old_parameters_go_on_working_and_are_told() {
        let old = Hashing::new(CHEAP, 1).make(&SystemEntropy, password("a")).await.expect("made");
        let newer = Hashing::new(Cost { passes: 2, ..CHEAP }, 1);
        assert_eq!(compare(&newer, Some(&old), "a").await, Compared { is_same: true, is_old: true });
        let new = newer.make(&SystemEntropy, password("a")).await.expect("made");
        assert_eq!(compare(&newer, Some(&new), "a").await, Compared { is_same: true, is_old: false });
    }

    #[tokio::test]
    async fn whoever_is_one_too_many_is_sent_away_and_those_who_leave_make_room() {
        let hashing = Hashing::new(CHEAP, 1);
        let taken: Vec<_> = (0..WAITING_MAX).map(|_| Place::take(&hashing.waiting)).collect();
        assert!(taken.iter().all(Option::is_some));
        let refused = hashing.compare(&SystemEntropy, None, Some(password("a"))).await;
        assert!(matches!(refused, Err(AppError::People(PeopleError::Busy))));
        drop(taken);
        assert!(!compare(&hashing, None, "a").await.is_same);
        assert_eq!(hashing.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn damaged_hashes_are_refused() {
        for text in [
            "",
            "$argon2id$",
            "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAA",
            "$argon2i$v=19$m=64,t=1,p=1$AA$AA",
        ] {
            assert!(Phc::parse(text).is_err(), "{text}");
        }
        let fine = "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA";
        assert_eq!(Phc::parse(fine).expect("read").text(), fine);
    }
}
