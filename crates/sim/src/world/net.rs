//! The simulated network: dialling, and octets under way in both directions.
//!
//! A write is taken into a small send window, so that the sender sees partial writes; what was taken arrives in order,
//! unless the link is cut, falls silent, or the sender resets it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::{Connection, DialOptions, Network, Pending, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::clock::Wait;
use super::link::{Fate, Link, Parcel};
use super::{Event, Shared, World};
use crate::relay::Reach;
use crate::relay::conversation::{Conversation, Effect};

/// How long a kernel looks for a name, in µs.
const LOOKUP_US: u64 = 20_000;

/// The network of the world.
#[derive(Clone)]
pub struct SimNetwork(pub Shared);

impl Network for SimNetwork {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        _port: u16,
        options: DialOptions,
    ) -> Pending<'a, io::Result<Connection>> {
        Box::pin(async move {
            let (wait, answer) = self.0.lock().dial(host, options.timeout);
            Wait::of(&self.0, wait).await;
            let relay = answer?;
            let link = self.0.lock().connect(relay, options);
            let stream = Box::new(SimStream { world: self.0.clone(), link, resets: false });
            let peer = ([192, 0, 2, u8::try_from(relay).unwrap_or(0)], 25).into();
            Ok(Connection { stream, peer })
        })
    }
}

/// The sender's end of a link.
struct SimStream {
    world: Shared,
    link: u64,
    resets: bool,
}

impl Stream for SimStream {
    fn reset_on_drop(&mut self) {
        self.resets = true;
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut world = self.world.lock();
        let Some(link) = world.links.get_mut(&self.link) else { return Poll::Ready(Ok(())) };
        if link.inbox.is_empty() {
            return match link.inbox_end {
                Some(None) => Poll::Ready(Ok(())),
                Some(Some(kind)) => Poll::Ready(Err(kind.into())),
                None => {
                    link.reader = Some(context.waker().clone());
                    Poll::Pending
                }
            };
        }
        let count = buffer.remaining().min(link.inbox.len());
        let octets: Vec<u8> = link.inbox.drain(..count).collect();
        buffer.put_slice(&octets);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.world.lock().send(self.link, octets, context)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.world.lock().close(self.link, self.resets);
    }
}

impl World {
    /// How long a dial takes, and what comes of it.
    fn dial(&mut self, host: &str, timeout: Duration) -> (u64, io::Result<usize>) {
        let Some(relay) = self.relays.iter().position(|relay| relay.host == host) else {
            return (LOOKUP_US, Err(io::ErrorKind::NotFound.into()));
        };
        let timeout = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        let reach = match self.relays[relay].reach {
            Reach::Up if !self.calm && self.dice.chance(20) => {
                self.dice.pick(&[Reach::Refuses, Reach::DropsSyn, Reach::NoName])
            }
            reach => reach,
        };
        self.note(format!("dial {host}: {reach:?}"));
        match reach {
            Reach::Up => (self.dice.magnitude(200, 60_000), Ok(relay)),
            Reach::Refuses => {
                (self.dice.magnitude(200, 60_000), Err(io::ErrorKind::ConnectionRefused.into()))
            }
            Reach::DropsSyn => (timeout, Err(io::ErrorKind::TimedOut.into())),
            Reach::NoName => {
                let late = self.dice.chance(300);
                (if late { timeout } else { LOOKUP_US }, Err(io::Error::other("name resolution failed")))
            }
        }
    }

    fn connect(&mut self, relay: usize, options: DialOptions) -> u64 {
        self.links_made += 1;
        let id = self.links_made;
        let fate = if self.calm { Fate::default() } else { Fate::draw(&mut self.dice) };
        let slow = !self.calm && self.dice.chance(60);
        let reach_us = if slow { 3_000_000 } else { 40_000 };
        let link = Link {
            relay,
            conversation: Conversation::new(&self.relays[relay], &mut self.dice),
            fate,
            window: self.dice.magnitude(64, 65_536),
            up_us: self.dice.magnitude(100, reach_us),
            down_us: self.dice.magnitude(100, reach_us),
            user_timeout_us: u64::try_from(options.user_timeout.as_micros()).unwrap_or(u64::MAX),
            taken: 0,
            arrived: 0,
            up_end: None,
            returned: 0,
            up_busy_us: 0,
            down_busy_us: 0,
            silent: false,
            broken: false,
            dropped: false,
            inbox: std::collections::VecDeque::new(),
            inbox_end: None,
            reader: None,
            writer: None,
        };
        self.note(format!("link {id} to {}: window {} {fate:?}", self.relays[relay].host, link.window));
        self.links.insert(id, link);
        self.converse(id, None);
        id
    }

