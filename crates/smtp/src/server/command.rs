//! Commands: one line in, one reply or one question to the shell out.
//!
//! The lines are framed and checked here, their grammar is `smtp-proto`'s. Leaves AUTH and content to their
//! modules. Invariant: a line with a control character, or a CR or LF inside, is no command.

use std::borrow::Cow;

use smtp_proto::{
    Error, MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, MailFrom,
    RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, RcptTo, Request,
};

use super::auth::AUTH_OCTETS_MAX;
use super::input::Line;
use super::{Asked, Limit, Server, State, Step};
use crate::Mechanism;
use crate::client::Body;

/// A command as its step needs it: nothing borrowed.
enum Command {
    Hello { extended: bool },
    Mail { size: Option<u64>, body: Body, smtputf8: bool },
    Rcpt,
    Data,
    Bdat { octets: u64, last: bool },
    Auth { mechanism: Option<Mechanism>, initial: Option<String> },
    StartTls,
    Reset,
    Noop,
    Verify,
    Quit,
    Bad { code: u16, enhanced: &'static str, text: Cow<'static, str> },
}

impl Server {
    pub(super) fn step_command(&mut self) -> Step {
        let limit = self.config.command_octets_max;
        // An initial response makes AUTH longer than any other command.
        let limit = if self.input.unused().get(..5).is_some_and(is_auth) { AUTH_OCTETS_MAX } else { limit };
        let range = match self.input.take_line(limit) {
            Line::Whole(_) | Line::TooLong if self.skipping_line => {
                self.skipping_line = false;
                return Step::Done;
            }
            Line::Whole(range) => range,
            Line::TooLong => return self.refuse(500, "5.5.6", "Line too long"),
            Line::Partial if self.input.len() > limit => {
                // A last CR stays, for its LF may come.
                let keep = usize::from(self.input.unused().ends_with(b"\r"));
                self.input.take(self.input.len() - keep);
                if std::mem::replace(&mut self.skipping_line, true) {
                    return Step::Wait;
                }
                return self.refuse(500, "5.5.6", "Line too long");
            }
            Line::Partial => return Step::Wait,
        };
        let dsn = self.config.dsn_parameters;
        let command = parse(self.input.get(range.clone()), dsn, &mut self.text);
        if matches!(command, Command::Auth { .. }) {
            self.input.wipe(range);
        }
        self.perform(command)
    }

    fn perform(&mut self, command: Command) -> Step {
        let allowed_in_clear =
            matches!(command, Command::Hello { .. } | Command::StartTls | Command::Noop | Command::Quit);
        let in_clear = self.config.require_tls && !self.encrypted;
        let idle =
            matches!(command, Command::Hello { .. } | Command::Reset | Command::Noop | Command::Verify);
        if let Some(end) = idle.then(|| self.count_idle_command()).flatten() {
            return end;
        }
        match command {
            Command::Bad { code, enhanced, text } => self.refuse(code, enhanced, &text),
            // The octets of a chunk follow even where the command is refused.
            Command::Bdat { octets, last } => self.start_chunk(octets, last),
            _ if in_clear && !allowed_in_clear => {
                self.refuse(530, "5.7.0", "Must issue a STARTTLS command first")
            }
            Command::Hello { extended } => self.hello(extended),
            Command::Mail { size, body, smtputf8 } => self.mail(size, body, smtputf8),
            Command::Rcpt => self.rcpt(),
            Command::Data => self.data(),
            Command::Auth { .. } if !self.greeted => self.refuse(503, "5.5.1", "EHLO first"),
            Command::Auth { mechanism, initial } => self.start_auth(mechanism, initial.as_deref()),
            Command::StartTls => self.start_tls(),
            Command::Reset => {
                self.reset();
                self.say(250, "2.0.0", "Ok");
                Step::Reset
            }
            Command::Noop => {
                self.say(250, "2.0.0", "Ok");
                Step::Done
            }
            Command::Verify => {
                self.say(252, "2.5.0", "Send some mail, I will try my best");
                Step::Done
            }
            Command::Quit => {
                self.say(221, "2.0.0", "Bye");
                self.close();
                Step::Quit
            }
        }
    }

