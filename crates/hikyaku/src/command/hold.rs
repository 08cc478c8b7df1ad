//! `hikyaku pause`, `resume`, `cancel`: through the owner's socket while it serves, else as the folder's owner. In a
//! database the order is stored at once, for whoever sends reads it there.

use anyhow::{Context, bail};
use app::control::{ControlAnswer, ControlOrder, ControlRequest, ask, tenants};
use app::hold::{Changed, HoldOrder, hold, hold_unserved};
use app::{Access, FolderError, Right};
use engine::EngineConfig;
use ledger::Store;
use ledger_sqlite::SqliteOptions;
use runtime::SystemClock;

use crate::arguments::HoldFlags;
use crate::exit::Exit;
use crate::{database, opened, print};

/// Carries out an order and prints what it changed.
pub fn run(flags: &HoldFlags, order: HoldOrder) -> anyhow::Result<Exit> {
    let tenant = (!flags.all).then(|| flags.folder.tenant.clone());
    let order = ControlOrder { order, tenant, release: flags.release.clone() };
    let changed = match database::wanted(&flags.folder.place.database)? {
        Some(wanted) => opened::executor()?.block_on(in_database(flags, &order, &wanted))?,
        None => in_folder(flags, &order)?,
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

fn in_folder(flags: &HoldFlags, order: &ControlOrder) -> anyhow::Result<Vec<Changed>> {
    let dir = app::folder::look_into(&flags.folder.place.data)?;
    match ask(&dir, &ControlRequest::Hold(order.clone()))
        .context("the process that serves the data folder does not answer")?
    {
        Some(ControlAnswer::Changed(changed)) => Ok(changed),
        Some(ControlAnswer::Refused(reason)) => bail!(reason),
        Some(ControlAnswer::Done(_)) => {
            bail!("the process that serves answered something else than was asked")
        }
        None => opened::executor()?.block_on(as_owner(flags, order)),
    }
}

async fn in_database(
    flags: &HoldFlags,
    order: &ControlOrder,
    wanted: &database::Wanted,
) -> anyhow::Result<Vec<Changed>> {
    if order.order == HoldOrder::Cancel {
        // What nobody has in hand is settled here, in the name of this folder's node. Where that node sends just now,
        // its own end settles it.
        match as_owner(flags, order).await {
            Err(error) if matches!(error.downcast_ref(), Some(FolderError::InUse { .. })) => {}
            done => return done,
        }
    }
    let store = wanted.open().await?;
    let mut changed = Vec::new();
    for tenant in tenants(&*store as &dyn Store, order.tenant.as_deref()).await? {
        let access = Access::admit(&*store, &tenant, &opened::user(), Right::Send).await?;
        changed.extend(hold(&*store, &SystemClock, &access, order.release.as_deref(), order.order).await?);
    }
    store.close();
    Ok(changed)
}

async fn as_owner(flags: &HoldFlags, order: &ControlOrder) -> anyhow::Result<Vec<Changed>> {
    let ground = opened::ground(&flags.folder.place).await?;
    let (boot, config) = (runtime::boot_id()?, EngineConfig::default());
    let (premises, books) = opened::own(ground, SqliteOptions::default(), boot, config).await?;
    let mut changed = Vec::new();
    for tenant in tenants(&*premises.store, order.tenant.as_deref()).await? {
        let access = Access::admit(&*premises.store, &tenant, &opened::user(), Right::Send).await?;
        changed.extend(hold_unserved(&premises, &access, order.release.as_deref(), order.order).await?);
    }
    drop(premises);
    books.close().await?;
    Ok(changed)
}
