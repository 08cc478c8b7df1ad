//! A relay's side of one connection: the SMTP server's state machine, and what the relay's mood makes of each step.
//!
//! What it takes is in its log before any reply. It judges what it can see alone: who logged in, and whether the
//! message is whole, for it knows how mails of the run look.

use std::sync::Arc;

use domain::{Reply, ReplyCode};
use smtp::server::{Event, Proof, Server};

use super::Relay;
use super::log::{Entry, Fate, Marker};
use crate::dice::Dice;
use crate::mail;

/// What a step does to the world.
#[derive(Debug)]
pub enum Effect {
    /// Octets for the sender.
    Say(Vec<u8>),
    /// The answer at hand is given after so many µs.
    AnswerIn(u64),
    /// The relay ends the connection in order.
    Close,
    /// The link dies.
    Cut,
    /// A message's end arrived.
    Seen(Entry),
    /// For the history.
    Note(String),
    /// Something arrived that must not.
    Breach(String),
}

/// What a relay says to what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Yes,
    Say(u16, &'static str, &'static str),
    Silence,
    Cut,
}

/// One connection.
pub struct Conversation {
    server: Server,
    user: Option<super::Account>,
    recipient: String,
    due: Option<Answer>,
    is_due: bool,
    silent: bool,
    over: bool,
}

impl Conversation {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(relay: &Relay, dice: &mut Dice) -> Self {
        let mut server = Server::new(Arc::clone(&relay.config), false);
        server.set_cram_challenge(format!("<{:016x}@{}>", dice.next(), relay.host));
        let mut conversation = Self {
            server,
            user: None,
            recipient: String::new(),
            due: None,
            is_due: false,
            silent: false,
            over: false,
        };
        if dice.chance(relay.mood.greeting) {
            let greeting = conversation.server.pending().len();
            conversation.server.written(greeting);
            let code = dice.pick(&[421, 421, 554]);
            conversation.due = Some(Answer::Say(code, "", "no service for now"));
            conversation.is_due = true;
        }
        conversation
    }

    /// Whose account is open, by the scenario's number.
    #[must_use]
    pub fn tenant(&self) -> Option<u64> {
        self.user.as_ref().map(|user| user.tenant)
    }

    /// The sender is gone: nothing more is said.
    pub fn sender_gone(&mut self) {
        self.over = true;
    }

    /// The time of a slow answer has come; false when there is none to give.
    pub fn answer_due(&mut self) -> bool {
        self.is_due = self.due.is_some() && !self.over;
        self.is_due
    }

    /// Takes what arrived, answers what can be answered.
    pub fn go_on(
        &mut self,
        relay: &mut Relay,
        dice: &mut Dice,
        received: Option<(Vec<u8>, bool)>,
        (now_us, calm): (u64, bool),
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let late = received.as_ref().is_some_and(|(_, late)| *late);
        if self.over {
            return effects;
        }
        if let Some((octets, _)) = received {
            self.server.receive(&octets);
        }
        if self.is_due {
            self.is_due = false;
            self.give(&mut effects);
        }
        while self.due.is_none() && !self.over && !self.silent {
            let Some(answer) = self.step(relay, dice, now_us, late, &mut effects) else { break };
            let slow = !calm && dice.chance(relay.mood.slow);
            let span = if slow {
                dice.magnitude(1_000_000, relay.mood.slow_us_max)
            } else {
                dice.below(relay.mood.think_us_max)
            };
            self.due = Some(answer);
            if span > relay.mood.think_us_max / 2 {
                effects.push(Effect::AnswerIn(span));
                break;
            }
            self.give(&mut effects);
        }
        self.flush(relay.wordy, &mut effects);
        if self.server.is_closed() && self.due.is_none() && !self.over {
            self.over = true;
            effects.push(Effect::Close);
        }
        effects
    }

    fn give(&mut self, effects: &mut Vec<Effect>) {
        match self.due.take() {
            None => {}
            Some(Answer::Yes) => self.server.accept(),
            Some(Answer::Silence) => self.silent = true,
            Some(Answer::Cut) => {
                self.over = true;
                effects.push(Effect::Cut);
            }
            Some(Answer::Say(code, enhanced, text)) => {
                effects.push(Effect::Note(format!("says {code}")));
                if code == 554 && !self.server.awaits_answer() {
                    effects.push(Effect::Say(format!("{code} {text}\r\n").into_bytes()));
                    effects.push(Effect::Close);
                    self.over = true;
                } else if let Some(reply) = reply(code, enhanced, text) {
                    self.server.reply(&reply);
                }
            }
        }
    }

    fn flush(&mut self, wordy: bool, effects: &mut Vec<Effect>) {
        let pending = self.server.pending();
        if !pending.is_empty() && !self.over {
            let said = if wordy { in_more_lines(pending) } else { pending.to_vec() };
            effects.push(Effect::Say(said));
        }
        let count = pending.len();
        self.server.written(count);
    }

