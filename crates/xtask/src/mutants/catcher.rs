//! What must catch a mistake, as its patch says: `caught by: simulator`, or the words after `cargo test` that run one
//! test, such as `caught by: -p smtp --test it client_mail::data_refused`.

use std::fmt;

use anyhow::{Context as _, bail};

/// How the line begins that names it.
const KEY: &str = "caught by: ";

/// What must catch a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Catcher {
    /// Some seed of the simulator breaches an invariant.
    Simulator,
    /// A test fails that passes without it.
    Test(NamedTest),
}

/// One test of one room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedTest {
    /// What it finds in its environment, such as the scene to be played.
    pub variables: Vec<(String, String)>,
    /// The room.
    pub package: String,
    /// `--lib`, `--bin NAME` or `--test NAME`.
    pub target: Vec<String>,
    /// Its whole name.
    pub name: String,
}

impl Catcher {
    /// Reads what stands above a patch.
    ///
    /// # Errors
    /// When it names nothing, or nothing that can be run.
    pub fn read(patch: &str) -> anyhow::Result<Self> {
        let head = patch.lines().take_while(|line| !line.starts_with("--- "));
        let mut named = head.filter_map(|line| line.strip_prefix(KEY));
        let said = named.next().with_context(|| format!("no line `{KEY}…` above the patch"))?;
        match said.trim() {
            "simulator" => Ok(Self::Simulator),
            words => NamedTest::read(words).map(Self::Test),
        }
    }

    /// The test, if it is one.
    pub fn test(&self) -> Option<&NamedTest> {
        match self {
            Self::Simulator => None,
            Self::Test(test) => Some(test),
        }
    }
}

impl NamedTest {
    fn read(said: &str) -> anyhow::Result<Self> {
        let mut words: Vec<&str> = said.split_whitespace().collect();
        let mut variables = Vec::new();
        while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
            variables.push((name.to_owned(), value.to_owned()));
            words.remove(0);
        }
        let (package, target, name) = match words[..] {
            ["-p", package, "--lib", name] => (package, vec!["--lib"], name),
            ["-p", package, kind @ ("--test" | "--bin"), target, name] => (package, vec![kind, target], name),
            _ => bail!(
                "`{KEY}{said}`: write `simulator`, or `-p ROOM --lib NAME`, or `-p ROOM --test it NAME`, with the \
                 test's whole name"
            ),
        };
        let target = target.into_iter().map(str::to_owned).collect();
        Ok(Self { variables, package: package.to_owned(), target, name: name.to_owned() })
    }
}

impl fmt::Display for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulator => f.write_str("the simulator"),
            Self::Test(test) => test.fmt(f),
        }
    }
}

impl fmt::Display for NamedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.variables.iter().try_for_each(|(name, value)| write!(f, "{name}={value} "))?;
        write!(f, "{} {}", self.package, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let read = Catcher::read(&format!("A mistake.\n{line}\n\n--- a/x\ncaught by: simulator\n"));
        assert_eq!(read.map_or_else(|error| format!("{error}"), |catcher| format!("{catcher}")), expected);
    }

    #[test]
    fn the_head_of_a_patch_says_what_catches_it() {
        check("caught by: simulator", "the simulator");
        check("caught by: -p smtp --test it cut::whole", "smtp cut::whole");
        check("caught by: SCENE=fence -p x --lib a::b", "SCENE=fence x a::b");
        check("", "no line `caught by: …` above the patch");
    }

    #[test]
    fn what_names_no_test_is_refused() {
        for line in ["", "-p smtp", "-p smtp cut", "--workspace cut", "-p smtp --test it", "a::b"] {
            assert!(Catcher::read(&format!("caught by: {line}\n")).is_err(), "{line}");
        }
    }
}
