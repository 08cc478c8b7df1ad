//! What is asked for when a relay is added, and what is refused of it.

use std::net::IpAddr;

use domain::direct::destination::is_public;
use domain::{RelayKind, RelayLimits};

use crate::access::{Access, Right};
use crate::error::AppError;
use crate::relay::RelayUrl;

/// Characters of a relay's name.
const NAME_MAX: usize = 100;
/// Octets of a file of authorities.
const AUTHORITIES_OCTETS_MAX: usize = 32 << 10;

/// A relay to add.
#[derive(Debug, Clone)]
pub struct RelayRequest {
    /// What people call it.
    pub name: String,
    /// Where it is, and the secret.
    pub url: RelayUrl,
    /// Which service it is.
    pub kind: RelayKind,
    /// How much it takes.
    pub limits: RelayLimits,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// PEM of the only authorities that are believed.
    pub authorities: Option<String>,
    /// BDAT instead of DATA where offered.
    pub use_chunking: bool,
}

impl RelayRequest {
    /// Refuses what cannot be used, or not by this caller.
    ///
    /// # Errors
    /// The first such thing, by its name.
    pub(super) fn check(&self, access: &Access) -> Result<(), AppError> {
        let name = &self.name;
        let refuse = |text: String| Err(AppError::BadInput(text));
        if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return refuse(format!(
                "name: a relay's name has 1 to {NAME_MAX} characters and no control character"
            ));
        }
        if !self.url.user.is_empty() && self.url.secret.is_none() {
            return refuse(format!(
                "url: there is a user name for {} but no password; give it by the variable that --password-env names",
                self.url.place()
            ));
        }
        if self.limits.sessions_max == 0 {
            return refuse(
                "sessions_max: a relay without connections sends nothing; give 1 or more".to_owned(),
            );
        }
        if self.authorities.as_ref().is_some_and(|pem| pem.len() > AUTHORITIES_OCTETS_MAX) {
            return refuse(format!("authorities: at most {AUTHORITIES_OCTETS_MAX} octets"));
        }
        match access.require(Right::Operate) {
            Ok(_) => Ok(()),
            Err(_) => refuse_private(&self.url.host),
        }
    }
}

/// A tenant names hosts of others, never this machine or what stands behind it; an operator may.
fn refuse_private(host: &str) -> Result<(), AppError> {
    let is_private = match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            let ending = name.rsplit('.').next().unwrap_or_default();
            !name.contains('.') || ["localhost", "local", "internal", "home", "lan"].contains(&ending)
        }
    };
    if !is_private {
        return Ok(());
    }
    Err(AppError::BadInput(
        "host: a relay within the operator's own network can be added by the operator alone; name one that stands in \
         public DNS"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::refuse_private;

    #[test]
    fn hosts_behind_this_machine_are_no_tenants_business() {
        for host in [
            "127.0.0.1",
            "::1",
            "10.0.0.7",
            "192.168.1.1",
            "169.254.169.254",
            "fd00::1",
            "0.0.0.0",
            "localhost",
            "LOCALHOST.",
            "db",
            "db.internal",
            "a.local",
        ] {
            assert!(refuse_private(host).is_err(), "{host}");
        }
        for host in ["smtp.sendgrid.net", "203.0.114.9", "smtp.example.co.jp.", "2001:4860:4860::8888"] {
            assert!(refuse_private(host).is_ok(), "{host}");
        }
    }
}
