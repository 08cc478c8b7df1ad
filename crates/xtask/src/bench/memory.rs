//! A release to a list of millions, from start to end: what it takes in memory must not grow with the list.

use std::time::Duration;

use super::Scenario;
use super::figures::{Figure, Figures};
use super::place::{Place, send_all};

const RUN_MAX: Duration = Duration::from_secs(60 * 60);

/// Sends it.
///
/// # Errors
/// When it fails, or mails are lost or doubled.
pub fn run(place: &Place<'_>, figures: &mut Figures) -> anyhow::Result<()> {
    let messages = place.messages(Scenario::Memory);
    place.sample("memory", "small", messages)?;
    let receiver = place.receiver(false)?;
    let sender = place.sender("memory", receiver.addr(), &[])?;
    let (ended, process) = send_all(&sender, messages, RUN_MAX)?;
    receiver.stop(messages)?;
    figures.add(Figure {
        scenario: Scenario::Memory,
        messages,
        elapsed: ended.at.since(process.started()),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: None,
    });
    Ok(())
}