    fn hello(&mut self, extended: bool) -> Step {
        self.greeted = true;
        self.reset();
        if !extended {
            let line = format!("250 {}\r\n", self.config.hostname);
            self.out.push(line.as_bytes());
            return Step::Ehlo;
        }
        let mechanisms: Vec<&str> = self.offered_mechanisms().map(Mechanism::name).collect();
        let offered = &self.config.extensions;
        let lines = [
            Some(self.config.hostname.clone()),
            offered.pipelining.then(|| "PIPELINING".to_owned()),
            offered.size.then(|| format!("SIZE {}", self.config.size_max)),
            (offered.starttls && !self.encrypted).then(|| "STARTTLS".to_owned()),
            (!mechanisms.is_empty()).then(|| format!("AUTH {}", mechanisms.join(" "))),
            offered.enhanced_status_codes.then(|| "ENHANCEDSTATUSCODES".to_owned()),
            offered.eight_bit_mime.then(|| "8BITMIME".to_owned()),
            offered.smtputf8.then(|| "SMTPUTF8".to_owned()),
            offered.chunking.then(|| "CHUNKING".to_owned()),
        ];
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        for (place, line) in lines.iter().enumerate() {
            let separator = if place + 1 == lines.len() { ' ' } else { '-' };
            self.out.push(format!("250{separator}{line}\r\n").as_bytes());
        }
        Step::Ehlo
    }

    fn mail(&mut self, size: Option<u64>, body: Body, smtputf8: bool) -> Step {
        let offered = &self.config.extensions;
        if !self.greeted {
            self.refuse(503, "5.5.1", "EHLO first")
        } else if self.config.require_auth && !self.authenticated {
            self.refuse(530, "5.7.0", "Authentication required")
        } else if self.transaction.started {
            self.refuse(503, "5.5.1", "Nested MAIL command")
        } else if (smtputf8 && !offered.smtputf8) || (body == Body::EightBitMime && !offered.eight_bit_mime) {
            self.refuse(555, "5.5.4", "Parameter is not offered")
        } else if !smtputf8 && !self.text.is_ascii() {
            self.refuse(553, "5.6.7", "Address needs SMTPUTF8")
        } else if size.is_some_and(|size| size > self.config.size_max) {
            self.say(552, "5.3.4", "Message is too large");
            Step::LimitReached(Limit::MessageSize)
        } else {
            self.transaction.smtputf8 = smtputf8;
            self.ask(Asked::Mail, Step::Mail { size, body })
        }
    }

    fn rcpt(&mut self) -> Step {
        if !self.transaction.started || self.transaction.chunked {
            self.refuse(503, "5.5.1", "MAIL first")
        } else if self.transaction.recipients >= self.config.recipients_max {
            self.say(452, "4.5.3", "Too many recipients");
            Step::LimitReached(Limit::Recipients)
        } else if !self.transaction.smtputf8 && !self.text.is_ascii() {
            self.refuse(553, "5.6.7", "Address needs SMTPUTF8")
        } else {
            self.ask(Asked::Rcpt, Step::Rcpt)
        }
    }

    fn data(&mut self) -> Step {
        let refused = if !self.transaction.started || self.transaction.chunked {
            self.refuse(503, "5.5.1", "MAIL and RCPT first")
        } else if self.transaction.recipients == 0 {
            self.say(554, "5.5.1", "No valid recipients");
            Step::Done
        } else {
            return self.ask(Asked::Data, Step::Data);
        };
        self.expel_early_content();
        if self.is_closed() { Step::Expelled } else { refused }
    }

    fn start_tls(&mut self) -> Step {
        if !self.config.extensions.starttls {
            return self.refuse(502, "5.5.1", "STARTTLS is not offered");
        }
        if self.encrypted {
            return self.refuse(503, "5.5.1", "TLS is active already");
        }
        self.say(220, "2.0.0", "Ready to start TLS");
        // Octets behind the command came in the clear: they must not be read as if they had come through TLS.
        self.input.clear();
        self.state = State::Handshake;
        Step::StartTls
    }
}

fn is_auth(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"AUTH ")
}

fn bad(code: u16, enhanced: &'static str, text: impl Into<Cow<'static, str>>) -> Command {
    Command::Bad { code, enhanced, text: text.into() }
}

