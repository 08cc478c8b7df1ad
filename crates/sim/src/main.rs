//! The simulator: the real engine over the real store in one process, one thread and simulated time, with seeded
//! networks, relays, disks and faults; and checkers over everything that comes of it.
//!
//! The same seed gives the same history, octet for octet. Nothing of the product is replaced: clock, entropy, network
//! and disk come in where the operating system's would. What it leaves to others: TLS (the link tests of `engine`), many
//! nodes over one store, and the speed of anything.

mod campaign;
mod chance;
mod check;
mod dice;
mod disk;
mod known;
mod mail;
mod node;
mod relay;
mod run;
mod scenario;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Parser, Subcommand};

use campaign::{Campaign, Verdict};
use run::{Report, Run};

/// Runs the engine in a simulated world, and checks every invariant.
#[derive(Parser)]
#[command(name = "hikyaku-sim")]
struct Arguments {
    #[command(subcommand)]
    one: Option<Subcommands>,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many at a time; by default one a core.
    #[arg(long)]
    jobs: Option<usize>,
    /// End at the first seed that fails.
    #[arg(long)]
    until_breach: bool,
    /// Print `{seeds, breaches, failing_seeds}` in one line.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Runs one seed in this very process and prints its report as JSON.
    One {
        /// The seed.
        #[arg(long)]
        seed: u64,
        /// Print the history instead.
        #[arg(long)]
        history: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.one {
        Some(Subcommands::One { seed, history }) => one(seed, history),
        None => many(&arguments),
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

/// One seed, on a thread that begins with the seed's chance.
fn one(seed: u64, history: bool) -> anyhow::Result<bool> {
    let panics = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&panics);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::SeqCst);
        usual(info);
    }));
    chance::begin(seed);
    let thread = std::thread::spawn(move || Run::new(seed)?.finish(seed));
    let (mut report, text) = thread.join().map_err(|_| anyhow::anyhow!("the run ended by a defect"))??;
    let panics = panics.load(Ordering::SeqCst);
    if panics > 0 {
        report.breaches.push(format!("{panics} tasks ended by a defect"));
    }
    if history {
        print!("{text}");
    } else {
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(report.breaches.is_empty())
}

fn many(arguments: &Arguments) -> anyhow::Result<bool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores);
    let Arguments { seed: first, seeds, until_breach, .. } = *arguments;
    let verdict = Campaign { first, seeds, jobs, until_breach }.run()?;
    verdict.failures.iter().for_each(show_failure);
    if arguments.json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        show(&verdict);
    }
    Ok(verdict.failing_seeds.is_empty())
}

fn show_failure(report: &Report) {
    eprintln!("seed {}:", report.seed);
    report.breaches.iter().for_each(|breach| eprintln!("  {breach}"));
    eprint!("{}", report.tail);
    eprintln!("again: cargo xtask sim --seed {}", report.seed);
}

fn show(verdict: &Verdict) {
    let figures = verdict.figures;
    println!("seeds {:>10}", verdict.seeds);
    println!("recipients {:>5}", figures.recipients);
    println!("messages {:>7}", figures.messages);
    println!("deaths {:>9}", figures.deaths);
    println!("events {:>9}", figures.events);
    println!("breaches {:>7}", verdict.breaches);
    if !verdict.failing_seeds.is_empty() {
        println!("failing seeds {:?}", verdict.failing_seeds);
    }
}
