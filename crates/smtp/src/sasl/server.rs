//! The server's side of each mechanism: from the client's words to a user and a proof.
//!
//! Leaves to the shell whether the proof is good.

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{Mechanism, cram_digest};

/// What a client showed to prove who it is. Prints as nothing.
pub enum Proof {
    /// The secret itself.
    Secret(SecretString),
    /// The answer to a CRAM-MD5 challenge.
    CramMd5 {
        /// The challenge that was given.
        challenge: String,
        /// The client's digest, in hexadecimal.
        digest: String,
    },
}

impl Proof {
    /// True when the client knows `secret`. Takes the same time wherever the difference is.
    #[must_use]
    pub fn matches(&self, secret: &SecretString) -> bool {
        match self {
            Self::Secret(given) => same(given.expose_secret(), secret.expose_secret()),
            Self::CramMd5 { challenge, digest } => cram_digest(challenge.as_bytes(), secret.expose_secret())
                .is_some_and(|due| same(&due, digest)),
        }
    }

    /// The secret, where the mechanism shows it.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::CramMd5 { .. } => None,
        }
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof(…)")
    }
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// What a server does next in an exchange.
pub(crate) enum Next {
    /// Say 334 with this, in base64.
    Challenge(String),
    /// Ask the shell.
    Done { user: String, proof: Proof },
    /// The client's words are malformed.
    Malformed,
}

/// One authentication under way.
pub(crate) struct Exchange {
    pub mechanism: Mechanism,
    challenge: String,
    user: Option<String>,
}

impl Exchange {
    /// `challenge` is the CRAM-MD5 challenge.
    pub fn new(mechanism: Mechanism, challenge: &str) -> Self {
        Self { mechanism, challenge: challenge.to_owned(), user: None }
    }

    /// What to say when the client gave no initial response.
    pub fn open(&self) -> Next {
        Next::Challenge(match self.mechanism {
            Mechanism::Login => "Username:".to_owned(),
            Mechanism::CramMd5 => self.challenge.clone(),
            _ => String::new(),
        })
    }

    /// The client's decoded words.
    pub fn take(&mut self, words: Vec<u8>) -> Next {
        let words = Zeroizing::new(words);
        let Ok(words) = std::str::from_utf8(&words) else { return Next::Malformed };
        let result = match self.mechanism {
            Mechanism::Plain => parse_plain(words),
            Mechanism::XOAuth2 => parse_xoauth2(words),
            Mechanism::OAuthBearer => parse_oauthbearer(words),
            Mechanism::CramMd5 => words.rsplit_once(' ').map(|(user, digest)| {
                let proof =
                    Proof::CramMd5 { challenge: self.challenge.clone(), digest: digest.to_ascii_lowercase() };
                (user.to_owned(), proof)
            }),
            Mechanism::Login => match self.user.take() {
                Some(user) => Some((user, secret_proof(words))),
                None => {
                    self.user = Some(words.to_owned());
                    return Next::Challenge("Password:".to_owned());
                }
            },
        };
        result.map_or(Next::Malformed, |(user, proof)| Next::Done { user, proof })
    }
}

fn secret_proof(secret: &str) -> Proof {
    Proof::Secret(SecretString::from(secret))
}

/// RFC 4616: authorization identity, NUL, user, NUL, password. Acting for another identity is refused.
fn parse_plain(words: &str) -> Option<(String, Proof)> {
    let mut parts = words.split('\0');
    let (acting_for, user, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let fine = parts.next().is_none() && !user.is_empty() && (acting_for.is_empty() || acting_for == user);
    fine.then(|| (user.to_owned(), secret_proof(secret)))
}

fn parse_xoauth2(words: &str) -> Option<(String, Proof)> {
    let (user, rest) = words.strip_prefix("user=")?.split_once('\x01')?;
    let token = rest.strip_prefix("auth=Bearer ")?.strip_suffix("\x01\x01")?;
    Some((user.to_owned(), secret_proof(token)))
}

/// RFC 7628 section 3.1.
fn parse_oauthbearer(words: &str) -> Option<(String, Proof)> {
    let (header, pairs) = words.split_once('\x01')?;
    let user = header.strip_prefix("n,a=")?.strip_suffix(',')?;
    let token = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth=Bearer "))?;
    Some((user.replace("=2C", ",").replace("=3D", "="), secret_proof(token)))
}
