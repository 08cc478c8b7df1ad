//! Mails that came by SMTP: any octets are read or refused; what is read leaves without blind copies, and reads again.
#![no_main]

use domain::{EmailAddress, Timestamp};
use libfuzzer_sys::fuzz_target;
use message::raw::RawIdentity;
use message::smtpapi::mailing_of;
use message::{MailDate, RawLimits, RawMail, SmtpApi};

fuzz_target!(|octets: &[u8]| {
    let Ok(mail) = RawMail::read(octets, &RawLimits::default()) else { return };
    let Ok(from) = EmailAddress::parse("a@example.jp") else { return };
    let date = MailDate { at: Timestamp::EPOCH, offset_minutes: 540 };
    let identity = RawIdentity { message_id: "1@example.jp", date, from: &from };
    let sent = mail.octets_for_sending(&identity).expect("the identity is fine");
    let again = RawMail::read(
        &sent,
        &RawLimits { octets_max: usize::MAX, header_octets_max: usize::MAX, fields_max: usize::MAX },
    );
    let again = again.expect("what leaves is a mail");
    assert_eq!(again.octets_for_sending(&identity).expect("the identity is fine"), sent);
    assert_eq!(again.smtpapi(), Ok(None));
    let _ = (mail.from(), mail.subject(), mail.date(), mail.message_id());
    let api = mail.smtpapi().ok().flatten().and_then(|text| SmtpApi::parse(&text).ok()).unwrap_or_default();
    let _ = mailing_of(&mail, &api, &[from]);
});
