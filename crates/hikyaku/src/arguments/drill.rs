//! `drill`: what proves that incidents of the past cannot happen here.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The drills.
#[derive(Subcommand)]
pub enum DrillCommand {
    /// 18 tenants of one relay with one user name: no mail over a session of another's secret.
    BorrowedCredentials(BorrowedFlags),
    /// A small release beside a huge one and beside relays that fail, and an urgent one behind a huge one.
    Fairness(FairnessFlags),
}

/// `drill fairness`.
#[derive(Debug, Args)]
pub struct FairnessFlags {
    /// Mails of the huge release.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000), default_value_t = 1_000_000)]
    pub huge: u64,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `drill borrowed-credentials`.
#[derive(Debug, Args)]
pub struct BorrowedFlags {
    /// Rounds: in each, all tenants start in the same moment.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), default_value_t = 100)]
    pub rounds: u32,
    /// Another sink than ours, which then is the judge: secrets are SG.<tenant>.<version>, MAIL FROM is
    /// news@<tenant>.example.
    #[arg(long, value_name = "HOST:PORT")]
    pub sink: Option<String>,
    /// How the link to that sink is protected.
    #[arg(long, value_name = "MODE", default_value = "none", requires = "sink")]
    pub sink_tls: String,
    /// Believe only the certificate authorities of this PEM file.
    #[arg(long, value_name = "FILE", requires = "sink")]
    pub relay_ca: Option<PathBuf>,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
    /// Plant the fault that the drill must find.
    #[arg(long, hide = true)]
    pub plant_borrowing: bool,
}
