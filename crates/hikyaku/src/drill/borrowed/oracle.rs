//! The relay that everybody shares, played by a sink, and what its log says of foreign mails.

use std::collections::HashSet;
use std::path::Path;

use domain::LinkSecurity;
use engine::TlsTrust;
use testkit::certs::Authority;
use testkit::sink::{
    Account, Act, AuthRule, Behaviour, LogMode, Rule, Sink, SinkConfig, SinkHandle, TlsMode, When,
};

use super::super::OutsideSink;
use super::TENANTS;
use super::fleet::{Fleet, name, secret};
use super::plan::RoundPlan;

/// What the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Mails whose session was opened with another tenant's secret.
    pub foreign: u64,
    /// Mails that are accepted by the books and that the sink never kept.
    pub lost: u64,
}

/// The sink with its accounts.
pub struct Oracle {
    sink: SinkHandle,
    ca: std::path::PathBuf,
}

impl Oracle {
    /// Starts a sink with STARTTLS that knows every secret that will ever be used.
    pub fn start(rounds: u32, folder: &Path) -> anyhow::Result<Self> {
        let authority = Authority::generate()?;
        let ca = folder.join("ca.pem");
        authority.write_ca(&ca)?;
        let versions = rounds.saturating_mul(2) + 2;
        let accounts = (0..TENANTS).flat_map(|number| {
            (1..=versions).map(move |version| Account {
                user: "apikey".to_owned(),
                secret: secret(number, version),
                account: name(number),
            })
        });
        let config = SinkConfig {
            tls: Some(authority.localhost()?.setup(TlsMode::StartTlsRequired)),
            auth: AuthRule::Table(accounts.collect()),
            wanted_headers: vec!["X-Tenant".to_owned()],
            log: LogMode::Memory,
            ..SinkConfig::default()
        };
        Ok(Self { sink: Sink::start(config)?, ca })
    }

    /// Where and how to reach it.
    pub fn as_sink(&self) -> OutsideSink {
        OutsideSink {
            place: self.sink.addr(),
            security: LinkSecurity::StartTls,
            trust: TlsTrust::File(self.ca.clone()),
        }
    }

    /// Plays the faults of a round: every older secret is refused, and the present one of those who are revoked.
    pub fn prepare(&self, round: u32, plan: &RoundPlan, fleet: &Fleet) {
        let mut refused = Vec::new();
        for member in &fleet.members {
            let revoked = plan.revoked.contains(&member.number);
            let last = if revoked { member.version } else { member.version - 1 };
            refused.extend((1..=last).map(|version| secret(member.number, version)));
        }
        let mut rules = Vec::new();
        if plan.cuts {
            let when = When::Local(format!("r{round}.m1"));
            rules.push(Rule { when, act: Act::CutBeforeDot, tries_max: Some(1) });
        }
        if plan.storms {
            let when = When::Local(format!("r{round}.m3"));
            rules.push(Rule { when, act: Act::Storm, tries_max: Some(1) });
        }
        self.sink.set_behaviour(Behaviour { rules, refused_secrets: refused, ..Behaviour::default() });
    }

    /// Reads the log: how many logins were refused, whose mails went where, and which of the accepted never came.
    pub fn judge(self, accepted: &[String]) -> (u64, Option<Judgement>) {
        let mut seen = HashSet::new();
        let mut foreign = 0;
        self.sink.for_each_mail(0, |mail| {
            let sender = mail.from.strip_prefix("news@").and_then(|rest| rest.strip_suffix(".example"));
            let header = mail.headers.first().map(String::as_str);
            let own = sender == Some(&mail.account) && (!mail.verdict.is_kept() || header == sender);
            foreign += u64::from(!own);
            if mail.verdict.is_kept() {
                seen.extend(mail.to);
            }
        });
        let lost = accepted.iter().filter(|address| !seen.contains(*address)).count() as u64;
        let refused = self.sink.stop().logins_refused;
        (refused, Some(Judgement { foreign, lost }))
    }
}
