//! Every case of the suite, on a store in a folder of its own.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ledger::conformance::{CASES, StoreMaker};
use ledger::{LedgerError, Store};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// Makes stores in folders that last as long as it does.
#[derive(Default)]
struct Maker {
    folders: Mutex<Vec<TempDir>>,
}

#[async_trait]
impl StoreMaker for Maker {
    async fn make(&self) -> Result<Arc<dyn Store>, LedgerError> {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path(), SqliteOptions::default())?;
        self.folders.lock().expect("the folders").push(folder);
        Ok(Arc::new(store))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_is_kept() {
    let mut broken = Vec::new();
    for case in CASES {
        if let Err(breach) = case.run(&Maker::default()).await {
            broken.push(format!("{}: {breach}", case.name));
        }
    }
    assert!(broken.is_empty(), "{} of {} cases:\n{}", broken.len(), CASES.len(), broken.join("\n"));
}
