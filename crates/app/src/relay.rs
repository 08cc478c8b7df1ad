//! A relay as people name it: `smtp://USER:PASS@HOST:PORT?tls=…&auth=…`, parsed once into types.
//!
//! The secret goes into a type that prints as nothing. What the relay allows comes from its kind and the caller's
//! own limits; opening connections is the engine's.

use domain::LinkSecurity;
use percent_encoding::percent_decode_str;
use smtp::{Mechanism, Secret};

/// Octets of a relay URL.
const URL_OCTETS_MAX: usize = 8192;

/// A parsed relay URL.
#[derive(Debug, Clone)]
pub struct RelayUrl {
    /// Host name or address (without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the link is protected.
    pub security: LinkSecurity,
    /// The user name; empty when the relay asks for none.
    pub user: String,
    /// The secret in the URL, if there was one.
    pub secret: Option<Secret>,
    /// The one mechanism to use; `None`: the best that is offered.
    pub mechanism: Option<Mechanism>,
}

/// Why a relay URL cannot be used. Never quotes the URL, for it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--relay: {0}; write smtp://USER:PASS@HOST:PORT?tls=none|starttls|implicit")]
pub struct RelayUrlError(String);

impl RelayUrl {
    /// Parses a URL. Without `tls` STARTTLS is required; without a port it is 465 for `implicit`, else 587.
    ///
    /// # Errors
    /// The first thing that is wrong with it, never quoting its secret.
    pub fn parse(text: &str) -> Result<Self, RelayUrlError> {
        if text.len() > URL_OCTETS_MAX {
            return refuse("the URL is too long");
        }
        let rest =
            text.strip_prefix("smtp://").ok_or_else(|| error("the URL does not start with smtp://"))?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let place = place.strip_suffix('/').unwrap_or(place);
        if [login, place].iter().any(|part| part.contains(['/', '#', ' '])) {
            return refuse(
                "special characters of user and password must be percent-encoded (`/` is %2F, `@` is %40)",
            );
        }
        let settings = Settings::parse(query)?;
        let (host, port) = host_and_port(place)?;
        let default_port = if settings.security == LinkSecurity::Implicit { 465 } else { 587 };
        let (user, secret) = match login.split_once(':') {
            Some((user, secret)) => (decode(user)?, Some(Secret::from(decode(secret)?))),
            None => (decode(login)?, None),
        };
        if user.is_empty() && secret.is_some() {
            return refuse("there is a password but no user name");
        }
        Ok(Self {
            host,
            port: port.unwrap_or(default_port),
            security: settings.security,
            user,
            secret,
            mechanism: settings.mechanism,
        })
    }

    /// What stands in a relay's place on the direct route: one account of the tenant, whatever the receivers.
    #[must_use]
    pub fn direct() -> Self {
        Self {
            host: "direct".to_owned(),
            port: 0,
            security: LinkSecurity::StartTls,
            user: String::new(),
            secret: None,
            mechanism: None,
        }
    }

    /// `HOST:PORT`, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

struct Settings {
    security: LinkSecurity,
    mechanism: Option<Mechanism>,
}

impl Settings {
    fn parse(query: &str) -> Result<Self, RelayUrlError> {
        let mut settings = Self { security: LinkSecurity::StartTls, mechanism: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("tls", word) => {
                    settings.security = LinkSecurity::from_word(word)
                        .ok_or_else(|| error("`tls` is none of none, starttls, implicit"))?;
                }
                ("auth", word) => {
                    let mechanism = word
                        .parse()
                        .map_err(|()| error("`auth` is none of plain, login, cram-md5, xoauth2"))?;
                    settings.mechanism = Some(mechanism);
                }
                _ => return refuse("only `tls` and `auth` may stand after the `?`"),
            }
        }
        Ok(settings)
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), RelayUrlError> {
    let (host, port) = if let Some(bracketed) = place.strip_prefix('[') {
        let (host, rest) =
            bracketed.split_once(']').ok_or_else(|| error("the `[` of an IPv6 address is not closed"))?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return refuse("only an IPv6 address may stand in `[ ]`");
        }
        match rest {
            "" => (host, None),
            _ => (
                host,
                Some(rest.strip_prefix(':').ok_or_else(|| error("after `]` only `:PORT` may follow"))?),
            ),
        }
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'));
    if host.is_empty() || host.len() > 253 || !named {
        return refuse("the host is no host name or address");
    }
    let port = match port {
        None => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return refuse("the port is no number from 1 to 65535"),
        },
    };
    Ok((host.to_owned(), port))
}

fn decode(text: &str) -> Result<String, RelayUrlError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| error("user and password must be UTF-8 after percent-decoding"))?;
    if decoded.chars().any(char::is_control) {
        return refuse("user and password must not hold control characters");
    }
    Ok(decoded.into_owned())
}

fn error(reason: &str) -> RelayUrlError {
    RelayUrlError(reason.to_owned())
}

fn refuse<T>(reason: &str) -> Result<T, RelayUrlError> {
    Err(error(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp::ExposeSecret;

    fn check(url: &str, expected: Result<&str, &str>) {
        let shown = RelayUrl::parse(url).map(|r| {
            let secret = r.secret.as_ref().map_or("-", |s| s.expose_secret());
            let mechanism = r.mechanism.map_or("-", Mechanism::name);
            format!("{} {} {} {secret} {mechanism}", r.place(), r.security.word(), r.user)
        });
        let shown = shown.map_err(|e| e.0);
        match expected {
            Ok(text) => assert_eq!(shown.as_deref(), Ok(text), "{url}"),
            Err(part) => assert!(shown.as_ref().is_err_and(|e| e.contains(part)), "{url}: {shown:?}"),
        }
    }

    #[test]
    fn urls_parse() {
        check("smtp://u:p@h.example:25?tls=none", Ok("h.example:25 none u p -"));
        check("smtp://u:p@h.example", Ok("h.example:587 starttls u p -"));
        check(
            "smtp://u%40x.jp:p%3a%2f%40@h?tls=implicit&auth=cram-md5",
            Ok("h:465 implicit u@x.jp p:/@ CRAM-MD5"),
        );
        check("smtp://u:p@ss@h:1/", Ok("h:1 starttls u p@ss -"));
        check("smtp://[2001:db8::1]:25?tls=none", Ok("[2001:db8::1]:25 none  - -"));
        check("smtp://apikey@h", Ok("h:587 starttls apikey - -"));
    }

    #[test]
    fn faults_have_their_reason_and_no_secret() {
        check("smtps://h", Err("smtp://"));
        check("smtp://u:a/b@h", Err("percent-encoded"));
        check("smtp://u:p@h:0", Err("port"));
        check("smtp://u:p@h:99999", Err("port"));
        check("smtp://u:p@", Err("host"));
        check("smtp://:p@h", Err("no user name"));
        check("smtp://h?tls=ssl", Err("tls"));
        check("smtp://h?auth=digest", Err("auth"));
        check("smtp://h?x=1", Err("only"));
        check("smtp://[::1", Err("not closed"));
        check("smtp://[h]:25", Err("IPv6"));
        check("smtp://u:p%0d%0a@h", Err("control"));
        let error = RelayUrl::parse("smtp://u:hunter2/x@h").map(|_| ()).map_err(|e| e.to_string());
        assert!(error.is_err_and(|text| !text.contains("hunter2")));
        let shown = RelayUrl::parse("smtp://u:hunter2@h").map(|url| format!("{url:?}"));
        assert!(shown.is_ok_and(|text| !text.contains("hunter2")));
    }
}
