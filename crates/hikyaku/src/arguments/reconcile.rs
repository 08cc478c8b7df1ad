//! The flags of `reconcile`.

use clap::Args;

use super::PlaceFlags;

/// `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// The client company; without it, the whole installation.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Releases frozen from FROM up to TO alone, and how many mails came to what by minute or hour within it:
    /// 2026-11-17T09:00..2026-11-18T09:00, in the zone or with offsets.
    #[arg(long, value_name = "FROM..TO")]
    pub window: Option<String>,
    /// The time zone of the window.
    #[arg(long, value_name = "ZONE", default_value = "Asia/Tokyo")]
    pub zone: String,
    /// Name at most so many mails; the rest is counted.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(..=1_000_000), default_value_t = 10_000)]
    pub ids: u32,
    /// Also compare every row of the books with each other, without any counter or small table.
    #[arg(long)]
    pub full: bool,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
