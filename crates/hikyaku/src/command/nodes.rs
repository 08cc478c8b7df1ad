//! `hikyaku nodes`.

use app::books::ALIVE_FOR;
use domain::Timestamp;
use ledger::{NodeStore, SenderView};
use runtime::{Clock, SystemClock};
use serde_json::json;

use crate::arguments::NodesFlags;
use crate::exit::Exit;
use crate::{database, opened, print};

/// Lists senders, the living first.
pub fn run(flags: &NodesFlags) -> anyhow::Result<Exit> {
    let Some(wanted) = database::wanted(&flags.database)? else {
        anyhow::bail!("nodes needs --database-url: the books of a data folder have one sender, its owner");
    };
    let now = SystemClock.now();
    let ago = |span: std::time::Duration| {
        Timestamp::from_millis(now.as_millis() - i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    };
    let mut senders = opened::executor()?.block_on(async {
        let store = wanted.open().await?;
        let senders = store.sender_list(ago(flags.since)).await?;
        store.close();
        anyhow::Ok(senders)
    })?;
    let state = |view: &SenderView| match (view.left_at, view.is_alive(ago(ALIVE_FOR))) {
        (Some(_), _) => "ended",
        (None, true) => "alive",
        (None, false) => "silent",
    };
    senders.sort_by_key(|view| (state(view) != "alive", std::cmp::Reverse(view.seen_at)));
    for view in &senders {
        if flags.json {
            let object = json!({
                "node": view.node.to_string(),
                "host": view.host,
                "sender": view.sender.0,
                "state": state(view),
                "started_at": view.started_at.to_string(),
                "seen_at": view.seen_at.to_string(),
                "chunks": view.chunks,
            });
            print::line(&object.to_string());
        } else {
            let (node, host, chunks) = (view.node, &view.host, view.chunks);
            print::line(&format!(
                "{node} {host} {}: sender {}, seen {}, holds {chunks} chunks",
                state(view),
                view.sender,
                view.seen_at
            ));
        }
    }
    if senders.is_empty() && !flags.json {
        print::line("no sender was seen");
    }
    Ok(Exit::Well)
}
