//! Every case of the suite, on a store in a schema of its own.

use std::sync::Arc;

use async_trait::async_trait;
use ledger::conformance::{CASES, StoreMaker};
use ledger::{LedgerError, Store};
use ledger_postgres::PostgresStore;
use runtime::SystemClock;

use crate::house::{House, migrated};

/// Makes stores on the one server.
struct Maker(Arc<House>);

#[async_trait]
impl StoreMaker for Maker {
    async fn make(&self) -> Result<Arc<dyn Store>, LedgerError> {
        let schema = self.0.schema();
        migrated(self.0.options(&schema)).await?;
        // As the role that owns nothing: it must suffice for every call.
        let options = self.0.options_as(&schema, "engine_login", "hikyaku_engine").await;
        Ok(Arc::new(PostgresStore::open(options, Arc::new(SystemClock)).await?))
    }

    fn is_shared(&self) -> bool {
        true
    }
}

pub async fn every_promise_is_kept(house: Arc<House>) {
    let maker = Maker(house);
    let mut broken = Vec::new();
    for case in CASES {
        if let Err(breach) = case.run(&maker).await {
            broken.push(format!("{}: {breach}", case.name));
        }
    }
    println!("{} of {} cases are kept", CASES.len() - broken.len(), CASES.len());
    assert!(broken.is_empty(), "{} of {} cases:\n{}", broken.len(), CASES.len(), broken.join("\n"));
}
