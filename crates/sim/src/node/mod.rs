//! The sender's process: the real engine over the real store, in a runtime of its own, which a kill drops whole.

mod freeze;
pub mod operator;
pub mod store;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use ledger::LedgerError;
use ledger_sqlite::SqliteStore;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use operator::{Operator, Premises};

/// One life of the sender.
pub struct Node {
    runtime: Runtime,
    idle: Arc<Idle>,
    /// The books, also for whoever looks at them from outside.
    pub store: Arc<SqliteStore>,
    life: JoinHandle<String>,
}

/// Tells when no task can go on.
#[derive(Default)]
struct Idle {
    reached: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Idle {
    fn reach(&self) {
        self.reached.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Node {
    /// Starts a process over what is on the disk.
    ///
    /// # Errors
    /// When the books cannot be opened: the process ends before it began.
    pub fn start(premises: Premises) -> anyhow::Result<Result<Self, LedgerError>> {
        let idle = Arc::new(Idle::default());
        let parked = Arc::clone(&idle);
        // One poll at a time, so that a kill can fall between any two.
        let runtime =
            Builder::new_current_thread().event_interval(1).on_thread_park(move || parked.reach()).build()?;
        let entered = runtime.enter();
        let store = match premises.open_store() {
            Ok(store) => Arc::new(store),
            Err(error) => return Ok(Err(error)),
        };
        let life = runtime.spawn(Operator::new(premises, Arc::clone(&store)).live());
        drop(entered);
        Ok(Ok(Self { runtime, idle, store, life }))
    }

    /// Runs until no task can go on without the world.
    pub fn run(&self) {
        let idle = &self.idle;
        idle.reached.store(false, Ordering::SeqCst);
        self.runtime.block_on(poll_fn(|context| {
            if idle.reached.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            *idle.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            Poll::Pending
        }));
    }

    /// Runs so many polls of tasks, or fewer.
    pub fn run_steps(&self, steps: u64) {
        self.runtime.block_on(async {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Why the process ended, once it did.
    pub fn ended(&mut self) -> Option<String> {
        if !self.life.is_finished() {
            return None;
        }
        let why = self.runtime.block_on(&mut self.life);
        Some(why.unwrap_or_else(|error| format!("a defect: {error}")))
    }
}
