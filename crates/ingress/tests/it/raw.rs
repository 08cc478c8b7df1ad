//! A client that sends what it is told, octet by octet if need be, and reads lines.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use testkit::certs::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::book::{KEY, USER};
use crate::rig::PATIENCE;

/// A stream of any kind.
pub trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Octets for T {}

/// See the module.
pub struct Raw {
    stream: Box<dyn Octets>,
    read: Vec<u8>,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self::over(Box::new(stream))
    }

    /// On a stream that is there.
    pub fn over(stream: Box<dyn Octets>) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Does a TLS handshake that trusts this authority, after which nothing that was read before counts.
    pub async fn encrypt(self, authority: &Authority) -> std::io::Result<Self> {
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(authority.root_store().expect("a root store"))
        .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, self.stream);
        let stream = timeout(PATIENCE, connecting).await.expect("a handshake in time")?;
        Ok(Self::over(Box::new(stream)))
    }

    /// Sends these octets.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.try_send(octets).await.expect("the server reads");
    }

    pub async fn try_send(&mut self, octets: impl AsRef<[u8]>) -> std::io::Result<()> {
        let sending = async {
            self.stream.write_all(octets.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sending).await.expect("sent in time")
    }

    /// The next line, without its end; `None` when the server has closed or reset the link.
    pub async fn line(&mut self) -> Option<String> {
        let reading = async {
            loop {
                if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                    let line = self.read.drain(..end + 2).collect::<Vec<_>>();
                    return Some(String::from_utf8_lossy(&line[..end]).into_owned());
                }
                match self.stream.read_buf(&mut self.read).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("a line in time")
    }

    /// The next line must be this.
    pub async fn expect(&mut self, line: &str) {
        assert_eq!(self.line().await.as_deref(), Some(line));
    }

    /// The next line must begin so.
    pub async fn expect_start(&mut self, start: &str) -> String {
        let line = self.line().await.unwrap_or_else(|| panic!("closed instead of {start}"));
        assert!(line.starts_with(start), "{line} instead of {start}");
        line
    }

    /// The server must close now.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.line().await, None);
    }

    /// Sends a command and reads the whole reply.
    pub async fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(format!("{command}\r\n")).await;
        self.reply().await
    }

    /// One reply's lines.
    pub async fn reply(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.expect("a reply");
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// The reply to a command must be one line that begins so.
    pub async fn check(&mut self, command: &str, start: &str) {
        let reply = self.ask(command).await;
        assert!(reply.len() == 1 && reply[0].starts_with(start), "{command}: {reply:?} instead of {start}");
    }

    /// EHLO and AUTH PLAIN.
    pub async fn log_in(&mut self) {
        self.ask("EHLO client.example").await;
        self.check(&plain(USER, KEY), "235").await;
    }

    /// MAIL, RCPT and DATA.
    pub async fn begin_mail(&mut self) {
        self.check("MAIL FROM:<a@example.jp>", "250").await;
        self.check("RCPT TO:<b@example.jp>", "250").await;
        self.check("DATA", "354").await;
    }
}

/// The AUTH PLAIN command.
pub fn plain(user: &str, secret: &str) -> String {
    format!("AUTH PLAIN {}", base64(format!("\0{user}\0{secret}").as_bytes()))
}

/// RFC 4648, written out so that it shares nothing with the code under test.
pub fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