    /// Up to the next thing that asks.
    fn step(
        &mut self,
        relay: &mut Relay,
        dice: &mut Dice,
        now_us: u64,
        late: bool,
        effects: &mut Vec<Effect>,
    ) -> Option<Answer> {
        loop {
            let mood = relay.mood;
            match self.server.poll_event()? {
                Event::Auth { user, proof, .. } => {
                    self.user = find(relay, &user, &proof);
                    return Some(match &self.user {
                        None => Answer::Say(535, "5.7.8", "authentication failed"),
                        Some(_) if dice.chance(mood.login_refused) => Answer::Say(535, "5.7.8", "not today"),
                        Some(_) if dice.chance(mood.login_deferred) => {
                            Answer::Say(454, "4.7.0", "try again later")
                        }
                        Some(_) => Answer::Yes,
                    });
                }
                Event::Mail(_) => {
                    self.recipient.clear();
                    return Some(refusal(mood.envelope, dice));
                }
                Event::Rcpt { forward_path } => {
                    self.recipient = forward_path.to_owned();
                    return Some(refusal(mood.envelope, dice));
                }
                Event::Data => return Some(Answer::Yes),
                Event::Message { octets } => {
                    let seen = read(octets, &self.recipient, self.user.as_ref());
                    return Some(judge(relay, seen, dice, now_us, late, effects));
                }
                Event::MessageRefused(fault) => {
                    effects.push(Effect::Breach(format!("a relay got a malformed message: {fault}")));
                }
                Event::Expelled => {
                    // Commands pipelined behind a refused one count as bad, here as with real servers.
                    effects.push(Effect::Note("expelled for bad commands".to_owned()));
                }
                Event::Ehlo { .. }
                | Event::Reset
                | Event::Quit
                | Event::LimitReached(_)
                | Event::StartTls
                | Event::Content { .. }
                | Event::MessageEnd { .. } => {}
            }
        }
    }
}

fn find(relay: &Relay, user: &str, proof: &Proof) -> Option<super::Account> {
    let mut known = relay.accounts.iter().filter(|_| user == mail::USER);
    known.find(|account| proof.matches(&account.secret.clone().into())).cloned()
}

/// A message as it arrived, or what is wrong with it.
fn read(octets: &[u8], recipient: &str, user: Option<&super::Account>) -> Result<Entry, String> {
    let user = user.ok_or("a relay got a message without a login")?;
    let marker = mail::marker(octets).ok_or("a relay got a message without its marker")?;
    let Marker { release, intent } = marker;
    if octets != mail::text(marker, recipient).as_bytes() {
        return Err(format!("the message of r{release}/{intent} did not arrive as it was composed"));
    }
    Ok(Entry {
        at_us: 0,
        tenant: user.tenant,
        secret: user.secret.clone(),
        recipient: recipient.to_owned(),
        marker,
        fate: Fate::Lost,
    })
}

/// Decides on a message, and writes it down before anything is said.
fn judge(
    relay: &mut Relay,
    seen: Result<Entry, String>,
    dice: &mut Dice,
    now_us: u64,
    late: bool,
    effects: &mut Vec<Effect>,
) -> Answer {
    let mut entry = match seen {
        Ok(entry) => entry,
        Err(what) => {
            effects.push(Effect::Breach(what));
            return Answer::Cut;
        }
    };
    if late {
        effects.push(Effect::Breach(format!("7 fencing: the end of {entry} left after its lease's end")));
    }
    let mood = relay.mood;
    let (fate, answer) = match refusal(mood.message, dice) {
        Answer::Say(code, enhanced, text) if code >= 500 => {
            (Fate::Refused, Answer::Say(code, enhanced, text))
        }
        Answer::Say(code, enhanced, text) => (Fate::Deferred, Answer::Say(code, enhanced, text)),
        _ if dice.chance(mood.taken_silent) => (Fate::Taken, Answer::Silence),
        _ if dice.chance(mood.lost_silent) => (Fate::Lost, Answer::Silence),
        _ if dice.chance(mood.taken_cut) => (Fate::Taken, Answer::Cut),
        _ if dice.chance(mood.lost_cut) => (Fate::Lost, Answer::Cut),
        _ => (Fate::Taken, Answer::Yes),
    };
    entry.at_us = now_us;
    entry.fate = fate;
    relay.log.push(entry.clone());
    effects.push(Effect::Seen(entry));
    answer
}

fn refusal(rates: [u64; 3], dice: &mut Dice) -> Answer {
    let [gone, later, never] = rates;
    if dice.chance(gone) {
        Answer::Say(421, "4.3.2", "the system is not accepting mail now")
    } else if dice.chance(later) {
        Answer::Say(451, "4.7.1", "try again later")
    } else if dice.chance(never) {
        Answer::Say(550, "5.7.1", "refused by policy")
    } else {
        Answer::Yes
    }
}

fn reply(code: u16, enhanced: &str, text: &str) -> Option<Reply> {
    Some(Reply { code: ReplyCode::new(code)?, enhanced: enhanced.parse().ok(), text: text.to_owned() })
}

/// Each reply of one line as one of two.
fn in_more_lines(said: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(2 * said.len());
    for line in said.split_inclusive(|octet| *octet == b'\n') {
        // 334 and 354 are one line each: a challenge may not be repeated.
        if line.get(3) == Some(&b' ') && !line.starts_with(b"3") {
            lines.extend_from_slice(&line[..3]);
            lines.push(b'-');
            lines.extend_from_slice(&line[4..]);
        }
        lines.extend_from_slice(line);
    }
    lines
}
