//! The bounds that every drill has: which of them a verdict breaks, in words.

use super::Verdict;
use crate::rig::Policy;

/// What was broken, when at most so many mails could be on the wire at all disturbances together.
pub fn broken_bounds(verdict: &Verdict, strangers: u64, policy: Policy, open_max: u64) -> Vec<String> {
    let duplicates_max = if policy == Policy::Hold { 0 } else { open_max };
    let bounds = [
        ("lost", verdict.lost, 0),
        ("duplicates", verdict.duplicates, duplicates_max),
        ("unknown", verdict.unknown, open_max),
        ("contradictions between sink and books", verdict.contradictions, 0),
        ("mails to nobody of the list", strangers, 0),
    ];
    bounds.into_iter().filter_map(|(what, found, max)| over(what, found, max)).collect()
}

/// A bound that is broken, in words.
pub fn over(what: &str, found: u64, max: u64) -> Option<String> {
    (found > max).then(|| format!("broken: {what} {found}, at most {max} allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: Policy, verdict: Verdict, strangers: u64, broken: usize) {
        let found = broken_bounds(&verdict, strangers, policy, 10);
        assert_eq!(found.len(), broken, "{found:?}");
    }

    #[test]
    fn each_bound_can_break() {
        let none = Verdict::default;
        check(Policy::Hold, none(), 0, 0);
        check(Policy::Hold, Verdict { lost: 1, ..none() }, 0, 1);
        check(Policy::Hold, Verdict { duplicates: 1, ..none() }, 0, 1);
        check(Policy::Hold, Verdict { unknown: 10, ..none() }, 0, 0);
        check(Policy::Hold, Verdict { unknown: 11, ..none() }, 0, 1);
        check(Policy::Hold, Verdict { contradictions: 1, ..none() }, 1, 2);
        check(Policy::ResendOnce, Verdict { duplicates: 10, ..none() }, 0, 0);
        check(Policy::ResendOnce, Verdict { duplicates: 11, ..none() }, 0, 1);
    }
}
