//! `hikyaku attempts`: every try for one address with its evidence; with `--json` one array.

use app::books::attempts;
use app::{Access, Right};
use ledger::AttemptView;
use serde_json::{Value, json};

use crate::arguments::AttemptsFlags;
use crate::exit::Exit;
use crate::{opened, print};

/// Prints every attempt and settlement of the intents that name the address.
pub fn run(flags: &AttemptsFlags) -> anyhow::Result<Exit> {
    let found = opened::executor()?.block_on(async {
        let reading = opened::read(&flags.folder.place).await?;
        let store = &*reading.store;
        let access = Access::admit(store, &flags.folder.tenant, &opened::user(), Right::Read).await?;
        anyhow::Ok(attempts(store, &access, &flags.release, &flags.to).await?)
    })?;
    if flags.folder.json {
        print::line(&found.iter().map(object).collect::<Value>().to_string());
    } else {
        found.iter().for_each(|view| print::line(&text(view)));
        if found.is_empty() {
            print::line("no attempts: the release has no such recipient, or was never tried for it");
        }
    }
    Ok(Exit::Well)
}

fn object(view: &AttemptView) -> Value {
    let key = view.attempt.map(|row| row.key).or(view.outcomes.first().map(|row| row.key));
    json!({
        "intent": key.map(|key| key.intent.0),
        "attempt": view.attempt.map(|row| row.key.attempt.0),
        "opened_at": view.attempt.map(|row| row.opened_at.to_string()),
        "session": view.attempt.map(|row| row.session.to_string()),
        "relay": view.attempt.map(|row| row.relay.to_string()),
        "credential_version": view.attempt.map(|row| row.credential.0),
        "fingerprint": view.attempt.map(|row| row.fingerprint.to_string()),
        "body_digest": view.attempt.map(|row| app::error::hex(&row.body_digest)),
        "peer": view.session.as_ref().map(|row| row.peer.as_str()),
        "tls": view.session.as_ref().map(|row| row.tls.as_str()).filter(|tls| !tls.is_empty()),
        "session_opened_at": view.session.as_ref().map(|row| row.opened_at.to_string()),
        "sender": view.sender.map(|sender| sender.0),
        "outcomes": view.outcomes.iter().map(print::json::outcome).collect::<Value>(),
    })
}

fn text(view: &AttemptView) -> String {
    let mut lines = Vec::new();
    if let Some(row) = &view.attempt {
        lines
            .push(format!("intent {} attempt {}: opened {}", row.key.intent, row.key.attempt, row.opened_at));
        lines.push(format!("  relay {} credential v{} {}", row.relay, row.credential, row.fingerprint));
    }
    if let Some(session) = &view.session {
        let tls = if session.tls.is_empty() { "clear text" } else { &session.tls };
        lines.push(format!("  session {} to {} ({tls})", session.session, session.peer));
    }
    for row in &view.outcomes {
        lines.push(format!("  {} {} at {}: {}", row.at, row.verdict, row.phase, row.reply_text));
    }
    if view.outcomes.is_empty() {
        lines.push("  no outcome".to_owned());
    }
    lines.join("\n")
}
