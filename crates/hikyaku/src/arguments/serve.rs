//! `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::PlaceFlags;
use crate::span;

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// The configuration; flags go before what stands there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Listen here for HTTP; may be given again.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Vec<SocketAddr>,
    /// Listen here for SMTP submission with STARTTLS; may be given again.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub submission: Vec<SocketAddr>,
    /// Listen here for SMTP submission with implicit TLS; may be given again.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub submission_tls: Vec<SocketAddr>,
    /// Let clients log in without TLS, on loopback addresses alone.
    #[arg(long)]
    pub no_tls: bool,
    /// How long the kernel goes on sending what a relay does not acknowledge.
    #[arg(long, value_parser = span::parse, default_value = "30s")]
    pub tcp_user_timeout: Duration,
    /// Print where it listens as one line of JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
