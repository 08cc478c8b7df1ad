//! `hikyaku node`.

use std::sync::Arc;

use engine::EngineConfig;
use ledger_sqlite::SqliteOptions;
use serde_json::json;

use crate::arguments::NodeFlags;
use crate::exit::Exit;
use crate::{opened, print, signals};

/// Sends until it is told to end.
pub fn run(flags: &NodeFlags) -> anyhow::Result<Exit> {
    let boot = runtime::boot_id()?;
    let config = EngineConfig { tcp_user_timeout: flags.tcp_user_timeout, ..EngineConfig::shared() };
    let report = opened::executor()?.block_on(async {
        let drain = signals::drain()?;
        let ground = opened::ground(&flags.place).await?;
        opened::warn_of_standby(&ground).await?;
        let (premises, books) = opened::own(ground, SqliteOptions::default(), boot, config).await?;
        let node = premises.folder.node();
        anyhow::ensure!(
            premises.store.is_shared(),
            "a node needs books that are shared: name their database with --database-url"
        );
        let ready = |_, _| eprintln!("hikyaku: node {node} sends; Ctrl-C ends it");
        let desk = app::node::Desk { told: Arc::default(), control: None };
        let report = app::node::serve(&premises, desk, drain, ready).await;
        drop(premises);
        books.close().await?;
        anyhow::Ok(report?)
    })?;
    let found = report.recovered;
    if flags.json {
        let object = json!({
            "runs": report.runs,
            "recovered": { "unsent": found.unsent, "answered": found.answered, "unknown": found.unknown },
        });
        print::line(&object.to_string());
    } else {
        print::line(&format!("began {} runs of releases", report.runs));
    }
    Ok(Exit::Well)
}
