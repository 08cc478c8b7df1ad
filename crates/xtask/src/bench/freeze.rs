//! How long planning takes, and the statement of what was planned.
//!
//! A relay that never greets shows when planning is over: the sender connects as soon as the audience is sealed.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::Moment;
use runtime::{Clock as _, SystemClock};

use super::Scenario;
use super::figures::{Figure, Figures};
use super::place::Place;
use crate::rig::{Process, Sender};

const PLAN_MAX: Duration = Duration::from_secs(300);
const STOP_MAX: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Plans a release, then asks for its statement.
///
/// # Errors
/// When the sender fails, or the audience is not the list.
pub fn run(place: &Place<'_>, figures: &mut Figures) -> anyhow::Result<()> {
    let messages = place.messages(Scenario::Freeze);
    place.sample("freeze", "5k", messages)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening")?;
    let sender = place.sender("freeze", listener.local_addr()?, &[])?;
    let connections = accept(listener);
    let mut process = sender.start("send", &[])?;
    let (planned, _mute) = await_connection(&mut process, &connections)?;
    let elapsed = planned.since(process.started());
    let ended = process.terminate(STOP_MAX)?;
    figures.add(Figure {
        scenario: Scenario::Freeze,
        messages,
        elapsed,
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: None,
    });
    for _ in 0..place.rounds() {
        figures.add(statement(&sender, messages)?);
    }
    Ok(())
}

fn statement(sender: &Sender, messages: u64) -> anyhow::Result<Figure> {
    let (ended, process) = sender.read("statement", &["statement", sender.release_name()?, "--json"])?;
    let statement = crate::rig::books::last_statement(&process.output()?)
        .with_context(|| format!("hikyaku statement ({}): {}", ended.status, process.errors_shown()))?;
    if statement.audience != messages || statement.pending != messages || !statement.balances() {
        bail!("{messages} rows were frozen, but {statement:?}");
    }
    Ok(Figure {
        scenario: Scenario::Statement,
        messages,
        elapsed: ended.at.since(process.started()),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: None,
    })
}

/// Takes connections and never says a word on them.
fn accept(listener: TcpListener) -> Receiver<(Moment, TcpStream)> {
    let (sender, connections) = channel();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            if sender.send((SystemClock.moment(), stream)).is_err() {
                return;
            }
        }
    });
    connections
}

fn await_connection(
    process: &mut Process,
    connections: &Receiver<(Moment, TcpStream)>,
) -> anyhow::Result<(Moment, TcpStream)> {
    let deadline = SystemClock.moment() + PLAN_MAX;
    while SystemClock.moment() < deadline {
        if let Ok(connection) = connections.try_recv() {
            return Ok(connection);
        }
        if let Some(ended) = process.ends_within(LOOK_AGAIN)? {
            bail!("hikyaku send ended ({}) before it connected: {}", ended.status, process.errors_shown());
        }
    }
    bail!("planning took longer than {} s: {}", PLAN_MAX.as_secs(), process.errors_shown())
}
