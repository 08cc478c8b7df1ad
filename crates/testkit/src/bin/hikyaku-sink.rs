//! A catch-all SMTP server as a process: listens, plays faults, logs, and ends on SIGTERM or SIGINT.
//!
//! For drills, crash tests and benches that need a receiver which outlives the sender. All behaviour is
//! [`testkit::sink`]'s.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use testkit::certs::Authority;
use testkit::sink::{AuthRule, Behaviour, Keep, LogMode, Sink, SinkConfig, SinkHandle, SinkLimits, TlsMode};
use tokio::signal::unix::{SignalKind, signal};

/// Catch-all SMTP server for tests.
#[derive(Debug, Parser)]
struct Flags {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Appends one JSON object a line, before the reply to each mail.
    #[arg(long)]
    log: Option<PathBuf>,
    /// Also keeps the log in memory (for nothing but measuring).
    #[arg(long)]
    log_memory: bool,
    /// Written with `HOST:PORT` once the sink listens.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// `off`, `any`, `refuse`, or USER:SECRET[=ACCOUNT],…
    #[arg(long, default_value = "any")]
    auth: AuthRule,
    /// Faults: `by-address`, `ratio:0.01=cut-after-dot*1`, `every:500=storm`, `seed:7`, … joined by commas.
    #[arg(long, default_value = "")]
    behaviour: Behaviour,
    /// What stays of each mail: `nothing`, `digest`, `headers` or `full`.
    #[arg(long, default_value = "nothing")]
    keep: Keep,
    /// Headers whose values go into the log; repeatable.
    #[arg(long = "header")]
    headers: Vec<String>,
    /// `starttls`, `starttls-required` or `implicit`, with a certificate for localhost made on the spot.
    #[arg(long)]
    tls: Option<String>,
    /// Where the certificate authority of `--tls` is written, for the client to trust.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Octets of one mail.
    #[arg(long, default_value_t = SinkLimits::default().size_max)]
    size_max: u64,
    /// Prints the counters as one JSON object when it ends.
    #[arg(long)]
    json_stats_on_exit: bool,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    executor.block_on(async {
        // Before anybody can know the port, so that no signal is missed.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let sink = Sink::start(config(&flags)?)?;
        announce(&flags, &sink)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        report(&flags, sink)
    })
}

fn config(flags: &Flags) -> anyhow::Result<SinkConfig> {
    let tls = match flags.tls.as_deref() {
        None => None,
        Some(mode) => {
            let mode = match mode {
                "starttls" => TlsMode::StartTls,
                "starttls-required" => TlsMode::StartTlsRequired,
                "implicit" => TlsMode::Implicit,
                _ => anyhow::bail!("--tls {mode}: use starttls, starttls-required or implicit"),
            };
            let authority = Authority::generate()?;
            if let Some(path) = &flags.ca_file {
                write_whole(path, &authority.ca_pem())?;
            }
            Some(authority.localhost()?.setup(mode))
        }
    };
    Ok(SinkConfig {
        listen: flags.listen,
        tls,
        auth: flags.auth.clone(),
        limits: SinkLimits { size_max: flags.size_max, ..SinkLimits::default() },
        behaviour: flags.behaviour.clone(),
        keep: flags.keep,
        wanted_headers: flags.headers.clone(),
        log: match (&flags.log, flags.log_memory) {
            (None, false) => LogMode::Counters,
            (None, true) => LogMode::Memory,
            (Some(path), false) => LogMode::File(path.clone()),
            (Some(path), true) => LogMode::MemoryAndFile(path.clone()),
        },
        ..SinkConfig::default()
    })
}

fn announce(flags: &Flags, sink: &SinkHandle) -> anyhow::Result<()> {
    if let Some(path) = &flags.port_file {
        write_whole(path, &sink.addr().to_string())?;
    }
    eprintln!("listening on {}", sink.addr());
    Ok(())
}

/// Whoever sees the file sees all of it.
fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, text).with_context(|| format!("writing {}", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("writing {}", path.display()))
}

fn report(flags: &Flags, sink: SinkHandle) -> anyhow::Result<()> {
    let snapshot = sink.stop();
    let mut out = std::io::stdout().lock();
    if flags.json_stats_on_exit {
        writeln!(out, "{}", serde_json::to_string(&snapshot)?)?;
    } else {
        writeln!(out, "{} mails kept, {} connections", snapshot.kept, snapshot.connections)?;
    }
    anyhow::ensure!(snapshot.log_error.is_none(), "the log is incomplete: {:?}", snapshot.log_error);
    Ok(())
}
