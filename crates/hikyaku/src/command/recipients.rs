//! `hikyaku recipients`: with `--json` one object a line, as they are read.

use anyhow::Context;
use app::books::recipients;
use app::{Access, Right};
use domain::IntentState;
use ledger::RecipientView;
use serde_json::json;

use crate::arguments::RecipientsFlags;
use crate::exit::Exit;
use crate::{opened, print};

/// Prints who is in one state, or everybody.
pub fn run(flags: &RecipientsFlags) -> anyhow::Result<Exit> {
    let state = match flags.outcome.as_deref() {
        None => None,
        Some(word) => Some(IntentState::from_word(word).with_context(|| {
            let known = IntentState::ALL.map(IntentState::word).join(", ");
            format!("--outcome: `{word}` is none of {known}")
        })?),
    };
    opened::executor()?.block_on(async {
        let reading = opened::read(&flags.folder.place).await?;
        let store = &*reading.store;
        let access = Access::admit(store, &flags.folder.tenant, &opened::user(), Right::Read).await?;
        let each = |view: RecipientView| {
            print::line(&if flags.folder.json { object(&view) } else { text(&view) });
            Ok(())
        };
        recipients(store, &access, &flags.release, state, &reading.live, each).await?;
        Ok(Exit::Well)
    })
}

fn object(view: &RecipientView) -> String {
    json!({
        "intent": view.intent.0,
        "address": view.address,
        "state": view.state.word(),
        "suppression": view.suppression.map(domain::SuppressionReason::word),
        "attempts": view.attempts,
        "last": view.last.as_ref().map(print::json::outcome),
    })
    .to_string()
}

fn text(view: &RecipientView) -> String {
    let address = view.address.as_deref().unwrap_or("(erased)");
    let why = match (&view.last, view.suppression) {
        (Some(last), _) => format!(" {} at {}: {}", last.verdict, last.phase, last.reply_text),
        (None, Some(reason)) => format!(" {reason}"),
        (None, None) => String::new(),
    };
    format!("{:>8} {address} {} attempts={}{why}", view.intent, view.state, view.attempts)
}
