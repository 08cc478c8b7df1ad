//! One connection's stream, before or after TLS.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A stream that may become encrypted once.
pub(super) enum Link {
    /// In clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    /// Reads what there is; 0 at the end of the file.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
        }
    }

    /// Writes all.
    pub async fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(octets).await,
            Self::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
        }
    }

    /// The server's side of a TLS handshake.
    pub async fn encrypt(self, config: &Arc<rustls::ServerConfig>) -> io::Result<Self> {
        match self {
            Self::Plain(stream) => {
                let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
                Ok(Self::Tls(Box::new(stream)))
            }
            Self::Tls(_) => Err(io::Error::other("already encrypted")),
        }
    }

    /// Ends the writing half in order (TLS: with a close-notify).
    pub async fn shutdown(&mut self) {
        let _ = match self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.shutdown().await,
        };
    }

    /// Makes the socket send a reset when it is dropped.
    pub fn reset_on_drop(&self) {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        let _ = stream.set_zero_linger();
    }
}
