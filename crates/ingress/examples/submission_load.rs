//! Measures SMTP submission on this machine: mails a second and the time to 250, in the clear and over TLS, then beside
//! idle connections and clients that send one octet at a time.
//!
//! The service runs in a process of its own (this program, started with `serve`), before a desk that accepts at once, so
//! that its memory and processor time can be read from `/proc`. Figures go to the standard output, one run a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::EmailAddress;
use ingress::{
    Account, Desk, Limits, Listener, ListenerMode, LoginAttempt, LoginRefusal, Refusal, Service, Settings,
    SubmittedMail,
};
use runtime::{Clock as _, SystemClock};
use rustls::pki_types::ServerName;
use testkit::certs::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CLIENTS: usize = 50;
const MAIL_OCTETS: usize = 5 * 1024;
const RUN: Duration = Duration::from_secs(10);
const IDLE: usize = 5_000;
const SLOW: usize = 500;
/// Between two octets of a slow client.
const SLOW_PAUSE: Duration = Duration::from_millis(200);

/// Accepts everybody and everything.
struct Quick(AtomicU64);

#[async_trait]
impl Desk for Quick {
    async fn log_in(&self, _: LoginAttempt<'_>) -> Result<Arc<dyn Account>, LoginRefusal> {
        Ok(Arc::new(Quick(AtomicU64::new(0))))
    }
}

#[async_trait]
impl Account for Quick {
    async fn may_send_from(&self, _: Option<&EmailAddress>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(&self, _: SubmittedMail) -> Result<String, Refusal> {
        Ok(format!("m{}", self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match std::env::args().nth(1).as_deref() {
        Some("serve") => runtime.block_on(serve()),
        _ => runtime.block_on(measure()),
    }
}

/// Serves until the standard input ends; prints its two addresses.
async fn serve() -> Result<(), Failure> {
    let limits = Limits {
        network_connections_max: 10_000,
        network_arrivals_per_minute: 1_000_000,
        session_messages_max: u32::MAX,
        ..Limits::default()
    };
    let settings = Settings { require_tls: false, limits, ..Settings::new("submit.example.jp") };
    let (_in_force, tls) = tokio::sync::watch::channel(Authority::generate()?.localhost()?.server_config());
    let listeners = [ListenerMode::StartTls, ListenerMode::ImplicitTls]
        .into_iter()
        .map(|mode| Ok(Listener { socket: listen()?, mode }))
        .collect::<std::io::Result<Vec<_>>>()?;
    let desk = Arc::new(Quick(AtomicU64::new(0)));
    let service = Service::start(settings, listeners, Some(tls), desk, Arc::new(SystemClock))?;
    for address in service.addresses() {
        println!("{address}");
    }
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    service.drain(Duration::from_secs(5)).await;
    Ok(())
}

fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(4096)?.into_std()
}

/// The service's process.
struct Server {
    child: Child,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(output).lines();
        let mut address = || -> Result<SocketAddr, Failure> { Ok(lines.next().ok_or("it ended")??.parse()?) };
        let (plain, tls) = (address()?, address()?);
        Ok(Self { child, plain, tls })
    }

    /// Resident memory in KiB.
    fn memory_kib(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }

    /// Processor time so far, in hundredths of a second.
    fn processor_time(&self) -> Result<u64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
    }

    fn end(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

async fn measure() -> Result<(), Failure> {
    let server = Server::start()?;
    println!("memory at rest: {} KiB", server.memory_kib()?);
    run(&server, "in the clear", false).await?;
    run(&server, "over TLS", true).await?;
    server.end()?;
    let server = Server::start()?;
    let empty = server.memory_kib()?;
    let idle = idle_clients(&server).await?;
    let with_idle = server.memory_kib()?;
    println!(
        "{IDLE} idle connections: {} KiB, {} octets each",
        with_idle - empty,
        (with_idle - empty) * 1024 / IDLE as u64
    );
    let stop = Arc::new(AtomicBool::new(false));
    let slow = slow_clients(&server, &stop).await?;
    println!("and {SLOW} slow clients: {} KiB more", server.memory_kib()? - with_idle);
    run(&server, "in the clear, beside them", false).await?;
    run(&server, "over TLS, beside them", true).await?;
    println!("memory at the end: {} KiB", server.memory_kib()?);
    stop.store(true, Ordering::Relaxed);
    for client in slow {
        client.await?;
    }
    drop(idle);
    server.end()
}

/// Fifty clients for ten seconds.
async fn run(server: &Server, name: &str, encrypted: bool) -> Result<(), Failure> {
    let (processor_before, clock) = (server.processor_time()?, SystemClock);
    let began = clock.moment();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client(if encrypted { server.tls } else { server.plain }, encrypted)))
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    let seconds = clock.moment().since(began).as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    let processor = (server.processor_time()? - processor_before) as f64 / 100.0;
    println!(
        "{name}: {:.0} mails/s; 250 after {:.2} ms (p50), {:.2} ms (p99), {:.2} ms (p99.9); {:.3} CPU s per 1,000",
        times.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        processor * 1000.0 / times.len() as f64,
    );
    std::io::stdout().flush()?;
    Ok(())
}

trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Octets for T {}

/// One client's times from the end of a mail to its 250, in microseconds.
async fn client(address: SocketAddr, encrypted: bool) -> Result<Vec<u64>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Octets> =
        if encrypted { Box::new(encrypt(stream).await?) } else { Box::new(stream) };
    let mut buffer = vec![0; 4096];
    replies(&mut *stream, &mut buffer, 1).await?;
    log_in(&mut *stream, &mut buffer).await?;
    let line = format!("{}\r\n", "x".repeat(76));
    let body = format!("Subject: load\r\n\r\n{}.\r\n", line.repeat(MAIL_OCTETS / line.len()));
    let (clock, mut times) = (SystemClock, Vec::new());
    let end = clock.moment() + RUN;
    while clock.moment() < end {
        stream.write_all(b"MAIL FROM:<a@example.jp> SIZE=5120\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n").await?;
        replies(&mut *stream, &mut buffer, 3).await?;
        let began = clock.moment();
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
        replies(&mut *stream, &mut buffer, 1).await?;
        times.push(u64::try_from(clock.moment().since(began).as_micros())?);
    }
    Ok(times)
}

