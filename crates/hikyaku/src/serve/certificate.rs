//! The certificate of what listens: the configured one, or a self-signed one that is made once and kept in the data
//! folder, for quick starts. Whoever connects to a self-signed one must be told to believe it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::config::Tls;

/// The self-signed certificate in the data folder.
const CERTIFICATE_FILE: &str = "self-signed.pem";
/// Its private key.
const KEY_FILE: &str = "self-signed.key";

/// A certificate ready to be shown.
pub struct Certificate {
    /// For servers.
    pub config: Arc<ServerConfig>,
    /// Where a self-signed one lies.
    pub self_signed: Option<PathBuf>,
}

/// Loads what is configured, or makes one for these names.
pub fn load(tls: &Tls, folder: &Path, names: &[String]) -> anyhow::Result<Certificate> {
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            Ok(Certificate { config: server(certificate, key)?, self_signed: None })
        }
        _ => {
            let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
            if !certificate.is_file() || !key.is_file() {
                make(&certificate, &key, names)?;
            }
            Ok(Certificate { config: server(&certificate, &key)?, self_signed: Some(certificate) })
        }
    }
}

fn server(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let place = || format!("the certificate {}", certificate.display());
    let chain = CertificateDer::pem_file_iter(certificate).with_context(place)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().with_context(place)?;
    let of_key = || format!("the private key {}", key.display());
    let key = PrivateKeyDer::from_pem_file(key).with_context(of_key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS versions")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(place)?;
    Ok(Arc::new(config))
}

fn make(certificate: &Path, key: &Path, names: &[String]) -> anyhow::Result<()> {
    let made =
        rcgen::generate_simple_self_signed(names.to_vec()).context("making a self-signed certificate")?;
    write(key, made.signing_key.serialize_pem().as_bytes(), 0o600)?;
    write(certificate, made.cert.pem().as_bytes(), 0o644)
}

fn write(path: &Path, octets: &[u8], mode: u32) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(octets).and_then(|()| file.sync_all()));
    written.with_context(|| path.display().to_string())
}
