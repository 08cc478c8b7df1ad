//! What can be said on the command line. Secrets are taken as plain texts here and parsed elsewhere, for a parser
//! that fails quotes its input.

mod doctor;
mod drill;
mod installation;
mod office;
mod place;
mod reconcile;
mod serve;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::span;

pub use doctor::DoctorFlags;
pub use drill::{BorrowedFlags, DrillCommand, FairnessFlags};
pub use installation::{BackupFlags, MigrateFlags, MoveFlags, RestoreFlags};
pub use office::{
    KeyCommand, OfficeFlags, PasswordFlags, RelayAddFlags, RelayCommand, SenderCommand, TenantCommand,
};
pub use place::{DatabaseFlags, PlaceFlags};
pub use reconcile::ReconcileFlags;
pub use serve::ServeFlags;
pub use user::{Reads, UserCommand};

/// Sends mailings and proves what became of every mail.
#[derive(Parser)]
#[command(name = "hikyaku", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Send a release to a list; run again with the same files to finish what is left.
    Send(Box<SendFlags>),
    /// The trial balance of a release, or of all releases of the tenant.
    Statement(StatementFlags),
    /// The recipients of a release in one state.
    Recipients(RecipientsFlags),
    /// Every try for one address of a release.
    Attempts(AttemptsFlags),
    /// Releases with mails that no sender has in hand, and which mails; exit code 3 when there are any.
    Reconcile(ReconcileFlags),
    /// Check every invariant against every row; exit code 4 when something is found.
    Check(CheckFlags),
    /// Start nothing new of a release (or of all of a tenant, or of everybody) until resumed.
    Pause(HoldFlags),
    /// Go on with what was paused.
    Resume(HoldFlags),
    /// Never send what is still owed.
    Cancel(HoldFlags),
    /// Write a signed copy of a tenant's books that can be verified without the data folder.
    Export(ExportFlags),
    /// Verify such a copy; exit code 4 when something in it was changed.
    Verify(VerifyFlags),
    /// A copy of the data folder as it stands now, also while a send runs.
    Backup(BackupFlags),
    /// A data folder from a backup, with everything that may be sent on hold.
    Restore(RestoreFlags),
    /// Make the schema of the books in a database, or bring it to this version.
    Migrate(MigrateFlags),
    /// A sender that works on whatever is owed, of all tenants, over the books in a database; until Ctrl-C.
    Node(NodeFlags),
    /// Who sends over the books in a database, and what each holds.
    Nodes(NodesFlags),
    /// Move a whole installation from a data folder into a database, or back; run again to go on.
    Move(MoveFlags),
    /// The whole installation in one process: takes mails in, sends, carries out orders; until Ctrl-C.
    Serve(Box<ServeFlags>),
    /// See whether this machine is fit to send: clock, folder, disk, books, ports, relays; exit code 4 when it is not.
    Doctor(DoctorFlags),
    /// Client companies: make, list, suspend, approve.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// SMTP accounts of a tenant: add, rotate the password, list.
    #[command(subcommand)]
    Relay(RelayCommand),
    /// What a tenant may send from: verify, list.
    #[command(subcommand)]
    Sender(SenderCommand),
    /// API keys of a tenant: create, revoke, list.
    #[command(subcommand)]
    Key(KeyCommand),
    /// People of tenants, and operators: invite, list, role, lock, unlock, password, sessions, revoke.
    #[command(subcommand)]
    User(UserCommand),
    /// Prove that an incident of the past cannot happen here.
    #[command(subcommand)]
    Drill(DrillCommand),
}

/// Where the books are, whose they are, and how to print.
#[derive(Debug, Args)]
pub struct FolderFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// The client company.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub tenant: String,
    /// Print JSON on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
    /// The language of tables; by default that of the environment.
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
}

/// Languages of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Japanese.
    Ja,
    /// English.
    En,
}