async fn log_in(stream: &mut dyn Octets, buffer: &mut [u8]) -> Result<(), Failure> {
    stream.write_all(b"EHLO client.example\r\nAUTH PLAIN AGEAYg==\r\n").await?;
    stream.flush().await?;
    replies(stream, buffer, 2).await
}

/// Reads so many whole replies; each must be 2xx or 3xx.
async fn replies(stream: &mut dyn Octets, buffer: &mut [u8], mut count: usize) -> Result<(), Failure> {
    let mut filled = 0;
    stream.flush().await?;
    while count > 0 {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the service closed".into());
        }
        filled += read;
        let mut used = 0;
        while let Some(end) = buffer[used..filled].iter().position(|octet| *octet == b'\n') {
            let line = &buffer[used..used + end];
            if !matches!(line[0], b'2' | b'3') {
                return Err(String::from_utf8_lossy(line).into_owned().into());
            }
            count -= usize::from(line[3] == b' ');
            used += end + 1;
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
    Ok(())
}

/// TLS without looking at the certificate's authority: this measures, it proves nothing.
async fn encrypt(stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody::Anybody(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost")?;
    Ok(tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

async fn idle_clients(server: &Server) -> Result<Vec<TcpStream>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..IDLE {
        let mut stream = TcpStream::connect(server.plain).await?;
        let mut buffer = [0; 512];
        replies(&mut stream, &mut buffer, 1).await?;
        log_in(&mut stream, &mut buffer).await?;
        clients.push(stream);
    }
    Ok(clients)
}

/// Clients in the middle of a message, which goes on octet by octet until `stop`.
async fn slow_clients(
    server: &Server,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<tokio::task::JoinHandle<()>>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(server.plain).await?;
        stream.set_nodelay(true)?;
        let mut buffer = [0; 512];
        replies(&mut stream, &mut buffer, 1).await?;
        log_in(&mut stream, &mut buffer).await?;
        stream.write_all(b"MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n").await?;
        replies(&mut stream, &mut buffer, 3).await?;
        let stop = Arc::clone(stop);
        clients.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) && stream.write_all(b"x").await.is_ok() {
                SystemClock.sleep(SLOW_PAUSE).await;
            }
        }));
    }
    Ok(clients)
}

/// A verifier that takes any certificate.
mod anybody {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::CryptoProvider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub struct Anybody(pub Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
