//! Taking one mail in, as it came by API or by SMTP: it is checked, made ready, and added to its tenant's stream.
//!
//! Nothing is rendered here but what must be known before yes is said. Left to others: who the caller is (`directory::keys`),
//! words of protocols (the rooms above). Invariants: author and return path are verified senders of the tenant; what is
//! answered is durable.

use std::collections::HashSet;

use domain::{EmailAddress, Timestamp};
use message::smtpapi::{SmtpApi, mailing_of};
use message::{MailDate, Mailing, RawIdentity, RawLimits, RawMail};

use crate::access::Access;
use crate::compose::JST_MINUTES;
use crate::directory::templates::Templates;
use crate::error::AppError;
use crate::service::Service;
use crate::stream::{Brief, MailContent, MailId, MailKind, Recipient, Submission};

/// A mail as a client handed it in by SMTP.
pub struct RawSubmission {
    /// The return path; `None` for the empty one.
    pub reverse_path: Option<EmailAddress>,
    /// Whom it is for.
    pub recipients: Vec<EmailAddress>,
    /// The message.
    pub octets: Vec<u8>,
}

impl Service {
    /// Takes a message in that came by SMTP; what its X-SMTPAPI field asks for is done.
    ///
    /// # Errors
    /// What of it cannot be sent, and the remedy; [`AppError::Busy`], or the store's failure: nothing is stored then.
    pub async fn take_message(&self, access: &Access, mail: RawSubmission) -> Result<MailId, AppError> {
        let brief = self.streams.brief(access).await?;
        let limits = RawLimits::default();
        let raw = RawMail::read(&mail.octets, &limits).map_err(refused)?;
        let author = author(&brief, &raw, mail.reverse_path.as_ref())?;
        let api = raw.smtpapi().map_err(refused)?;
        let api = api.map(|text| SmtpApi::parse(&text)).transpose().map_err(refused)?;
        if api.as_ref().is_some_and(|api| !api.send_each_at.is_empty()) {
            return Err(AppError::BadInput(
                "X-SMTPAPI: send_each_at: a time for each address is not taken here; hand in a mail with send_at for each"
                    .to_owned(),
            ));
        }
        if let Some(api) = api.as_ref().filter(|api| api.needs_mailing()) {
            let mut mailing = mailing_of(&raw, api, &mail.recipients).map_err(refused)?;
            if let Some(id) = &api.filters.template_id {
                let desk = &self.desk;
                let templates = Templates::of(&*desk.store, &*desk.clock, &*desk.entropy, access);
                mailing.template = Some(templates.in_force(id).await?);
            }
            return self.take_mailing(access, mailing).await;
        }
        let relay = brief.relay(api.as_ref().and_then(|api| api.ip_pool.as_deref()))?;
        let now = self.desk.clock.now();
        let message_id = self.message_id(now, author.domain())?;
        let identity = RawIdentity { message_id: &message_id, date: japanese(now), from: &author };
        let octets = raw.octets_for_sending(&identity).map_err(refused)?;
        let facts = raw.facts();
        let content = MailContent {
            kind: MailKind::Raw,
            reverse_path: mail.reverse_path.map(|path| path.as_str().to_owned()).unwrap_or_default(),
            accepted_at: now.as_millis(),
            eight_bit: facts.eight_bit,
            smtputf8: facts.needs_smtputf8,
            octets,
        };
        let recipients = once_each(mail.recipients.into_iter().map(|address| (address, 0)));
        let send_at = api.and_then(|api| api.send_at);
        self.hand_over(access, Submission { relay, content, recipients }, send_at).await
    }

    /// Takes a mailing in, which is rendered when it is sent.
    ///
    /// # Errors
    /// As [`Self::take_message`].
    pub async fn take_mailing(&self, access: &Access, mailing: Mailing) -> Result<MailId, AppError> {
        let brief = self.streams.brief(access).await?;
        mailing.check().map_err(refused)?;
        brief.admit(&mailing.from.address)?;
        for own in mailing.personalizations.iter().filter_map(|one| one.from.as_ref()) {
            brief.admit(&own.address)?;
        }
        // What cannot be made of it is said now, and not to a log when it is sent.
        mailing.compile().map_err(refused)?;
        let relay = brief.relay(mailing.ip_pool.as_deref())?;
        let octets = serde_json::to_vec(&mailing).map_err(|_| AppError::Defect("writing a mailing"))?;
        let content = MailContent {
            kind: MailKind::Mailing,
            reverse_path: mailing.from.address.as_str().to_owned(),
            accepted_at: self.desk.clock.now().as_millis(),
            eight_bit: false,
            smtputf8: false,
            octets,
        };
        let all = (0..).zip(&mailing.personalizations).flat_map(|(number, one)| {
            let people = one.to.iter().chain(&one.cc).chain(&one.bcc);
            people.map(move |mailbox| (mailbox.address.clone(), number))
        });
        let recipients = once_each(all);
        self.hand_over(access, Submission { relay, content, recipients }, mailing.send_at).await
    }

    /// To the stream at once, or at a time (seconds since 1970) that is still to come.
    async fn hand_over(
        &self,
        access: &Access,
        submission: Submission,
        send_at: Option<i64>,
    ) -> Result<MailId, AppError> {
        let at = send_at.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)));
        match at.filter(|at| *at > self.desk.clock.now()) {
            Some(at) => self.streams.schedule(access, submission, at, None).await,
            None => self.streams.submit(access, submission).await,
        }
    }

    fn message_id(&self, now: Timestamp, domain: &str) -> Result<String, AppError> {
        let bits = || self.desk.entropy.bits().map_err(AppError::Entropy);
        let domain = if domain.is_ascii() { domain } else { "hikyaku.invalid" };
        Ok(format!("{:x}.{:016x}{:016x}@{domain}", now.as_millis(), bits()?, bits()?))
    }
}

/// Whose mail it is: every author and the return path must be the tenant's.
fn author(
    brief: &Brief,
    raw: &RawMail<'_>,
    reverse_path: Option<&EmailAddress>,
) -> Result<EmailAddress, AppError> {
    let authors = raw.from().map_err(refused)?;
    authors.iter().chain(reverse_path).try_for_each(|address| brief.admit(address))?;
    let first = authors.into_iter().next().or_else(|| reverse_path.cloned());
    first.ok_or_else(|| {
        AppError::BadInput("the mail has no From field, and no return path to make one of".to_owned())
    })
}

/// Each address once, with the personalization that named it first.
fn once_each(all: impl Iterator<Item = (EmailAddress, u16)>) -> Vec<Recipient> {
    let mut met = HashSet::new();
    let fresh =
        all.filter(|(address, number)| met.insert((ledger::rows::comparison_key(address.as_str()), *number)));
    fresh.map(|(address, personalization)| Recipient { address, personalization }).collect()
}

/// The time as clocks in Japan show it.
pub(crate) fn japanese(at: Timestamp) -> MailDate {
    MailDate { at, offset_minutes: JST_MINUTES }
}

fn refused(error: impl std::fmt::Display) -> AppError {
    AppError::BadInput(error.to_string())
}
