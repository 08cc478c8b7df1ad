//! DATA and BDAT content.
//!
//! Leaves the search for the end to [`crate::content`]. Invariants: memory holds at most
//! [`super::ServerConfig::size_max`] octets of a message; the octets of a chunk are used up whether it is
//! taken or refused.

use super::{Asked, BareLineEnds, ContentFault, ContentMode, Server, State, Step};

/// A BDAT chunk under way.
pub(super) struct Chunk {
    left: u64,
    octets: u64,
    last: bool,
    /// The refusal to say when its octets are used up.
    refusal: Option<(u16, &'static str, &'static str)>,
}

impl Chunk {
    /// Its octets that have come.
    pub fn used(&self) -> u64 {
        self.octets - self.left
    }
}

/// What is wrong with a message's octets.
struct Blemish {
    bare: bool,
    nul: bool,
}

impl Server {
    pub(super) fn step_data(&mut self) -> Step {
        let State::Data(scanner) = &mut self.state else { return Step::Done };
        let given_up = self.transaction.too_large || self.transaction.refusal.is_some();
        let whole = self.config.content == ContentMode::Whole && !given_up;
        let collect = whole.then_some(&mut self.message);
        let found = scanner.scan(self.input.unused(), collect);
        let blemish = Blemish { bare: scanner.bare, nul: scanner.nul };
        let range = self.input.take(found.consumed);
        self.count_content(found.content as u64);
        if found.content > 0 && self.config.content == ContentMode::Slices {
            if found.ended {
                // The end is found again by the next step, which then starts at a line.
                self.input.give_back(found.consumed - found.content);
            }
            return Step::Content { range: range.start..range.start + found.content, stuffed: true };
        }
        if found.ended {
            self.state = State::Command;
            return self.complete(&blemish);
        }
        Step::Wait
    }

    /// BDAT was said. Its octets follow in any case.
    pub(super) fn start_chunk(&mut self, octets: u64, last: bool) -> Step {
        let refusal = if !self.config.extensions.chunking {
            Some((502, "5.5.1", "BDAT is not offered"))
        } else if !self.transaction.started || self.transaction.recipients == 0 {
            Some((503, "5.5.1", "MAIL and RCPT first"))
        } else {
            None
        };
        if refusal.is_none() {
            self.transaction.chunked = true;
        }
        self.state = State::Chunk(Chunk { left: octets, octets, last, refusal });
        Step::Done
    }

    pub(super) fn step_chunk(&mut self) -> Step {
        let State::Chunk(chunk) = &mut self.state else { return Step::Done };
        let take = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(self.input.len());
        chunk.left -= take as u64;
        let (left, refused) = (chunk.left, chunk.refusal.is_some());
        let range = self.input.take(take);
        if take > 0 && !refused {
            self.count_content(take as u64);
            self.transaction.chunk_lines.scan(self.input.get(range.clone()));
            if self.config.content == ContentMode::Slices {
                return Step::Content { range, stuffed: false };
            }
            if !self.transaction.too_large && self.transaction.refusal.is_none() {
                self.message.extend_from_slice(self.input.get(range));
            }
        }
        if left == 0 { self.finish_chunk() } else { Step::Wait }
    }

    fn finish_chunk(&mut self) -> Step {
        let State::Chunk(chunk) = std::mem::replace(&mut self.state, State::Command) else {
            return Step::Done;
        };
        if let Some((code, enhanced, text)) = chunk.refusal {
            return self.refuse(code, enhanced, text);
        }
        if chunk.last || self.transaction.too_large || self.transaction.refusal.is_some() {
            let lines = &self.transaction.chunk_lines;
            return self.complete(&Blemish { bare: lines.bare(), nul: lines.nul });
        }
        self.say(250, "2.0.0", &format!("{} octets received", chunk.octets));
        Step::Done
    }

    fn count_content(&mut self, octets: u64) {
        self.transaction.octets = self.transaction.octets.saturating_add(octets);
        if self.transaction.octets > self.config.size_max {
            self.transaction.too_large = true;
            self.message = Vec::new();
        }
    }

    fn complete(&mut self, blemish: &Blemish) -> Step {
        self.idle_commands = 0;
        let bare = blemish.bare && self.config.bare_line_ends == BareLineEnds::Refuse;
        let fault = if let Some(reply) = self.transaction.refusal.take() {
            self.say_reply(&reply);
            ContentFault::GivenUp
        } else if self.transaction.too_large {
            self.say(552, "5.3.4", "Message is too large");
            ContentFault::TooLarge
        } else if bare {
            self.say(550, "5.6.0", "Message has a bare CR or LF; lines must end in CRLF");
            ContentFault::BareLineEnd
        } else if blemish.nul && self.config.refuse_nul {
            self.say(550, "5.6.0", "Message has a NUL octet; encode it (MIME base64)");
            ContentFault::Nul
        } else {
            return self.ask(Asked::Message, Step::MessageComplete);
        };
        self.reset();
        Step::MessageRefused(fault)
    }
}
