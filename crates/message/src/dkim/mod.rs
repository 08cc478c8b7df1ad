//! Signs mails with DKIM (RFC 6376), RSA-SHA256 or Ed25519-SHA256 (RFC 8463), relaxed/relaxed.
//!
//! Works on a head and a tail without joining them. Whether the signer's domain is the author's is the caller's
//! business. The key never appears in `Debug`, errors or output.

mod canonical;
mod key;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;

use crate::digest::Sha256;
use canonical::BodyHash;
use key::Key;

/// Fields that are signed where present. `From` is signed once more than it occurs, so that no second one can be
/// added (RFC 6376 section 8.15).
const SIGNED: &[&str] = &[
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Signs for one domain and selector.
pub struct DkimSigner {
    domain: String,
    selector: String,
    key: Key,
}

/// Why nothing can be signed. Never quotes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DkimError {
    /// Not a domain name in its ASCII form.
    #[error("the DKIM domain is not a domain name in ASCII form")]
    Domain,
    /// Not a selector (RFC 6376 section 3.1).
    #[error("the DKIM selector may have only letters, digits, hyphens and dots")]
    Selector,
    /// No PEM private key.
    #[error(
        "the DKIM key is not a PEM file with a private key (`BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`)"
    )]
    Pem,
    /// Neither RSA of 2,048 to 8,192 bits nor Ed25519.
    #[error("the DKIM key must be RSA of 2048 to 8192 bits or Ed25519")]
    Key,
    /// The head has no blank line, or no From field.
    #[error("the message has no complete header with a From field")]
    Message,
    /// The signature failed.
    #[error("the DKIM signature could not be computed")]
    Sign,
}

impl DkimSigner {
    /// A signer with an RSA or Ed25519 key in PEM (PKCS #8, for RSA also PKCS #1).
    ///
    /// # Errors
    /// When the domain, the selector or the key is unusable.
    pub fn new(domain: &str, selector: &str, key_pem: &str) -> Result<Self, DkimError> {
        if !is_name(domain) || !domain.contains('.') {
            return Err(DkimError::Domain);
        }
        if !is_name(selector) {
            return Err(DkimError::Selector);
        }
        let key = Key::from_pem(key_pem)?;
        Ok(Self { domain: domain.to_ascii_lowercase(), selector: selector.to_owned(), key })
    }

    /// The domain that is signed for (`d=`).
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The text of the TXT record at `<selector>._domainkey.<domain>` (RFC 6376 section 3.6.1).
    #[must_use]
    pub fn dns_record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.key.dns_name(), STANDARD.encode(self.key.public_octets()))
    }

    /// The `DKIM-Signature` field, CRLF included, to be put before `head`. `at` becomes `t=`.
    ///
    /// # Errors
    /// When the head has no complete header, or the signature fails.
    pub fn sign(&self, head: &[u8], tail: &[u8], at: Timestamp) -> Result<Vec<u8>, DkimError> {
        let header_end = memchr::memmem::find(head, b"\r\n\r\n").ok_or(DkimError::Message)?;
        let header = head.get(..header_end + 2).ok_or(DkimError::Message)?;
        let mut body = BodyHash::new();
        body.update(head.get(header_end + 4..).unwrap_or_default());
        body.update(tail);
        let fields = canonical::fields(header);
        let (signed, names) = select(&fields)?;
        let mut field = self.unsigned_field(&names, &body.finish(), at);
        let mut canonical = signed;
        canonical::write_field(&field, &mut canonical);
        canonical.truncate(canonical.len().saturating_sub(2));
        let signature = self.key.sign(&canonical)?;
        append_folded(&STANDARD.encode(signature), &mut field);
        field.extend_from_slice(b"\r\n");
        Ok(field)
    }

    /// The field up to an empty `b=`.
    fn unsigned_field(&self, names: &str, body_hash: &[u8; 32], at: Timestamp) -> Vec<u8> {
        let seconds = at.as_millis().div_euclid(1000).max(0);
        format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n\td={};\r\n\ts={};\r\n\tt={seconds};\r\n\t\
             h={names};\r\n\tbh={};\r\n\tb=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            STANDARD.encode(body_hash),
        )
        .into_bytes()
    }
}

impl std::fmt::Debug for DkimSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DkimSigner")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .field("algorithm", &self.key.algorithm())
            .finish_non_exhaustive()
    }
}

/// The canonical form of the fields to sign and the value of `h=`, folded. Fields of one name are taken from the
/// last to the first (RFC 6376 section 5.4.2).
fn select(fields: &[canonical::Field<'_>]) -> Result<(Vec<u8>, String), DkimError> {
    let mut signed = Vec::with_capacity(1024);
    let mut names: Vec<&str> = Vec::new();
    for wanted in SIGNED {
        for field in fields.iter().rev().filter(|f| f.is_named(wanted)) {
            canonical::write_field(field.whole, &mut signed);
            names.push(wanted);
        }
    }
    if names.first() != Some(&"From") {
        return Err(DkimError::Message);
    }
    names.push("From");
    Ok((signed, names.chunks(5).map(|line| line.join(":")).collect::<Vec<_>>().join(":\r\n\t")))
}

/// Base64 in lines of 72.
fn append_folded(text: &str, out: &mut Vec<u8>) {
    for (index, line) in text.as_bytes().chunks(72).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n\t");
        }
        out.extend_from_slice(line);
    }
}

fn is_name(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// SHA-256 of one text.
fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(octets);
    sha.finish()
}
