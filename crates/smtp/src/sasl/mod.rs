//! SASL as SMTP uses it (RFC 4954): which mechanisms there are, and both sides' words.
//!
//! Leaves line framing and reply codes to the two machines, and who may log in to the shell. Secrets appear in
//! no `Debug`.

pub(crate) mod client;
pub(crate) mod server;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use smtp_proto::{AUTH_CRAM_MD5, AUTH_LOGIN, AUTH_OAUTHBEARER, AUTH_PLAIN, AUTH_XOAUTH2};

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The undocumented but usual one (draft-murchison-sasl-login).
    Login,
    /// RFC 2195: the secret itself does not cross the link.
    CramMd5,
    /// Google's and Microsoft's bearer token; the secret is the access token.
    XOAuth2,
    /// RFC 7628; the secret is the access token.
    OAuthBearer,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Login, Self::CramMd5, Self::XOAuth2, Self::OAuthBearer];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// True when whoever reads the link learns the secret.
    #[must_use]
    pub const fn shows_secret(self) -> bool {
        !matches!(self, Self::CramMd5)
    }

    /// The bit by which `smtp-proto` names it.
    pub(crate) const fn bit(self) -> u64 {
        match self {
            Self::Plain => AUTH_PLAIN,
            Self::Login => AUTH_LOGIN,
            Self::CramMd5 => AUTH_CRAM_MD5,
            Self::XOAuth2 => AUTH_XOAUTH2,
            Self::OAuthBearer => AUTH_OAUTHBEARER,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Mechanism {
    type Err = ();

    /// Reads the name in any case.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// The hexadecimal HMAC-MD5 that CRAM-MD5 answers a challenge with.
pub(crate) fn cram_digest(challenge: &[u8], secret: &str) -> Option<String> {
    let mut mac = Hmac::<Md5>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(challenge);
    let octets = mac.finalize().into_bytes();
    Some(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// Base64 with padding (RFC 4954 section 4).
pub(crate) fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// The inverse of [`encode`], strict.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cram_md5_of_rfc_2195() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        assert_eq!(
            cram_digest(challenge, "tanstaaftanstaaf").as_deref(),
            Some("b913a602c7eda7a495b4e6e7334d3890")
        );
    }

    #[test]
    fn names_read_back() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.name().to_lowercase().parse(), Ok(mechanism));
        }
        assert_eq!("DIGEST-MD5".parse::<Mechanism>(), Err(()));
    }
}
