//! The client's words of each mechanism.
//!
//! Leaves base64 and the lines to the caller. Invariant: each exchange has an end; a server that asks for more
//! gets nothing.

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{Mechanism, cram_digest};
use crate::client::Credentials;

/// One authentication under way.
pub(crate) struct Exchange {
    pub mechanism: Mechanism,
    step: u8,
    began: bool,
}

/// Octets that hold a secret.
pub(crate) type SecretOctets = Zeroizing<Vec<u8>>;

impl Exchange {
    pub fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, step: 0, began: false }
    }

    /// The initial response, for mechanisms in which the client speaks first.
    pub fn initial_response(&self, credentials: &Credentials) -> Option<SecretOctets> {
        let (user, secret) = (&credentials.user, credentials.secret.expose_secret());
        let text = match self.mechanism {
            Mechanism::Plain => format!("\0{user}\0{secret}"),
            Mechanism::XOAuth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            Mechanism::OAuthBearer => {
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01auth=Bearer {secret}\x01\x01")
            }
            Mechanism::Login | Mechanism::CramMd5 => return None,
        };
        Some(Zeroizing::new(text.into_bytes()))
    }

    /// The initial response as the answer to the first challenge, where it did not fit the command.
    pub fn late_initial_response(
        &mut self,
        credentials: &Credentials,
        fits_command: impl Fn(Mechanism, &[u8]) -> bool,
    ) -> Option<SecretOctets> {
        if std::mem::replace(&mut self.began, true) {
            return None;
        }
        self.initial_response(credentials).filter(|initial| !fits_command(self.mechanism, initial))
    }

    /// The answer to a challenge; `None` when the exchange is over and the server should have decided.
    pub fn respond(&mut self, challenge: &[u8], credentials: &Credentials) -> Option<SecretOctets> {
        let secret = credentials.secret.expose_secret();
        self.step += 1;
        let answer = match (self.mechanism, self.step) {
            (Mechanism::Login, 1) => credentials.user.clone().into_bytes(),
            (Mechanism::Login, 2) => secret.as_bytes().to_vec(),
            (Mechanism::CramMd5, 1) => {
                format!("{} {}", credentials.user, cram_digest(challenge, secret)?).into_bytes()
            }
            // The challenge holds an error; the server wants an answer before it says 535.
            (Mechanism::XOAuth2, 1) => Vec::new(),
            (Mechanism::OAuthBearer, 1) => vec![1],
            _ => return None,
        };
        Some(Zeroizing::new(answer))
    }
}
