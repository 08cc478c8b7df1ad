//! Compares, recipient by recipient, what the sink has with what the books say.

use crate::rig::Sender;
use crate::rig::books::{OUTCOMES, Statement};
use crate::rig::list::recipients;

/// What the books say of one recipient: an index into [`OUTCOMES`].
type Outcome = u8;

/// The books' word on every recipient of a round.
#[derive(Debug)]
pub struct Said {
    outcomes: Vec<Option<Outcome>>,
    counts: [u64; OUTCOMES.len()],
    twice: u64,
    strangers: u64,
}

/// The outcome of a comparison; the parts are counts of recipients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted by the books but not in the sink, or with no final word in the books.
    pub lost: u64,
    /// Got more than one mail.
    pub duplicates: u64,
    /// Unknown to the books.
    pub unknown: u64,
    /// Got a mail although the books say that nothing was or will be sent, or other words that exclude each other.
    pub contradictions: u64,
    /// The first few findings, in words.
    pub examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 8;

impl Said {
    /// Nothing yet, of so many recipients.
    pub fn new(recipients: u32) -> Self {
        Self {
            outcomes: vec![None; recipients as usize],
            counts: [0; OUTCOMES.len()],
            twice: 0,
            strangers: 0,
        }
    }

    /// The books name this recipient under the outcome with this place in [`OUTCOMES`].
    pub fn add(&mut self, place: usize, number: Option<u32>) {
        let Some(known) = number.and_then(|number| self.outcomes.get_mut(number as usize)) else {
            self.strangers += 1;
            return;
        };
        let outcome = u8::try_from(place).unwrap_or(u8::MAX);
        if known.is_none() {
            self.counts[place] += 1;
        }
        // Named twice under one outcome is one row that shows an address twice.
        self.twice += u64::from(known.is_some_and(|before| before != outcome));
        *known = Some(outcome);
    }

    /// The word that the books have for a recipient.
    fn word(&self, place: usize) -> Option<&'static str> {
        self.outcomes.get(place).copied().flatten().map(|outcome| OUTCOMES[usize::from(outcome)])
    }
}

/// Compares what the books of a sender say of its release, recipient by recipient, with the copies in the sink.
///
/// # Errors
/// When the books cannot be read.
pub fn compare_release(
    sender: &Sender,
    round: u32,
    count: u32,
    copies: Option<&[u8]>,
) -> anyhow::Result<Verdict> {
    let statement = sender.statement()?;
    let mut said = Said::new(count);
    for (place, outcome) in OUTCOMES.iter().enumerate() {
        for named in recipients(sender.recipients(outcome)?.as_bytes()) {
            said.add(place, (named.round == round).then_some(named.number));
        }
    }
    Ok(compare(&said, &statement, copies))
}

/// Compares. Without `copies` (a sink whose log is not known) only the books are judged.
pub fn compare(said: &Said, statement: &Statement, copies: Option<&[u8]>) -> Verdict {
    let mut verdict = Verdict::default();
    for place in 0..said.outcomes.len() {
        let count = copies.map(|copies| copies.get(place).copied().unwrap_or(0));
        verdict.judge(place, said.word(place), count);
    }
    let counted = |word: &str| OUTCOMES.iter().position(|known| *known == word).map(|at| said.counts[at]);
    for (word, stated) in [("accepted", statement.accepted), ("unknown", statement.unknown)] {
        if counted(word) != Some(stated) {
            verdict
                .contradict(format!("the statement has {stated} {word}, recipients are {:?}", counted(word)));
        }
    }
    if statement.audience != said.outcomes.len() as u64 || !statement.balances() {
        verdict.contradict(format!("the statement does not balance: {statement:?}"));
    }
    if said.twice + said.strangers > 0 {
        let (twice, strangers) = (said.twice, said.strangers);
        verdict.contradict(format!("{twice} recipients have two outcomes, {strangers} are not of the list"));
    }
    verdict
}

impl Verdict {
    fn judge(&mut self, place: usize, word: Option<&str>, copies: Option<u8>) {
        let say = format!("recipient {place}: {} by the books, {copies:?} mails", word.unwrap_or("nothing"));
        match (word, copies) {
            (None | Some("pending"), _) | (Some("accepted"), Some(0)) => {
                self.lost += 1;
                self.example(say.clone());
            }
            (Some("accepted" | "unknown"), _) | (_, None | Some(0)) => {}
            (Some(_), Some(_)) => self.contradict(say.clone()),
        }
        self.unknown += u64::from(word == Some("unknown"));
        if copies.is_some_and(|copies| copies > 1) {
            self.duplicates += 1;
            self.example(say);
        }
    }

    fn contradict(&mut self, words: String) {
        self.contradictions += 1;
        self.example(words);
    }

    fn example(&mut self, words: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(words);
        }
    }

    /// Adds another round's verdict.
    pub fn join(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.unknown += other.unknown;
        self.contradictions += other.contradictions;
        other.examples.into_iter().for_each(|words| self.example(words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Books of recipients with these outcomes, one a recipient, and mails in the sink; expected are lost,
    /// duplicates, unknown and contradictions.
    fn check(words: &[&str], copies: &[u8], expected: (u64, u64, u64, u64)) {
        let mut said = Said::new(u32::try_from(words.len()).expect("few"));
        let mut statement = Statement { audience: words.len() as u64, ..Statement::default() };
        for (number, word) in (0..).zip(words) {
            let Some(place) = OUTCOMES.iter().position(|known| known == word) else { continue };
            said.add(place, Some(number));
            match *word {
                "accepted" => statement.accepted += 1,
                "rejected" => statement.rejected += 1,
                "expired" => statement.expired += 1,
                "unknown" => statement.unknown += 1,
                _ => statement.pending += 1,
            }
        }
        let found = compare(&said, &statement, Some(copies));
        let counts = (found.lost, found.duplicates, found.unknown, found.contradictions);
        assert_eq!(counts, expected, "{words:?} {copies:?} {:?}", found.examples);
    }

    #[test]
    fn each_difference_is_found() {
        check(&["accepted", "unknown", "unknown", "rejected"], &[1, 1, 0, 0], (0, 0, 2, 0));
        check(&["accepted"], &[0], (1, 0, 0, 0));
        check(&["accepted", "accepted"], &[2, 3], (0, 2, 0, 0));
        check(&["pending"], &[0], (1, 0, 0, 0));
        check(&["pending"], &[1], (1, 0, 0, 0));
        check(&["rejected", "expired"], &[1, 1], (0, 0, 0, 2));
        // An intent in no outcome: lost, and the statement does not balance.
        check(&["accepted", ""], &[1, 0], (1, 0, 0, 1));
    }

    #[test]
    fn strangers_and_double_words_contradict() {
        let mut said = Said::new(1);
        said.add(0, Some(0));
        said.add(0, Some(0));
        let statement = Statement { audience: 1, accepted: 1, ..Statement::default() };
        assert_eq!(compare(&said, &statement, None), Verdict::default());
        said.add(5, Some(0));
        said.add(0, None);
        assert_eq!(compare(&said, &statement, None).contradictions, 1);
    }

    #[test]
    fn verdicts_add_up() {
        let mut sum = Verdict { lost: 1, ..Verdict::default() };
        sum.join(Verdict {
            lost: 2,
            duplicates: 1,
            unknown: 4,
            contradictions: 3,
            examples: vec!["a".into()],
        });
        assert_eq!((sum.lost, sum.duplicates, sum.unknown, sum.contradictions), (3, 1, 4, 3));
        assert_eq!(sum.examples, ["a"]);
    }
}
