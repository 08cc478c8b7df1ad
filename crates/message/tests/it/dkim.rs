//! DKIM: what is signed, and dkimpy verifying it.

use anyhow::{Context, Result};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use message::{Attachment, DkimError, DkimSigner};
use serde_json::{Value, json};

use crate::fixture::{assert_wire_form, compile, release, render};
use crate::peers;

const AT: Timestamp = Timestamp::from_millis(1_795_392_123_456);

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

fn signers() -> Result<[DkimSigner; 2]> {
    let rsa = KeyPair::generate(KeySize::Rsa2048)?;
    let rsa_der: Pkcs8V1Der<'_> = rsa.as_der()?;
    let ed25519 = Ed25519KeyPair::generate()?.to_pkcs8v1()?;
    Ok([
        DkimSigner::new("example.jp", "rsa2026", &pem(rsa_der.as_ref()))?,
        DkimSigner::new("Example.JP", "ed2026", &pem(ed25519.as_ref()))?,
    ])
}

#[test]
fn the_field_says_what_was_signed() -> Result<()> {
    let [rsa, ed25519] = signers()?;
    let mail = render(&compile(&release("件名", "", "本文"), &[])?, ["", "", "", ""], None)?;
    for (signer, algorithm, selector) in
        [(&rsa, "rsa-sha256", "rsa2026"), (&ed25519, "ed25519-sha256", "ed2026")]
    {
        let field = signer.sign(&mail.head, &mail.tail, AT)?;
        assert_wire_form(&field);
        assert_eq!(field, signer.sign(&mail.head, &mail.tail, AT)?, "signing is deterministic");
        let text = String::from_utf8(field)?.replace("\r\n\t", "");
        let start = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;d=example.jp;s={selector};t=1795392123;\
             h=From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:List-Unsubscribe:List-Unsubscribe-Post:From;bh="
        );
        assert!(text.starts_with(&start), "{text}");
        let record = signer.dns_record();
        assert!(record.starts_with("v=DKIM1; k=") && !record.ends_with("p="), "{record}");
    }
    Ok(())
}

#[test]
fn unusable_keys_and_messages_are_refused_without_quoting_them() -> Result<()> {
    let rsa = KeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = rsa.as_der()?;
    let good = pem(der.as_ref());
    let check = |domain: &str, selector: &str, key: &str, expected: DkimError| {
        assert_eq!(DkimSigner::new(domain, selector, key).err(), Some(expected), "{domain} {selector}");
    };
    check("example.jp; x=1", "s", &good, DkimError::Domain);
    check("localhost", "s", &good, DkimError::Domain);
    check("例え.jp", "s", &good, DkimError::Domain);
    check("example.jp", "a b", &good, DkimError::Selector);
    check("example.jp", "", &good, DkimError::Selector);
    check("example.jp", "s", "secret text", DkimError::Pem);
    check("example.jp", "s", &pem(b"secret octets"), DkimError::Key);
    let signer = DkimSigner::new("example.jp", "s", &good)?;
    assert_eq!(signer.sign(b"From: a@b\r\n", b"", AT), Err(DkimError::Message));
    assert_eq!(signer.sign(b"To: a@b\r\n\r\nx", b"", AT), Err(DkimError::Message));
    let secret: String = good.chars().skip(60).take(30).collect();
    assert!(!format!("{signer:?}").contains(&secret));
    assert_eq!(
        format!("{signer:?}"),
        "DkimSigner { domain: \"example.jp\", selector: \"s\", algorithm: \"rsa-sha256\", .. }"
    );
    Ok(())
}

/// Our mails, and messages with every oddity of white space that the relaxed form must even out.
fn messages() -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut messages = Vec::new();
    for attachments in [&[][..], &[Attachment { name: "日本語.pdf", content: b"content" }][..]] {
        for body in ["本文 {{ 会社名 }}\n", "Plain = text.  \n\nEnd {{ 会社名 }}\n"] {
            let template =
                compile(&release("件名 {{ 氏名 }}", "reply_to: d@example.jp\n", body), attachments)?;
            let mail = render(
                &template,
                ["", "x".repeat(3000).as_str(), "髙".repeat(300).as_str(), ""],
                Some("山田"),
            )?;
            messages.push((mail.head.clone(), mail.tail.to_vec()));
        }
    }
    let odd = [
        "",
        "\r\n",
        " \r\n",
        "\r\n\r\n\r\n",
        "a",
        "a \t b  \r\n\r\n\r\n",
        " a\r\n \t\r\nb\r\n\r\n",
        "\t\r\na\r\n",
        "a\r\n\r\n\r\nb \r\n \r\n",
    ];
    for (index, body) in odd.iter().enumerate() {
        let head = format!(
            "From:  A \t B\r\n\t<a@example.jp>  \r\nSUBJECT:x\r\n  y\r\nX-N: {index}\r\nTo: b@example.jp\r\nTo: c@example.jp\r\n\r\n{body}"
        );
        messages.push((head.clone().into_bytes(), b"tail \r\n\r\n".to_vec()));
        messages.push((head.into_bytes(), Vec::new()));
    }
    Ok(messages)
}

#[test]
fn dkimpy_verifies_and_sees_every_change() -> Result<()> {
    let Some(python) = peers::peer("HIKYAKU_PEERS_PYTHON")? else { return Ok(()) };
    let mut cases = Vec::new();
    let mut expected = Vec::new();
    for signer in &signers()? {
        let record = signer.dns_record();
        for (head, tail) in messages()? {
            let field = signer.sign(&head, &tail, AT)?;
            let mail = [field.as_slice(), &head, &tail].concat();
            let second_from = [b"From: evil@example.com\r\n".as_slice(), &mail].concat();
            let changed_body = [mail.as_slice(), b"x\r\n"].concat();
            let text = String::from_utf8(mail.clone())?;
            let changed_to = text.replacen("\r\nTo: ", "\r\nTo: z", 1).into_bytes();
            for (octets, good) in
                [(mail, true), (second_from, false), (changed_body, false), (changed_to, false)]
            {
                cases.push(json!({ "mail": STANDARD.encode(octets), "record": record }));
                expected.push(Value::Bool(good));
            }
        }
    }
    let seen = peers::run(&python, "verify_dkim.py", None, &Value::Array(cases))?;
    assert_eq!(seen.as_array().context("no list")?, &expected);
    Ok(())
}
