//! One client's stream, before or after TLS.
//!
//! Leaves time limits to the session. Invariant: what is read goes straight into the server's own room, which is given
//! back while nothing comes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use smtp::server::Server;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A stream that may become encrypted once.
pub(crate) enum Link {
    /// In the clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
    /// A handshake took the stream and did not give it back.
    Gone,
}

impl Link {
    /// Reads what there is into the server; 0 at the end of the stream.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        server: &mut Server,
        octets: usize,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(server.space(octets));
        let polled = match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, &mut room),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut room),
            Self::Gone => Poll::Ready(Err(gone())),
        };
        let count = room.filled().len();
        if polled.is_pending() {
            server.release();
        }
        ready!(polled)?;
        server.filled(count);
        Poll::Ready(Ok(count))
    }

    /// Writes some of `octets`.
    pub fn poll_write(&mut self, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self {
            Self::Plain(stream) => ready!(Pin::new(stream).poll_write(context, octets)),
            Self::Tls(stream) => ready!(Pin::new(stream.as_mut()).poll_write(context, octets)),
            Self::Gone => Err(gone()),
        };
        Poll::Ready(match written {
            Ok(0) if !octets.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        })
    }

    /// Hands all that was written to the kernel.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            Self::Plain(_) | Self::Gone => Poll::Ready(Ok(())),
        }
    }

    /// Ends the writing half in order (TLS: with a close-notify).
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    /// The server's side of a TLS handshake. When it is dropped half-way or fails, the link is gone.
    pub async fn encrypt(&mut self, config: Arc<rustls::ServerConfig>) -> io::Result<()> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Gone) else { return Err(gone()) };
        let stream = Box::pin(TlsAcceptor::from(config).accept(stream)).await?;
        *self = Self::Tls(Box::new(stream));
        Ok(())
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
