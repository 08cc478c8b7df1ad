//! The faults that a sink plays on purpose: which mail meets which fault, decided without chance.
//!
//! A [`Behaviour`] is plain data; [`Judge`] applies it. The same recipients in the same order meet the same
//! faults in every run: a ratio is a hash of seed, recipient and try, never a random draw. How a fault looks
//! on the wire is the connection's business ([`super::session`]).

use std::collections::HashMap;
use std::time::Duration;

/// All faults of one sink. The default has none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Behaviour {
    /// The first rule that matches a recipient decides.
    pub rules: Vec<Rule>,
    /// Seed of every [`When::Ratio`].
    pub seed: u64,
    /// Secrets that get 535 5.7.8 whatever [`super::AuthRule`] says.
    pub refused_secrets: Vec<String>,
    /// After so many mails a connection gets 421 4.7.0 and is closed.
    pub close_after_messages: Option<u32>,
    /// Each reply to a finished mail waits so long (the link stays responsive to nothing else meanwhile).
    pub reply_delay: Option<Duration>,
}

/// One line of a [`Behaviour`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which recipients.
    pub when: When,
    /// What happens.
    pub act: Act,
    /// Only at a recipient's first so many tries; `None`: always.
    pub tries_max: Option<u16>,
}

/// Which recipients a rule is for.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// Local part starts so (compared as given, in lower case ASCII).
    Local(String),
    /// Exactly this address.
    Recipient(String),
    /// This share of tries, 0.0 to 1.0.
    Ratio(f64),
    /// Every n-th recipient that the sink sees, counted over all connections from 1.
    Every(u64),
    /// While the sink's age lies in this span.
    Window {
        /// Age at which it begins.
        from: Duration,
        /// Age at which it is over.
        until: Duration,
    },
}

/// What happens to a mail.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// No fault; useful before a wider rule.
    Accept,
    /// RCPT gets 550 5.1.1.
    Refuse,
    /// RCPT gets 451 4.7.1 (greylisting, with [`Rule::tries_max`]).
    Defer,
    /// RCPT gets 421 4.3.2 and the link is closed.
    Storm,
    /// The mail is read, then gets 554 5.7.1.
    RefuseData,
    /// The mail is read, then gets 452 4.2.2.
    DeferData,
    /// The link is cut while the mail arrives; its end is never read.
    CutBeforeDot,
    /// The mail is read and kept, then the link is cut instead of a reply.
    CutAfterDot,
    /// The mail is read and kept, and nothing more is ever said; the client must give up.
    NeverReply,
    /// The mail is read and kept; its 250 comes so much later.
    Slow(Duration),
    /// The mail is read and kept; the reply is no SMTP.
    Garbage,
}

impl Act {
    /// True when the fault is a reply to RCPT; the others show at DATA or later.
    #[must_use]
    pub fn is_at_rcpt(&self) -> bool {
        matches!(self, Self::Refuse | Self::Defer | Self::Storm)
    }
}

impl Behaviour {
    /// Faults chosen by the sender through the address, for demos and tests: local parts that start with
    /// `refused-`, `rejected-`, `storm-`, `deferred-`, `full-`, `cut-`, `torn-`, `silent-`, `slow-` or
    /// `garbage-`. The first two are final; all others happen at the first try only.
    #[must_use]
    pub fn by_address() -> Self {
        let rule =
            |prefix: &str, act, tries_max| Rule { when: When::Local(prefix.to_owned()), act, tries_max };
        Self {
            rules: vec![
                rule("refused-", Act::Refuse, None),
                rule("rejected-", Act::RefuseData, None),
                rule("storm-", Act::Storm, Some(1)),
                rule("deferred-", Act::Defer, Some(1)),
                rule("full-", Act::DeferData, Some(1)),
                rule("cut-", Act::CutAfterDot, Some(1)),
                rule("torn-", Act::CutBeforeDot, Some(1)),
                rule("silent-", Act::NeverReply, Some(1)),
                rule("slow-", Act::Slow(Duration::from_secs(2)), Some(1)),
                rule("garbage-", Act::Garbage, Some(1)),
            ],
            ..Self::default()
        }
    }

    /// This behaviour with one more rule at the end.
    #[must_use]
    pub fn with(mut self, when: When, act: Act, tries_max: Option<u16>) -> Self {
        self.rules.push(Rule { when, act, tries_max });
        self
    }

    fn counts_tries(&self) -> bool {
        self.rules.iter().any(|rule| rule.tries_max.is_some() || matches!(rule.when, When::Ratio(_)))
    }
}

