//! `hikyaku reconcile`: releases with mails that no sender has in hand, and which. Exit code 3 when there are any, or
//! when the books alone say something else.

use app::census::{Question, reconcile};
use app::{Access, Right};
use runtime::SystemClock;

use crate::arguments::ReconcileFlags;
use crate::exit::Exit;
use crate::{opened, print, window};

/// Reconciles one tenant's releases, or all.
pub fn run(flags: &ReconcileFlags) -> anyhow::Result<Exit> {
    let window = flags.window.as_deref().map(|text| window::parse(text, &flags.zone)).transpose()?;
    let question = Question { window, ids_max: flags.ids, full: flags.full };
    let found = opened::executor()?.block_on(async {
        let reading = opened::read(&flags.place).await?;
        let access = match &flags.tenant {
            Some(name) => Some(Access::admit(&*reading.store, name, &opened::user(), Right::Read).await?),
            None => None,
        };
        anyhow::Ok(reconcile(&*reading.store, access.as_ref(), &question, &SystemClock).await?)
    })?;
    if flags.json {
        print::line(&print::census::object(&found).to_string());
    } else {
        print::census::lines(&found).iter().for_each(|text| print::line(text));
    }
    Ok(if found.is_settled() { Exit::Well } else { Exit::Unsettled })
}
