//! `hikyaku drill`: exit code 1 when a mail travelled over a foreign session or is missing, or when one had to wait
//! for others.

use anyhow::{Context, bail};
use domain::LinkSecurity;
use engine::TlsTrust;
use serde_json::json;

use crate::arguments::{BorrowedFlags, FairnessFlags};
use crate::drill::{OutsideSink, borrowed, fairness};
use crate::exit::Exit;
use crate::{opened, print};

/// Runs the drill *borrowed credentials* and prints what came of it.
pub fn borrowed(flags: &BorrowedFlags) -> anyhow::Result<Exit> {
    let sink = match &flags.sink {
        None => None,
        Some(text) => {
            let place = std::net::ToSocketAddrs::to_socket_addrs(text)
                .with_context(|| format!("--sink {text}: not HOST:PORT"))?
                .next()
                .with_context(|| format!("--sink {text}: the host has no address"))?;
            let Some(security) = LinkSecurity::from_word(&flags.sink_tls) else {
                bail!("--sink-tls: `{}` is none of none, starttls, implicit", flags.sink_tls)
            };
            let trust = flags.relay_ca.clone().map_or(TlsTrust::System, TlsTrust::File);
            Some(OutsideSink { place, security, trust })
        }
    };
    let options =
        borrowed::DrillOptions { rounds: flags.rounds, sink, plant_borrowing: flags.plant_borrowing };
    let report = opened::executor()?.block_on(borrowed::run(options))?;
    let foreign = report.judgement.map(|judgement| judgement.foreign);
    if flags.json {
        let object = json!({
            "rounds": report.rounds,
            "mails": report.statement.audience,
            "foreign": foreign,
            "missing": report.missing(),
            "accepted": report.statement.accepted,
            "unknown": report.statement.unknown,
            "rotations": report.rotations,
            "refused_logins": report.refused_logins,
        });
        print::line(&object.to_string());
    } else {
        let judged =
            foreign.map_or("judged by the sink outside".to_owned(), |count| format!("{count} foreign"));
        print::line(&format!(
            "{} rounds, {} mails, {judged}, {} missing, {} rotations, {} refused logins",
            report.rounds,
            report.statement.audience,
            report.missing(),
            report.rotations,
            report.refused_logins
        ));
    }
    let passed = foreign.unwrap_or(0) == 0 && report.missing() == 0;
    Ok(if passed { Exit::Well } else { Exit::Failed })
}

/// Runs the drill *fairness* and prints the waits.
pub fn fairness(flags: &FairnessFlags) -> anyhow::Result<Exit> {
    let report = opened::executor()?.block_on(fairness::run(flags.huge))?;
    let ms = |wait: std::time::Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    if flags.json {
        let object = json!({
            "huge": report.huge,
            "alone_p99_ms": ms(report.alone),
            "beside_huge_p99_ms": ms(report.beside_huge),
            "beside_failing_p99_ms": ms(report.beside_failing),
            "urgent_p99_ms": ms(report.urgent),
        });
        print::line(&object.to_string());
    } else {
        print::line(&format!(
            "p99 of a small release: {} ms alone, {} ms beside {} mails of another tenant, {} ms beside failing \
             relays; of an urgent one behind as many: {} ms",
            ms(report.alone),
            ms(report.beside_huge),
            report.huge,
            ms(report.beside_failing),
            ms(report.urgent)
        ));
    }
    Ok(if report.is_fair() { Exit::Well } else { Exit::Failed })
}
