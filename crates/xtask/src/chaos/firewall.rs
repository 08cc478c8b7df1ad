//! A firewall between nodes and sink that went wrong: it drops connections (SYN) above a rate, as in the report of lost
//! mails, and resets others once so many octets went through them, wherever that is in a mail.
//!
//! The rules are nftables' in a network namespace of the scenario's own, in which sink, nodes and database live.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::report::Report;
use super::{Scenario, Stage};
use crate::command::Program;
use crate::rig::{Campaign, Nodes, PostgresProcess};

const MESSAGES: u32 = 5_000;
const BEHAVIOUR: &str = "reply-delay:2";
/// New connections a second; more are dropped without a word, and the kernel asks again a second later.
const CONNECTIONS_PER_S: u32 = 20;
/// Connections are cut after so many octets, by the last bits of their own port.
const CUT_AFTER_OCTETS: [u32; 4] = [9_000, 23_000, 57_000, 131_000];
const TOOL_MAX: Duration = Duration::from_secs(30);
const TABLE: &str = "hikyaku_chaos";

/// Plays it.
///
/// # Errors
/// When the scenario itself cannot go on; what the product does wrong is in the report.
pub fn play(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let plan = stage.plan(MESSAGES, BEHAVIOUR);
    let firewall = Firewall::in_this_namespace(stage)?;
    let mut report = stage.report(Scenario::Firewall, &plan);
    report.means = Some("nftables in a network namespace");
    let server = PostgresProcess::start(stage.workspace, stage.binaries, stage.folder)?;
    let _: Value = server.migrate(stage.binaries, stage.folder)?;
    let mut campaign = Campaign::prepare(stage.binaries, stage.folder, plan)?;
    campaign.sender.environment = server.environment();
    campaign.freeze()?;
    firewall.raise(campaign.sender.relay.port())?;
    let mut nodes = Nodes::start(&campaign.sender, stage.arguments.nodes)?;
    report.settle(&mut campaign, &mut nodes)?;
    let [dropped, cut] = firewall.counters()?;
    report.set("syn_dropped", dropped);
    report.set("packets_cut", cut);
    for (what, count) in [("dropped no connection", dropped), ("cut no connection", cut)] {
        if count == 0 {
            report.complaints.push(format!("the firewall {what}: nothing was shown"));
        }
    }
    report.compare(&mut campaign)?;
    let connections = campaign.close()?.connections;
    report.set("connections", connections);
    // Each ends once, with at most one message end on its way.
    report.open_max = Some(connections);
    server.close()?;
    Ok(report)
}

/// nftables in this process' network namespace, which ends with it.
struct Firewall {
    root: PathBuf,
    folder: PathBuf,
}

impl Firewall {
    fn in_this_namespace(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let root = crate::peers::prepare_firewall(stage.workspace)?;
        // Else connections' octets are not counted.
        std::fs::write("/proc/sys/net/netfilter/nf_conntrack_acct", "1")
            .context("this kernel counts no octets of connections (nf_conntrack)")?;
        Ok(Self { root, folder: stage.folder.to_owned() })
    }

    fn nft(&self) -> Program {
        let libraries = self.root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        Program::new(self.root.join("usr/sbin/nft"), &self.folder, TOOL_MAX)
            .envs([("LD_LIBRARY_PATH", libraries)])
    }

    /// Sets the rules for what goes to this port.
    fn raise(&self, port: u16) -> anyhow::Result<()> {
        let cuts = CUT_AFTER_OCTETS.iter().zip(0..).map(|(octets, bits)| {
            format!(
                "tcp dport {port} tcp sport & 3 == {bits} ct original bytes > {octets} counter name cut \
                 reject with tcp reset\n"
            )
        });
        let rules = format!(
            "table inet {TABLE} {{\ncounter dropped {{ }}\ncounter cut {{ }}\nchain out {{\n\
             type filter hook output priority 0;\n\
             tcp dport {port} tcp flags & (fin|syn|rst|ack) == syn limit rate over {CONNECTIONS_PER_S}/second \
             burst 5 packets counter name dropped drop\n{}}}\n}}\n",
            cuts.collect::<String>()
        );
        let path = self.folder.join("firewall.nft");
        std::fs::write(&path, rules).with_context(|| format!("writing {}", path.display()))?;
        self.nft().args(["-f"]).args([&path]).quiet().context("setting the rules of the firewall")
    }

    /// Packets that were dropped, and that cut their connection.
    fn counters(&self) -> anyhow::Result<[u64; 2]> {
        let listed = self.nft().args(["--json", "list", "counters", "table", "inet", TABLE]).output()?;
        let listed: Value = serde_json::from_str(&listed).context("what nft lists")?;
        let counters = listed["nftables"].as_array().context("what nft lists")?;
        let packets = |name: &str| {
            let found = counters.iter().map(|one| &one["counter"]).find(|one| one["name"] == name);
            found.and_then(|one| one["packets"].as_u64())
        };
        let both = [packets("dropped"), packets("cut")];
        ensure!(both.iter().all(Option::is_some), "nft lists no counters: {listed}");
        Ok(both.map(Option::unwrap_or_default))
    }
}
