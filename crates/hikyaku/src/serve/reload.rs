//! SIGHUP: the configuration is read again, and what changed is said. A new certificate is used from the next session on;
//! everything else takes effect at the next start, which is said too.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::certificate;
use super::config::Config;

/// The configuration in force, and where it is read again.
pub struct Reload {
    config: Config,
    path: Option<PathBuf>,
    /// The data folder, where a self-signed certificate lies.
    folder: PathBuf,
    signal: Signal,
}

impl Reload {
    /// Waits for the signal from now on.
    pub fn new(config: Config, path: Option<PathBuf>, folder: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { config, path, folder, signal: signal(SignalKind::hangup())? })
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Ends at the next signal.
    pub async fn told(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending().await
        }
    }

    /// Reads file and certificate again; what cannot be used leaves all as it is.
    pub fn renew(&mut self, certificate: Option<&watch::Sender<Arc<rustls::ServerConfig>>>) {
        if let Some(path) = &self.path {
            match Config::read(path) {
                Err(error) => return tracing::error!("the configuration stays as it is: {error:#}"),
                Ok(config) => {
                    for (name, before, after) in self.config.differences(&config) {
                        let when = if name.starts_with("tls.") { "now" } else { "at the next start" };
                        tracing::warn!("{name}: {before} → {after} ({when})");
                    }
                    self.config.tls = config.tls;
                }
            }
        }
        let Some(in_force) = certificate else { return };
        match certificate::load(&self.config.tls, &self.folder, &[]) {
            Ok(renewed) => {
                in_force.send_replace(renewed.config);
                tracing::warn!("the certificate was read again");
            }
            Err(error) => tracing::error!("the certificate stays as it is: {error:#}"),
        }
    }
}