/// Applies a [`Behaviour`] and remembers what that needs: tries per recipient, recipients seen.
#[derive(Debug)]
pub struct Judge {
    behaviour: Behaviour,
    counts_tries: bool,
    seen: u64,
    tries: HashMap<u64, u16>,
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        Self { counts_tries: behaviour.counts_tries(), behaviour, seen: 0, tries: HashMap::new() }
    }

    /// Changes the rules; what was counted stays.
    pub fn replace(&mut self, behaviour: Behaviour) {
        self.counts_tries = behaviour.counts_tries();
        self.behaviour = behaviour;
    }

    /// The rules.
    #[must_use]
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Decides one RCPT at the sink's given age, and counts it as a try.
    pub fn recipient(&mut self, address: &str, age: Duration) -> Act {
        if self.behaviour.rules.is_empty() {
            return Act::Accept;
        }
        self.seen += 1;
        let key = hash(0, address.as_bytes());
        let tried = if self.counts_tries { count(&mut self.tries, key) } else { 0 };
        let seed = self.behaviour.seed;
        let matching = self.behaviour.rules.iter().find(|rule| {
            let due = rule.tries_max.is_none_or(|max| tried < max);
            due && match &rule.when {
                When::Always => true,
                When::Local(prefix) => starts_with(address, prefix),
                When::Recipient(wanted) => wanted.eq_ignore_ascii_case(address),
                When::Ratio(share) => chance(seed, key, tried) < *share,
                When::Every(n) => *n > 0 && self.seen.is_multiple_of(*n),
                When::Window { from, until } => (*from..*until).contains(&age),
            }
        });
        matching.map_or(Act::Accept, |rule| rule.act.clone())
    }
}

fn starts_with(address: &str, prefix: &str) -> bool {
    address.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The number of tries before this one.
fn count(tries: &mut HashMap<u64, u16>, key: u64) -> u16 {
    let tried = tries.entry(key).or_insert(0);
    let before = *tried;
    *tried = before.saturating_add(1);
    before
}

/// A number in 0.0 to 1.0 that depends on nothing but its arguments.
fn chance(seed: u64, key: u64, tried: u16) -> f64 {
    let mixed = mix(seed ^ mix(key ^ (u64::from(tried) << 48)));
    // 53 bits: all that a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let share = (mixed >> 11) as f64 / (1u64 << 53) as f64;
    share
}

/// FNV-1a with a final mix; case-insensitive, as mail domains are.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, |state, byte| {
        (state ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    mix(folded)
}

/// The finalizer of SplitMix64.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acts of the given addresses, in order.
    fn check(behaviour: Behaviour, addresses: &[&str], expected: &[Act]) {
        let mut judge = Judge::new(behaviour);
        let acts: Vec<Act> = addresses.iter().map(|a| judge.recipient(a, Duration::from_secs(5))).collect();
        assert_eq!(acts, expected, "{addresses:?}");
    }

    #[test]
    fn addresses_choose_their_fault() {
        let many = ["a@x.jp", "refused-1@x.jp", "refused-1@x.jp", "Deferred-1@x.jp", "deferred-1@x.jp"];
        check(
            Behaviour::by_address(),
            &many,
            &[Act::Accept, Act::Refuse, Act::Refuse, Act::Defer, Act::Accept],
        );
    }

    #[test]
    fn first_matching_rule_decides() {
        let spare = When::Recipient("vip@x.jp".to_owned());
        let rules = Behaviour::default().with(spare, Act::Accept, None).with(When::Always, Act::Refuse, None);
        check(rules, &["vip@x.jp", "a@x.jp"], &[Act::Accept, Act::Refuse]);
    }

    #[test]
    fn every_and_window_count() {
        let every = Behaviour::default().with(When::Every(2), Act::Storm, None);
        check(every, &["a@x", "b@x", "c@x", "d@x"], &[Act::Accept, Act::Storm, Act::Accept, Act::Storm]);
        let span =
            |from, until| When::Window { from: Duration::from_secs(from), until: Duration::from_secs(until) };
        check(Behaviour::default().with(span(0, 5), Act::Defer, None), &["a@x"], &[Act::Accept]);
        check(Behaviour::default().with(span(5, 6), Act::Defer, None), &["a@x"], &[Act::Defer]);
    }

    #[test]
    fn ratios_are_near_and_repeatable() {
        let run = |seed| {
            let rules = Behaviour::default().with(When::Ratio(0.1), Act::CutAfterDot, None);
            let mut judge = Judge::new(Behaviour { seed, ..rules });
            (0..10_000)
                .filter(|i| judge.recipient(&format!("u{i}@x.jp"), Duration::ZERO) != Act::Accept)
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!((900..1100).contains(&run(7).len()), "{}", run(7).len());
    }
}
