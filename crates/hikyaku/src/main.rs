//! The command line, and the root where rooms are put together: it parses, opens store and folder, calls `app`,
//! prints, and turns what came of it into an exit code.
//!
//! Exit codes: 0 all is well; 1 a drill failed; 2 bad input or a fault; 3 a mail is unknown, expired or pending, or the books differ;
//! 4 `check` or `verify` found something.

mod arguments;
mod command;
mod database;
mod day;
mod direct;
mod doctor;
mod drill;
mod exit;
mod opened;
mod print;
mod progress;
mod secret;
mod serve;
mod signals;
mod span;
mod window;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, DrillCommand};
use crate::exit::Exit;

fn main() -> ExitCode {
    // A panic's text may quote anything; its place is enough to find the defect.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("hikyaku: a defect at {place}; nothing that was durable is lost, run again to go on");
    }));
    let arguments = Arguments::parse();
    // From here on `ps` shows no password; `--relay-password-file` keeps it from ever being seen.
    secret::hide_in_process_list();
    start_log();
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| run(arguments)));
    match done {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) => {
            eprintln!("hikyaku: {}", explained(&error));
            Exit::Refused.into()
        }
        Err(_) => Exit::Refused.into(),
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Send(flags) => command::send::run(*flags),
        Command::Statement(flags) => command::statement::run(&flags),
        Command::Recipients(flags) => command::recipients::run(&flags),
        Command::Attempts(flags) => command::attempts::run(&flags),
        Command::Check(flags) => command::check::run(&flags),
        Command::Reconcile(flags) => command::reconcile::run(&flags),
        Command::Drill(DrillCommand::BorrowedCredentials(flags)) => command::drill::borrowed(&flags),
        Command::Drill(DrillCommand::Fairness(flags)) => command::drill::fairness(&flags),
        Command::Export(flags) => command::export::run(&flags),
        Command::Backup(flags) => command::backup::backup(&flags),
        Command::Restore(flags) => command::backup::restore(&flags),
        Command::Migrate(flags) => command::migrate::run(&flags),
        Command::Node(flags) => command::node::run(&flags),
        Command::Nodes(flags) => command::nodes::run(&flags),
        Command::Move(flags) => command::transfer::run(&flags),
        Command::Serve(flags) => serve::run(&flags),
        Command::Doctor(flags) => doctor::run(&flags),
        Command::Tenant(command) => command::office::tenant(command),
        Command::Relay(command) => command::office::relay(command),
        Command::Sender(command) => command::office::sender(command),
        Command::Key(command) => command::office::key(command),
        Command::User(command) => command::user::user(command),
        Command::Verify(flags) => command::verify::run(&flags),
        Command::Pause(flags) => command::hold::run(&flags, app::hold::HoldOrder::Pause),
        Command::Resume(flags) => command::hold::run(&flags, app::hold::HoldOrder::Resume),
        Command::Cancel(flags) => command::hold::run(&flags, app::hold::HoldOrder::Cancel),
    }
}

/// An error with its causes, leaving out those that it quotes already.
fn explained(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Warnings and errors to stderr; more by HIKYAKU_LOG.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HIKYAKU_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
