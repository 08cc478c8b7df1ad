//! Who answers at the other end of a direct link: judged by what the domain demands, and said for the evidence.
//!
//! Each link has a configuration of its own without tickets: a resumed session would skip this judgement.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use domain::direct::dane::names_to_check;
use domain::direct::{Forms, Presented, TlsaRecord};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::link::LinkEvidence;
use super::route::Demand;
use crate::relay::tls::TrustError;

/// Certificates of a chain that are looked at.
const CHAIN_MAX: usize = 16;

/// Judges by the public authorities.
pub fn web(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    below(roots).map_err(|error| TrustError::Library(Error::General(error)))
}

fn below(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, String> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    builder.build().map_err(|error| error.to_string())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The configuration of one link.
pub fn client_config(
    web: &Arc<WebPkiServerVerifier>,
    demand: Demand,
    domain: &str,
    evidence: &Arc<LinkEvidence>,
) -> Result<Arc<ClientConfig>, Error> {
    let verifier = LinkVerifier {
        web: Arc::clone(web),
        demand,
        domain: domain.to_owned(),
        evidence: Arc::clone(evidence),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Judges one link.
#[derive(Debug)]
struct LinkVerifier {
    web: Arc<WebPkiServerVerifier>,
    demand: Demand,
    domain: String,
    evidence: Arc<LinkEvidence>,
}

/// What a server showed.
struct Shown<'a> {
    certificate: &'a CertificateDer<'a>,
    chain: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
    now: UnixTime,
}

impl LinkVerifier {
    fn judge(&self, shown: &Shown<'_>) -> Result<String, Error> {
        let by_web = || {
            let Shown { certificate, chain, name, now } = shown;
            self.web.verify_server_cert(certificate, chain, name, &[], *now)
        };
        match &self.demand {
            Demand::Opportunistic | Demand::Encrypted => Ok(match by_web() {
                Ok(_) => "the certificate is valid for the host".to_owned(),
                Err(error) => format!("the certificate proves nothing: {error}"),
            }),
            Demand::MtaSts => {
                by_web().map(|_| "the certificate is valid for the host, as MTA-STS asks".to_owned())
            }
            Demand::Dane(records) => self.by_dane(records, shown),
        }
    }

    fn by_dane(&self, records: &[TlsaRecord], shown: &Shown<'_>) -> Result<String, Error> {
        let words =
            |record: &TlsaRecord| format!("DANE {} {} {}", record.usage, record.selector, record.matching);
        let own = Seen::of(shown.certificate)?;
        let end_entity = records.iter().filter(|record| record.is_end_entity());
        if let Some(record) = end_entity.into_iter().find(|record| record.names(&own.presented())) {
            return Ok(format!("the certificate is the one that the DNS names ({})", words(record)));
        }
        let mut failure = "no TLSA record names the certificate or one of its authorities".to_owned();
        for record in records.iter().filter(|record| !record.is_end_entity()) {
            match self.by_anchor(record, shown) {
                Ok(true) => {
                    return Ok(format!(
                        "the certificate is of the authority that the DNS names ({})",
                        words(record)
                    ));
                }
                Ok(false) => {}
                Err(error) => failure = format!("below the authority that the DNS names: {error}"),
            }
        }
        Err(Error::General(format!("DANE: {failure}")))
    }

    /// True when the record names an authority of the chain, or is one itself, and the certificate is valid below it.
    fn by_anchor(&self, record: &TlsaRecord, shown: &Shown<'_>) -> Result<bool, Error> {
        let mut anchors: Vec<CertificateDer<'_>> = Vec::new();
        for certificate in shown.chain.iter().take(CHAIN_MAX) {
            if record.names(&Seen::of(certificate)?.presented()) {
                anchors.push(certificate.clone());
            }
        }
        if anchors.is_empty() && (record.selector, record.matching) == (0, 0) {
            anchors.push(CertificateDer::from(record.data.as_slice()));
        }
        let Some(anchor) = anchors.first() else { return Ok(false) };
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone())?;
        let verifier = below(roots).map_err(Error::General)?;
        let ServerName::DnsName(host) = shown.name else { return Ok(false) };
        let mut failure = Error::General("the certificate bears no name".to_owned());
        for name in names_to_check(host.as_ref(), &self.domain) {
            let Ok(name) = ServerName::try_from(name.to_owned()) else { continue };
            match verifier.verify_server_cert(shown.certificate, shown.chain, &name, &[], shown.now) {
                Ok(_) => return Ok(true),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl ServerCertVerifier for LinkVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let words = self.judge(&Shown { certificate, chain, name, now })?;
        self.evidence.judged(words);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.web.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}

/// A certificate with its key, in all the forms in which a record may name them.
struct Seen<'a> {
    certificate: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Seen<'a> {
    fn of(certificate: &'a CertificateDer<'_>) -> Result<Self, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Self { certificate: certificate.as_ref(), key: key.as_ref().to_vec() })
    }

    fn presented(&self) -> Presented<'_> {
        Presented { certificate: forms(self.certificate), key: forms(&self.key) }
    }
}

fn forms(whole: &[u8]) -> Forms<'_> {
    let (mut sha256, mut sha512) = ([0; 32], [0; 64]);
    sha256.copy_from_slice(digest(&SHA256, whole).as_ref());
    sha512.copy_from_slice(digest(&SHA512, whole).as_ref());
    Forms { whole, sha256, sha512 }
}
