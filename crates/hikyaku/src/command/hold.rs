//! `hikyaku pause`, `resume`, `cancel`: through the owner's socket while it serves, else as the folder's owner.

use anyhow::{Context, bail};
use app::control::{ControlAnswer, ControlOrder, ask, tenants};
use app::hold::{Changed, HoldOrder, hold_unserved};
use app::{Access, DataFolder, Right};
use engine::EngineConfig;
use ledger_sqlite::SqliteOptions;
use runtime::{SystemClock, SystemEntropy};

use crate::arguments::HoldFlags;
use crate::exit::Exit;
use crate::{opened, print};

/// Carries out an order and prints what it changed.
pub fn run(flags: &HoldFlags, order: HoldOrder) -> anyhow::Result<Exit> {
    let dir = app::folder::look_into(&flags.folder.data)?;
    let tenant = (!flags.all).then(|| flags.folder.tenant.clone());
    let order = ControlOrder { order, tenant, release: flags.release.clone() };
    let changed =
        match ask(&dir, &order).context("the process that serves the data folder does not answer")? {
            Some(ControlAnswer::Changed(changed)) => changed,
            Some(ControlAnswer::Refused(reason)) => bail!(reason),
            None => as_owner(flags, &order)?,
        };
    if flags.folder.json {
        print::line(&serde_json::to_string(&changed)?);
    } else {
        changed.iter().for_each(|one| {
            print::line(&format!("{} ({}): {} → {}", one.name, one.release, one.from, one.to))
        });
        if changed.is_empty() {
            print::line("nothing to change");
        }
    }
    Ok(Exit::Well)
}

fn as_owner(flags: &HoldFlags, order: &ControlOrder) -> anyhow::Result<Vec<Changed>> {
    opened::executor()?.block_on(async {
        let folder = DataFolder::open(&flags.folder.data, &SystemClock, &SystemEntropy)?;
        let (premises, store) =
            opened::own(folder, SqliteOptions::default(), runtime::boot_id()?, EngineConfig::default())?;
        let mut changed = Vec::new();
        for tenant in tenants(&*premises.store, order.tenant.as_deref()).await? {
            let access = Access::admit(&*premises.store, &tenant, &opened::user(), Right::Send).await?;
            changed.extend(hold_unserved(&premises, &access, order.release.as_deref(), order.order).await?);
        }
        drop(premises);
        store.close().await?;
        Ok(changed)
    })
}
