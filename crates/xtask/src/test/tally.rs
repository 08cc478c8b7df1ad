//! Counts tests by the summary lines that test runners print.

use std::fmt;

/// Whose summary lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// cargo-nextest: one summary.
    Nextest,
    /// `cargo test`: a summary for each binary.
    Libtest,
}

/// Tests that passed and failed so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: u64,
    /// Failed, and steps that failed otherwise.
    pub failed: u64,
}

impl Tally {
    /// Whether nothing failed, and something passed.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.passed > 0
    }

    /// Adds what a line of this runner says, if it is a summary.
    pub fn add_line(&mut self, runner: Runner, line: &str) {
        let plain = without_colours(line);
        let is_summary = match runner {
            // Nextest shows the output of failed tests, and with it libtest's own summaries.
            Runner::Nextest => plain.trim_start().starts_with("Summary [") && plain.contains("run:"),
            Runner::Libtest => plain.starts_with("test result:"),
        };
        if is_summary {
            self.passed += number_before(&plain, "passed");
            self.failed += number_before(&plain, "failed") + number_before(&plain, "timed out");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number right before the word; 0 if there is none.
fn number_before(line: &str, word: &str) -> u64 {
    let before = line.match_indices(word).next().map(|(at, _)| line[..at].trim_end());
    before
        .and_then(|before| before.rsplit([' ', '.']).next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once('m')).fold(first, |text, (_, rest)| text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, lines: &[&str], passed: u64, failed: u64) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.add_line(runner, line));
        assert_eq!(tally, Tally { passed, failed }, "{lines:?}");
    }

    #[test]
    fn summaries_of_libtest_are_added() {
        check(Runner::Libtest, &["test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured"], 12, 0);
        check(Runner::Libtest, &["test result: FAILED. 3 passed; 4 failed; 0 ignored"], 3, 4);
        check(
            Runner::Libtest,
            &["test result: ok. 1 passed; 0 failed", "test result: ok. 2 passed; 1 failed"],
            3,
            1,
        );
        check(Runner::Libtest, &["running 3 tests", "I said 5 passed"], 0, 0);
    }

    #[test]
    fn the_summary_of_nextest_is_read_alone() {
        let summary =
            "     Summary [   0.52s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 2 skipped";
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [ 1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m passed";
        check(Runner::Nextest, &["    test result: FAILED. 0 passed; 1 failed", summary], 7, 2);
        check(Runner::Nextest, &[coloured], 1, 0);
    }

    #[test]
    fn nothing_at_all_is_not_clean() {
        assert!(!Tally::default().is_clean());
        assert_eq!(Tally { passed: 2, failed: 1 }.to_string(), "2 passed, 1 failed");
    }
}
