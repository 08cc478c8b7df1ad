//! The use case *serve*: everything that an installation does for others, in one process: it sends, takes mails in, and
//! carries out orders.
//!
//! What listens (HTTP, SMTP) is the composition root's: it is handed a [`Service`] and ends before the sending does.

use std::sync::Arc;

use domain::SenderEpoch;
use engine::Recovered;
use ledger::SenderRow;
use tokio::sync::{Notify, watch};

use crate::control::Control;
use crate::directory::relays::RelayDesk;
use crate::error::AppError;
use crate::node::{Desk, NodeReport, serve};
use crate::office::Office;
use crate::send::{Premises, Sealing};
use crate::stream::Streams;

/// What those who listen work with.
#[derive(Clone)]
pub struct Service {
    /// Books, clocks, keys.
    pub desk: RelayDesk,
    /// Where mails are taken in.
    pub streams: Arc<Streams>,
    /// Where orders are carried out.
    pub office: Office,
    /// Who sends.
    pub sender: SenderEpoch,
}

/// Works until `drain` becomes true: sends, where it is to, and has what the listening needs. `begin` is handed the
/// service once it can take mails in; what it gives is kept until all is over.
///
/// # Errors
/// When the books fail; and when nobody sends from books that others cannot send from.
pub async fn run<T>(
    premises: &Premises,
    sends: bool,
    mut drain: watch::Receiver<bool>,
    begin: impl FnOnce(Service, Recovered) -> T,
) -> Result<NodeReport, AppError> {
    let desk = RelayDesk::of(premises);
    let office = Office::new(desk.clone());
    let control = Control::open_with(&premises.folder, office.clone());
    let told = Arc::new(Notify::new());
    let ready = |sender, recovered| {
        let streams = Arc::new(Streams::new(desk.clone(), sender, Arc::clone(&told)));
        begin(Service { desk: desk.clone(), streams, office, sender }, recovered)
    };
    if sends {
        let node = Desk { told: Arc::clone(&told), control: Some(&control) };
        return serve(premises, node, drain, ready).await;
    }
    if !premises.store.is_shared() {
        return Err(AppError::BadInput(
            "the role `node` is missing, and nobody else can send from a data folder's own books: add it, or name a \
             database with --database-url"
                .to_owned(),
        ));
    }
    let mut journal = [0; 8];
    premises.entropy.fill(&mut journal).map_err(AppError::Entropy)?;
    let row = SenderRow {
        node: premises.folder.node(),
        journal: u64::from_be_bytes(journal),
        boot: premises.boot,
        started_at: premises.clock.now(),
    };
    let sender = premises.store.sender_register(row).await?;
    control.begin(sender);
    let mut sealing = Sealing::start(premises);
    let _kept = ready(sender, Recovered::default());
    // The other end is the composition root's, which ends with this.
    let _ = drain.wait_for(|drain| *drain).await;
    sealing.finish().await?;
    Ok(NodeReport::default())
}
