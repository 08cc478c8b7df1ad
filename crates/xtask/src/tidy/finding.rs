//! What tidy found: a place, the rule that is broken there, and what to do.

use std::fmt;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the workspace's root.
    pub path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule's name, as `tidy-allow.toml` names it.
    pub rule: &'static str,
    /// What is there.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, message, remedy } = self;
        write!(f, "{path}:{line}: [{rule}] {message}; {remedy}")
    }
}
