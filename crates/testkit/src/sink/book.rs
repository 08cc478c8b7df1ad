//! The sink's own book: every mail, every login, the counters, the kept bytes. The oracle of delivery tests.
//!
//! One book belongs to one sink; connections write it and handles read it under one lock, held for the length
//! of one entry. Invariant: an entry is in the book, and in the log file, before the reply to its mail is
//! given to the kernel ([`Book::flush`]), so what a killed sender was told never exceeds what stands here.

use std::collections::vec_deque;
use std::io;

use domain::Moment;

use super::SinkConfig;
use super::arena::{Arena, MailView};
use super::config::Keep;
use super::credentials::Credentials;
use super::kept::{KeptMail, KeptMails};
use super::log_file::LogFile;
use super::record::{Login, Mail};
use super::snapshot::Totals;

/// Logins that stay in memory; later ones are only counted (and written to the file).
const LOGINS_MAX: usize = 1_000_000;

/// Everything that a sink saw.
#[derive(Debug)]
pub struct Book {
    arena: Option<Arena>,
    logins: Vec<Login>,
    credentials: Credentials,
    totals: Totals,
    kept: KeptMails,
    file: Option<LogFile>,
    file_error: Option<String>,
}

impl Book {
    /// An empty book.
    ///
    /// # Errors
    /// When the log file cannot be opened for appending.
    pub fn open(config: &SinkConfig) -> io::Result<Self> {
        Ok(Self {
            arena: config.log.in_memory().then(Arena::default),
            logins: Vec::new(),
            credentials: Credentials::default(),
            totals: Totals::default(),
            kept: KeptMails::new(config.limits.kept_mails_max, config.limits.kept_octets_max),
            file: config.log.file().map(|path| LogFile::append(path)).transpose()?,
            file_error: None,
        })
    }

    /// A connection was accepted; gives its number, counted from 1.
    pub fn connection_opened(&mut self) -> u32 {
        self.credentials.connection_opened(0);
        self.totals.connection_opened()
    }

    /// A connection of this credential ended.
    pub fn connection_closed(&mut self, credential: u32) {
        self.credentials.connection_closed(credential);
        self.totals.connections_now = self.totals.connections_now.saturating_sub(1);
    }

    /// A try to log in. When it was accepted the connection moves to the credential whose number this gives.
    pub fn login(&mut self, login: Login) -> u32 {
        let number = if login.accepted {
            let number = self.credentials.intern(&login.user, &login.secret, &login.account);
            self.credentials.connection_closed(0);
            self.credentials.connection_opened(number);
            self.totals.logins_accepted += 1;
            number
        } else {
            self.totals.logins_refused += 1;
            0
        };
        if let Some(file) = &mut self.file {
            file.login(&login);
        }
        if self.logins.len() < LOGINS_MAX {
            self.logins.push(login);
        }
        number
    }

    /// A mail or a refused recipient, with the octets to keep.
    pub fn mail(&mut self, view: &MailView<'_>, content: Option<(Keep, &[u8])>, moment: Moment) {
        let seq = self.totals.mail(view);
        if view.verdict.is_read() {
            self.credentials.mail_read(view.credential, view.message_no, moment);
        }
        if let Some(file) = &mut self.file {
            file.mail(&view.to_mail(&self.credentials));
        }
        if let Some((keep, content)) = content.filter(|_| view.verdict.is_kept()) {
            self.kept.push(keep, seq, view, content);
        }
        if let Some(arena) = &mut self.arena {
            arena.push(view);
        }
    }

    /// Hands what the log file buffers to the kernel. A failure is kept for [`Self::file_error`].
    pub fn flush(&mut self) {
        if let Some(Err(error)) = self.file.as_mut().map(LogFile::flush) {
            self.file_error = Some(error.to_string());
        }
    }

    /// The counters.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The counters, to change.
    pub fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// Who logged in.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The logins in their order.
    #[must_use]
    pub fn logins(&self) -> &[Login] {
        &self.logins
    }

    /// The mails in their order, from the `skip`th on; nothing unless the log is in memory.
    pub fn mails(&self, skip: usize) -> impl Iterator<Item = Mail> {
        self.arena.iter().flat_map(move |arena| arena.iter(&self.credentials, skip))
    }

    /// The kept mails, oldest first.
    pub fn kept(&self) -> vec_deque::Iter<'_, KeptMail> {
        self.kept.iter()
    }

    /// Why the log file is incomplete, if it is.
    #[must_use]
    pub fn file_error(&self) -> Option<&str> {
        self.file_error.as_deref()
    }

    /// Octets of the packed mails.
    #[must_use]
    pub fn arena_octets(&self) -> usize {
        self.arena.as_ref().map_or(0, Arena::octets)
    }

    /// Forgets mails, logins, kept bytes and counts; open connections stay counted.
    pub fn clear(&mut self) {
        self.arena = self.arena.take().map(|_| Arena::default());
        self.logins.clear();
        self.kept.clear();
        self.totals = self.totals.cleared();
    }
}
