//! A web server for tests that gives one file over HTTPS, or what else it is told, and counts who asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certs::Certificates;

/// Octets of a request.
const REQUEST_MAX: usize = 8192;

/// A running server; it ends when this is dropped.
pub struct FileServer {
    /// Where it listens.
    pub addr: SocketAddr,
    asked: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FileServer {
    /// Starts one that answers every request with this status line and body.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(certificates: &Certificates, status: &str, body: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(certificates.server_config());
        let asked = Arc::new(AtomicU64::new(0));
        let reply = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nLocation: /elsewhere\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let counter = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // A client that does not trust the certificate leaves in the handshake.
                if answer(&acceptor, tcp, &reply).await.is_ok() {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { addr, asked, task })
    }

    /// How many requests were answered.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(acceptor: &TlsAcceptor, tcp: TcpStream, reply: &str) -> io::Result<()> {
    let mut link = acceptor.accept(tcp).await?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_MAX {
        request.push(link.read_u8().await?);
    }
    link.write_all(reply.as_bytes()).await?;
    link.shutdown().await
}
