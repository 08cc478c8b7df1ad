//! Sample files for senders: a release of a chosen size, and a list of any length.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use testkit::fixtures::{FaultyRows, ListSpec, RELEASE, release_of_wire_octets, write_list};

/// A mail no longer than it must be.
const SMALL: &str = "---\nsubject: \"お知らせ\"\nfrom: \"広報部 <press@press.example.jp>\"\n---\n\
                     {{ 会社名 }} {{ 氏名 }} 様\n\n本日のお知らせです。\n";

/// Flags of `sample`.
#[derive(Debug, Args)]
pub struct SampleFlags {
    /// The release's file.
    #[arg(long)]
    release: PathBuf,
    /// The list's file.
    #[arg(long)]
    list: PathBuf,
    /// Rows of the list.
    #[arg(long)]
    rows: u64,
    /// Which release.
    #[arg(long, value_enum, default_value_t = Size::Real)]
    size: Size,
    /// Some rows ask a sink that plays faults by address to refuse, to defer once, to cut after the dot.
    #[arg(long)]
    faulty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Size {
    /// A realistic press release.
    Real,
    /// One line.
    Small,
    /// About 5 KiB on the wire.
    #[value(name = "5k")]
    FiveKib,
    /// About 30 KiB on the wire.
    #[value(name = "30k")]
    ThirtyKib,
}

/// Writes both files.
pub fn run(flags: &SampleFlags) -> anyhow::Result<()> {
    let text = match flags.size {
        Size::Real => RELEASE.to_owned(),
        Size::Small => SMALL.to_owned(),
        Size::FiveKib => release_of_wire_octets(5 << 10),
        Size::ThirtyKib => release_of_wire_octets(30 << 10),
    };
    std::fs::write(&flags.release, text).with_context(|| format!("writing {}", flags.release.display()))?;
    let file = File::create(&flags.list).with_context(|| format!("making {}", flags.list.display()))?;
    let faulty = match flags.faulty {
        true => FaultyRows { refused_every: 40, deferred_every: 30, cut_every: 125 },
        false => FaultyRows::default(),
    };
    let spec = ListSpec { faulty, ..ListSpec::of_rows(flags.rows) };
    write_list(&mut BufWriter::new(file), &spec)?;
    Ok(())
}
