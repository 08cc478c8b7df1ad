//! What an operator sets of people. A link's token is printed once, by `invite` and `password`.

use clap::{Args, Subcommand, ValueEnum};

use super::OfficeFlags;

/// Whose people: a tenant's, or the operators.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct WhereFlags {
    /// People of this tenant.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// The operators of the installation.
    #[arg(long)]
    pub operators: bool,
}

/// The language of what somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reads {
    /// Japanese.
    Ja,
    /// English.
    En,
}

/// `user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a link by which somebody joins, once, within 72 hours; it is shown once.
    Invite {
        /// The address.
        address: String,
        /// Where to.
        #[command(flatten)]
        place: WhereFlags,
        /// Of a tenant: viewer, writer, approver, sender, admin; of the operators: support, operator.
        #[arg(long)]
        role: String,
        /// The language of what they are sent.
        #[arg(long, value_enum, default_value_t = Reads::Ja)]
        language: Reads,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Everybody, and who is invited.
    List {
        /// Whose.
        #[command(flatten)]
        place: WhereFlags,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Give somebody another role, or none; their sessions end.
    Role {
        /// The address.
        address: String,
        /// Where.
        #[command(flatten)]
        place: WhereFlags,
        /// The role; `none` removes them, and an account without any.
        #[arg(long)]
        role: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Let nobody in by an account; its sessions end.
    Lock {
        /// The address.
        address: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Let an account in again.
    Unlock {
        /// The address.
        address: String,
        /// Take the authenticator app and the recovery codes away, for who lost them.
        #[arg(long)]
        without_second_factor: bool,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// Make a link by which somebody sets a new password; it is shown once.
    Password {
        /// The address.
        address: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// The open sessions of an account.
    Sessions {
        /// The address.
        address: String,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
    /// End sessions of an account: all, or one.
    Revoke {
        /// The address.
        address: String,
        /// One session, by its id.
        #[arg(long, value_name = "ID")]
        session: Option<String>,
        /// Where, how to print.
        #[command(flatten)]
        office: OfficeFlags,
    },
}
