//! Outgoing connections. A stream's `poll_write` says how many octets the kernel took: the evidence that tells
//! a mail that cannot have arrived from one that may have.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::Pending;

/// A connection's two directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes the kernel drop what it has not sent yet, and reset the connection, when the stream is dropped.
    fn reset_on_drop(&mut self);
}

/// An open connection.
pub struct Connection {
    /// Its octets.
    pub stream: Box<dyn Stream>,
    /// The other end as connected to.
    pub peer: SocketAddr,
}

/// How a connection is made.
#[derive(Debug, Clone, Copy)]
pub struct DialOptions {
    /// How long each address of the host may take.
    pub timeout: Duration,
    /// How long the kernel goes on sending what nobody acknowledges (`TCP_USER_TIMEOUT`).
    pub user_timeout: Duration,
}

/// Opens connections.
pub trait Network: Send + Sync {
    /// Connects to the first address of the host that answers.
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        options: DialOptions,
    ) -> Pending<'a, io::Result<Connection>>;
}

/// The machine's network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        options: DialOptions,
    ) -> Pending<'a, io::Result<Connection>> {
        Box::pin(dial_first(host, port, options))
    }
}

/// At most this many addresses of one host are tried.
const ADDRESSES_MAX: usize = 8;

async fn dial_first(host: &str, port: u16, options: DialOptions) -> io::Result<Connection> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in tokio::net::lookup_host((host, port)).await?.take(ADDRESSES_MAX) {
        match dial_one(address, options).await {
            Ok(stream) => return Ok(Connection { stream: Box::new(TcpLink(stream)), peer: address }),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_one(address: SocketAddr, options: DialOptions) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect(address);
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the connection was not answered in time");
    let stream = tokio::time::timeout(options.timeout, connecting).await.map_err(late)??;
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(options.user_timeout))?;
    Ok(stream)
}

/// A TCP connection.
struct TcpLink(TcpStream);

impl Stream for TcpLink {
    fn reset_on_drop(&mut self) {
        // Where the kernel refuses, the close is an ordinary one; nothing else depends on it.
        let _ = socket2::SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }
}

impl AsyncRead for TcpLink {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for TcpLink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
