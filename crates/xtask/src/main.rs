//! The workspace's automation: `cargo xtask <subcommand>`, one module a subcommand.
//!
//! Nothing here is shipped. It leaves every judgement about mails to the tests and drills that it starts.

mod bench;
mod chaos;
mod command;
mod crash;
mod demo;
mod judge;
mod mutants;
mod peers;
mod rig;
mod sim;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Automation of the Hikyaku workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Check the house rules over the tree.
    Tidy(tidy::Arguments),
    /// Install what the tests send to, and run the whole test suite.
    Test(test::Arguments),
    /// Install the real mail servers and parsers that tests use.
    Peers(peers::Arguments),
    /// Send a sample release to an inbox of our own, and show what became of each mail.
    Demo(demo::Arguments),
    /// Kill senders at random moments, and compare the receiving sink with the books.
    Crash(crash::Arguments),
    /// Fail over databases, freeze nodes, fill disks, cut links, restore backups, and compare the sink with the books.
    Chaos(chaos::Arguments),
    /// Run the engine in a simulated world with seeded faults, and check every invariant.
    Sim(sim::Arguments),
    /// Plant known mistakes in a copy of the tree, and see whether the simulator or a test catches each.
    Mutants(mutants::Arguments),
    /// Measure how fast releases go out.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let workspace = Workspace::of_this_build();
    let done = match arguments.subcommand {
        Subcommands::Tidy(arguments) => tidy::run(&workspace, &arguments),
        Subcommands::Test(arguments) => test::run(&workspace, &arguments),
        Subcommands::Peers(arguments) => peers::run(&workspace, &arguments),
        Subcommands::Demo(arguments) => demo::run(&workspace, &arguments),
        Subcommands::Crash(arguments) => crash::run(&workspace, &arguments),
        Subcommands::Chaos(arguments) => chaos::run(&workspace, &arguments),
        Subcommands::Sim(arguments) => sim::run(&workspace, &arguments),
        Subcommands::Mutants(arguments) => mutants::run(&workspace, &arguments),
        Subcommands::Bench(arguments) => bench::run(&workspace, &arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
