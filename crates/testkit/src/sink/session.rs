//! One connection of the sink, from greeting to end: the asynchronous shell around [`Dialogue`].
//!
//! One read takes what the client sent, one write gives all replies to it. The log file is flushed before
//! every write.

use std::io;
use std::sync::Arc;

use runtime::{Clock, SystemClock};
use tokio::net::TcpStream;

use super::config::TlsMode;
use super::dialogue::{Dialogue, Next};
use super::handle::Shared;
use super::link::Link;

/// Octets read at once.
const READ_OCTETS: usize = 64 << 10;
/// What [`super::Act::Garbage`] says.
const GARBAGE: &[u8] = b"\x00\xffnot SMTP at all\r\n";

/// Serves one connection to its end. What goes wrong with the link is no news: the book shows what arrived.
pub(super) async fn run(link: TcpStream, shared: Arc<Shared>) {
    let _ = serve(Link::Plain(link), &shared).await;
}

async fn serve(mut link: Link, shared: &Arc<Shared>) -> io::Result<()> {
    let tls = shared.config.tls.clone();
    let mut dialogue = Dialogue::new(Arc::clone(shared))?;
    if let Some(setup) = tls.as_ref().filter(|setup| setup.mode == TlsMode::Implicit) {
        link = link.encrypt(&setup.config).await?;
    }
    loop {
        let next = dialogue.advance();
        write_pending(&mut dialogue, &mut link, shared).await?;
        match next {
            Next::Input => read(&mut dialogue, &mut link).await?,
            Next::StartTls => {
                let setup = tls.as_ref().ok_or_else(|| io::Error::other("STARTTLS was not offered"))?;
                link = link.encrypt(&setup.config).await?;
                dialogue.tls_started();
            }
            Next::Wait(span) => {
                SystemClock.sleep(span).await;
                dialogue.accept_message();
            }
            Next::Close => {
                link.shutdown().await;
                return Ok(());
            }
            Next::Cut => return Ok(()),
            Next::CutInContent => {
                // The client is writing its mail; a reset in the middle of it.
                read(&mut dialogue, &mut link).await?;
                link.reset_on_drop();
                return Ok(());
            }
            Next::Garbage => {
                link.write_all(GARBAGE).await?;
                return swallow(&mut link).await;
            }
            Next::Silence => return swallow(&mut link).await,
        }
    }
}

async fn read(dialogue: &mut Dialogue, link: &mut Link) -> io::Result<()> {
    let octets = link.read(dialogue.space(READ_OCTETS)).await?;
    if octets == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    dialogue.filled(octets);
    Ok(())
}

async fn write_pending(dialogue: &mut Dialogue, link: &mut Link, shared: &Shared) -> io::Result<()> {
    let octets = dialogue.pending().len();
    if octets == 0 {
        return Ok(());
    }
    if shared.config.log.file().is_some() {
        shared.book().flush();
    }
    link.write_all(dialogue.pending()).await?;
    dialogue.written(octets);
    Ok(())
}

/// Reads and forgets until the client gives up.
async fn swallow(link: &mut Link) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    while link.read(&mut buffer).await? > 0 {}
    Ok(())
}