    fn send(&mut self, id: u64, octets: &[u8], context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.dead.is_some() {
            return Poll::Pending;
        }
        let now = self.now_us;
        let split = self.dice.chance(250);
        let Some(link) = self.links.get_mut(&id) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if let Some(Some(kind)) = link.inbox_end {
            return Poll::Ready(Err(kind.into()));
        }
        let room = usize::try_from(link.room()).unwrap_or(usize::MAX).min(octets.len());
        if room == 0 {
            link.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = if split { 1 + usize::try_from(self.dice.below(room as u64)).unwrap_or(0) } else { room };
        link.taken += count as u64;
        let tenant = link.conversation.tenant().and_then(|number| self.known.tenants.get(&number));
        let late = tenant.is_some_and(|tenant| self.leases.get(tenant).is_none_or(|end| now >= *end));
        link.up_busy_us = link.up_busy_us.max(now + link.up_us);
        let (at, silent, user_timeout) = (link.up_busy_us, link.silent, link.user_timeout_us);
        if silent {
            self.enter(user_timeout, Event::UserTimeout(id));
        } else {
            let parcel = Parcel::Octets { octets: octets[..count].to_vec(), late };
            self.enter_at(at, Event::ToRelay(id, parcel));
        }
        if let Some(trap) = self.trap.take() {
            self.note(format!("the process dies as link {id} took {count} octets"));
            self.dead = Some(self.open_links());
            trap();
        }
        Poll::Ready(Ok(count))
    }

    /// The sender lets go of a link.
    fn close(&mut self, id: u64, resets: bool) {
        let now = self.now_us;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.dropped = true;
        (link.reader, link.writer) = (None, None);
        if resets {
            // The kernel forgets what it still holds; what is on the wire may arrive or not.
            let under_way = link.taken - link.arrived;
            link.up_end = Some(link.arrived + self.dice.below(under_way + 1));
        }
        let parcel = if resets { Parcel::Reset } else { Parcel::End };
        let at = link.up_busy_us.max(now + link.up_us);
        self.note(format!("link {id} {}", if resets { "reset" } else { "closed" }));
        self.enter_at(at, Event::ToRelay(id, parcel));
    }

    /// The machine loses its power: what is under way is lost, and the relays are not told.
    pub fn silence_links(&mut self) {
        self.links.values_mut().for_each(|link| link.silent = true);
    }

    /// Connections that the sender holds.
    #[must_use]
    pub fn open_links(&self) -> u64 {
        self.links.values().filter(|link| !link.dropped).count() as u64
    }

    /// Something reaches a relay.
    pub fn arrive_at_relay(&mut self, id: u64, parcel: Parcel) {
        let Some(link) = self.links.get_mut(&id) else { return };
        self.parcels += 1;
        match parcel {
            Parcel::Octets { .. } if link.silent || link.broken => {}
            Parcel::Octets { mut octets, late } => {
                let end = link.up_end.unwrap_or(u64::MAX).min(link.fate.cut_up.unwrap_or(u64::MAX));
                let end = end.min(link.fate.silent_up.unwrap_or(u64::MAX));
                let room = usize::try_from(end.saturating_sub(link.arrived)).unwrap_or(usize::MAX);
                octets.truncate(room);
                link.arrived += octets.len() as u64;
                let reached = |limit: Option<u64>| limit.is_some_and(|limit| link.arrived >= limit);
                let (cut, silent) = (reached(link.fate.cut_up), reached(link.fate.silent_up));
                link.silent |= silent;
                link.writer.take().into_iter().for_each(std::task::Waker::wake);
                self.converse(id, Some((octets, late)));
                if cut {
                    self.cut(id);
                } else if silent {
                    self.fall_silent(id);
                }
            }
            Parcel::End | Parcel::Reset if link.silent && !link.dropped => {}
            Parcel::End | Parcel::Reset => {
                link.conversation.sender_gone();
                if link.dropped {
                    self.links.remove(&id);
                }
            }
        }
    }

    /// Something reaches the sender.
    pub fn arrive_at_sender(&mut self, id: u64, parcel: Parcel) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.silent || link.dropped || link.inbox_end.is_some() {
            return;
        }
        match parcel {
            Parcel::Octets { mut octets, .. } => {
                let end = link.fate.cut_down.unwrap_or(u64::MAX);
                let room = usize::try_from(end.saturating_sub(link.returned)).unwrap_or(usize::MAX);
                octets.truncate(room);
                link.returned += octets.len() as u64;
                link.inbox.extend(octets);
                link.reader.take().into_iter().for_each(std::task::Waker::wake);
                if link.returned >= end {
                    self.cut(id);
                }
            }
            Parcel::End => {
                link.inbox_end = Some(None);
                link.wake();
            }
            Parcel::Reset => link.fail(io::ErrorKind::ConnectionReset),
        }
    }

