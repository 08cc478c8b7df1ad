//! The statement as a stranger reads it: the last line that `hikyaku` prints.

use anyhow::Context as _;
use serde::Deserialize;

/// Words for what can become of an intent, as `hikyaku recipients --outcome` takes them.
pub const OUTCOMES: [&str; 7] =
    ["accepted", "rejected", "suppressed", "cancelled", "expired", "unknown", "pending"];

/// The trial balance of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Statement {
    /// All intents.
    pub audience: u64,
    /// Intents with a stored 2xx.
    pub accepted: u64,
    /// Intents that the relay refused for good.
    pub rejected: u64,
    /// Intents that must not be sent.
    pub suppressed: u64,
    /// Intents that a person stopped.
    pub cancelled: u64,
    /// Intents whose deadline came first.
    pub expired: u64,
    /// Intents whose mail may have arrived.
    pub unknown: u64,
    /// Intents still to be sent.
    pub pending: u64,
    /// What does not balance.
    #[serde(default)]
    pub differences: Vec<serde_json::Value>,
}

impl Statement {
    /// True when every intent is accounted for and nothing differs.
    pub fn balances(&self) -> bool {
        let settled = [self.accepted, self.rejected, self.suppressed, self.cancelled, self.expired];
        let sum = settled.iter().sum::<u64>() + self.unknown + self.pending;
        sum == self.audience && self.differences.is_empty()
    }
}

/// Reads the statement on the last line of an output.
///
/// # Errors
/// When the last line is no statement.
pub fn last_statement(output: &str) -> anyhow::Result<Statement> {
    let line = output.lines().rev().find(|line| !line.trim().is_empty()).context("nothing was printed")?;
    serde_json::from_str(line).with_context(|| format!("no statement: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"release":"r","audience":10,"accepted":5,"rejected":1,"suppressed":1,"cancelled":0,
        "expired":0,"unknown":2,"pending":1,"differences":[],"elapsed_ms":12}"#;

    #[test]
    fn the_last_line_is_the_statement() {
        let line = TEXT.replace('\n', "");
        let statement = last_statement(&format!("something\n{line}\n\n")).expect("a statement");
        assert_eq!((statement.audience, statement.unknown), (10, 2));
        assert!(last_statement("done\n").is_err() && last_statement("").is_err());
    }

    #[test]
    fn a_balance_needs_every_intent_and_no_difference() {
        let check = |change: &dyn Fn(&mut Statement), balances: bool| {
            let mut statement: Statement = serde_json::from_str(TEXT).expect("a statement");
            change(&mut statement);
            assert_eq!(statement.balances(), balances, "{statement:?}");
        };
        check(&|_| (), true);
        check(&|s| s.pending = 0, false);
        check(&|s| s.audience = 11, false);
        check(&|s| s.differences.push("a".into()), false);
    }
}
