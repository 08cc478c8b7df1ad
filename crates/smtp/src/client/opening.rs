//! From the greeting to readiness: EHLO, STARTTLS, AUTH.
//!
//! Leaves mail to [`super::dialogue`]. Invariants: nothing that arrived in the clear counts after TLS; a secret
//! that the link would show is sent only over TLS or with the configuration's leave.

use super::capabilities::Capabilities;
use super::outcome::{EndCause, Event};
use super::{Client, Credentials, State, TlsMode};
use crate::sasl::client::{Exchange, SecretOctets};
use crate::sasl::{self, Mechanism};

/// Octets of a command line, CRLF included (RFC 5321 section 4.5.3.1.4).
const COMMAND_OCTETS_MAX: usize = 512;

impl Client {
    /// The first step on a fresh link.
    pub(super) fn open(&mut self) {
        let name_is_fine = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:[]".contains(&octet);
        let credentials_are_fine = |credentials: &Credentials| {
            use secrecy::ExposeSecret as _;
            let secret = credentials.secret.expose_secret();
            !credentials.user.chars().chain(secret.chars()).any(char::is_control)
        };
        if self.config.ehlo_name.is_empty() || !self.config.ehlo_name.bytes().all(name_is_fine) {
            self.end(EndCause::UnsafeConfig("EHLO name"));
        } else if !self.config.credentials.as_ref().is_none_or(credentials_are_fine) {
            self.end(EndCause::UnsafeConfig("user name or password"));
        } else if self.config.tls == TlsMode::Implicit {
            self.start_handshake();
        }
    }

    fn start_handshake(&mut self) {
        self.state = State::Handshake;
        self.events.push_back(Event::StartTls);
    }

    pub(super) fn after_handshake(&mut self) {
        if self.greeted { self.say_ehlo() } else { self.state = State::Greeting }
    }

    pub(super) fn take_greeting(&mut self, code: u16) {
        self.greeted = true;
        match code {
            220 => self.say_ehlo(),
            400.. => self.end_refused(),
            _ => self.end(EndCause::OutOfStep("greeting")),
        }
    }

    fn say_ehlo(&mut self) {
        self.say("EHLO");
        self.reader.keep_raw = true;
        self.state = State::Ehlo;
    }

    fn say(&mut self, verb: &str) {
        let line = format!("{verb} {}\r\n", self.config.ehlo_name);
        self.out.push(line.as_bytes());
    }

    pub(super) fn take_ehlo(&mut self, code: u16) {
        self.reader.keep_raw = false;
        match code {
            250 => match Capabilities::parse(self.reader.raw()) {
                Some(capabilities) => {
                    self.capabilities = capabilities;
                    self.choose_tls();
                }
                None => self.end(EndCause::OutOfStep("EHLO")),
            },
            // RFC 5321 section 3.2: an old server may know HELO only. It can then do neither TLS nor AUTH.
            500..=504 if self.config.tls != TlsMode::StartTls && self.config.credentials.is_none() => {
                self.say("HELO");
                self.state = State::Helo;
            }
            400.. => self.end_refused(),
            _ => self.end(EndCause::OutOfStep("EHLO")),
        }
    }

    pub(super) fn take_helo(&mut self, code: u16) {
        match code {
            250 => self.become_ready(),
            400.. => self.end_refused(),
            _ => self.end(EndCause::OutOfStep("HELO")),
        }
    }

    fn choose_tls(&mut self) {
        let wanted = matches!(self.config.tls, TlsMode::StartTls | TlsMode::StartTlsIfOffered);
        if self.encrypted || !wanted {
            self.choose_auth();
        } else if self.capabilities.starttls {
            self.out.push(b"STARTTLS\r\n");
            self.state = State::StartTls;
        } else if self.config.tls == TlsMode::StartTls {
            // The session ends in the phase that could not begin.
            self.state = State::StartTls;
            self.end(EndCause::StartTlsNotOffered);
        } else {
            self.choose_auth();
        }
    }

