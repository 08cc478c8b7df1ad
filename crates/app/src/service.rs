//! The use case *serve*: everything that an installation does for others, in one process: it sends, takes mails in, and
//! carries out orders.
//!
//! What listens (HTTP, SMTP) is the composition root's: it is handed a [`Service`] and ends before the sending does.

use std::sync::Arc;

use domain::SenderEpoch;
use engine::Recovered;
use tokio::sync::{Notify, watch};

use crate::control::Control;
use crate::directory::relays::RelayDesk;
use crate::error::AppError;
use crate::node::{Desk, NodeReport, serve};
use crate::office::Office;
use crate::send::Premises;
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

/// Sends until `drain` becomes true. `begin` is handed the service once it can take mails in; what it gives is kept
/// until all is over.
///
/// # Errors
/// When the books fail.
pub async fn run<T>(
    premises: &Premises,
    drain: watch::Receiver<bool>,
    begin: impl FnOnce(Service, Recovered) -> T,
) -> Result<NodeReport, AppError> {
    let desk = RelayDesk::of(premises);
    let control = Control::open(&premises.folder, desk.clone());
    let told = Arc::new(Notify::new());
    let ready = |sender, recovered| {
        let streams = Arc::new(Streams::new(desk.clone(), sender, Arc::clone(&told)));
        let office = Office::new(desk.clone());
        begin(Service { desk: desk.clone(), streams, office, sender }, recovered)
    };
    let node = Desk { told: Arc::clone(&told), control: Some(&control) };
    serve(premises, node, drain, ready).await
}
