//! The link of a waiting session: writes what is pending, takes what arrives, and marks the dot before the first
//! write that may hold an octet of a message end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use smtp::client::Client;

use super::Armed;
use super::wire::Wire;
use crate::journal::Ring;
use crate::relay::RelayActor;

/// What the link needs while the session waits.
pub(super) struct Link<'a> {
    pub client: &'a mut Client,
    pub wire: &'a mut Wire,
    pub ring: &'a mut Ring,
    pub on_wire: &'a mut VecDeque<Armed>,
    pub actor: &'a Arc<RelayActor>,
}

impl Link<'_> {
    /// Writes what is pending; ready once something was received, or the link or the session ended.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.client.pending().is_empty() {
            if !self.may_send() {
                self.client.abandon();
                return Poll::Ready(());
            }
            match self.wire.poll_send(context, self.client.pending()) {
                Poll::Ready(Ok(count)) => {
                    self.client.written(count, self.actor.ground.clock.moment());
                    if count == 0 {
                        break;
                    }
                }
                Poll::Ready(Err(error)) => {
                    self.client.link_failed(&error.to_string(), self.actor.ground.clock.moment());
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        match self.wire.poll_receive(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(Some(octets))) => self.client.receive(octets, self.actor.ground.clock.moment()),
            Poll::Ready(Ok(None)) => self.client.end_of_file(self.actor.ground.clock.moment()),
            Poll::Ready(Err(error)) => {
                self.client.link_failed(&error.to_string(), self.actor.ground.clock.moment());
            }
        }
        Poll::Ready(())
    }

    /// Before a write that may hold octets of a message end: the lease must hold, and the dot mark must stand.
    fn may_send(&mut self) -> bool {
        if self.client.message_end().is_none() {
            return true;
        }
        let Some(armed) = self.on_wire.front_mut() else { return false };
        if !self.actor.lease_holds() || self.actor.outbox.is_lost(armed.mail.holding()) {
            return false;
        }
        if armed.slot.is_none() {
            armed.slot = self.ring.mark_dot(armed.mail.key);
        }
        armed.slot.is_some()
    }
}
