//! Measures the store by itself: freeze, delivery, statement and check. Run it in release mode, with peers prepared or
//! a server named: `cargo run --release -p ledger-postgres --example measure -- [MAILS] [SENDERS] [CONNECTION]`.

use std::sync::Arc;

use domain::Verdict;
use ledger::conformance::{Stage, at};
use ledger::{ChunkReturn, DeliveryCommit, Store};
use ledger_postgres::{PostgresOptions, PostgresStore};
use runtime::{Clock as _, SystemClock};
use testkit::peers::Postgres;

const BATCH: u32 = 8192;
const CHUNK: u32 = 256;
const MAILS_A_COMMIT: usize = 90;

type Failable<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Failable<()> {
    let mut arguments = std::env::args().skip(1);
    let mails: u32 = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let senders: u32 = arguments.next().as_deref().unwrap_or("1").parse()?;
    let server = arguments.next();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match server {
        Some(connection) => runtime.block_on(measure(&connection, mails, senders)),
        None => {
            let server = Postgres::start()?;
            runtime.block_on(measure(&server.by_socket(), mails, senders))
        }
    }
}

async fn measure(connection: &str, mails: u32, senders: u32) -> Failable<()> {
    let mut options = PostgresOptions::parse(&format!("{connection} sslmode=disable"))?;
    options.schema = format!("measured_{}", SystemClock.now().as_millis());
    PostgresStore::migrate(&options, Arc::new(SystemClock)).await?;
    let open = async || PostgresStore::open(options.clone(), Arc::new(SystemClock)).await;
    let store: Arc<dyn Store> = Arc::new(open().await?);
    let stage = Stage::on(&store).await?;
    let seal = stage.seal_of(&stage.batch(1, 1..=mails), CHUNK);
    let mut watch = Watch(SystemClock.moment());
    for first in (1..=mails).step_by(BATCH as usize) {
        store.intent_insert_batch(stage.batch(1, first..=(first + BATCH - 1).min(mails))).await?;
    }
    watch.lap("insert intents", mails);
    store.audience_seal(seal).await?;
    watch.lap("seal", mails);
    let mut nodes = Vec::new();
    for _ in 0..senders {
        let there = Stage { store: Arc::new(open().await?), ..stage.clone() };
        nodes.push(there.next_sender().await?);
    }
    watch.lap("open other nodes", senders);
    let working: Vec<_> = nodes.into_iter().map(|node| tokio::spawn(deliver(node))).collect();
    let mut commits = 0;
    for node in working {
        commits += node.await??;
    }
    watch.lap(&format!("deliver in {commits} commits by {senders} nodes"), mails);
    let view = store.statement(stage.tenant, stage.release, ledger::Live::default()).await?;
    watch.lap(&format!("statement, {} differences", view.differences.len()), mails);
    assert_eq!(view.statement.accepted, u64::from(mails));
    let report = store.check(store.heads().await?, ledger::Live::default(), at(0)).await?;
    watch.lap(&format!("check, {} findings", report.findings.len()), mails);
    Ok(())
}

async fn deliver(node: Stage) -> Failable<u64> {
    let mut commit = DeliveryCommit::default();
    let mut commits = 0;
    loop {
        let chunks = node.lease(9, 4).await?;
        if chunks.is_empty() {
            node.commit(commit).await?;
            return Ok(commits + 1);
        }
        for chunk in &chunks {
            for run in chunk.intents.chunks(MAILS_A_COMMIT) {
                commit.attempts = run.iter().map(|leased| node.permit(chunk, leased.intent.0, 1)).collect();
                let next =
                    run.iter().map(|leased| node.outcome(leased.intent.0, 1, Verdict::Accepted)).collect();
                let receipt = node.commit(std::mem::take(&mut commit)).await?;
                assert!(receipt.fenced.is_empty());
                commit.outcomes = next;
                commits += 1;
            }
            commit.returns.push(ChunkReturn {
                release: node.release,
                chunk: chunk.chunk,
                lease: chunk.lease,
            });
        }
    }
}

struct Watch(domain::Moment);

impl Watch {
    fn lap(&mut self, what: &str, rows: u32) {
        let now = SystemClock.moment();
        let seconds = now.since(self.0).as_secs_f64();
        println!("{what:44} {seconds:7.2} s {:9.0}/s", f64::from(rows) / seconds);
        self.0 = now;
    }
}
