//! Replies: the shell's answers to events, and the server's own words.
//!
//! Invariant: whatever text the shell gives, a reply is one line of printable characters.

use domain::Reply;

use super::{Asked, Server, State, Step};
use crate::content::DataScanner;

/// Octets of a reply's text.
const TEXT_OCTETS_MAX: usize = 480;

impl Server {
    /// Says yes, in the usual words, to the event that asked; without one it does nothing.
    pub fn accept(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        match asked {
            Asked::Auth => self.say(235, "2.7.0", "Authentication successful"),
            Asked::Mail => self.say(250, "2.1.0", "Ok"),
            Asked::Rcpt => self.say(250, "2.1.5", "Ok"),
            Asked::Data => self.say(354, "", "End data with <CR><LF>.<CR><LF>"),
            Asked::Message => self.say(250, "2.0.0", "Ok"),
        }
        self.accepted(asked);
    }

    /// Answers the event that asked in words of the shell: a 4xx or 5xx reply refuses, any other accepts, and 421
    /// ends the session. Without such an event only 421 is said.
    pub fn reply(&mut self, reply: &Reply) {
        let ends = reply.code.get() == 421;
        let asked = self.asked.take();
        if (asked.is_none() && !ends) || self.is_closed() {
            return;
        }
        self.say_reply(reply);
        match asked {
            _ if ends => self.close(),
            Some(asked) if reply.code.is_positive() || reply.code.is_intermediate() => self.accepted(asked),
            Some(Asked::Message) => self.reset(),
            Some(Asked::Data) => self.expel_early_content(),
            _ => {}
        }
    }

    /// Queues a reply in words of the shell.
    pub(super) fn say_reply(&mut self, reply: &Reply) {
        let enhanced = reply.enhanced.map(|status| status.to_string());
        self.say(reply.code.get(), enhanced.as_deref().unwrap_or(""), &reply.text);
    }

    /// DATA was refused: what stands behind it is no command.
    pub(super) fn expel_early_content(&mut self) {
        if self.config.expel_early_content && self.input.len() > 0 {
            self.say(421, "5.5.0", "Content came before it was asked for");
            self.close();
        }
    }

    fn accepted(&mut self, asked: Asked) {
        match asked {
            Asked::Auth => self.authenticated = true,
            Asked::Mail => self.transaction.started = true,
            Asked::Rcpt => self.transaction.recipients += 1,
            Asked::Data => self.state = State::Data(DataScanner::new()),
            Asked::Message => self.reset(),
        }
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
        self.asked = None;
        self.input.clear();
    }

    /// Queues a reply of one line. `enhanced` may be empty.
    pub(super) fn say(&mut self, code: u16, enhanced: &str, text: &str) {
        let code = [code / 100 % 10, code / 10 % 10, code % 10].map(|digit| b'0' + (digit % 10) as u8);
        let with_enhanced = self.config.extensions.enhanced_status_codes && !enhanced.is_empty();
        let out = self.out.tail();
        out.extend_from_slice(&code);
        out.push(b' ');
        if with_enhanced {
            out.extend_from_slice(enhanced.as_bytes());
            out.push(b' ');
        }
        let mut end = text.len().min(TEXT_OCTETS_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        out.extend(text[..end].bytes().map(|octet| if octet.is_ascii_control() { b'?' } else { octet }));
        out.extend_from_slice(b"\r\n");
    }

    /// Refuses a command; too many of them end the session.
    pub(super) fn refuse(&mut self, code: u16, enhanced: &str, text: &str) -> Step {
        self.bad_commands += 1;
        if self.bad_commands > self.config.bad_commands_max {
            self.say(421, "4.7.0", "Too many errors");
            self.close();
            return Step::Expelled;
        }
        self.say(code, enhanced, text);
        Step::Done
    }

    /// Counts a command that leads nowhere; `None` when it may be done.
    pub(super) fn count_idle_command(&mut self) -> Option<Step> {
        self.idle_commands += 1;
        if self.idle_commands <= self.config.idle_commands_max {
            return None;
        }
        self.say(421, "4.7.0", "Too many commands without a message");
        self.close();
        Some(Step::Expelled)
    }
}