/// Parses a line that ends in CRLF; a name or address goes to `text`. `dsn`: DSN's parameters are taken.
fn parse(line: &[u8], dsn: bool, text: &mut String) -> Command {
    let words = line.strip_suffix(b"\r\n").unwrap_or(line);
    if words.iter().any(u8::is_ascii_control) {
        return bad(500, "5.5.2", "Control characters in a command; lines must end in CRLF");
    }
    if std::str::from_utf8(words).is_err() {
        return bad(500, "5.5.2", "The command is not valid UTF-8");
    }
    // The parser's numbers wrap at their limit: a chunk must never be taken for a smaller one.
    if words.split(|octet| *octet == b' ').any(|word| word.len() > 18 && word.iter().all(u8::is_ascii_digit))
    {
        return bad(501, "5.5.4", "Number too large");
    }
    let alone = !words.trim_ascii().contains(&b' ');
    match Request::parse(&mut line.iter()) {
        Ok(request) => command(request, alone, dsn, text),
        Err(Error::UnknownCommand) => bad(500, "5.5.2", "Unknown command"),
        Err(Error::InvalidSenderAddress) => bad(501, "5.1.7", "Bad sender address syntax"),
        Err(Error::InvalidRecipientAddress) => bad(501, "5.1.3", "Bad recipient address syntax"),
        Err(Error::SyntaxError { syntax }) => bad(501, "5.5.4", format!("Syntax: {syntax}")),
        Err(Error::InvalidParameter { .. }) => bad(501, "5.5.4", "Bad parameter"),
        Err(Error::UnsupportedParameter { .. }) => bad(555, "5.5.4", "Parameter is not offered"),
        Err(_) => bad(500, "5.5.2", "Bad command"),
    }
}

fn command(request: Request<Cow<'_, str>>, alone: bool, dsn: bool, text: &mut String) -> Command {
    let mut keep = |value: &str| {
        text.clear();
        text.push_str(value);
    };
    match request {
        Request::Ehlo { host } => {
            keep(&host);
            Command::Hello { extended: true }
        }
        Request::Helo { host } => {
            keep(&host);
            Command::Hello { extended: false }
        }
        Request::Mail { from } => {
            keep(&from.address);
            mail_command(&from, dsn)
        }
        Request::Rcpt { to } => {
            keep(&to.address);
            rcpt_command(&to, dsn)
        }
        Request::Bdat { chunk_size, is_last } => Command::Bdat { octets: chunk_size as u64, last: is_last },
        Request::Auth { mechanism, initial_response } => Command::Auth {
            mechanism: Mechanism::ALL.into_iter().find(|known| known.bit() == mechanism),
            initial: (!initial_response.is_empty()).then(|| initial_response.into_owned()),
        },
        Request::Noop { .. } => Command::Noop,
        Request::Vrfy { .. } => Command::Verify,
        Request::StartTls | Request::Data | Request::Rset | Request::Quit if !alone => {
            bad(501, "5.5.4", "This command takes no argument")
        }
        Request::StartTls => Command::StartTls,
        Request::Data => Command::Data,
        Request::Rset => Command::Reset,
        Request::Quit => Command::Quit,
        _ => bad(502, "5.5.1", "Command is not implemented"),
    }
}

fn mail_command(from: &MailFrom<Cow<'_, str>>, dsn: bool) -> Command {
    let dsn_flags = if dsn { MAIL_RET_FULL | MAIL_RET_HDRS } else { 0 };
    let known = MAIL_BODY_7BIT | MAIL_BODY_8BITMIME | MAIL_SMTPUTF8 | dsn_flags;
    // AUTH= is taken and not believed (RFC 4954 section 5).
    let others = from.trans_id.is_some()
        || (from.env_id.is_some() && !dsn)
        || from.solicit.is_some()
        || from.mtrk.is_some();
    let numbers = from.by != 0 || from.hold_for != 0 || from.hold_until != 0 || from.mt_priority != 0;
    if from.flags & !known != 0 || others || numbers {
        return bad(555, "5.5.4", "Parameter is not offered");
    }
    Command::Mail {
        size: (from.size > 0).then_some(from.size as u64),
        body: if from.flags & MAIL_BODY_8BITMIME != 0 { Body::EightBitMime } else { Body::SevenBit },
        smtputf8: from.flags & MAIL_SMTPUTF8 != 0,
    }
}

fn rcpt_command(to: &RcptTo<Cow<'_, str>>, dsn: bool) -> Command {
    let notify = RCPT_NOTIFY_NEVER | RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY;
    let known = if dsn { notify } else { 0 };
    if to.address.is_empty() {
        bad(501, "5.1.3", "Bad recipient address syntax")
    } else if to.flags & !known != 0 || (to.orcpt.is_some() && !dsn) || to.rrvs != 0 {
        bad(555, "5.5.4", "Parameter is not offered")
    } else {
        Command::Rcpt
    }
}
