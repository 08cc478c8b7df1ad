//! `hikyaku migrate`: the schema of the books in a database. A data folder's SQLite migrates by itself.

use ledger::CopyStore as _;
use ledger_postgres::Access;
use serde_json::json;

use crate::arguments::MigrateFlags;
use crate::exit::Exit;
use crate::{database, opened, print};

/// Makes the schema or brings it to this version, and says what it did and what it found.
pub fn run(flags: &MigrateFlags) -> anyhow::Result<Exit> {
    let Some(wanted) = database::wanted(&flags.database)? else {
        anyhow::bail!("migrate needs --database-url; the SQLite of a data folder migrates by itself");
    };
    let (migrated, standby, extent) = opened::executor()?.block_on(async {
        let migrated = wanted.migrate().await?;
        let store = wanted.open().await?;
        let (standby, extent) = (store.standby().await?, store.extent().await?);
        store.close();
        anyhow::Ok((migrated, standby, extent))
    })?;
    if flags.json {
        let object = json!({
            "database": wanted.place(),
            "from": migrated.from,
            "to": migrated.to,
            "applied": migrated.applied,
            "access": migrated.access.word(),
            "access_sql": match &migrated.access { Access::Wanting(sql) => Some(sql), _ => None },
            "books": { "octets": extent.octets, "rows_written": extent.rows_written },
            "standby": standby.to_string(),
            "standby_may_lose_commits": standby.may_lose_commits(),
        });
        print::line(&object.to_string());
        return Ok(Exit::Well);
    }
    let place = wanted.place();
    match migrated.applied.as_slice() {
        [] => print::line(&format!("{place}: version {}, nothing to do", migrated.to)),
        applied => {
            let applied = applied.join(", ");
            print::line(&format!("{place}: from version {} to {}: {applied}", migrated.from, migrated.to));
        }
    }
    print::line(&format!("{place}: roles and row-level security are {}", migrated.access.word()));
    print::line(&format!("{place}: {standby}"));
    if let Access::Wanting(sql) = &migrated.access {
        print::line("-- this user may not make roles; an administrator of the database runs:");
        print::line(sql);
    }
    Ok(Exit::Well)
}
