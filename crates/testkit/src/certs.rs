//! Certificates for tests: an authority of our own, and server certificates that are right or wrong on purpose.
//!
//! Made anew for each caller; nothing is read from or written to disk unless [`Authority::write_ca`] is asked.
//! Keys are throw-away and good for nothing else.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::sink::{TlsMode, TlsSetup};

/// A certificate could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// Key or certificate generation failed.
    #[error("making a certificate failed: {0}")]
    Generate(#[from] rcgen::Error),
    /// rustls refused what was made.
    #[error("the TLS library refused the certificate: {0}")]
    Configure(#[from] rustls::Error),
}

/// A certificate authority that exists for one test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server certificate with its key, issued by an [`Authority`].
#[derive(Clone)]
pub struct Certificates {
    /// The chain in PEM: the server's certificate, then the authority's.
    pub chain_pem: String,
    /// The private key in PEM (PKCS #8).
    pub key_pem: String,
    der: CertificateDer<'static>,
    config: Arc<rustls::ServerConfig>,
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// When key generation fails.
    pub fn generate() -> Result<Self, CertsError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        // A name of its own, so that a foreign authority is unknown, not known with a bad signature.
        let number: String =
            key.public_key_raw().iter().rev().take(8).map(|octet| format!("{octet:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, format!("testkit authority {number}"));
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key)? })
    }

    /// The authority's certificate in PEM, for a client's trust store.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate in DER.
    #[must_use]
    pub fn ca_der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Writes [`Self::ca_pem`] to a file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_ca(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.ca_pem())
    }

    /// A root store that trusts this authority alone.
    ///
    /// # Errors
    /// When rustls refuses the certificate.
    pub fn root_store(&self) -> Result<rustls::RootCertStore, CertsError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca_der())?;
        Ok(roots)
    }

    /// A certificate for `localhost`, 127.0.0.1 and ::1, valid now.
    ///
    /// # Errors
    /// When generation fails.
    pub fn localhost(&self) -> Result<Certificates, CertsError> {
        self.issue(&["localhost", "127.0.0.1", "::1"], (2020, 2100))
    }

    /// The same, but its validity ended in 2021.
    ///
    /// # Errors
    /// When generation fails.
    pub fn expired(&self) -> Result<Certificates, CertsError> {
        self.issue(&["localhost", "127.0.0.1", "::1"], (2020, 2021))
    }

    /// Valid now, but for `elsewhere.example` only.
    ///
    /// # Errors
    /// When generation fails.
    pub fn wrong_host(&self) -> Result<Certificates, CertsError> {
        self.issue(&["elsewhere.example"], (2020, 2100))
    }

    /// A certificate for these names, valid from the first day of one year to that of another.
    ///
    /// # Errors
    /// When a name is none, or generation fails.
    pub fn issue(&self, names: &[&str], years: (i32, i32)) -> Result<Certificates, CertsError> {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())?;
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or_default());
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.ca_der()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private_key)?;
        Ok(Certificates {
            chain_pem: format!("{}{}", certificate.pem(), self.ca_pem()),
            key_pem: key.serialize_pem(),
            der: certificate.der().clone(),
            config: Arc::new(config),
        })
    }
}

impl Certificates {
    /// The server's certificate in DER.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.der.clone()
    }

    /// The server side's configuration.
    #[must_use]
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What [`crate::sink::SinkConfig::tls`] takes.
    #[must_use]
    pub fn setup(&self, mode: TlsMode) -> TlsSetup {
        TlsSetup { mode, config: self.server_config() }
    }
}
