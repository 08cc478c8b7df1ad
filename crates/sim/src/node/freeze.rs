//! What is written before a release goes out: directory and audience, as `app` writes them, going on where a crash left
//! off.

use std::sync::Arc;

use domain::{
    AudienceDigest, CredentialVersion, IntentNo, LinkSecurity, RelayId, RelayKind, ReleaseId,
    SuppressionReason, TenantId,
};
use engine::{Login, Planner, RelaySpec, TlsTrust, WaveKey};
use ledger::{CredentialRow, RelayRow, ReleaseRow, ReleaseState, TenantRow, recipient_hash};
use runtime::{Clock, Entropy};

use super::operator::{Desk, installation_key};
use crate::mail;
use crate::relay::log::Marker;
use crate::scenario::{Release, secret};
use crate::world::clock::SimEntropy;

impl Desk {
    /// Enters company, relay and credential into the directory; with the version of the secret.
    pub(super) async fn relay_spec(&self, number: u64) -> anyhow::Result<(RelaySpec, u64)> {
        let plan = &self.scenario.tenants[usize::try_from(number)?];
        let now = self.clock.now();
        let (host, version) = {
            let world = self.world.lock();
            (world.relays[plan.relay].host.clone(), world.known.secret_version(number))
        };
        let tenant = self.tenant(number).await?;
        let row = RelayRow {
            tenant,
            relay: RelayId::generate(now.as_millis(), self.bits()?),
            host: host.clone(),
            port: 25,
            security: LinkSecurity::None,
            user: mail::USER.to_owned(),
            kind: RelayKind::Bare,
            created_at: now,
        };
        let relay = self.store.relay_ensure(row).await?.relay;
        let secret = secret(number, version);
        let fingerprint = installation_key().fingerprint(tenant, relay, secret.as_bytes());
        let unknown = CredentialVersion(0);
        let row = CredentialRow { tenant, relay, version: unknown, fingerprint, created_at: now };
        let credential = self.store.credential_ensure(row).await?.version;
        self.world.lock().known.relays.insert(number, relay);
        let login =
            Login { user: mail::USER.to_owned(), secret: smtp::Secret::from(secret), mechanism: None };
        let spec = RelaySpec {
            tenant,
            relay,
            credential,
            fingerprint,
            host,
            port: 25,
            security: LinkSecurity::None,
            login: Some(login),
            limits: plan.limits,
            ehlo_name: "sender.example".to_owned(),
            trust: TlsTrust::System,
            use_chunking: plan.use_chunking,
            direct: None,
        };
        Ok((spec, version))
    }

    async fn tenant(&self, number: u64) -> anyhow::Result<TenantId> {
        let now = self.clock.now();
        let tenant = TenantId::generate(now.as_millis(), self.bits()?);
        let row = TenantRow { tenant, name: format!("company {number}"), created_at: now };
        let tenant = self.store.tenant_ensure(row).await?.tenant;
        self.world.lock().known.tenants.insert(number, tenant);
        Ok(tenant)
    }

    /// Begins the release, goes on freezing it, or finds it frozen.
    pub(super) async fn freeze(&self, plan: &Release) -> anyhow::Result<ReleaseRow> {
        let relay = self.relay_spec(plan.tenant).await?.0.relay;
        let tenant = self.tenant(plan.tenant).await?;
        let name = format!("release {}", plan.number);
        let stored = self.store.release_list(tenant).await?;
        let (row, state) = match stored.into_iter().find(|(row, _)| row.name == name) {
            Some(found) => found,
            None => (self.begin(plan, (tenant, relay), name).await?, ReleaseState::Planning),
        };
        self.world.lock().known.releases.insert(plan.number, row.clone());
        if state == ReleaseState::Planning {
            self.write_audience(plan, &row).await?;
        }
        Ok(row)
    }

    async fn begin(
        &self,
        plan: &Release,
        (tenant, relay): (TenantId, RelayId),
        name: String,
    ) -> anyhow::Result<ReleaseRow> {
        let now = self.clock.now();
        let row = ReleaseRow {
            tenant,
            release: ReleaseId::generate(now.as_millis(), self.bits()?),
            relay,
            name,
            content_digest: [1; 32],
            list_digest: [2; 32],
            lane: plan.lane,
            policy: plan.policy,
            retry_initial_ms: u64::try_from(plan.retry_initial.as_millis())?,
            deadline_at: now + plan.deadline,
            created_at: now,
        };
        self.store.release_create(row.clone(), Vec::new()).await?;
        Ok(row)
    }

    async fn write_audience(&self, plan: &Release, row: &ReleaseRow) -> anyhow::Result<()> {
        let key = WaveKey {
            tenant: row.tenant,
            release: row.release,
            wave: 1,
            sender: self.engine.sender(),
            first: IntentNo(1),
        };
        let clock = Arc::new(self.clock.clone());
        let mut planner = Planner::start(Arc::clone(&self.store), clock, key).await?;
        let mut digest = AudienceDigest::default();
        for intent in 1..=plan.recipients {
            let address = mail::address(plan.tenant, Marker { release: plan.number, intent });
            let fields = if plan.is_unfit(intent) { mail::UNFIT } else { "" };
            digest.add(&recipient_hash(&address, fields));
            let suppression = plan.is_suppressed(intent).then_some(SuppressionReason::Unsubscribed);
            planner.add(&address, fields, suppression).await?;
        }
        planner.seal(digest, [2; 32], self.scenario.config.chunk_intents).await?;
        Ok(())
    }

    fn bits(&self) -> std::io::Result<u64> {
        SimEntropy(self.world.clone()).bits()
    }
}
