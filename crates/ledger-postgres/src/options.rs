//! How the server is reached; the defaults are the ones to send with.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use ledger::LedgerError;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How the connection to the server is protected, by libpq's words for `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// In clear text.
    Disable,
    /// Encrypted where the server can, without looking at who it is.
    #[default]
    Prefer,
    /// Encrypted, without looking at who it is.
    Require,
    /// Encrypted, by a server whose certificate is trusted and bears its name.
    VerifyFull,
}

impl TlsMode {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// How to open the books. `Debug` hides the password.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    /// A file with the certificates that [`TlsMode::VerifyFull`] trusts; `None`: those of the operating system.
    pub root_certificates: Option<PathBuf>,
    /// The schema that holds the books: lower-case letters, digits and `_`. It is made when it does not exist.
    pub schema: String,
    /// Connections at most.
    pub connections_max: usize,
    /// How long a connection may take to open, or to come free.
    pub connect_max: Duration,
}

impl PostgresOptions {
    /// From a connection string, as libpq has them: `postgresql://…` or `host=… user=…`; with `sslmode` (`disable`,
    /// `prefer`, `require`, `verify-full`) and `sslrootcert`.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] for a string that is malformed or asks for another `sslmode`; it is not repeated.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let unfit = |reason: String| LedgerError::Unfit { reason };
        let (text, mode) = take(text, "sslmode");
        let (text, root_certificates) = take(&text, "sslrootcert");
        let tls = match mode {
            None => TlsMode::default(),
            Some(word) => TlsMode::from_word(&word)
                .ok_or_else(|| unfit("sslmode is disable, prefer, require or verify-full".to_owned()))?,
        };
        let config = Config::from_str(&text)
            .map_err(|error| unfit(format!("the connection string cannot be read: {error}")))?;
        Ok(Self { root_certificates: root_certificates.map(PathBuf::from), ..Self::new(config, tls) })
    }

    /// The password, in place of one in the connection string.
    pub fn set_password(&mut self, password: &str) {
        self.config.password(password);
    }

    /// Where the books are, without secrets: `host:port/database`.
    #[must_use]
    pub fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| {
            let ports = self.config.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{}/{name}", hosts.collect::<Vec<_>>().join(","))
    }

    /// How long a new connection may take: each host its own time, and the one that answers the like for its handshake.
    pub(crate) fn create_max(&self) -> Duration {
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        self.connect_max.saturating_mul(hosts.saturating_add(1))
    }

    /// From the driver's own options.
    #[must_use]
    pub fn new(mut config: Config, tls: TlsMode) -> Self {
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
        });
        let connect_max = Duration::from_secs(10);
        if config.get_application_name().is_none() {
            config.application_name("hikyaku");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(connect_max);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(30));
        }
        // A host that falls silent owes an answer for ever; the system's two hours are no time to wait for one.
        if config.get_keepalives_idle() == KEEPALIVES_SYSTEM {
            config.keepalives_idle(Duration::from_secs(10));
            config.keepalives_interval(Duration::from_secs(5));
            config.keepalives_retries(3);
        }
        // Of several hosts the one that is no standby; after a change of roles, the new one.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let schema = "hikyaku".to_owned();
        Self { config, tls, root_certificates: None, schema, connections_max: 16, connect_max }
    }
}

/// What the driver takes where nothing is said.
const KEEPALIVES_SYSTEM: Duration = Duration::from_secs(2 * 60 * 60);

/// Takes one parameter out of a connection string: the rest, and its value.
fn take(text: &str, name: &str) -> (String, Option<String>) {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let (ends, starts) = if is_url { ('&', ['?', '&']) } else { (' ', [' ', '\n']) };
    let found = text.match_indices(name).find(|(at, _)| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| starts.contains(&c)) && text[at + name.len()..].starts_with('=')
    });
    let Some((at, _)) = found else { return (text.to_owned(), None) };
    let value = text[at + name.len() + 1..].split(ends).next().unwrap_or_default();
    let rest = text[at + name.len() + 1 + value.len()..].trim_start_matches(ends);
    (format!("{}{rest}", &text[..at]).trim_end_matches(['?', '&', ' ']).to_owned(), Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, mode: TlsMode, host: &str, root: Option<&str>) {
        let options = PostgresOptions::parse(text).expect(text);
        assert_eq!(options.tls, mode, "{text}");
        let hosts = format!("{:?}", options.config.get_hosts());
        assert!(hosts.contains(host), "{text}: {hosts}");
        assert_eq!(options.root_certificates, root.map(PathBuf::from), "{text}");
    }

    #[test]
    fn both_forms_are_read() {
        check("host=db user=a", TlsMode::Prefer, "db", None);
        check("host=db sslmode=disable user=a", TlsMode::Disable, "db", None);
        check(
            "sslmode=verify-full host=db sslrootcert=/a/ca.pem",
            TlsMode::VerifyFull,
            "db",
            Some("/a/ca.pem"),
        );
        check("postgresql://a@db/books?sslmode=require", TlsMode::Require, "db", None);
        check(
            "postgres://a:b@db/books?sslmode=verify-full&application_name=x&sslrootcert=/a/ca.pem",
            TlsMode::VerifyFull,
            "db",
            Some("/a/ca.pem"),
        );
    }

    #[test]
    fn of_several_hosts_the_primary_is_meant() {
        let text = "postgres://a@one:6000,two:6001/books?target_session_attrs=any&sslmode=disable";
        let options = PostgresOptions::parse(text).expect(text);
        assert_eq!(options.place(), "one:6000,two:6001/books");
        assert_eq!(options.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn a_silent_host_is_noticed_and_every_host_has_its_time() {
        let text = "postgres://a@one:6000,two:6001/books?sslmode=disable";
        let options = PostgresOptions::parse(text).expect(text);
        assert_eq!(options.config.get_keepalives_idle(), Duration::from_secs(10));
        let connecting = options.config.get_connect_timeout().copied().expect("a limit");
        assert!(options.create_max() > 2 * connecting, "the second host is tried too");
        let text = "host=db keepalives_idle=60 sslmode=disable";
        let options = PostgresOptions::parse(text).expect(text);
        assert_eq!(options.config.get_keepalives_idle(), Duration::from_secs(60), "as was asked for");
    }

    #[test]
    fn a_place_names_no_secret() {
        let mut options =
            PostgresOptions::parse("postgres://a:secret1@db:6000/books?sslmode=disable").expect("it");
        options.set_password("secret2");
        assert_eq!(options.place(), "db:6000/books");
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn others_are_refused_without_their_secrets() {
        for text in [
            "host=db sslmode=verify-ca password=secret1",
            "postgresql://a:secret1@db/b?port=x&sslmode=prefer",
        ] {
            let error = PostgresOptions::parse(text).expect_err(text).to_string();
            assert!(!error.contains("secret1"), "{error}");
        }
        let shown = format!("{:?}", PostgresOptions::parse("host=db password=secret1"));
        assert!(!shown.contains("secret1"), "{shown}");
    }
}
