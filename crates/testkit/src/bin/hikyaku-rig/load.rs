//! The fastest sender there can be: mails built beforehand, body, end and next envelope in one write, no book.
//!
//! What a release reaches is measured against this. Any reply that is not the one expected ends it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use runtime::{Clock, SystemClock};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::mail::MailBuffer;

/// Flags of `load`.
#[derive(Debug, Args)]
pub struct LoadFlags {
    /// The SMTP server.
    #[arg(long)]
    to: SocketAddr,
    /// Mails.
    #[arg(long)]
    messages: u64,
    /// Connections.
    #[arg(long, default_value_t = 50)]
    connections: u64,
    /// Octets of a mail's content.
    #[arg(long, default_value_t = 5120)]
    octets: usize,
    /// MAIL FROM.
    #[arg(long, default_value = "news@load.example")]
    from: String,
    /// Log in (AUTH PLAIN) as this user, with the secret in the variable LOAD_SECRET.
    #[arg(long)]
    user: Option<String>,
    /// Domain of the recipients.
    #[arg(long, default_value = "receiver.example")]
    domain: String,
}

#[derive(Debug, Serialize)]
struct Report {
    messages: u64,
    octets: usize,
    elapsed_us: u64,
    /// From the write of a mail's end to its 250: the median, and what 99 of 100 stay under.
    answer_us: [u64; 2],
}

/// Sends, and prints the time from the first connection to the last reply.
pub fn run(flags: &LoadFlags) -> anyhow::Result<()> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let started = SystemClock.moment();
    let tasks = tokio::task::LocalSet::new();
    let mut answers = tasks.block_on(&executor, all_connections(flags))?;
    let elapsed = SystemClock.moment().since(started);
    let elapsed_us = u64::try_from(elapsed.as_micros())?;
    answers.sort_unstable();
    let at = |percent: usize| answers.get(answers.len() * percent / 100).copied().unwrap_or_default();
    let answer_us = [at(50), at(99)];
    let report = Report { messages: flags.messages, octets: flags.octets, elapsed_us, answer_us };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn all_connections(flags: &LoadFlags) -> anyhow::Result<Vec<u64>> {
    let login = flags.user.as_deref().map(login).transpose()?;
    let next = Rc::new(Cell::new(0));
    let mail = MailBuffer::new(&flags.from, &flags.domain, flags.octets);
    let connections: Vec<_> = (0..flags.connections.min(flags.messages).max(1))
        .map(|_| {
            let numbers = Numbers { next: Rc::clone(&next), end: flags.messages };
            tokio::task::spawn_local(connection(flags.to, login.clone(), numbers, mail.clone()))
        })
        .collect();
    let mut answers = Vec::new();
    for connection in connections {
        answers.extend(connection.await??);
    }
    Ok(answers)
}

/// The command that logs in (RFC 4616).
fn login(user: &str) -> anyhow::Result<String> {
    let secret = std::env::var("LOAD_SECRET").context("LOAD_SECRET")?;
    Ok(format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{user}\0{secret}"))))
}

/// Deals the mails' numbers to the connections.
struct Numbers {
    next: Rc<Cell<u64>>,
    end: u64,
}

impl Numbers {
    fn take(&self) -> Option<u64> {
        let number = self.next.get();
        self.next.set(number + 1);
        (number < self.end).then_some(number)
    }
}

/// Gives how long each mail's 250 took, in µs.
async fn connection(
    to: SocketAddr,
    login: Option<String>,
    numbers: Numbers,
    mut mail: MailBuffer,
) -> anyhow::Result<Vec<u64>> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("connecting to {to}"))?;
    stream.set_nodelay(true)?;
    let mut link = Link { stream, buffer: Vec::with_capacity(4096) };
    link.expect(&["220"]).await?;
    link.stream.write_all(b"EHLO load.example\r\n").await?;
    link.expect(&["250"]).await?;
    if let Some(login) = login {
        link.stream.write_all(login.as_bytes()).await?;
        link.expect(&["235"]).await?;
    }
    let mut answers = Vec::new();
    let Some(mut number) = numbers.take() else { return link.quit().await.map(|()| answers) };
    link.stream.write_all(mail.envelope(number)).await?;
    link.expect(&["250", "250", "354"]).await?;
    while let Some(next) = numbers.take() {
        let ended = SystemClock.moment();
        link.stream.write_all(mail.content_and_envelope(number, next)).await?;
        link.expect(&["250"]).await?;
        answers.push(micros(ended)?);
        link.expect(&["250", "250", "354"]).await?;
        number = next;
    }
    let ended = SystemClock.moment();
    link.stream.write_all(mail.content(number)).await?;
    link.expect(&["250"]).await?;
    answers.push(micros(ended)?);
    link.quit().await?;
    Ok(answers)
}

/// µs since then.
fn micros(since: domain::Moment) -> anyhow::Result<u64> {
    Ok(u64::try_from(SystemClock.moment().since(since).as_micros())?)
}

struct Link {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Link {
    /// Reads as many replies as there are codes; each must have its code.
    async fn expect(&mut self, codes: &[&str]) -> anyhow::Result<()> {
        for code in codes {
            let reply = loop {
                if let Some(octets) = reply_octets(&self.buffer) {
                    break self.buffer.drain(..octets).collect::<Vec<u8>>();
                }
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    bail!("the server closed the connection where {code} was awaited");
                }
            };
            if !reply.starts_with(code.as_bytes()) {
                bail!("{code} was awaited, but: {}", String::from_utf8_lossy(&reply).trim_end());
            }
        }
        Ok(())
    }

    async fn quit(mut self) -> anyhow::Result<()> {
        self.stream.write_all(b"QUIT\r\n").await?;
        self.expect(&["221"]).await
    }
}

/// Octets of the first whole reply: all lines up to the one with a space behind its code (RFC 5321 section 4.2.1).
fn reply_octets(buffer: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = memchr::memchr(b'\n', &buffer[at..])? + 1;
        let continues = buffer[at..at + line].get(3) == Some(&b'-');
        at += line;
        if !continues {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_end_with_their_last_line() {
        let check = |text: &str, octets: Option<usize>| {
            assert_eq!(reply_octets(text.as_bytes()), octets, "{text:?}");
        };
        check("", None);
        check("250 o", None);
        check("250 ok\r\n354 go\r\n", Some(8));
        check("250-a\r\n250-b\r\n250 c\r\n354", Some(21));
        check("250-a\r\n250-b\r\n", None);
        check("250\r\n", Some(5));
    }
}
