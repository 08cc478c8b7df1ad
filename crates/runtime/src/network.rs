//! Outgoing connections. A stream's `poll_write` says how many octets the kernel took: the evidence that tells
//! a mail that cannot have arrived from one that may have.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

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

    /// Connects to the first of these addresses that answers, from `source` where one is given: then addresses of the
    /// other family cannot be reached.
    fn dial_addresses<'a>(
        &'a self,
        addresses: &'a [SocketAddr],
        source: Option<IpAddr>,
        options: DialOptions,
    ) -> Pending<'a, io::Result<Connection>> {
        Box::pin(async move {
            if source.is_some() {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "this network has no source addresses",
                ));
            }
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
            for address in addresses.iter().take(ADDRESSES_MAX) {
                match self.dial(&address.ip().to_string(), address.port(), options).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        })
    }
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
        Box::pin(async move {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            dial_first(&found, None, options).await
        })
    }

    fn dial_addresses<'a>(
        &'a self,
        addresses: &'a [SocketAddr],
        source: Option<IpAddr>,
        options: DialOptions,
    ) -> Pending<'a, io::Result<Connection>> {
        Box::pin(dial_first(addresses, source, options))
    }
}

/// At most this many addresses of one host are tried.
const ADDRESSES_MAX: usize = 8;

async fn dial_first(
    addresses: &[SocketAddr],
    source: Option<IpAddr>,
    options: DialOptions,
) -> io::Result<Connection> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match dial_one(*address, source, options).await {
            Ok(stream) => return Ok(Connection { stream: Box::new(TcpLink(stream)), peer: *address }),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_one(
    address: SocketAddr,
    source: Option<IpAddr>,
    options: DialOptions,
) -> io::Result<TcpStream> {
    let connecting = connect(address, source)?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the connection was not answered in time");
    let stream = tokio::time::timeout(options.timeout, connecting).await.map_err(late)??;
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(options.user_timeout))?;
    Ok(stream)
}

/// Connects from `source`, or from where the kernel likes.
fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
) -> io::Result<impl Future<Output = io::Result<TcpStream>>> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        if source.is_ipv4() != address.is_ipv4() {
            let text = format!("{address} cannot be reached from the source address {source}");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, text));
        }
        let bound = socket.bind(SocketAddr::new(source, 0));
        bound.map_err(|error| {
            io::Error::new(error.kind(), format!("the source address {source} cannot be used: {error}"))
        })?;
    }
    Ok(socket.connect(address))
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