    /// `more` says whether octets stood behind the reply: they were sent in the clear and must not be read.
    pub(super) fn take_starttls(&mut self, code: u16, more: bool) {
        match code {
            220 if more => self.end(EndCause::PlaintextInjection),
            220 => {
                self.capabilities = Capabilities::default();
                self.start_handshake();
            }
            421 => self.end_refused(),
            400.. if self.config.tls == TlsMode::StartTlsIfOffered => self.choose_auth(),
            400.. => self.end_refused(),
            _ => self.end(EndCause::OutOfStep("STARTTLS")),
        }
    }

    fn choose_auth(&mut self) {
        let Some(credentials) = &self.config.credentials else { return self.become_ready() };
        let may_show = self.encrypted || self.config.allow_plaintext_auth;
        match choose_mechanism(credentials.mechanism, &self.capabilities, self.encrypted, may_show) {
            Ok(mechanism) => self.start_auth(mechanism),
            Err(cause) => {
                self.state = State::Auth(Exchange::new(Mechanism::Plain));
                self.end(cause);
            }
        }
    }

    fn start_auth(&mut self, mechanism: Mechanism) {
        let exchange = Exchange::new(mechanism);
        let initial =
            self.config.credentials.as_ref().and_then(|credentials| exchange.initial_response(credentials));
        self.out.push(format!("AUTH {mechanism}").as_bytes());
        if let Some(initial) = initial.filter(|initial| fits_one_line(mechanism, initial)) {
            self.out.push(b" ");
            self.push_encoded(&initial);
        }
        self.out.push(b"\r\n");
        self.state = State::Auth(exchange);
    }

    fn push_encoded(&mut self, octets: &SecretOctets) {
        let text = zeroize::Zeroizing::new(sasl::encode(octets));
        self.out.push(text.as_bytes());
    }

    pub(super) fn take_auth(&mut self, code: u16) {
        match code {
            235 => {
                if let State::Auth(exchange) = &self.state {
                    self.authenticated = Some(exchange.mechanism);
                }
                self.become_ready();
            }
            334 => match self.answer_challenge() {
                Some(answer) => {
                    self.push_encoded(&answer);
                    self.out.push(b"\r\n");
                }
                None => self.end(EndCause::OutOfStep("AUTH")),
            },
            400.. => self.end_refused(),
            _ => self.end(EndCause::OutOfStep("AUTH")),
        }
    }

    fn answer_challenge(&mut self) -> Option<SecretOctets> {
        let credentials = self.config.credentials.as_ref()?;
        let State::Auth(exchange) = &mut self.state else { return None };
        if let Some(initial) = exchange.late_initial_response(credentials, fits_one_line) {
            return Some(initial);
        }
        // LOGIN's prompts and the bearer mechanisms' errors need not be read, so need not be well-formed.
        let challenge = sasl::decode(self.reader.text());
        if exchange.mechanism == Mechanism::CramMd5 && challenge.is_none() {
            return None;
        }
        exchange.respond(&challenge.unwrap_or_default(), credentials)
    }

    fn become_ready(&mut self) {
        self.out.wipe();
        self.state = State::Mail;
        self.events.push_back(Event::Ready);
    }
}

/// RFC 4954 section 4: an initial response that makes the command too long waits for the server's empty 334.
fn fits_one_line(mechanism: Mechanism, initial: &[u8]) -> bool {
    "AUTH  \r\n".len() + mechanism.name().len() + initial.len().div_ceil(3) * 4 <= COMMAND_OCTETS_MAX
}

fn choose_mechanism(
    wanted: Option<Mechanism>,
    capabilities: &Capabilities,
    encrypted: bool,
    may_show: bool,
) -> Result<Mechanism, EndCause> {
    let by_preference: &[Mechanism] = match (&wanted, encrypted) {
        (Some(mechanism), _) => std::slice::from_ref(mechanism),
        (None, true) => &[Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
        (None, false) => &[Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login],
    };
    let offered = |mechanism: &&Mechanism| capabilities.offers(**mechanism);
    let names = || capabilities.mechanism_names().to_owned();
    let mut common = by_preference.iter().filter(offered).peekable();
    if common.peek().is_none() {
        return Err(EndCause::NoCommonMechanism { offered: names() });
    }
    let allowed = common.find(|mechanism| may_show || !mechanism.shows_secret());
    allowed.copied().ok_or_else(|| EndCause::PlaintextAuth { offered: names() })
}
