//! `doctor`.

use std::net::SocketAddr;

use clap::Args;

use super::PlaceFlags;

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// An address that is to be listened on; may be given again.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
