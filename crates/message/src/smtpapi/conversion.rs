//! From a mail and its X-SMTPAPI to a [`Mailing`].

use std::collections::BTreeMap;

use domain::EmailAddress;
use mail_parser::MessageParser;

use super::error::{SmtpApiError, SmtpApiFault, fault};
use super::{SmtpApi, headers, parts};
use crate::limits::{RECIPIENTS_MAX, SUBSTITUTION_OCTETS_MAX};
use crate::mailbox::Mailbox;
use crate::mailing::{Mailing, Named, Personalization, UnsubscribeGroup};
use crate::raw::{RawError, RawMail};

/// Takes a mail apart into a mailing: one mail for each address of `to`, which then names that address alone; or one for
/// the envelope's recipients, which names whom the mail names. A template that a filter names is the caller's to set.
///
/// # Errors
/// When the mail has no author or cannot be taken apart, or what comes of it is over a mailing's limits.
pub fn mailing_of(
    mail: &RawMail<'_>,
    api: &SmtpApi,
    recipients: &[EmailAddress],
) -> Result<Mailing, SmtpApiError> {
    let of_mail = |error| fault("", SmtpApiFault::Mail(error));
    mail.from().map_err(of_mail)?;
    let message =
        MessageParser::default().parse(mail.octets()).ok_or_else(|| fault("", SmtpApiFault::Parts))?;
    let author =
        headers::people(message.from()).into_iter().next().ok_or_else(|| of_mail(RawError::NoAuthor))?;
    let parts = parts::of(&message)?;
    let named = Named { to: headers::people(message.to()), cc: headers::people(message.cc()) };
    let mut mailing = Mailing::new(author);
    mailing.reply_to = headers::people(message.reply_to());
    mailing.subject = headers::subject(&message);
    mailing.headers = headers::lines(&message);
    mailing.contents = parts.contents;
    mailing.attachments = parts.files;
    mailing.sections.clone_from(&api.section);
    mailing.categories.clone_from(&api.category);
    mailing.custom_args.clone_from(&api.unique_args);
    mailing.send_at = api.send_at;
    mailing.ip_pool.clone_from(&api.ip_pool);
    mailing.unsubscribe_group =
        api.asm_group_id.map(|group| UnsubscribeGroup { group, shown: api.asm_groups_to_display.clone() });
    mailing.settings = api.filters.settings.clone();
    mailing.personalizations = personalizations(api, recipients, named)?;
    if mailing.contents.is_empty() && api.filters.template_id.is_none() {
        mailing.contents.push(nothing());
    }
    if api.filters.template_id.is_none() {
        mailing.check().map_err(|error| fault("", SmtpApiFault::Mailing(error)))?;
    }
    Ok(mailing)
}

/// A mail without a text is still a mail.
fn nothing() -> crate::mailing::Content {
    crate::mailing::Content { media_type: "text/plain".to_owned(), text: "\r\n".to_owned() }
}

fn personalizations(
    api: &SmtpApi,
    recipients: &[EmailAddress],
    named: Named,
) -> Result<Vec<Personalization>, SmtpApiError> {
    if api.to.is_empty() {
        if recipients.len() > RECIPIENTS_MAX {
            return Err(fault("", SmtpApiFault::TooManyRecipients));
        }
        let mut seen = std::collections::HashSet::new();
        let to = recipients.iter().filter(|address| seen.insert(address.comparison_key()));
        return Ok(vec![Personalization {
            to: to.map(|address| Mailbox { name: None, address: address.clone() }).collect(),
            named: Some(named),
            substitutions: substitutions(api, 0)?,
            send_at: api.send_each_at.first().copied(),
            ..Personalization::default()
        }]);
    }
    let one = |(index, person): (usize, &Mailbox)| {
        Ok(Personalization {
            to: vec![person.clone()],
            named: Some(Named { to: vec![person.clone()], cc: Vec::new() }),
            substitutions: substitutions(api, index)?,
            send_at: api.send_each_at.get(index).copied(),
            ..Personalization::default()
        })
    };
    api.to.iter().enumerate().map(one).collect()
}

/// The values for one address.
fn substitutions(api: &SmtpApi, index: usize) -> Result<BTreeMap<String, String>, SmtpApiError> {
    let mut found = BTreeMap::new();
    let mut octets = 0;
    for (key, values) in &api.sub {
        let value = values.get(index).cloned().unwrap_or_default();
        octets += key.len() + value.len();
        found.insert(key.clone(), value);
    }
    if octets > SUBSTITUTION_OCTETS_MAX { Err(fault("sub", SmtpApiFault::Substitutions)) } else { Ok(found) }
}
