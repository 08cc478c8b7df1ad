//! Private keys for DKIM, and what each algorithm calls itself.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::{DkimError, sha256};

/// A private key.
pub(super) enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Key {
    /// Reads the first private key of a PEM text.
    pub(super) fn from_pem(pem: &str) -> Result<Self, DkimError> {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| DkimError::Pem)? {
            PrivateKeyDer::Pkcs1(der) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()),
            PrivateKeyDer::Pkcs8(der) => match Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()) {
                Ok(pair) => Ok(Self::Ed25519(Box::new(pair))),
                Err(_) => rsa(RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()),
            },
            _ => Err(DkimError::Key),
        }
    }

    /// The value of `a=`.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The value of `k=` in DNS.
    pub(super) fn dns_name(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa",
            Self::Ed25519(_) => "ed25519",
        }
    }

    /// The octets of `p=` in DNS: SubjectPublicKeyInfo for RSA, the bare key for Ed25519 (RFC 8463 section 4.2).
    pub(super) fn public_octets(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let der: Result<PublicKeyX509Der<'_>, _> = pair.public_key().as_der();
                der.map(|d| d.as_ref().to_vec()).unwrap_or_default()
            }
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// Signs the canonical header (RFC 6376 section 3.7; Ed25519 signs its SHA-256, RFC 8463 section 3).
    pub(super) fn sign(&self, canonical: &[u8]) -> Result<Vec<u8>, DkimError> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // PKCS #1 v1.5 is deterministic: the generator is part of the interface, not of the signature.
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), canonical, &mut signature)
                    .map_err(|_| DkimError::Sign)?;
                Ok(signature)
            }
            Self::Ed25519(pair) => Ok(pair.sign(&sha256(canonical)).as_ref().to_vec()),
        }
    }
}

fn rsa(pair: Option<RsaKeyPair>) -> Result<Key, DkimError> {
    pair.map(|pair| Key::Rsa(Box::new(pair))).ok_or(DkimError::Key)
}
