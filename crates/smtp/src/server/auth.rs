//! AUTH (RFC 4954) as the server sees it.
//!
//! Leaves the mechanisms to [`crate::sasl`] and the decision to the shell. Invariants: one success a session;
//! mechanisms that show the secret only over TLS unless the configuration allows it; used lines are wiped.

use super::input::Line;
use super::{Asked, Server, State, Step};
use crate::Mechanism;
use crate::sasl;
use crate::sasl::server::{Exchange, Next};

/// Octets of a line during an exchange (RFC 4954 section 4.5).
pub(super) const AUTH_OCTETS_MAX: usize = 12_288;

impl Server {
    /// The mechanisms that are offered now.
    pub(super) fn offered_mechanisms(&self) -> impl Iterator<Item = Mechanism> + '_ {
        let may_show = self.encrypted || self.config.auth_without_tls;
        let can = move |mechanism: &Mechanism| match mechanism {
            Mechanism::CramMd5 => self.cram_challenge.is_some(),
            _ => may_show,
        };
        self.config.extensions.auth.iter().copied().filter(can)
    }

    /// `mechanism` is `None` for one that this room does not know.
    pub(super) fn start_auth(&mut self, mechanism: Option<Mechanism>, initial: Option<&str>) -> Step {
        if self.authenticated || self.transaction.started {
            return self.refuse(503, "5.5.1", "AUTH is not allowed now");
        }
        let Some(mechanism) = mechanism.filter(|wanted| self.config.extensions.auth.contains(wanted)) else {
            return self.refuse(504, "5.5.4", "Unrecognized authentication type");
        };
        if !self.offered_mechanisms().any(|offered| offered == mechanism) {
            return self.refuse(538, "5.7.11", "Encryption required for requested authentication mechanism");
        }
        let mut exchange = Exchange::new(mechanism, self.cram_challenge.as_deref().unwrap_or(""));
        let next = match initial {
            None => exchange.open(),
            // A lone "=" is an empty response.
            Some("=") => exchange.take(Vec::new()),
            Some(text) => sasl::decode(text).map_or(Next::Malformed, |words| exchange.take(words)),
        };
        self.go_on_with(exchange, next)
    }

    pub(super) fn step_auth(&mut self) -> Step {
        let range = match self.input.take_line(AUTH_OCTETS_MAX) {
            Line::Whole(range) => range,
            Line::Partial if self.input.len() <= AUTH_OCTETS_MAX => return Step::Wait,
            Line::Partial | Line::TooLong => {
                self.state = State::Command;
                self.skipping_line = self.input.len() > AUTH_OCTETS_MAX;
                return self.refuse(500, "5.5.6", "Authentication exchange line is too long");
            }
        };
        let State::Auth(mut exchange) = std::mem::replace(&mut self.state, State::Command) else {
            return Step::Done;
        };
        let line = self.input.get(range.clone());
        let text = line.strip_suffix(b"\r\n").and_then(|text| std::str::from_utf8(text).ok());
        let cancelled = text == Some("*");
        let next = text.and_then(sasl::decode).map_or(Next::Malformed, |words| exchange.take(words));
        self.input.wipe(range);
        if cancelled {
            return self.refuse(501, "5.7.0", "Authentication cancelled");
        }
        self.go_on_with(exchange, next)
    }

    fn go_on_with(&mut self, exchange: Exchange, next: Next) -> Step {
        match next {
            Next::Challenge(text) => {
                self.say(334, "", &sasl::encode(text.as_bytes()));
                self.state = State::Auth(exchange);
                Step::Done
            }
            Next::Done { user, proof } => {
                let step = Step::Auth { mechanism: exchange.mechanism, user, proof };
                self.ask(Asked::Auth, step)
            }
            Next::Malformed => self.refuse(501, "5.5.2", "Malformed authentication data"),
        }
    }
}
