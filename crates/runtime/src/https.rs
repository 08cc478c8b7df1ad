//! Small files over HTTPS, as MTA-STS wants its policies fetched (RFC 8461 section 3.3): one GET, a certificate that is
//! valid for the host, no redirects, within limits of size and time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Pending;

/// What is fetched.
#[derive(Debug, Clone, Copy)]
pub struct FileRequest<'a> {
    /// The host that the certificate must be for.
    pub host: &'a str,
    /// Its addresses, tried in order.
    pub addresses: &'a [IpAddr],
    /// TCP port.
    pub port: u16,
    /// The path, from its `/` on.
    pub path: &'a str,
    /// The most octets that are read.
    pub octets_max: usize,
    /// The most time that all of it may take.
    pub timeout: Duration,
}

/// Fetches files.
pub trait FileFetcher: Send + Sync {
    /// The file's text.
    fn fetch<'a>(&'a self, request: FileRequest<'a>) -> Pending<'a, Result<String, FetchError>>;
}

/// Why a file was not had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("https://{host}{path}: {reason}")]
pub struct FetchError {
    host: String,
    path: String,
    reason: String,
}

/// Over the machine's network.
#[derive(Clone)]
pub struct HttpsFetcher {
    tls: Arc<rustls::ClientConfig>,
}

impl HttpsFetcher {
    /// With this trust.
    #[must_use]
    pub fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        Self { tls }
    }

    async fn get(&self, request: FileRequest<'_>) -> Result<String, String> {
        let name = ServerName::try_from(request.host.to_owned()).map_err(|error| error.to_string())?;
        let tcp = connect(request).await?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        let link = TokioIo::new(tls.map_err(|error| error.to_string())?);
        let shaken = hyper::client::conn::http1::Builder::new()
            .max_buf_size(request.octets_max.max(16 * 1024))
            .handshake(link)
            .await;
        let (mut sender, connection) = shaken.map_err(|error| error.to_string())?;
        let asked = Request::get(request.path).header(HOST, request.host).body(Empty::<Bytes>::new());
        let asked = asked.map_err(|error| error.to_string())?;
        let reading = async {
            let response = sender.send_request(asked).await.map_err(|error| error.to_string())?;
            if response.status() != StatusCode::OK {
                return Err(format!("the server answered {}, and only 200 counts", response.status()));
            }
            let body = Limited::new(response.into_body(), request.octets_max).collect().await;
            let octets = body.map_err(|error| error.to_string())?.to_bytes();
            String::from_utf8(octets.to_vec()).map_err(|_| "the file is no UTF-8 text".to_owned())
        };
        tokio::pin!(reading, connection);
        tokio::select! {
            text = &mut reading => text,
            ended = &mut connection => match ended {
                Ok(()) => reading.await,
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

impl FileFetcher for HttpsFetcher {
    fn fetch<'a>(&'a self, request: FileRequest<'a>) -> Pending<'a, Result<String, FetchError>> {
        Box::pin(async move {
            let got = tokio::time::timeout(request.timeout, self.get(request)).await;
            got.unwrap_or_else(|_| Err("it took too long".to_owned())).map_err(|reason| FetchError {
                host: request.host.to_owned(),
                path: request.path.to_owned(),
                reason,
            })
        })
    }
}

async fn connect(request: FileRequest<'_>) -> Result<TcpStream, String> {
    let mut failure = "the host has no address".to_owned();
    for ip in request.addresses {
        match TcpStream::connect(SocketAddr::new(*ip, request.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error.to_string(),
        }
    }
    Err(failure)
}
