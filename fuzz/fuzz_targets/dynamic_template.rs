//! Dynamic templates: any text is read or refused, and what is read is filled or refused, within its steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::mailing::dynamic::{DynamicData, TemplatePart};
use message::mailing::{DynamicTemplate, MailTemplate, TemplateKind};

fuzz_target!(|source: &str| {
    let template = MailTemplate {
        id: String::new(),
        kind: TemplateKind::Dynamic,
        subject: String::new(),
        html: source.to_owned(),
        text: String::new(),
    };
    let Ok(template) = DynamicTemplate::compile(&template) else { return };
    let data = serde_json::json!({"a": [{"b": "<"}, 1, null], "n": "x", "o": {"k": [1.5]}, "t": 0});
    let data = DynamicData::new(data.as_object().expect("an object"), Some("https://example.jp/u"));
    let _ = template.render(TemplatePart::Html, &data);
});
