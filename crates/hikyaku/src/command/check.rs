//! `hikyaku check`: every invariant against every row. Exit code 0 clean, 4 with findings.

use app::books::check;
use ledger::{CheckReport, Finding};
use runtime::SystemClock;
use serde_json::{Value, json};

use crate::arguments::CheckFlags;
use crate::exit::Exit;
use crate::{opened, print};

/// Checks the whole data folder.
pub fn run(flags: &CheckFlags) -> anyhow::Result<Exit> {
    let report = opened::executor()?.block_on(async {
        let reading = opened::read(&flags.place).await?;
        anyhow::Ok(check(&*reading.store, &flags.place.data, &SystemClock).await?)
    })?;
    if flags.json {
        print::line(&object(&report).to_string());
    } else {
        report.findings.iter().for_each(|finding| print::line(&text(finding)));
        print::line(&format!(
            "{} releases, {} intents, {} attempts, {} outcomes, {} witnesses, {} links: {} findings",
            report.releases,
            report.intents,
            report.attempts,
            report.outcomes,
            report.witnesses,
            report.links,
            report.findings.len()
        ));
    }
    Ok(if report.findings.is_empty() { Exit::Well } else { Exit::Findings })
}

fn object(report: &CheckReport) -> Value {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "tenant": finding.tenant.map(|tenant| tenant.to_string()),
            "book": finding.book.map(ledger::Book::word),
            "invariant": finding.invariant,
            "text": finding.text,
        })
    });
    json!({
        "releases": report.releases,
        "intents": report.intents,
        "attempts": report.attempts,
        "outcomes": report.outcomes,
        "witnesses": report.witnesses,
        "links": report.links,
        "findings": findings.collect::<Value>(),
    })
}

/// A finding in a line.
pub fn text(finding: &Finding) -> String {
    let book = finding.book.map(|book| format!(" {}", book.word())).unwrap_or_default();
    let tenant = finding.tenant.map(|tenant| format!(" {tenant}")).unwrap_or_default();
    format!("finding (invariant {}){tenant}{book}: {}", finding.invariant, finding.text)
}
