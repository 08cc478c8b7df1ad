//! Hard Japanese mails read by Python's `email` and by npm mailparser.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Attachment;
use serde_json::{Value, json};

use crate::fixture::{assert_wire_form, compile, release, render, whole};
use crate::peers;

/// Subject, recipient's name, company in the body.
fn cases() -> Vec<[String; 3]> {
    let plain = [
        ["新製品のお知らせ", "山田 太郎", "株式会社さくら"],
        ["①㈱髙﨑 ～ 〜 − － ¥ ‾ ゛", "髙﨑 𠮷野", "㈱髙島①"],
        ["ﾊﾝｶｸｶﾅ ﾃﾞﾊﾟｰﾄ", "ﾔﾏﾀﾞ ﾀﾛｳ", "ｶ)ｻｸﾗ"],
        ["絵文字 👨‍👩‍👧‍👦 🏳️‍🌈 か\u{3099}", "👩🏽‍💻 花子", "🗼東京"],
        ["=?utf-8?B?44GC?= は文字どおり", "=?utf-8?Q?x?=", "a & b < c > \"d\" 'e'"],
        ["ASCII only subject", "Yamada, \"Taro\" (PR)", "Plain Co., Ltd."],
        ["x", "", ""],
    ];
    let mut cases: Vec<[String; 3]> = plain.iter().map(|c| c.map(str::to_owned)).collect();
    cases.push(["髙".repeat(1000), "長い名前の株式会社".repeat(20), "あ".repeat(5000)]);
    cases.push([format!("{}終", "a".repeat(900)), "N".repeat(300), format!("{} {}", "w".repeat(2000), "い")]);
    cases.push([format!("A{}👨‍👩‍👧‍👦", "あ👨‍👩‍👧‍👦".repeat(80)), "y".to_owned(), "z".to_owned()]);
    cases
}

const FILE_NAMES: [&str; 3] = [
    "日本語.pdf",
    "plain \"quoted\" name.txt",
    "とても長い名前のプレスリリース添付資料２０２６年冬号①㈱.xlsx",
];

fn mails() -> Result<Vec<Vec<u8>>> {
    let file =
        release("{{ 氏名 }}", "reply_to: 広報 <desk@example.jp>\n", "# {{ 会社名 }}様\n\n本文です。\n");
    let attachments = FILE_NAMES.map(|name| Attachment { name, content: b"\0\xff file" });
    let template = compile(&file, &attachments)?;
    let mail = |case: &[String; 3]| -> Result<Vec<u8>> {
        let [subject, name, company] = case;
        let name = Some(name.as_str()).filter(|n| !n.is_empty());
        let octets = whole(&render(&template, ["a@example.jp", company, subject, ""], name)?);
        assert_wire_form(&octets);
        Ok(octets)
    };
    cases().iter().map(mail).collect()
}

fn check(program: &Path, script: &str, node_modules: Option<&Path>) -> Result<()> {
    let mails = mails()?;
    let input: Vec<String> = mails.iter().map(|m| STANDARD.encode(m)).collect();
    let seen = peers::run(program, script, node_modules, &json!(input))?;
    let seen = seen.as_array().context("no list")?;
    assert_eq!(seen.len(), mails.len());
    for (case, seen) in cases().iter().zip(seen) {
        let [subject, name, company] = case;
        let field = |key: &str| seen.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert_eq!(field("subject"), *subject);
        assert_eq!(field("from_name"), "株式会社さくら広報");
        assert_eq!(field("reply_to"), "desk@example.jp");
        assert_eq!(field("to_name"), *name);
        assert_eq!(field("to"), "taro@example.com");
        assert_eq!(field("text").replace("\r\n", "\n").trim_end(), format!("■ {company}様\n\n本文です。"));
        let company_html = company
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;");
        assert!(field("html").contains(&format!("<h1>{company_html}様</h1>")), "{}", field("html"));
        assert_eq!(seen.get("files"), Some(&json!(FILE_NAMES)));
        assert_eq!(seen.get("defects"), Some(&json!([])), "{script}");
    }
    Ok(())
}

#[test]
fn python_email_reads_what_we_write() -> Result<()> {
    match peers::peer("HIKYAKU_PEERS_PYTHON")? {
        Some(python) => check(&python, "read_mails.py", None),
        None => Ok(()),
    }
}

#[test]
fn npm_mailparser_reads_what_we_write() -> Result<()> {
    match peers::peer("HIKYAKU_PEERS_NODE_MODULES")? {
        Some(modules) => check(Path::new("node"), "read_mails.cjs", Some(&modules)),
        None => Ok(()),
    }
}