    /// The kernel gives up.
    pub fn user_timeout(&mut self, id: u64) {
        if let Some(link) = self.links.get_mut(&id)
            && link.taken > link.arrived
        {
            link.fail(io::ErrorKind::TimedOut);
            self.note(format!("link {id} timed out"));
        }
    }

    /// The relay says what it was slow to say.
    pub fn answer(&mut self, id: u64) {
        if let Some(link) = self.links.get_mut(&id)
            && link.conversation.answer_due()
        {
            self.converse(id, None);
        }
    }

    fn cut(&mut self, id: u64) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.broken = true;
        link.conversation.sender_gone();
        let back = link.down_us;
        self.note(format!("link {id} cut"));
        self.enter(back, Event::ToSender(id, Parcel::Reset));
    }

    fn fall_silent(&mut self, id: u64) {
        let Some(link) = self.links.get(&id) else { return };
        let (unacknowledged, wait) = (link.taken > link.arrived, link.user_timeout_us);
        self.note(format!("link {id} fell silent"));
        if unacknowledged {
            self.enter(wait, Event::UserTimeout(id));
        }
    }

    /// Lets the relay's side go on, and carries out what it does.
    fn converse(&mut self, id: u64, received: Option<(Vec<u8>, bool)>) {
        let (now, calm) = (self.now_us, self.calm);
        let Self { links, relays, dice, .. } = self;
        let Some(link) = links.get_mut(&id) else { return };
        let relay = &mut relays[link.relay];
        let effects = link.conversation.go_on(relay, dice, received, (now, calm));
        for effect in effects {
            self.carry_out(id, effect);
        }
    }

    fn carry_out(&mut self, id: u64, effect: Effect) {
        let now = self.now_us;
        let Some(link) = self.links.get_mut(&id) else { return };
        match effect {
            Effect::Say(octets) => {
                if !link.silent {
                    link.down_busy_us = link.down_busy_us.max(now + link.down_us);
                    let at = link.down_busy_us;
                    self.enter_at(at, Event::ToSender(id, Parcel::Octets { octets, late: false }));
                }
            }
            Effect::AnswerIn(span) => self.enter(span, Event::Answer(id)),
            Effect::Close => {
                let at = link.down_busy_us.max(now + link.down_us);
                self.enter_at(at, Event::ToSender(id, Parcel::End));
            }
            Effect::Cut => self.cut(id),
            Effect::Seen(entry) => {
                self.note(format!("link {id} message end {entry}"));
                self.seen.push(entry);
            }
            Effect::Note(what) => self.note(format!("link {id} {what}")),
            Effect::Breach(what) => self.breach(what),
        }
    }
}
