//! What a sink is told before it starts: where it listens, what it offers, whom it lets in, what it keeps.
//!
//! Plain data. How the sink misbehaves stands in [`super::behaviour`]; certificates come from
//! [`crate::certs`].

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::behaviour::Behaviour;

/// Everything a sink needs to know. `SinkConfig::default()` is a catch-all on a free loopback port.
#[derive(Debug, Clone)]
pub struct SinkConfig {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Name in the greeting and in the reply to EHLO.
    pub hostname: String,
    /// Encryption; `None` offers none.
    pub tls: Option<TlsSetup>,
    /// Who may log in.
    pub auth: AuthRule,
    /// What the reply to EHLO offers.
    pub extensions: Extensions,
    /// Bounds on what a client may send.
    pub limits: SinkLimits,
    /// Faults played on purpose.
    pub behaviour: Behaviour,
    /// How much of each mail stays.
    pub keep: Keep,
    /// Names of the headers (besides Message-ID) whose values go into the log, in this order; at most 16.
    pub wanted_headers: Vec<String>,
    /// Where the log goes.
    pub log: LogMode,
}

impl Default for SinkConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hostname: "sink.test".to_owned(),
            tls: None,
            auth: AuthRule::Any,
            extensions: Extensions::default(),
            limits: SinkLimits::default(),
            behaviour: Behaviour::default(),
            keep: Keep::Digest,
            wanted_headers: Vec::new(),
            log: LogMode::Memory,
        }
    }
}

/// Encryption of a sink: when it starts, and with which certificate.
#[derive(Clone)]
pub struct TlsSetup {
    /// When encryption starts.
    pub mode: TlsMode,
    /// Certificate and key; see [`crate::certs::Certificates`].
    pub config: Arc<rustls::ServerConfig>,
}

impl fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSetup").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// When encryption starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// STARTTLS is offered (RFC 3207) and not demanded.
    StartTls,
    /// STARTTLS is offered, and MAIL and AUTH before it are refused.
    StartTlsRequired,
    /// From the first byte on (RFC 8314).
    Implicit,
}

/// Who may log in.
#[derive(Clone, Default)]
pub enum AuthRule {
    /// AUTH is not offered.
    Off,
    /// AUTH is offered, any user with any secret passes, and mail without AUTH passes too.
    #[default]
    Any,
    /// AUTH is demanded; only these pass, told apart by user *and* secret.
    Table(Vec<Account>),
    /// AUTH is demanded, and each try gets 535 5.7.8.
    RefuseAll,
}

/// One row of an [`AuthRule::Table`].
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// User name; many accounts may share one (`apikey`).
    pub user: String,
    /// Password, key or token.
    pub secret: String,
    /// Whose account it is, for the reader of the log.
    pub account: String,
}

impl fmt::Debug for Account {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({} of {})", self.user, self.account)
    }
}

impl fmt::Debug for AuthRule {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("Off"),
            Self::Any => f.write_str("Any"),
            Self::Table(accounts) => f.debug_tuple("Table").field(accounts).finish(),
            Self::RefuseAll => f.write_str("RefuseAll"),
        }
    }
}

impl FromStr for AuthRule {
    type Err = String;

    /// Reads `off`, `any`, `refuse`, or `USER:SECRET[=ACCOUNT]` pairs joined by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => return Ok(Self::Off),
            "any" => return Ok(Self::Any),
            "refuse" => return Ok(Self::RefuseAll),
            _ => {}
        }
        let account = |row: &str| {
            let (user, rest) = row
                .split_once(':')
                .ok_or("the rule for AUTH is `off`, `any`, `refuse` or USER:SECRET[=ACCOUNT],…".to_owned())?;
            let (secret, account) = rest.split_once('=').unwrap_or((rest, user));
            Ok(Account { user: user.to_owned(), secret: secret.to_owned(), account: account.to_owned() })
        };
        text.split(',').map(account).collect::<Result<_, String>>().map(Self::Table)
    }
}

/// What the reply to EHLO offers, besides STARTTLS (see [`TlsSetup`]) and AUTH (see [`AuthRule`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one switch for each keyword of EHLO")]
pub struct Extensions {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SIZE (RFC 1870), with the limit of [`SinkLimits::size_max`].
    pub size: bool,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            chunking: true,
            enhanced_status_codes: true,
            size: true,
        }
    }
}

impl Extensions {
    /// Nothing offered: the plain lock-step dialogue of RFC 5321.
    pub const NONE: Self = Self {
        pipelining: false,
        eight_bit_mime: false,
        smtputf8: false,
        chunking: false,
        enhanced_status_codes: false,
        size: false,
    };
}

/// Bounds on what a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkLimits {
    /// Octets of one mail; announced with SIZE.
    pub size_max: u64,
    /// Recipients of one mail.
    pub recipients_max: usize,
    /// Open connections; a further one gets 421 and is closed.
    pub connections_max: usize,
    /// Mails whose bytes are kept ([`Keep::Headers`], [`Keep::Full`]); the oldest go first.
    pub kept_mails_max: usize,
    /// Octets of all kept mails together; the oldest go first.
    pub kept_octets_max: usize,
}

impl Default for SinkLimits {
    fn default() -> Self {
        Self {
            size_max: 35 << 20,
            recipients_max: 1000,
            connections_max: 10_000,
            kept_mails_max: 5000,
            kept_octets_max: 256 << 20,
        }
    }
}

/// How much of each mail stays, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// The log entry without a digest: only the header block is looked at.
    Nothing,
    /// The log entry with the digest of the content.
    Digest,
    /// The digest, and the header block's bytes.
    Headers,
    /// The digest, and all bytes.
    Full,
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nothing" => Ok(Self::Nothing),
            "digest" => Ok(Self::Digest),
            "headers" => Ok(Self::Headers),
            "full" => Ok(Self::Full),
            _ => Err(format!("`{text}` is none of nothing, digest, headers, full")),
        }
    }
}

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogMode {
    /// Counters only.
    Counters,
    /// Memory: about 150 octets a mail.
    Memory,
    /// One JSON object a line, appended; written before the reply to the mail is.
    File(PathBuf),
    /// Both.
    MemoryAndFile(PathBuf),
}

impl LogMode {
    /// True when entries stay in memory.
    #[must_use]
    pub fn in_memory(&self) -> bool {
        matches!(self, Self::Memory | Self::MemoryAndFile(_))
    }

    /// The file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(path) | Self::MemoryAndFile(path) => Some(path),
            Self::Counters | Self::Memory => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_rules_read_from_text_and_hide_secrets() {
        let check = |text: &str, shown: &str| {
            let rule = text.parse::<AuthRule>().map(|rule| format!("{rule:?}"));
            assert_eq!(rule.as_deref().unwrap_or("error"), shown, "{text}");
        };
        check("off", "Off");
        check("any", "Any");
        check("refuse", "RefuseAll");
        check("apikey:s1=alpha,apikey:s2=beta", "Table([Account(apikey of alpha), Account(apikey of beta)])");
        check("user:pw", "Table([Account(user of user)])");
        check("nonsense", "error");
    }
}
