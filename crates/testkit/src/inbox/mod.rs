//! A web page over a sink's kept mails, to read them as a receiver would.
//!
//! Four addresses: `/` lists the newest mails (`?q=` searches recipients, `?page=` pages, `?lang=en` switches from
//! Japanese), `/mail/N` shows one, `/mail/N/html` is its HTML part for a sandboxed frame, `/mail/N/source` its
//! bytes. Mails are strangers' input: everything is escaped, the frame runs no script and loads nothing, and no
//! page loads anything from outside.
//!
//! What is kept and for how long is the sink's business ([`crate::sink::SinkLimits`], [`crate::sink::Keep`]).
//! The page has no login: it is meant for loopback.

mod decode;
mod list_page;
mod mail_page;
mod page;
mod words;

use std::io;
use std::net::SocketAddr;
use std::thread;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::sink::{KeptMail, SinkReader};
use words::Language;

/// Nothing from outside, no script at all; frames only of our own.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; \
                           base-uri 'none'; frame-ancestors 'none'";
/// For a mail's HTML: its own inline styles and inline images, and an origin of its own.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'self'; sandbox";

/// A running inbox page; dropping it ends it.
#[derive(Debug)]
pub struct Inbox {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Inbox {
    /// Serves the mails of `reader`'s sink on a thread of its own. It listens when this returns.
    ///
    /// # Errors
    /// When address or thread cannot be had.
    pub fn start(listen: SocketAddr, reader: SinkReader) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind(listen)?;
        socket.set_nonblocking(true)?;
        let addr = socket.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("inbox".to_owned()).spawn(move || {
            executor.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { return };
                let server = axum::serve(listener, router(reader));
                tokio::select! {
                    _ = async { server.await } => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { addr, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn router(reader: SinkReader) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mail/{seq}", get(mail))
        .route("/mail/{seq}/html", get(html))
        .route("/mail/{seq}/source", get(source))
        .route("/style.css", get(style))
        .with_state(reader)
}

/// What the address line may ask for.
#[derive(Debug, Clone, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: usize,
    #[serde(default)]
    lang: Language,
}

async fn list(State(reader): State<SinkReader>, Query(asked): Query<Asked>) -> Response {
    let found = list_page::find(&reader, &asked);
    page_response(list_page::render(&reader.snapshot(), &found, &asked))
}

async fn mail(
    State(reader): State<SinkReader>,
    Path(seq): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    match kept(&reader, seq) {
        Some(kept) => page_response(mail_page::render(&kept, asked.lang)),
        None => (StatusCode::NOT_FOUND, page_response(page::missing(asked.lang))).into_response(),
    }
}

async fn html(State(reader): State<SinkReader>, Path(seq): Path<u64>) -> Response {
    let Some(html) = kept(&reader, seq).and_then(|kept| decode::html(&kept.content)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    (headers("text/html; charset=utf-8", MAIL_POLICY), html).into_response()
}

async fn source(State(reader): State<SinkReader>, Path(seq): Path<u64>) -> Response {
    match kept(&reader, seq) {
        Some(kept) => {
            (headers("text/plain; charset=utf-8", PAGE_POLICY), kept.content.to_vec()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn style() -> Response {
    (headers("text/css; charset=utf-8", PAGE_POLICY), include_str!("style.css")).into_response()
}

fn kept(reader: &SinkReader, seq: u64) -> Option<KeptMail> {
    reader.with_kept(|mut mails| mails.find(|mail| mail.seq == seq).cloned())
}

fn page_response(html: String) -> Response {
    (headers("text/html; charset=utf-8", PAGE_POLICY), Html(html)).into_response()
}

fn headers(content_type: &'static str, policy: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}
