//! A running service with a book behind it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ingress::{Counters, Drained, Listener, ListenerMode, Rule, Service, Settings};
use runtime::Clock;
use testkit::certs::{Authority, Certificates};
use tokio::sync::watch;

use crate::book::{Book, BookDesk};
use crate::clock::ManualClock;
use crate::raw::Raw;

/// How long a test waits for anything, by the machine's clock.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub struct Rig {
    pub book: Arc<Book>,
    pub clock: Arc<ManualClock>,
    pub service: Service,
    pub authority: Authority,
    pub tls: watch::Sender<Arc<rustls::ServerConfig>>,
}

impl Rig {
    /// In the clear, with STARTTLS offered; on a clock of its own.
    pub fn start(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_book(Book::default(), |settings| {
            settings.require_tls = false;
            change(settings);
        })
    }

    /// The same with this book, and TLS required unless `change` says else. The second listener begins with TLS.
    pub fn with_book(book: Book, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let as_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        Self::on_clock(book, clock, as_clock, change)
    }

    /// On the machine's clock.
    pub fn on_machine_clock(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on_clock(Book::default(), Arc::default(), Arc::new(runtime::SystemClock), change)
    }

    fn on_clock(
        book: Book,
        clock: Arc<ManualClock>,
        as_clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::new("submit.example.jp");
        change(&mut settings);
        let (book, authority) = (Arc::new(book), Authority::generate().expect("an authority"));
        let (tls, in_force) = watch::channel(certificate(&authority).server_config());
        let listen = |mode| Listener { socket: TcpListener::bind("127.0.0.1:0").expect("a port"), mode };
        let listeners = vec![listen(ListenerMode::StartTls), listen(ListenerMode::ImplicitTls)];
        let desk = Arc::new(BookDesk(Arc::clone(&book)));
        let service = Service::start(settings, listeners, Some(in_force), desk, as_clock).expect("it starts");
        Self { book, clock, service, authority, tls }
    }

    pub fn address(&self) -> SocketAddr {
        self.service.addresses()[0]
    }

    pub fn tls_address(&self) -> SocketAddr {
        self.service.addresses()[1]
    }

    /// A client that has read the greeting.
    pub async fn client(&self) -> Raw {
        let mut client = Raw::connect(self.address()).await;
        client.expect("220 submit.example.jp ESMTP").await;
        client
    }

    /// A client that has logged in.
    pub async fn logged_in(&self) -> Raw {
        let mut client = self.client().await;
        client.log_in().await;
        client
    }

    pub fn counters(&self) -> &Counters {
        self.service.counters()
    }

    /// Waits until the figure is `due`.
    pub async fn wait_for(&self, figure: impl Fn(&Counters) -> u64, due: u64) {
        let waiting = async {
            while figure(self.counters()) != due {
                tokio::task::yield_now().await;
            }
        };
        let late = tokio::time::timeout(PATIENCE, waiting).await.is_err();
        assert!(!late, "the figure is {}, not {due}", figure(self.counters()));
    }

    pub fn refused(&self, rule: Rule) -> u64 {
        self.counters().refused(rule)
    }

    pub async fn drain(self, within: Duration) -> (Drained, Arc<Book>) {
        let drained = tokio::time::timeout(PATIENCE, self.service.drain(within)).await;
        (drained.expect("a drain is bounded"), self.book)
    }
}

/// A certificate for the loopback.
pub fn certificate(authority: &Authority) -> Certificates {
    authority.localhost().expect("a certificate")
}
