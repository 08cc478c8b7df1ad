//! The TLS configuration of one relay actor. Each has its own session ticket store, for the library keys tickets
//! by server name alone, and a ticket of one account must never open a session of another.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsTrust {
    /// The machine's certificate store.
    System,
    /// Only the authorities of this PEM file.
    File(PathBuf),
    /// Only the authorities of this PEM text.
    Pem(Arc<str>),
}

/// Why no trust could be made.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read or holds no certificate.
    #[error("the certificate file {path} cannot be used: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The text that was stored holds no certificate.
    #[error("the authorities that the release was frozen with cannot be used: {reason}")]
    Text {
        /// What was wrong.
        reason: String,
    },
    /// The machine has no usable certificate store.
    #[error(
        "this machine has no certificate store ({reason}); install ca-certificates or name a file with --relay-ca"
    )]
    NoSystemStore {
        /// What was wrong.
        reason: String,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// Tickets that an actor keeps, for its own server only.
const TICKETS_MAX: usize = 64;

/// A configuration with a ticket store of its own.
///
/// # Errors
/// When the trust cannot be read.
pub fn client_config(trust: &TlsTrust) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(trust)?)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(TICKETS_MAX);
    Ok(Arc::new(config))
}

/// The authorities that are believed.
///
/// # Errors
/// When they cannot be read.
pub fn roots(trust: &TlsTrust) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    match trust {
        TlsTrust::System => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let reason =
                    found.errors.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
                return Err(TrustError::NoSystemStore { reason });
            }
        }
        TlsTrust::Pem(text) => {
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
                let refused = |reason: String| TrustError::Text { reason };
                roots
                    .add(certificate.map_err(|e| refused(e.to_string()))?)
                    .map_err(|e| refused(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(TrustError::Text { reason: "it holds no certificate".to_owned() });
            }
        }
        TlsTrust::File(path) => {
            let refused = |reason: String| TrustError::File { path: path.clone(), reason };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refused(e.to_string()))? {
                let certificate = certificate.map_err(|e| refused(e.to_string()))?;
                roots.add(certificate).map_err(|e| refused(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(refused("it holds no certificate".to_owned()));
            }
        }
    }
    Ok(roots)
}
