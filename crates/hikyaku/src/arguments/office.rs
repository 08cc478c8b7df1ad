//! What an operator sets: tenants, relays, senders, keys. Each works whether a process serves or not.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::PlaceFlags;
use crate::span;

/// Where, and how to print.
#[derive(Debug, Args)]
pub struct OfficeFlags {
    /// Where.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Print JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// `tenant`.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant that may send at once.
    Create {
        /// Its name.
        name: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// All tenants, and whether each may send.
    List {
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Take nothing more in from a tenant until it is approved again.
    Suspend {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Why; the tenant is told.
        #[arg(long)]
        reason: Option<String>,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Let a tenant send.
    Approve {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
}

/// A secret: from the environment or a file, which `ps` does not show.
#[derive(Debug, Args)]
pub struct PasswordFlags {
    /// The variable that holds the password.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "password_file")]
    pub password_env: Option<String>,
    /// The password, in the first line of a file.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// `relay`.
#[derive(Debug, Subcommand)]
pub enum RelayCommand {
    /// Add an SMTP account of a tenant.
    Add(Box<RelayAddFlags>),
    /// Replace the password, also for what is under way: sessions of the old one end as new ones begin.
    Rotate {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// The relay's id or name.
        #[arg(long, value_name = "ID|NAME")]
        relay: String,
        /// The new password.
        #[command(flatten)]
        password: PasswordFlags,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// The relays of a tenant.
    List {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
}

/// `relay add`.
#[derive(Args)]
pub struct RelayAddFlags {
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    pub tenant: String,
    /// What people call it.
    #[arg(long)]
    pub name: String,
    /// smtp://USER@HOST:PORT?tls=none|starttls|implicit, also &auth=plain|login|cram-md5|xoauth2.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Its password.
    #[command(flatten)]
    pub password: PasswordFlags,
    /// The service, whose published limits are kept: bare, sendgrid, gmail, microsoft365, ses, other.
    #[arg(long, value_name = "KIND", default_value = "bare")]
    pub kind: String,
    /// Connections at the same time; by default what the kind takes, as with the other limits.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub sessions: Option<u32>,
    /// Messages over one connection.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub messages_per_connection: Option<u32>,
    /// Messages in any minute over all connections.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub messages_per_minute: Option<u32>,
    /// The name said in EHLO; by default the machine's.
    #[arg(long, value_name = "NAME")]
    pub ehlo_name: Option<String>,
    /// Believe only the certificate authorities of this PEM file.
    #[arg(long, value_name = "FILE")]
    pub relay_ca: Option<PathBuf>,
    /// Use CHUNKING (BDAT) where the relay offers it.
    #[arg(long)]
    pub chunking: bool,
    /// Where, how to print.
    #[command(flatten)]
    pub office: OfficeFlags,
}

impl std::fmt::Debug for RelayAddFlags {
    /// The URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelayAddFlags({} {})", self.tenant, self.name)
    }
}

/// `sender`.
#[derive(Debug, Subcommand)]
pub enum SenderCommand {
    /// Let a tenant send from an address, or from all of a domain, by the operator's word.
    Verify {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// The address.
        #[arg(long, required_unless_present = "domain", conflicts_with = "domain")]
        address: Option<String>,
        /// The domain.
        #[arg(long)]
        domain: Option<String>,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// What a tenant may send from.
    List {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
}

/// `key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make an API key; it is shown once.
    Create {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// What people call it.
        #[arg(long, default_value = "made by command line")]
        name: String,
        /// What it may do, such as mail.send,releases.read; `all`: everything of the tenant.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// How long it works; by default until it is revoked.
        #[arg(long, value_parser = span::parse)]
        expires_in: Option<Duration>,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Revoke a key for good.
    Revoke {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Its id: what stands between SG. and the second dot.
        #[arg(long, value_name = "ID")]
        key: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// The keys of a tenant that work.
    List {
        /// The tenant.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
}
