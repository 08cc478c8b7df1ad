//! The JSON that programs read. Keys are stable: they are only ever added to.

use domain::{IntentState, Statement};
use ledger::{Difference, OutcomeRow};
use serde_json::{Map, Value, json};

/// Writes the trial balance into an object.
pub fn put_statement(object: &mut Map<String, Value>, statement: &Statement, differences: &[Difference]) {
    object.insert("audience".to_owned(), statement.audience.into());
    for state in IntentState::ALL {
        object.insert(state.word().to_owned(), statement.of(state).into());
    }
    object.insert("duplicates".to_owned(), statement.duplicates.into());
    object.insert("differences".to_owned(), differences.iter().map(difference).collect());
}

fn difference(difference: &Difference) -> Value {
    json!({
        "release": difference.release.to_string(),
        "what": difference.what,
        "expected": difference.expected,
        "found": difference.found,
    })
}

/// A verdict with its evidence.
pub fn outcome(row: &OutcomeRow) -> Value {
    json!({
        "verdict": row.verdict.word(),
        "phase": row.phase.word(),
        "code": row.code.map(domain::ReplyCode::get),
        "enhanced": row.enhanced.map(|status| status.to_string()),
        "reply": (!row.reply_text.is_empty()).then_some(row.reply_text.as_str()),
        "at": row.at.to_string(),
        "retry_at": row.retry_at.map(|at| at.to_string()),
    })
}
