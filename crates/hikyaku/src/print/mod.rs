//! What people and programs read on stdout: tables in Japanese or English, and JSON.

pub mod census;
pub mod json;
pub mod statement;

use crate::arguments::Lang;

/// The language asked for, else that of the environment.
pub fn language(asked: Option<Lang>) -> Lang {
    asked.unwrap_or_else(|| {
        let named = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        if named.is_some_and(|value| value.starts_with("ja")) { Lang::Ja } else { Lang::En }
    })
}

/// Prints one line to stdout. A closed pipe ends the printing, not the process; on any other failure (a full disk) the
/// process ends with the code of a fault, for its reader would take what is there for all.
pub fn line(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("hikyaku: the output cannot be written: {error}");
        std::process::exit(i32::from(crate::exit::Exit::Refused.code()));
    }
}
