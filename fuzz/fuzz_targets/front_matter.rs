//! Release files: any octets are read or refused; what is read compiles or is refused; what compiles renders one mail
//! of a proper form.
#![no_main]

use domain::{EmailAddress, Timestamp};
use libfuzzer_sys::fuzz_target;
use message::{MailDate, MailIdentity, ReleaseSource, Template};

fuzz_target!(|file: &[u8]| {
    let Ok(source) = ReleaseSource::parse_bytes(file) else { return };
    let columns = ["email", "会社名", "name"].map(str::to_owned);
    let Ok(template) = Template::compile(&source, &columns, &[]) else { return };
    let Ok(to) = EmailAddress::parse("taro@example.com") else { return };
    let date = MailDate { at: Timestamp::EPOCH, offset_minutes: 540 };
    let identity = MailIdentity { message_id: "1@example.jp", date, to: &to, to_name: Some("太郎"), unsubscribe: None };
    let Ok(mail) = template.render(&["taro@example.com", "さくら", "太郎"], &identity) else { return };
    assert!(mail.head.ends_with(b"\r\n"));
    for line in mail.head.split(|b| *b == b'\n') {
        assert!(line.len() <= 999, "a line of {} octets", line.len());
        assert!(!line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r'), "a bare CR");
    }
});
