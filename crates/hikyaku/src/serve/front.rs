//! What listens: sockets are bound before anything else is begun, so that a port in use is found at once.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::ApiConfig;
use app::service::Service;
use engine::Recovered;
use ingress::{Listener, ListenerMode, Settings};
use runtime::{Clock as _, SystemClock};
use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::certificate;
use super::config::{Config, Role};
use super::desk::SubmissionDesk;
use super::reload::Reload;
use crate::print;

/// How long clients of SMTP may take to finish at the end.
const DRAIN_TIME: Duration = Duration::from_secs(20);
/// How often sessions and invitations that are over are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4096;

/// Bound sockets.
pub struct Front {
    http: Vec<TcpListener>,
    submission: Vec<Listener>,
    hostname: String,
    /// The certificate in force, and who renews it.
    certificate: Option<watch::Sender<Arc<rustls::ServerConfig>>>,
}

impl Front {
    /// Binds what the configuration names, for the roles of this process.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let mut submission = Vec::new();
        if config.has(Role::Ingress) {
            let of = &config.submission;
            let clear = of.listen.iter().map(|place| (place, ListenerMode::StartTls));
            for (place, mode) in
                clear.chain(of.listen_tls.iter().map(|place| (place, ListenerMode::ImplicitTls)))
            {
                submission.push(Listener { socket: bind(*place)?, mode });
            }
        }
        let http = match config.has(Role::Api) {
            true => config.http.listen.iter().map(|place| bind(*place)).collect::<anyhow::Result<_>>()?,
            false => Vec::new(),
        };
        let hostname = config.submission.hostname.clone().unwrap_or_else(runtime::host_name);
        Ok(Self { http, submission, hostname, certificate: None })
    }

    /// With its certificate: the configured one, or one of its own.
    pub fn certified(mut self, config: &Config, folder: &Path) -> anyhow::Result<Self> {
        if !self.submission.is_empty() {
            let names = [self.hostname.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()];
            let certificate = certificate::load(&config.tls, folder, &names)?;
            if let Some(place) = &certificate.self_signed {
                eprintln!(
                    "hikyaku: no certificate is configured (tls.certificate); clients must believe the self-signed {}",
                    place.display()
                );
            }
            self.certificate = Some(watch::channel(certificate.config).0);
        }
        Ok(self)
    }

    /// Listens from when the service begins until it is to drain; reads the configuration again when told to.
    pub async fn run(
        mut self,
        mut reload: Reload,
        begins: oneshot::Receiver<(Service, Recovered)>,
        mut drain: watch::Receiver<bool>,
        json: bool,
    ) -> anyhow::Result<()> {
        let (service, recovered) = begins.await.context("the sending did not begin")?;
        let people = Arc::clone(service.office.people());
        let (web, http) = self.web(service.clone(), &drain)?;
        let submission = self.submission(reload.config(), service)?;
        let places: &[SocketAddr] = submission.as_ref().map_or(&[], |submission| submission.addresses());
        say(&http, places, recovered, json);
        loop {
            tokio::select! {
                // The other end lives as long as the process.
                _ = drain.wait_for(|drain| *drain) => break,
                () = reload.told() => reload.renew(self.certificate.as_ref()),
                () = SystemClock.sleep(SWEEP_EVERY) => {
                    if let Err(error) = people.sweep().await {
                        tracing::error!(%error, "sessions and invitations that are over could not be removed");
                    }
                }
            }
        }
        if let Some(submission) = submission {
            submission.drain(DRAIN_TIME).await;
        }
        for served in web.join_all().await {
            served.context("HTTP")?;
        }
        Ok(())
    }

    /// Serves HTTP on each of its sockets; gives where.
    fn web(
        &mut self,
        service: Service,
        drain: &watch::Receiver<bool>,
    ) -> anyhow::Result<(JoinSet<std::io::Result<()>>, Vec<SocketAddr>)> {
        let (mut tasks, mut places) = (JoinSet::new(), Vec::new());
        if self.http.is_empty() {
            return Ok((tasks, places));
        }
        let router = api::router(service, ApiConfig::default(), drain.clone());
        for socket in std::mem::take(&mut self.http) {
            socket.set_nonblocking(true)?;
            let socket = tokio::net::TcpListener::from_std(socket)?;
            places.push(socket.local_addr()?);
            tasks.spawn(api::serve(socket, router.clone(), drain.clone()));
        }
        Ok((tasks, places))
    }

    fn submission(&mut self, config: &Config, service: Service) -> anyhow::Result<Option<ingress::Service>> {
        if self.submission.is_empty() {
            return Ok(None);
        }
        let mut settings = Settings::new(self.hostname.clone());
        settings.require_tls = config.submission.require_tls;
        settings.limits.connections_max = config.submission.connections_max as usize;
        settings.limits.network_connections_max = config.submission.connections_per_network_max as usize;
        let tls = self.certificate.as_ref().map(watch::Sender::subscribe);
        let desk = Arc::new(SubmissionDesk(service));
        let listeners = std::mem::take(&mut self.submission);
        let started = ingress::Service::start(settings, listeners, tls, desk, Arc::new(SystemClock));
        Ok(Some(started?))
    }
}

fn bind(place: SocketAddr) -> anyhow::Result<TcpListener> {
    let refused = || format!("{place} cannot be listened on");
    let domain = if place.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).with_context(refused)?;
    socket.set_reuse_address(true).with_context(refused)?;
    socket.bind(&place.into()).with_context(refused)?;
    socket.listen(BACKLOG).with_context(refused)?;
    Ok(socket.into())
}

fn say(http: &[SocketAddr], submission: &[SocketAddr], recovered: Recovered, json: bool) {
    if json {
        let found = json!({
            "unsent": recovered.unsent, "answered": recovered.answered, "unknown": recovered.unknown,
        });
        print::line(&json!({ "http": http, "submission": submission, "recovered": found }).to_string());
    }
    for place in http {
        eprintln!(
            "hikyaku: takes calls of its API at http://{place}/ (/v3 as SendGrid, /v1; documents at /v1/docs)"
        );
    }
    for place in submission {
        eprintln!("hikyaku: takes mails in by SMTP at {place} (user apikey, a key as password)");
    }
    eprintln!("hikyaku: sends; Ctrl-C ends it");
}
