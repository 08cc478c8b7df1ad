//! Everything that can be checked before anything is written: files, template over columns, key, every row.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use domain::Moment;
use message::Template;
use runtime::{Clock, Entropy};

use super::SendRequest;
use crate::error::AppError;
use crate::folder::DataFolder;
use crate::list::{ListFile, ListScan, RowCheck, ScanOptions, scan};
use crate::release::{ReleaseContent, release_name};
use crate::route::Signature;

/// Octets of a DKIM key file.
const KEY_OCTETS_MAX: u64 = 64 * 1024;
/// Characters of a release's name.
const NAME_MAX: usize = 200;

/// How mails are signed.
#[derive(Debug, Clone)]
pub struct DkimRequest {
    /// The private key's PEM file.
    pub key: PathBuf,
    /// The domain that signs.
    pub domain: String,
    /// Its selector.
    pub selector: String,
}

/// Files that were read and fit each other; the list's rows were not read yet.
pub struct Checked {
    request: SendRequest,
    name: String,
    content: ReleaseContent,
    list: ListFile,
    template: Template,
    key: Option<Signature>,
    started: Moment,
}

/// A send that is ready to be frozen.
pub struct Prepared {
    /// What was asked for.
    pub request: SendRequest,
    /// What the release is called.
    pub name: String,
    /// What was read.
    pub content: ReleaseContent,
    /// The list.
    pub list: Arc<ListFile>,
    /// What the first pass over it found.
    pub scan: Arc<ListScan>,
    /// How long everything up to here took, in ms.
    pub scan_ms: u64,
    key: Option<Signature>,
    started: Moment,
}

impl Checked {
    /// Reads release, attachments, the list's header row and the DKIM key.
    ///
    /// # Errors
    /// The first thing that cannot be used: what, where, and the remedy.
    pub fn load(request: SendRequest, clock: &dyn Clock) -> Result<Self, AppError> {
        let started = clock.moment();
        let name = match &request.name {
            Some(name) => name.clone(),
            None => release_name(&request.release)?,
        };
        if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(AppError::BadInput(format!(
                "a release's name has 1 to {NAME_MAX} characters and no control character; give one with --name"
            )));
        }
        if !request.relay.user.is_empty() && request.relay.secret.is_none() {
            return Err(AppError::BadInput(format!(
                "--relay: there is a user name for {} but no password; give it with --relay-password-file or in \
                 HIKYAKU_RELAY_PASSWORD",
                request.relay.place()
            )));
        }
        let content = ReleaseContent::load(&request.release)?;
        let list = ListFile::open(&request.list)?;
        let template = content.template(&list.columns)?;
        let key = request.dkim.clone().map(signature).transpose()?;
        Ok(Self { request, name, content, list, template, key, started })
    }

    /// Reads every row of the list.
    ///
    /// # Errors
    /// When the list cannot be used, or has a bad row and must have none.
    pub fn scan(
        self,
        folder: &DataFolder,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Prepared, AppError> {
        let mut key = [0; 32];
        entropy.fill(&mut key).map_err(AppError::Entropy)?;
        let tmp = folder.tmp();
        let check = TemplateCheck(&self.template);
        let options = ScanOptions { check: &check, tmp: &tmp, key, rejects: self.request.rejects.as_deref() };
        let found = scan(&self.list, &options)?;
        if let Some(first) = found.rejected.first().filter(|_| self.request.strict) {
            return Err(AppError::BadInput(format!(
                "the list {} has {} bad rows, the first in line {}: {}; mend them, or leave out --strict to send \
                 without them",
                self.list.path.display(),
                found.rows_rejected,
                first.line,
                first.reason
            )));
        }
        Ok(Prepared {
            request: self.request,
            name: self.name,
            content: self.content,
            list: Arc::new(self.list),
            scan: Arc::new(found),
            scan_ms: since(self.started, clock),
            key: self.key,
            started: self.started,
        })
    }
}

impl Prepared {
    /// Milliseconds since the files were first looked at.
    #[must_use]
    pub fn elapsed_ms(&self, clock: &dyn Clock) -> u64 {
        since(self.started, clock)
    }

    /// How mails are signed, if they are.
    pub(super) fn signature(&self) -> Option<Signature> {
        self.key.clone()
    }
}

fn since(started: Moment, clock: &dyn Clock) -> u64 {
    u64::try_from(clock.moment().since(started).as_millis()).unwrap_or(u64::MAX)
}

/// Reads a key, and sees that it signs.
fn signature(request: DkimRequest) -> Result<Signature, AppError> {
    let refused = |reason| AppError::File { path: request.key.clone(), reason };
    let mut pem = String::new();
    File::open(&request.key)
        .map_err(refused)?
        .take(KEY_OCTETS_MAX)
        .read_to_string(&mut pem)
        .map_err(refused)?;
    let DkimRequest { key, domain, selector } = request;
    let signature = Signature { key: pem.into(), domain, selector };
    match signature.signer() {
        Ok(_) => Ok(signature),
        Err(error) => Err(AppError::BadInput(format!("--dkim-key {}: {error}", key.display()))),
    }
}

/// A row must be one that the release can be made with.
struct TemplateCheck<'a>(&'a Template);

impl RowCheck for TemplateCheck<'_> {
    fn check(&self, record: &[&str]) -> Result<(), String> {
        self.0.check(record).map_err(|error| error.to_string())
    }
}
