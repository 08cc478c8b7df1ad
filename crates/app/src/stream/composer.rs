//! Makes the mails of a stream: each has content of its own, which is fetched for a whole chunk at a time.
//!
//! Deterministic: what is added to a mail comes from its stored line, so that a retry has the same octets before signing.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::{ReleaseId, TenantId, Timestamp};
use engine::{ComposeError, Composed, Composer};
use ledger::{LeasedIntent, LedgerError, Store, sha256};
use message::{CompiledMailing, DkimSigner, Mailing, MailingIdentity};

use crate::intake::japanese;

use super::content::{MailContent, MailKind, read_fields};

/// Composes one stream.
pub(crate) struct StreamComposer {
    /// The books.
    pub store: Arc<dyn Store>,
    /// Whose stream.
    pub tenant: TenantId,
    /// Which.
    pub release: ReleaseId,
    /// Signs each mail, if wished.
    pub signer: Option<Arc<DkimSigner>>,
}

#[async_trait]
impl Composer for StreamComposer {
    fn compose(&self, _: &LeasedIntent) -> Result<Composed, ComposeError> {
        Err(ComposeError("its content was not fetched".to_owned()))
    }

    async fn fetch(&self, intents: &[LeasedIntent]) -> Result<Option<Arc<dyn Composer>>, LedgerError> {
        let wanted = intents.iter().filter_map(|intent| read_fields(&intent.fields)).map(|(part, _)| part);
        let (mut first, mut last) = (u32::MAX, 0);
        wanted.for_each(|part| (first, last) = (part.min(first), part.max(last)));
        let parts = match first <= last {
            true => self.store.content_range(self.tenant, self.release, first, last).await?,
            false => Vec::new(),
        };
        let mails = parts.into_iter().filter_map(|part| {
            let number = part.part_no;
            Some((number, Mail::new(MailContent::of_part(part)?)))
        });
        let (release, signer) = (self.release, self.signer.clone());
        Ok(Some(Arc::new(FetchedComposer { release, mails: mails.collect(), signer })))
    }
}

/// A mail's content as it was fetched.
struct Mail {
    content: MailContent,
    reverse_path: Arc<str>,
    octets: Arc<[u8]>,
    /// A mailing, compiled by who needs it first, with the domain of its author; or why it cannot be.
    compiled: OnceLock<Result<(CompiledMailing, String), String>>,
}

impl Mail {
    fn new(mut content: MailContent) -> Self {
        let octets = std::mem::take(&mut content.octets).into();
        let reverse_path = content.reverse_path.as_str().into();
        Self { content, reverse_path, octets, compiled: OnceLock::new() }
    }
}

/// Composes mails whose content is at hand.
struct FetchedComposer {
    release: ReleaseId,
    mails: BTreeMap<u32, Mail>,
    signer: Option<Arc<DkimSigner>>,
}

impl Composer for FetchedComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        let (part, number) =
            read_fields(&intent.fields).ok_or_else(|| refused("its record is not a stream's"))?;
        let mail = self.mails.get(&part).ok_or_else(|| refused("its content does not stand"))?;
        match mail.content.kind {
            MailKind::Raw => self.raw(mail),
            MailKind::Mailing => self.mailing(mail, part, number),
        }
    }
}

impl FetchedComposer {
    /// One personalization of a mailing.
    fn mailing(&self, mail: &Mail, part: u32, number: u16) -> Result<Composed, ComposeError> {
        let compiled = mail.compiled.get_or_init(|| {
            let mailing: Mailing = serde_json::from_slice(&mail.octets).map_err(|error| error.to_string())?;
            let domain = mailing.from.address.domain().to_owned();
            Ok((mailing.compile().map_err(|error| error.to_string())?, domain))
        });
        let (compiled, domain) = compiled.as_ref().map_err(|reason| refused(reason))?;
        let message_id = format!("{part}.{number}.{}@{domain}", self.release);
        let date = mail.content.accepted();
        let identity = MailingIdentity { message_id: &message_id, date: japanese(date), unsubscribe: None };
        let rendered =
            compiled.render(usize::from(number), &identity).map_err(|error| refused(&error.to_string()))?;
        let mut digest = [0; 16];
        digest.copy_from_slice(&rendered.digest()[..16]);
        let head = match &self.signer {
            None => rendered.head,
            Some(signer) => {
                let signed = signer.sign(&rendered.head, &rendered.tail, date);
                let mut head = signed.map_err(|error| refused(&error.to_string()))?;
                head.extend_from_slice(&rendered.head);
                head
            }
        };
        Ok(Composed {
            head,
            tail: (!rendered.tail.is_empty()).then_some(rendered.tail),
            eight_bit: rendered.facts.eight_bit,
            smtputf8: rendered.facts.needs_smtputf8,
            digest,
            reverse_path: Some(Arc::clone(&mail.reverse_path)),
        })
    }

    /// A message that is sent as it stands.
    fn raw(&self, mail: &Mail) -> Result<Composed, ComposeError> {
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(&mail.octets)[..16]);
        let date = Timestamp::from_millis(mail.content.accepted_at);
        let (head, tail) = match &self.signer {
            None => (Vec::new(), Some(Arc::clone(&mail.octets))),
            Some(signer) => (
                signer.sign(&mail.octets, &[], date).map_err(|error| refused(&error.to_string()))?,
                Some(Arc::clone(&mail.octets)),
            ),
        };
        Ok(Composed {
            head,
            tail,
            eight_bit: mail.content.eight_bit,
            smtputf8: mail.content.smtputf8,
            digest,
            reverse_path: Some(Arc::clone(&mail.reverse_path)),
        })
    }
}

fn refused(reason: &str) -> ComposeError {
    ComposeError(reason.to_owned())
}
