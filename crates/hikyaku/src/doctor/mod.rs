//! `hikyaku doctor`: what must be right on a machine before mails go out from it, looked at one by one.
//!
//! It changes nothing and needs no owner. Each finding says what to do; only what would lose or stop mails is a fault.

mod books;
mod folder;
mod machine;

use std::fmt;

use serde::Serialize;

use crate::arguments::DoctorFlags;
use crate::exit::Exit;
use crate::{opened, print};

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Well,
    /// It works, and may not for long.
    Doubtful,
    /// It does not work.
    Faulty,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Well => "well    ",
            Self::Doubtful => "doubtful",
            Self::Faulty => "FAULTY  ",
        })
    }
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub health: Health,
    /// What was found, and the remedy.
    pub text: String,
}

impl Finding {
    fn new(what: impl Into<String>, health: Health, text: impl Into<String>) -> Self {
        Self { what: what.into(), health, text: text.into() }
    }
}

/// Looks at everything, and says by the exit code whether anything is faulty.
pub fn run(flags: &DoctorFlags) -> anyhow::Result<Exit> {
    let mut all = vec![machine::clock()];
    all.extend(folder::look(&flags.place.data));
    all.extend(machine::ports(&flags.listen));
    opened::executor()?.block_on(books::look(&flags.place, &mut all));
    let faulty = all.iter().any(|finding| finding.health == Health::Faulty);
    if flags.json {
        print::line(&serde_json::to_string(&serde_json::json!({ "findings": all, "faulty": faulty }))?);
    } else {
        all.iter().for_each(|one| print::line(&format!("{}  {}: {}", one.health, one.what, one.text)));
    }
    Ok(if faulty { Exit::Findings } else { Exit::Well })
}
