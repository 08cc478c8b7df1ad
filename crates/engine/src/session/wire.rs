//! The link of a session: plaintext in and out, in clear or under TLS, with an exact account of what the kernel
//! took.
//!
//! TLS is driven without IO of its own, so that a ciphertext position can be mapped back to plaintext: a record
//! counts as taken only when the kernel took its last octet, for without it the receiver can decrypt nothing.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime::Stream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::ReadBuf;

/// Octets of one read from the kernel.
const READ_OCTETS: usize = 16 * 1024;
/// Plaintext octets of one TLS record at most (RFC 8446 section 5.1).
const RECORD_OCTETS: usize = 16 * 1024;

/// A connection, in clear or under TLS.
pub struct Wire {
    stream: Box<dyn Stream>,
    tls: Option<Box<TlsLink>>,
    buffer: Box<[u8; READ_OCTETS]>,
}

/// A TLS connection with its ciphertext queue.
struct TlsLink {
    connection: ClientConnection,
    queue: Vec<u8>,
    sent: usize,
    /// Records that hold plaintext: (plaintext octets, queue octets that must be sent before they count).
    records: VecDeque<(usize, usize)>,
    /// Pending plaintext that is encrypted already.
    ahead: usize,
}

impl Wire {
    /// A link in clear.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, tls: None, buffer: Box::new([0; READ_OCTETS]) }
    }

    /// Shakes hands; everything after it goes under TLS.
    ///
    /// # Errors
    /// What the handshake failed of, in the TLS library's words.
    pub async fn start_tls(&mut self, config: Arc<ClientConfig>, host: &str) -> Result<(), String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no TLS name"))?;
        let connection = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        let mut link = TlsLink { connection, queue: Vec::new(), sent: 0, records: VecDeque::new(), ahead: 0 };
        std::future::poll_fn(|context| self.poll_handshake(&mut link, context)).await?;
        self.tls = Some(Box::new(link));
        Ok(())
    }

    /// Makes the close a reset, so that the kernel sends nothing that it still holds.
    pub fn reset_on_drop(&mut self) {
        self.stream.reset_on_drop();
    }

    /// Protocol, cipher suite and the digest of the server's certificate; `None` in clear.
    #[must_use]
    pub fn tls_facts(&self) -> Option<String> {
        let connection = &self.tls.as_ref()?.connection;
        let version = connection.protocol_version().and_then(|v| v.as_str()).unwrap_or("TLS");
        let suite = connection.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("?");
        let digest = connection.peer_certificates().and_then(|chain| chain.first()).map_or_else(
            String::new,
            |certificate| {
                let digest = ledger::sha256(certificate);
                digest[..8].iter().map(|octet| format!("{octet:02x}")).collect()
            },
        );
        Some(format!("{version} {suite} cert-sha256:{digest}"))
    }

    /// Gives pending plaintext to the kernel; ready with how many octets of it the kernel has now taken.
    ///
    /// `pending` must start where the last call's count left off.
    pub fn poll_send(&mut self, context: &mut Context<'_>, pending: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.tls {
            None => Pin::new(&mut *self.stream).poll_write(context, pending),
            Some(link) => {
                link.encrypt(pending)?;
                link.poll_queue(&mut *self.stream, context)
            }
        }
    }

    /// Takes what the kernel has; ready with `None` at the end of the stream.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<&[u8]>>> {
        let Some(link) = &mut self.tls else {
            let count = ready!(poll_read(&mut *self.stream, &mut *self.buffer, context))?;
            return Poll::Ready(Ok((count > 0).then(|| &self.buffer[..count])));
        };
        let count = ready!(link.poll_decrypt(&mut *self.stream, &mut *self.buffer, context))?;
        Poll::Ready(Ok((count > 0).then(|| &self.buffer[..count])))
    }

    fn poll_handshake(&mut self, link: &mut TlsLink, context: &mut Context<'_>) -> Poll<Result<(), String>> {
        loop {
            link.drain_output().map_err(|error| error.to_string())?;
            while link.sent < link.queue.len() {
                ready!(link.poll_queue(&mut *self.stream, context)).map_err(|error| error.to_string())?;
            }
            if !link.connection.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(poll_read(&mut *self.stream, &mut *self.buffer, context))
                .map_err(|error| error.to_string())?;
            if count == 0 {
                return Poll::Ready(Err("the server closed the connection in the handshake".to_owned()));
            }
            let outcome = link.feed(&self.buffer[..count]);
            if let Err(error) = outcome {
                // The alert that tells the server why; best effort.
                let _ = link.drain_output();
                let _ = link.poll_queue(&mut *self.stream, context);
                return Poll::Ready(Err(error.to_string()));
            }
        }
    }
}

impl TlsLink {
    /// Encrypts what is pending beyond what was encrypted before, one record a piece.
    fn encrypt(&mut self, pending: &[u8]) -> io::Result<()> {
        while self.ahead < pending.len() {
            let end = pending.len().min(self.ahead + RECORD_OCTETS);
            self.connection.writer().write_all(&pending[self.ahead..end])?;
            self.drain_output()?;
            self.records.push_back((end - self.ahead, self.queue.len()));
            self.ahead = end;
        }
        Ok(())
    }

    /// Sends ciphertext; ready with the plaintext octets whose records the kernel now has whole.
    fn poll_queue(&mut self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.drain_output()?;
        loop {
            let taken = self.take_whole_records();
            if taken > 0 || self.sent == self.queue.len() {
                return Poll::Ready(Ok(taken));
            }
            let count = ready!(Pin::new(&mut *stream).poll_write(context, &self.queue[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
    }

    fn take_whole_records(&mut self) -> usize {
        let mut taken = 0;
        while let Some((plain, _)) = self.records.front().copied().filter(|(_, end)| *end <= self.sent) {
            taken += plain;
            self.records.pop_front();
        }
        self.ahead -= taken;
        if self.sent == self.queue.len() {
            self.queue.clear();
            self.sent = 0;
        }
        taken
    }

    fn drain_output(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.queue)?;
        }
        Ok(())
    }

    fn feed(&mut self, mut cipher: &[u8]) -> Result<(), rustls::Error> {
        while !cipher.is_empty() {
            let read = self.connection.read_tls(&mut cipher);
            read.map_err(|error| rustls::Error::General(error.to_string()))?;
            self.connection.process_new_packets()?;
        }
        Ok(())
    }

    /// Plaintext into the front of `buffer`; 0 at the end of the stream.
    fn poll_decrypt(
        &mut self,
        stream: &mut dyn Stream,
        buffer: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.connection.reader().read(buffer) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(0)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            let count = ready!(poll_read(stream, buffer, context))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            self.feed(&buffer[..count]).map_err(io::Error::other)?;
        }
    }
}

fn poll_read(
    stream: &mut dyn Stream,
    buffer: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut filled = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(context, &mut filled))?;
    Poll::Ready(Ok(filled.filled().len()))
}
