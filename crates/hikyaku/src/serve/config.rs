//! `hikyaku.toml`: what an installation listens on and how, read whole or refused with the place of the fault.
//!
//! Flags go before the file. What changed between two readings is told by [`Config::differences`], without a secret: the
//! file holds none (the database's password comes from its own file or the environment).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Octets of the file.
const FILE_OCTETS_MAX: u64 = 1 << 20;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The parts of the product that this process is; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// HTTP.
    pub http: Http,
    /// SMTP submission.
    pub submission: Submission,
    /// Certificates for what listens.
    pub tls: Tls,
}

/// A part of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// JSON over HTTP.
    Api,
    /// Sends.
    Node,
    /// Takes mails in by SMTP.
    Ingress,
}

/// HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where to listen, in clear text: behind a proxy that speaks TLS, or on loopback.
    pub listen: Vec<SocketAddr>,
}

/// SMTP submission (RFC 6409).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Submission {
    /// Where to listen with STARTTLS: port 587.
    pub listen: Vec<SocketAddr>,
    /// Where to listen with implicit TLS (RFC 8314): port 465.
    pub listen_tls: Vec<SocketAddr>,
    /// The name in the greeting; by default the machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Nobody logs in before TLS. Off only where the link itself is safe.
    pub require_tls: bool,
    /// Connections at the same time.
    pub connections_max: u32,
    /// Connections at the same time from one client network (IPv4 /32, IPv6 /64).
    pub connections_per_network_max: u32,
}

impl Default for Submission {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            hostname: None,
            require_tls: true,
            connections_max: 10_000,
            connections_per_network_max: 1_000,
        }
    }
}

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM of the chain, the own certificate first; without it a self-signed one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM of its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What in it cannot be used, with line and column.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("--config {}", path.display());
        let octets = std::fs::metadata(path).with_context(place)?.len();
        if octets > FILE_OCTETS_MAX {
            bail!("{}: {octets} octets; at most {FILE_OCTETS_MAX} are read", place());
        }
        let text = std::fs::read_to_string(path).with_context(place)?;
        let config: Self = toml::from_str(&text).with_context(place)?;
        config.check().with_context(place)?;
        Ok(config)
    }

    /// Refuses what cannot be.
    ///
    /// # Errors
    /// The first such thing, by its name in the file.
    pub fn check(&self) -> anyhow::Result<()> {
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => bail!("tls.key: the certificate needs the file of its private key"),
            (None, Some(_)) => bail!("tls.certificate: the private key needs the file of its certificate"),
            _ => {}
        }
        if self.roles.as_ref().is_some_and(Vec::is_empty) {
            bail!("roles: leave it out for all of them, or name one at least: api, node, ingress");
        }
        if !self.submission.require_tls {
            let all = self.submission.listen.iter();
            if let Some(open) = all.clone().find(|place| !place.ip().is_loopback()) {
                bail!(
                    "submission.require_tls: passwords would cross the network in clear text at {open}; \
                     false is taken for loopback addresses alone"
                );
            }
        }
        Ok(())
    }

    /// True when this process has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.contains(&role))
    }

    /// What is different in another configuration: the setting's name, its value before and after.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let (before, after) = (flat(self), flat(other));
        let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let value = |of: &BTreeMap<String, String>, name: &str| {
            of.get(name).cloned().unwrap_or_else(|| "-".to_owned())
        };
        names
            .into_iter()
            .map(|name| (name.clone(), value(&before, name), value(&after, name)))
            .filter(|(_, before, after)| before != after)
            .collect()
    }
}

/// Every setting by its name with dots.
fn flat(config: &Config) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Ok(value) = toml::Value::try_from(config) {
        descend("", &value, &mut all);
    }
    all
}

fn descend(name: &str, value: &toml::Value, all: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            descend(&name, value, all);
        }),
        value => {
            all.insert(name.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> anyhow::Result<Config> {
        let config: Config = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    fn refused(text: &str, word: &str) {
        let error = parsed(text).map(|_| ()).map_err(|error| format!("{error:#}"));
        assert!(error.as_ref().is_err_and(|error| error.contains(word)), "{text}: {error:?}");
    }

    #[test]
    fn a_file_says_what_it_means_or_is_refused_with_the_place() {
        let config =
            parsed("roles = ['api']\n[http]\nlisten = ['127.0.0.1:8080']\n").expect("a configuration");
        assert!(config.has(Role::Api) && !config.has(Role::Node));
        assert!(parsed("").expect("nothing set").has(Role::Ingress));
        refused("[http]\nlistens = []", "listens");
        refused("[http]\nlisten = ['here']", "listen");
        refused("[tls]\ncertificate = 'a.pem'", "tls.key");
        refused("roles = []", "roles");
        refused("[submission]\nrequire_tls = false\nlisten = ['192.0.2.1:587']", "192.0.2.1:587");
        parsed("[submission]\nrequire_tls = false\nlisten = ['127.0.0.1:5587']").expect("loopback");
    }

    #[test]
    fn what_changed_is_named() {
        let before = parsed("[submission]\nconnections_max = 5").expect("a configuration");
        let after = parsed("roles = ['node']").expect("a configuration");
        let all = before.differences(&after);
        let names: Vec<_> =
            all.iter().map(|(name, before, after)| format!("{name}: {before} → {after}")).collect();
        assert_eq!(names, ["roles: - → [\"node\"]", "submission.connections_max: 5 → 10000"]);
    }
}
