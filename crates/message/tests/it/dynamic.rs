//! Dynamic templates: what they show, what they refuse, and that they end.

use anyhow::Result;
use message::mailing::{MailTemplate, TemplateKind};
use serde_json::{Map, Value, json};

use crate::fixture::{assert_wire_form, mailing, parsed, rendered, whole};

fn data() -> Map<String, Value> {
    let value = json!({
        "name": "髙島 <太郎>", "none": null, "empty": [], "count": 3, "price": 1200.0, "rate": 1.5, "flag": true,
        "at": "2026-11-25T03:04:05Z", "url": "https://example.jp/?a=1&b=2",
        "items": [{"name": "りんご", "n": 1}, {"name": "みかん", "n": 2}],
        "user": {"city": "東京", "tags": ["a", "b"]},
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn of(subject: &str, html: &str, text: &str) -> message::Mailing {
    let mut mailing = mailing("", &[]);
    mailing.template = Some(MailTemplate {
        id: "d-1".to_owned(),
        kind: TemplateKind::Dynamic,
        subject: subject.to_owned(),
        html: html.to_owned(),
        text: text.to_owned(),
    });
    mailing.personalizations[0].data = data();
    mailing
}

/// What the plain text becomes, or why it does not.
fn check(template: &str, expected: &str) {
    let shown = match rendered(&of("s", "", template), 0) {
        Ok(mail) => {
            parsed(&whole(&mail)).map(|m| m.body_text(0).unwrap_or_default().into_owned()).unwrap_or_default()
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(shown.trim_end_matches("\r\n"), expected, "{template}");
}

/// Why a template is refused, or cannot be filled.
fn check_refused(template: &str, expected: &str) {
    let shown = rendered(&of("s", "", template), 0).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(shown.contains(expected), "{template}: {shown:?}");
    assert!(!shown.contains("太郎"), "{shown}");
}

#[test]
fn values_stand_in_their_place_escaped_only_in_html() -> Result<()> {
    let mailing =
        of("{{name}} 様", "<p>{{name}}</p>{{{name}}}<a href=\"{{{unsubscribe}}}\">", "{{name}} {{{name}}}");
    let octets = whole(&rendered(&mailing, 0)?);
    assert_wire_form(&octets);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("髙島 <太郎> 様"));
    let html = "<p>髙島 &lt;太郎&gt;</p>髙島 <太郎><a href=\"https://example.jp/u/0192f3a4\">";
    assert_eq!(message.body_html(0).as_deref(), Some(html));
    assert_eq!(message.body_text(0).as_deref(), Some("髙島 <太郎> 髙島 <太郎>"));
    Ok(())
}

#[test]
fn the_language_works() {
    check("a{{missing}}{{user.missing.deep}}{{none}}b", "ab");
    check("{{price}} {{rate}} {{flag}} {{user.city}} {{items.1.name}}", "1200 1.5 true 東京 みかん");
    check("{{#if name}}有{{else}}無{{/if}}{{#if empty}}有{{else if flag}}旗{{else}}無{{/if}}", "有旗");
    check("{{#unless none}}無{{/unless}}{{#with user}}{{city}}{{../count}}{{/with}}", "無東京3");
    check(
        "{{#each items}}{{@index}}{{this.name}}{{#unless @last}}、{{/unless}}{{../name}}{{/each}}",
        "0りんご、髙島 <太郎>1みかん髙島 <太郎>",
    );
    check("{{#each user.tags}}{{this}}{{else}}-{{/each}}{{#each empty}}x{{else}}空{{/each}}", "ab空");
    check("{{#each items as |it i|}}{{i}}{{it.name}}{{/each}}", "0りんご1みかん");
    check("{{#each user}}{{@key}} {{/each}}", "city tags ");
    check("{{#each items}}{{#each ../user.tags}}{{this}}{{@root.count}}{{/each}};{{/each}}", "a3b3;a3b3;");
    check("{{! note }}{{!-- }} --}}x\\{{y}}", "x{{y}}");
}

#[test]
fn sendgrids_helpers_work() {
    check(
        "{{#equals user.city \"東京\"}}都{{else}}他{{/equals}}{{#notEquals count 3}}x{{else}}三{{/notEquals}}",
        "都三",
    );
    check(
        "{{#greaterThan count 2}}多{{/greaterThan}}{{#lessThan count \"2\"}}少{{else}}以上{{/lessThan}}",
        "多以上",
    );
    check("{{#and name flag}}両{{/and}}{{#or none empty}}x{{else}}無{{/or}}", "両無");
    check("{{length items}}{{#greaterThan (length items) 1}}複数{{/greaterThan}}{{length none}}", "2複数0");
    check("{{insert none \"default=お客様\"}}{{insert name \"default=x\"}}", "お客様髙島 <太郎>");
    check("{{formatDate at \"YYYY年M月D日 HH:mm\" \"+0900\"}}", "2026年11月25日 12:04");
    check(
        "{{#if (equals count 3)}}三{{/if}}{{#if (and flag (greaterThan count 5))}}x{{else}}否{{/if}}",
        "三否",
    );
}

#[test]
fn mistakes_are_named_with_part_line_and_remedy() {
    check_refused("a\n{{#if name}}", "the template's plain_content, line 2: `if` is not closed");
    check_refused("a\n\n{{upper name}}", "line 3: there is no helper `upper`");
    check_refused("{{#items}}x{{/items}}", "line 1: there is no helper `items`");
    check_refused("{{#if name}}\n{{lookup user \"city\"}}{{/if}}", "line 2: there is no helper `lookup`");
    check_refused("{{> other}}", "partials");
    check_refused("{{#if (log name)}}{{/if}}", "there is no helper `log`");
    check_refused("{{equals name}}", "`equals` needs 2 value(s)");
    check_refused("{{#length name}}{{/length}}", "`length` cannot be used like this");
    check_refused("{{if name}}", "`if` cannot be used like this");
    check_refused("\n{{items.name}}", "line 2: a list is used like an object");
    check_refused("{{a b=c}}", "there is no helper `a`");
    check_refused(&"{{a}}".repeat(10_001), "more than 10000 tags");
    check_refused(&"x".repeat((1 << 20) + 1), "longer than 1048576");
}

#[test]
fn endless_work_is_stopped() {
    let list: Vec<u32> = (0..5000).collect();
    let run = |template: &str| {
        let mut mailing = of("s", "", template);
        mailing.personalizations[0].data.insert("l".to_owned(), json!(list));
        mailing.personalizations[0].data.insert("long".to_owned(), json!("あ".repeat(1_000_000)));
        rendered(&mailing, 0).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(run("{{#each l}}{{#each ../l}}{{/each}}{{/each}}").contains("more than 500000 steps"));
    assert!(run("{{#each l}}{{#each @root.l}}{{#if this}}{{/if}}{{/each}}{{/each}}").contains("steps"));
    assert!(run("{{#each l}}{{../long}}{{/each}}").contains("more than 8388608 octets"));
    assert!(run("{{#each l}}{{#equals ../long ../long}}{{/equals}}{{/each}}").contains("steps"));
    assert_eq!(run("{{#each l}}{{this}}{{/each}}"), "");
}

#[test]
fn what_is_deepest_and_longest_still_fits_a_stack_and_ends() {
    let nested = format!("{}x{}", "{{#if name}}".repeat(64), "{{/if}}".repeat(64));
    check(&nested, "x");
    let chain = format!("{{{{#if none}}}}{}x{{{{/if}}}}", "{{else if none}}".repeat(62) + "{{else}}");
    check(&chain, "x");
    let values = format!(
        "{{{{#if {}name flag{}}}}}x{{{{/if}}}}",
        "(and ".repeat(16),
        " flag)".repeat(16).replacen(" flag", "", 1)
    );
    check(&values, "x");
    check_refused(&"{{#if name}}".repeat(65), "nested more than 64 deep");
    check_refused(&format!("{{{{a {}}}}}", "(b ".repeat(16)), "the tag cannot be read");
    check_refused(&format!("{{{{a {}}}}}", "[".repeat(17)), "the tag cannot be read");
    let broken = format!("{}{{{{a (}}}}{}", "{{#if name}}x{{else if y}}".repeat(30), "{{/if}}".repeat(30));
    check_refused(&broken, "the tag cannot be read");
    let long = format!("{}{{{{a (}}}}", "{{name}}x ".repeat(9_999));
    check_refused(&long, "the tag cannot be read");
}