/// `send`.
#[derive(Args)]
pub struct SendFlags {
    /// The release: YAML front matter (subject, from, …), then Markdown with `{{ placeholders }}`.
    #[arg(value_name = "RELEASE.md")]
    pub release: PathBuf,
    /// The list: CSV with a header row and an `email` column, UTF-8 or CP932.
    #[arg(long, value_name = "LIST.csv")]
    pub list: PathBuf,
    /// smtp://USER:PASS@HOST:PORT?tls=none|starttls|implicit, also &auth=plain|login|cram-md5|xoauth2; or `direct`: to the
    /// receivers' own mail servers, by MX.
    #[arg(long, value_name = "URL")]
    pub relay: String,
    /// The direct route's own flags.
    #[command(flatten)]
    pub direct: DirectFlags,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
    /// The relay's password, in the first line of a file (`ps` never shows it). Also: HIKYAKU_RELAY_PASSWORD.
    #[arg(long, value_name = "FILE")]
    pub relay_password_file: Option<PathBuf>,
    /// Believe only the certificate authorities of this PEM file.
    #[arg(long, value_name = "FILE")]
    pub relay_ca: Option<PathBuf>,
    /// The service, whose published limits are kept: bare, sendgrid, gmail, microsoft365, ses, other.
    #[arg(long, value_name = "KIND", default_value = "bare")]
    pub relay_kind: String,
    /// What the release is called; by default its file's name without ending.
    #[arg(long)]
    pub name: Option<String>,
    /// Mails whose message end was never answered: hold (nobody gets it twice) or resend-once.
    #[arg(long, default_value = "hold")]
    pub policy: String,
    /// How long from now mails may be tried.
    #[arg(long, value_parser = span::parse, default_value = "10m")]
    pub deadline: Duration,
    /// The wait after a first failure; it doubles with each.
    #[arg(long, value_parser = span::parse, default_value = "60s")]
    pub retry_initial: Duration,
    /// Connections at the same time.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=500), default_value_t = 50)]
    pub sessions: u32,
    /// Messages over one connection.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub messages_per_connection: Option<u32>,
    /// Messages in any minute over all connections.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub messages_per_minute: Option<u32>,
    /// urgent goes ahead of everything of the same relay.
    #[arg(long, default_value = "bulk")]
    pub lane: String,
    /// Begin a new release even if one of this name stands in the data folder.
    #[arg(long, conflicts_with = "extend")]
    pub new: bool,
    /// Send the same content also to recipients of the list who are not in its audience yet.
    #[arg(long)]
    pub extend: bool,
    /// Freeze it and leave the sending to the nodes of the database.
    #[arg(long)]
    pub detach: bool,
    /// Send nothing when any row of the list is bad.
    #[arg(long)]
    pub strict: bool,
    /// Write every rejected row's line and reason to this CSV file.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Use CHUNKING (BDAT) where the relay offers it.
    #[arg(long)]
    pub chunking: bool,
    /// How long the kernel goes on sending what the relay does not acknowledge.
    #[arg(long, value_parser = span::parse, default_value = "30s")]
    pub tcp_user_timeout: Duration,
    /// Sign with this PEM key (RSA or Ed25519).
    #[arg(long, value_name = "FILE", requires_all = ["dkim_domain", "dkim_selector"])]
    pub dkim_key: Option<PathBuf>,
    /// The signing domain.
    #[arg(long, value_name = "DOMAIN", requires = "dkim_key")]
    pub dkim_domain: Option<String>,
    /// The selector of the key in DNS.
    #[arg(long, value_name = "NAME", requires = "dkim_key")]
    pub dkim_selector: Option<String>,
    /// The name said in EHLO; by default the machine's.
    #[arg(long, value_name = "NAME")]
    pub ehlo_name: Option<String>,
    /// Pretend another boot of the machine (32 hexadecimal digits); for crash tests.
    #[arg(long, hide = true)]
    pub boot_id: Option<String>,
    /// Plant a store that does not sync; for crash tests.
    #[arg(long, hide = true, value_enum, default_value_t = Sync::Full)]
    pub synchronous: Sync,
}

/// `send --relay direct`.
#[derive(Args)]
pub struct DirectFlags {
    /// Direct: ask this name server, and no other; may be given again. DANE needs one on this machine that validates.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub dns: Vec<SocketAddr>,
    /// Direct: leave from this address; may be given again. A new one warms up from its first day on.
    #[arg(long, value_name = "ADDRESS[=YYYY-MM-DD]")]
    pub source_address: Vec<String>,
    /// Direct: the receivers' port.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub smtp_port: Option<u16>,
    /// Direct: do not look at TLSA records (RFC 7672).
    #[arg(long)]
    pub no_dane: bool,
    /// Direct: do not look at MTA-STS policies (RFC 8461).
    #[arg(long)]
    pub no_mta_sts: bool,
    /// Direct: let MX records lead into private networks and to this machine.
    #[arg(long)]
    pub private_hosts: bool,
    /// Direct: the port of MTA-STS policies; for tests.
    #[arg(long, hide = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub policy_port: Option<u16>,
}

/// Whether commits wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// Yes.
    Full,
    /// No: a power cut loses mails.
    Off,
}

/// `statement`.
#[derive(Debug, Args)]
pub struct StatementFlags {
    /// A release by name, file or id; without it, all of the tenant.
    pub release: Option<String>,
    /// Only what was frozen on this day, such as 2026-11-24.
    #[arg(long, value_name = "DATE", conflicts_with = "release")]
    pub day: Option<String>,
    /// Where that day begins and ends.
    #[arg(long, value_name = "ZONE", default_value = "Asia/Tokyo", requires = "day")]
    pub zone: String,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
}

/// `recipients`.
#[derive(Debug, Args)]
pub struct RecipientsFlags {
    /// A release by name, file or id.
    pub release: String,
    /// accepted, rejected, suppressed, cancelled, expired, unknown or pending; without it, all.
    #[arg(long)]
    pub outcome: Option<String>,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
}

/// `attempts`.
#[derive(Debug, Args)]
pub struct AttemptsFlags {
    /// A release by name, file or id.
    pub release: String,
    /// The recipient's address.
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportFlags {
    /// Where the copy is written; stdout without it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
}

/// `node`.
#[derive(Debug, Args)]
pub struct NodeFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// How long the kernel goes on sending what a relay does not acknowledge.
    #[arg(long, value_parser = span::parse, default_value = "30s")]
    pub tcp_user_timeout: Duration,
    /// Print JSON on stdout at the end.
    #[arg(long)]
    pub json: bool,
}

/// `nodes`.
#[derive(Debug, Args)]
pub struct NodesFlags {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseFlags,
    /// How far back.
    #[arg(long, value_parser = span::parse, default_value = "1d")]
    pub since: Duration,
    /// Print JSON on stdout, one object a line.
    #[arg(long)]
    pub json: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyFlags {
    /// The copy.
    pub copy: PathBuf,
    /// The public key that it must be signed with, in hexadecimal, as `export` prints it.
    #[arg(long, value_name = "HEX")]
    pub key: Option<String>,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `pause`, `resume`, `cancel`.
#[derive(Debug, Args)]
pub struct HoldFlags {
    /// A release by name, file or id; without it, all of the tenant that still owe something.
    #[arg(conflicts_with = "all")]
    pub release: Option<String>,
    /// All releases of all tenants.
    #[arg(long)]
    pub all: bool,
    /// Where, whose, how to print.
    #[command(flatten)]
    pub folder: FolderFlags,
}
