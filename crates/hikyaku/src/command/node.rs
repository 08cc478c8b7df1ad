//! `hikyaku node`.

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
        let ready = |_| eprintln!("hikyaku: node {node} sends; Ctrl-C ends it");
        let report = app::node::serve(&premises, drain, ready).await;
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
