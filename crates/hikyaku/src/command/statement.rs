//! `hikyaku statement`.

use app::books::{ReleaseStatement, Selection, statements};
use app::{Access, Right};
use domain::Statement;
use ledger::Difference;
use serde_json::{Map, Value};

use crate::arguments::StatementFlags;
use crate::exit::Exit;
use crate::{day, opened, print};

/// Prints the statement of one release, of a day, or of all of the tenant.
pub fn run(flags: &StatementFlags) -> anyhow::Result<Exit> {
    let selection = match (&flags.release, &flags.day) {
        (Some(release), _) => Selection::Release(release.clone()),
        (None, Some(day)) => Selection::Frozen(day::span(day, &flags.zone)?),
        (None, None) => Selection::All,
    };
    let found = opened::executor()?.block_on(async {
        let reading = opened::read(&flags.folder.place).await?;
        let access =
            Access::admit(&*reading.store, &flags.folder.tenant, &opened::user(), Right::Read).await?;
        anyhow::Ok(statements(&*reading.store, &access, &selection, &reading.live).await?)
    })?;
    let (total, differences) = total(&found);
    if flags.folder.json {
        print::line(&object(&found, &total, &differences, &flags.folder.tenant).to_string());
    } else {
        let lang = print::language(flags.folder.lang);
        for one in &found {
            let title = format!("{} ({}, {})", one.release.name, one.release.release, one.state.word());
            let view = &one.view;
            print::line(&print::statement::table(&title, &view.statement, &view.differences, lang));
        }
        if found.len() != 1 {
            print::line(&print::statement::table(&flags.folder.tenant, &total, &differences, lang));
        }
    }
    // As `send` says it: a cancelled mail was owed and was not sent.
    let settled = total.is_settled() && total.cancelled == 0 && differences.is_empty();
    Ok(if settled { Exit::Well } else { Exit::Unsettled })
}

fn total(found: &[ReleaseStatement]) -> (Statement, Vec<Difference>) {
    let mut total = Statement::default();
    found.iter().for_each(|one| total.join(&one.view.statement));
    (total, found.iter().flat_map(|one| one.view.differences.clone()).collect())
}

/// The total; the one release's name, or each release below.
fn object(found: &[ReleaseStatement], total: &Statement, differences: &[Difference], tenant: &str) -> Value {
    let mut object = Map::new();
    object.insert("tenant".to_owned(), tenant.into());
    if let [one] = found {
        put_release(&mut object, one);
    }
    print::json::put_statement(&mut object, total, differences);
    if found.len() != 1 {
        let releases = found.iter().map(|one| {
            let mut object = Map::new();
            put_release(&mut object, one);
            print::json::put_statement(&mut object, &one.view.statement, &one.view.differences);
            Value::Object(object)
        });
        object.insert("releases".to_owned(), releases.collect());
    }
    Value::Object(object)
}

fn put_release(object: &mut Map<String, Value>, one: &ReleaseStatement) {
    object.insert("release".to_owned(), one.release.name.clone().into());
    object.insert("release_id".to_owned(), one.release.release.to_string().into());
    object.insert("state".to_owned(), one.state.word().into());
}
