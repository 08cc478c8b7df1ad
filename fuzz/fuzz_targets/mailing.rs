//! Mailings: any JSON is read or refused; what is read is within its limits or refused; what compiles gives mails of a
//! proper form, the same each time.
#![no_main]

use domain::Timestamp;
use libfuzzer_sys::fuzz_target;
use message::{MailDate, Mailing, MailingIdentity};

fuzz_target!(|stored: &[u8]| {
    let Ok(mailing) = serde_json::from_slice::<Mailing>(stored) else { return };
    let Ok(compiled) = mailing.compile() else { return };
    let date = MailDate { at: Timestamp::EPOCH, offset_minutes: 540 };
    let identity = MailingIdentity { message_id: "1@example.jp", date, unsubscribe: None };
    for index in 0..compiled.personalizations().min(3) {
        let Ok(mail) = compiled.render(index, &identity) else { continue };
        let octets = [mail.head.as_slice(), &mail.tail].concat();
        assert!(octets.ends_with(b"\r\n"));
        for line in octets.split(|b| *b == b'\n') {
            assert!(line.len() <= 999, "a line of {} octets", line.len());
            assert!(!line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r'), "a bare CR");
        }
        assert!(compiled.render(index, &identity).is_ok_and(|again| again.digest() == mail.digest()));
    }
});
