//! For any text: it reads back, no line is long, and the parts are the two that were written.

use crate::fixture::{assert_wire_form, compile, parsed, release, render, whole};
use message::ReleaseSource;
use proptest::prelude::*;

/// Any text of one line, without white space at its ends (which no header field keeps).
fn line() -> impl Strategy<Value = String> {
    let characters = prop_oneof![
        4 => any::<char>(),
        3 => proptest::char::range('ぁ', '龠'),
        2 => proptest::char::range(' ', '~'),
        1 => proptest::sample::select(vec!['①', '㈱', '髙', 'ｶ', '\u{ff9e}', '👨', '\u{200d}', '\u{301}', '𠮷', '=', '?']),
    ];
    proptest::collection::vec(characters, 0..300)
        .prop_map(|cs| cs.into_iter().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
}

/// White space runs as one space, for readers may unfold them so.
fn spaced(text: &str) -> String {
    text.split([' ', '\t']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_subject_name_and_body_read_back(subject in line(), name in line(), body in line()) {
        let file = release("{{ 氏名 }}", "", "[{{ 会社名 }}]");
        let template = compile(&file, &[]).expect("compiles");
        let display = (!name.is_empty()).then_some(name.as_str());
        let mail = render(&template, ["a@example.jp", &body, &subject, ""], display).expect("renders");
        let octets = whole(&mail);
        assert_wire_form(&octets);
        let message = parsed(&octets).expect("parses");
        prop_assert_eq!(spaced(message.subject().unwrap_or_default()), spaced(&subject));
        let to = message.to().and_then(|t| t.first());
        prop_assert_eq!(spaced(to.and_then(|t| t.name()).unwrap_or_default()), spaced(&name));
        prop_assert_eq!(to.and_then(|t| t.address()), Some("taro@example.com"));
        let text = message.body_text(0).unwrap_or_default().into_owned();
        prop_assert_eq!(text.trim_end_matches("\r\n"), format!("[{body}]"));
        prop_assert_eq!(message.parts.len(), 3);
        prop_assert_eq!(octets, whole(&render(&template, ["a@example.jp", &body, &subject, ""], display).expect("renders")));
    }

    #[test]
    fn any_file_is_read_or_refused_without_panic(front in "[ -~\n\t{}あ]{0,200}", body in "[ -~\n{}%あ>*|-]{0,200}") {
        let file = format!("---\nsubject: a\nfrom: a@example.jp\n{front}\n---\n{body}");
        if let Ok(source) = ReleaseSource::parse(&file) {
            let _ = message::Template::compile(&source, &["あ".to_owned()], &[]);
        }
        let file = release("x", "", &body);
        let _ = compile(&file, &[]);
    }
}
