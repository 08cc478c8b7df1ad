//! Many seeds: each in a process of its own, as many at a time as there are cores, and one table at the end.
//!
//! A process of its own makes a seed's history independent of every other seed's, and a seed that breaks the process
//! is only one that fails.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::run::{Figures, Report};

/// Which seeds, and how.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// How many at a time.
    pub jobs: usize,
    /// End at the first seed that fails.
    pub until_breach: bool,
}

/// What all seeds came to.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// How many ran.
    pub seeds: u64,
    /// How many breaches were found.
    pub breaches: u64,
    /// Which seeds found them.
    pub failing_seeds: Vec<u64>,
    /// What each of those found.
    #[serde(skip)]
    pub failures: Vec<Report>,
    /// How much happened in all.
    #[serde(skip)]
    pub figures: Figures,
}

impl Campaign {
    /// Runs all seeds.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub fn run(self) -> anyhow::Result<Verdict> {
        let next = AtomicU64::new(0);
        let reports = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs.max(1))
                .map(|_| {
                    scope.spawn(|| -> anyhow::Result<()> {
                        loop {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            if number >= self.seeds {
                                return Ok(());
                            }
                            let report = run_apart(self.first + number)?;
                            if self.until_breach && !report.breaches.is_empty() {
                                next.store(self.seeds, Ordering::Relaxed);
                            }
                            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
                            reports.insert(report.seed, report);
                        }
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a worker ended by a defect")))
            })
        })?;
        let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Verdict::of(reports.into_values()))
    }
}

impl Verdict {
    fn of(reports: impl Iterator<Item = Report>) -> Self {
        let mut verdict = Self {
            seeds: 0,
            breaches: 0,
            failing_seeds: Vec::new(),
            failures: Vec::new(),
            figures: Figures::default(),
        };
        for report in reports {
            verdict.seeds += 1;
            verdict.figures.add(report.figures);
            if !report.breaches.is_empty() {
                verdict.breaches += report.breaches.len() as u64;
                verdict.failing_seeds.push(report.seed);
                verdict.failures.push(report);
            }
        }
        verdict
    }
}

/// Runs one seed in a process of its own.
fn run_apart(seed: u64) -> anyhow::Result<Report> {
    // This very program, also when another was built in its place meanwhile.
    let mut program = Command::new("/proc/self/exe");
    let output = program
        .args(["one", "--seed", &seed.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        let breach = format!("the process of the seed ended by itself ({}): {said}", output.status);
        Report { seed, breaches: vec![breach], tail: String::new(), figures: Figures::default() }
    }))
}
