//! What runs a case: makes its stores, and has them checked when it is done.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::Timestamp;

use crate::error::LedgerError;
use crate::nodes::Live;
use crate::store::{Store, Stored};

/// Makes stores that are empty.
#[async_trait]
pub trait StoreMaker: Send + Sync {
    /// A store with nothing in it, that shares nothing with the others.
    async fn make(&self) -> Stored<Arc<dyn Store>>;

    /// Whether nodes share its stores: then a take-over leaves alone what another node may still hold.
    fn is_shared(&self) -> bool {
        false
    }
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Breach(String);

impl From<LedgerError> for Breach {
    fn from(error: LedgerError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

impl Breach {
    /// A promise that was not kept, in words.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Where one case runs.
pub struct Bench<'a> {
    maker: &'a dyn StoreMaker,
    made: Mutex<Vec<Arc<dyn Store>>>,
    provoked: Mutex<Vec<u8>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(maker: &'a dyn StoreMaker) -> Self {
        Self { maker, made: Mutex::default(), provoked: Mutex::default() }
    }

    /// A new store.
    pub(super) async fn store(&self) -> Result<Arc<dyn Store>, Breach> {
        let store = self.maker.make().await?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&store));
        Ok(store)
    }

    /// See [`StoreMaker::is_shared`].
    pub(super) fn is_shared(&self) -> bool {
        self.maker.is_shared()
    }

    /// The case provokes the breach of an invariant: the check must find it, and it alone.
    pub(super) fn provokes(&self, invariant: u8) {
        self.provoked.lock().unwrap_or_else(PoisonError::into_inner).push(invariant);
    }

    /// Has every store of the case check itself, against the heads as they stand.
    pub(super) async fn check_all(&self) -> Result<(), Breach> {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let provoked = self.provoked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for store in made {
            let heads = store.heads().await?;
            let report =
                store.check(heads.clone(), Live::default(), Timestamp::from_millis(i64::MAX / 2)).await?;
            same("the heads that the check gives", report.heads, heads)?;
            let stray: Vec<_> = report.findings.iter().filter(|f| !provoked.contains(&f.invariant)).collect();
            same("findings of the check afterwards", stray, Vec::new())?;
            for invariant in &provoked {
                holds(
                    "the check finds what was provoked",
                    report.findings.iter().any(|finding| finding.invariant == *invariant),
                )?;
            }
        }
        Ok(())
    }
}

/// Both are the same.
pub(super) fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), Breach> {
    if found == expected {
        Ok(())
    } else {
        Err(Breach(format!("{what}: found {found:?}, expected {expected:?}")))
    }
}

/// It is so.
pub(super) fn holds(what: &str, is_so: bool) -> Result<(), Breach> {
    if is_so { Ok(()) } else { Err(Breach(format!("{what}: it is not so"))) }
}

/// The call was refused for a row that contradicts what stands.
pub(super) fn refused<T: Debug>(what: &str, answer: Stored<T>) -> Result<(), Breach> {
    match answer {
        Err(LedgerError::Refused { .. }) => Ok(()),
        other => Err(Breach(format!("{what}: expected a refusal, got {other:?}"))),
    }
}
