//! Properties of single mails: nothing that a request or a mail holds panics, becomes a header field, or breaks a line.

use message::mailing::{DynamicTemplate, HeaderLine, MailTemplate, MailingFile, TemplateKind};
use message::raw::RawIdentity;
use message::smtpapi::mailing_of;
use message::{Mailing, RawLimits, RawMail, SmtpApi};
use proptest::prelude::*;

use crate::fixture::{assert_wire_form, identity, mailbox, mailing, parsed, rendered, whole};

/// Any text, with what breaks out of headers, encoded words, MIME and templates among it.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        6 => any::<char>().prop_map(String::from),
        3 => proptest::char::range('ぁ', '龠').prop_map(String::from),
        3 => proptest::sample::select(vec![
            "\r\nBcc: x@example.com\r\n", "\n", "\r", "=?utf-8?Q?", "?=", "--=_a", "-n-", "%s%", "<%body%>", "{{a}}", "{{#if a}}",
            "{{/if}}", "{{else}}", "{{#each a}}", "{{/each}}", "{{", "}}", "\\", "\"", "'", "[", "(", "①㈱髙", "ｶ\u{ff9e}", "👨\u{200d}👩",
        ]).prop_map(String::from),
    ];
    proptest::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// The names of a mail's fields, which are ours and nobody else's.
fn field_names(octets: &[u8]) -> Vec<String> {
    let head = String::from_utf8_lossy(octets).into_owned();
    let head = head.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    head.split("\r\n")
        .filter(|l| !l.starts_with([' ', '\t']))
        .map(|l| l.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_values_stay_values(subject in text(), value in text(), body in text(), key in "[a-z%-]{1,4}", section in text()) {
        let mut mailing = mailing(&format!("x{subject}{key}"), &[("text/plain", &format!("x{body}")), ("text/html", "<p>-n-%s%</p>")]);
        mailing.headers = vec![HeaderLine { name: "X-Value".to_owned(), value: "-n-".to_owned() }];
        mailing.sections.insert("%s%".to_owned(), section);
        let one = &mut mailing.personalizations[0];
        one.substitutions.insert("-n-".to_owned(), value.clone());
        one.substitutions.insert(key, value);
        if let Ok(mail) = rendered(&mailing, 0) {
            let octets = whole(&mail);
            assert_wire_form(&octets);
            let names = field_names(&octets);
            let wanted = ["Date", "Message-ID", "To", "List-Unsubscribe", "List-Unsubscribe-Post", "From", "MIME-Version", "Subject", "X-Value", "Content-Type"];
            prop_assert_eq!(names, wanted);
            prop_assert_eq!(parsed(&octets).expect("parses").parts.len(), 3);
            prop_assert_eq!(octets, whole(&rendered(&mailing, 0).expect("renders")));
        }
    }

    #[test]
    fn any_template_is_read_or_refused_and_ends(source in text(), name in text()) {
        let template = MailTemplate {
            id: String::new(), kind: TemplateKind::Dynamic, subject: source.clone(), html: source.clone(), text: "x".to_owned(),
        };
        if DynamicTemplate::compile(&template).is_ok() {
            let mut mailing = mailing("", &[]);
            mailing.template = Some(template);
            let data = serde_json::json!({"a": [{"b": name}, 1, null], "n": name});
            mailing.personalizations[0].data = data.as_object().cloned().unwrap_or_default();
            if let Ok(mail) = rendered(&mailing, 0) {
                assert_wire_form(&whole(&mail));
            }
        }
    }

    #[test]
    fn any_names_and_files_are_written_or_refused(name in text(), id in text(), media_type in text(), header in text(), octets in any::<Vec<u8>>()) {
        let mut mailing = mailing("s", &[("text/html", "x")]);
        mailing.from = mailbox("pr@example.jp", Some(&name));
        mailing.headers = vec![HeaderLine { name: header.clone(), value: name.clone() }];
        mailing.attachments = vec![MailingFile {
            name, media_type: Some(media_type), inline: true, content_id: Some(id), octets,
        }];
        if let Ok(mail) = rendered(&mailing, 0) {
            assert_wire_form(&whole(&mail));
        }
        mailing.headers.clear();
        mailing.attachments[0].media_type = None;
        mailing.attachments[0].content_id = None;
        if let Ok(mail) = rendered(&mailing, 0) {
            let octets = whole(&mail);
            assert_wire_form(&octets);
            prop_assert_eq!(parsed(&octets).expect("parses").attachment_count(), 1);
        }
    }

    #[test]
    fn any_octets_are_a_mail_or_refused(head in "([A-Za-z-]{1,9} ?:[ -~\r\n\t]{0,40}\r\n){0,6}", body in text(), api in "[ -~]{0,60}") {
        let octets = format!("{head}\r\n{body}");
        let from = mailbox("a@example.jp", None).address;
        let identity = RawIdentity { message_id: "a@b", date: identity().date, from: &from };
        if let Ok(mail) = RawMail::read(octets.as_bytes(), &RawLimits::default()) {
            let sent = mail.octets_for_sending(&identity).expect("sends");
            let again = RawMail::read(&sent, &RawLimits::default()).expect("reads again");
            prop_assert!(again.message_id().is_some() && again.date().is_some() && again.smtpapi() == Ok(None));
            prop_assert!(!field_names(&sent).iter().any(|n| n.trim().eq_ignore_ascii_case("bcc")));
            prop_assert_eq!(again.octets_for_sending(&identity).expect("sends"), sent.clone());
            prop_assert!(sent.ends_with(mail.body()));
            let to = [from.clone()];
            if let Some(mail) = mailing_of(&mail, &SmtpApi::default(), &to).ok().and_then(|m| rendered(&m, 0).ok()) {
                assert_wire_form(&whole(&mail));
            }
        }
        let _ = SmtpApi::parse(&api);
    }

    #[test]
    fn what_was_stored_is_what_was_accepted(subject in text(), value in text(), octets in any::<Vec<u8>>()) {
        let mut mailing = mailing(&subject, &[("text/plain", &value)]);
        mailing.personalizations[0].substitutions.insert(value.clone(), subject.clone());
        mailing.personalizations[0].data.insert(subject, serde_json::Value::from(value));
        mailing.attachments = vec![MailingFile { name: "a".to_owned(), media_type: None, inline: false, content_id: None, octets }];
        let again: Mailing = serde_json::from_str(&serde_json::to_string(&mailing).expect("writes")).expect("reads");
        prop_assert!(mailing == again);
    }
}
