//! What happened, line by line: the same for the same seed, octet for octet.

use std::fmt::Write as _;

/// The lines of a run.
#[derive(Debug, Default)]
pub struct History {
    text: String,
}

impl History {
    /// Adds a line: time in seconds, and what.
    pub fn note(&mut self, now_us: u64, what: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:>6}.{:06} {what}", now_us / 1_000_000, now_us % 1_000_000);
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The last lines.
    #[must_use]
    pub fn tail(&self, lines: usize) -> &str {
        let start = self.text.rmatch_indices('\n').nth(lines).map_or(0, |(at, _)| at + 1);
        &self.text[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines() {
        let mut history = History::default();
        (0..5).for_each(|no| history.note(no * 1_500_000, &format!("event {no}")));
        assert_eq!(history.tail(2), "     4.500000 event 3\n     6.000000 event 4\n");
        assert_eq!(history.tail(50), history.text());
    }
}
