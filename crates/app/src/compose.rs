//! Makes the mails of one release for the engine: template, identity, signature.
//!
//! Deterministic: Message-ID, Date and signing time come from the release's row, so that a retry has the same
//! octets. Runs on the engine's blocking threads.

use std::sync::Arc;

use aws_lc_rs::hmac;
use domain::{EmailAddress, IntentNo, ReleaseId, TenantId, Timestamp};
use engine::{ComposeError, Composed, Composer};
use ledger::{LeasedIntent, ReleaseRow};
use message::{DkimSigner, MailDate, MailIdentity, Template, Unsubscribe};

use crate::error::{AppError, hex};
use crate::list::FIELD_SEPARATOR;
use crate::release::ReleaseContent;
use crate::send::Premises;
use crate::stream::{StreamComposer, is_stream};

/// Minutes east of UTC of the dates in mails: Japan.
pub(crate) const JST_MINUTES: i16 = 540;

/// A composer over what is stored, never over files; and MAIL FROM of mails that have none of their own.
pub(crate) async fn composer(
    premises: &Premises,
    row: &ReleaseRow,
    signer: Option<DkimSigner>,
) -> Result<(Arc<dyn Composer>, String), AppError> {
    let store = &premises.store;
    let first = store.content_range(row.tenant, row.release, 0, 0).await?.into_iter().next();
    if first.as_ref().is_some_and(is_stream) {
        let (store, tenant, release) = (Arc::clone(store), row.tenant, row.release);
        let composer = StreamComposer { store, tenant, release, signer: signer.map(Arc::new) };
        return Ok((Arc::new(composer), String::new()));
    }
    let parts = store.content_get(row.tenant, row.release).await?;
    let (content, columns) = ReleaseContent::stored(parts)?;
    let from = &content.source().from.address;
    let composer = ReleaseComposer {
        template: content.template(&columns)?,
        tenant: row.tenant,
        release: row.release,
        from_domain: from.domain().to_owned(),
        date: row.created_at,
        tokens: premises.folder.keys().tokens.clone(),
        signer,
    };
    Ok((Arc::new(composer), from.as_str().to_owned()))
}

/// Composes one release.
pub struct ReleaseComposer {
    /// The compiled release.
    pub template: Template,
    /// Whose release it is.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// The domain of the author, for Message-ID and unsubscription.
    pub from_domain: String,
    /// When the release was frozen.
    pub date: Timestamp,
    /// Makes tokens that only this installation can have made.
    pub tokens: hmac::Key,
    /// Signs each mail, if wished.
    pub signer: Option<DkimSigner>,
}

impl Composer for ReleaseComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        let address = EmailAddress::parse(&intent.address).map_err(refused)?;
        let message_id = format!("{}.{}@{}", intent.intent, self.release, self.from_domain);
        let unsubscribe = self.unsubscribe(intent.intent);
        let identity = MailIdentity {
            message_id: &message_id,
            date: MailDate { at: self.date, offset_minutes: JST_MINUTES },
            to: &address,
            to_name: None,
            unsubscribe: Some(Unsubscribe { https: None, mailto: Some(&unsubscribe) }),
        };
        let record: Vec<&str> = intent.fields.split(FIELD_SEPARATOR).collect();
        let mail = self.template.render(&record, &identity).map_err(refused)?;
        let mut digest = [0; 16];
        digest.copy_from_slice(&mail.digest()[..16]);
        let head = match &self.signer {
            None => mail.head,
            Some(signer) => {
                let mut head = signer.sign(&mail.head, &mail.tail, self.date).map_err(refused)?;
                head.extend_from_slice(&mail.head);
                head
            }
        };
        Ok(Composed {
            head,
            tail: (!mail.tail.is_empty()).then(|| Arc::clone(&mail.tail)),
            eight_bit: mail.facts.eight_bit,
            smtputf8: mail.facts.needs_smtputf8,
            digest,
            reverse_path: None,
        })
    }
}

impl ReleaseComposer {
    /// A target that names the intent and cannot be made up by others.
    fn unsubscribe(&self, intent: IntentNo) -> String {
        let mut context = hmac::Context::with_key(&self.tokens);
        context.update(b"unsubscribe");
        context.update(&self.tenant.0.to_be_bytes());
        context.update(&self.release.0.to_be_bytes());
        context.update(&intent.0.to_be_bytes());
        let token = hex(&context.sign().as_ref()[..12]);
        format!("mailto:unsubscribe@{}?subject={}.{intent}.{token}", self.from_domain, self.release)
    }
}

fn refused(error: impl std::fmt::Display) -> ComposeError {
    ComposeError(error.to_string())
}
