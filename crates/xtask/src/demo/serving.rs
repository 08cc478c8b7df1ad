//! The second half of the demo: the installation serves, and whoever watches hands a mail in by a line that can be pasted.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::rig::{Binaries, Served, served};

/// How long an answer over HTTP may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Serves with a relay to the inbox, and prints the lines.
///
/// # Errors
/// When it does not serve.
pub fn start(binaries: &Binaries, folder: &Path, inbox: SocketAddr) -> anyhow::Result<Served> {
    let served = Served::start(binaries, folder, inbox)?;
    let (http, smtp, key, from) = (served.http(), served.submission(), served.key(), from());
    eprintln!();
    eprintln!("API と SMTP で 1 通ずつ送れます（貼り付けて実行）。 Hand mails in one by one; paste a line:");
    eprintln!();
    println!(
        "curl -i http://{http}/v3/mail/send -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{}'",
        body()
    );
    println!();
    println!(
        "python3 -c \"import smtplib; s = smtplib.SMTP('{}', {}); s.login('apikey', '{key}'); \
         s.sendmail('{from}', ['python@example.jp'], 'From: {from}\\nTo: python@example.jp\\nSubject: Hello from Python\\n\\nHello\\n'); print(s.quit())\"",
        smtp.ip(),
        smtp.port()
    );
    println!();
    println!(
        "swaks --server {smtp} --auth PLAIN --auth-user apikey --auth-password '{key}' --from {from} --to swaks@example.jp \
         --header 'Subject: Hello from swaks'"
    );
    eprintln!();
    Ok(served)
}

/// Does what the first line does.
///
/// # Errors
/// When it is not answered with 202.
pub fn hand_one_in(served: &Served) -> anyhow::Result<()> {
    let mut link = TcpStream::connect(served.http()).context("the API")?;
    link.set_read_timeout(Some(ANSWER_MAX))?;
    let (key, body) = (served.key(), body());
    write!(
        link,
        "POST /v3/mail/send HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        served.http(),
        body.len()
    )?;
    let mut answer = String::new();
    link.read_to_string(&mut answer).context("the API's answer")?;
    if !answer.starts_with("HTTP/1.1 202") {
        bail!("the API answered: {answer}");
    }
    Ok(())
}

fn from() -> String {
    format!("pr@{}", served::DOMAIN)
}

fn body() -> String {
    serde_json::json!({
        "personalizations": [{ "to": [{ "email": "curl@example.jp", "name": "山田 太郎" }] }],
        "from": { "email": from(), "name": served::TENANT },
        "subject": "春の新作①㈱髙🌸",
        "content": [{ "type": "text/plain", "value": "こんにちは。curl からです。\n" }],
    })
    .to_string()
}
