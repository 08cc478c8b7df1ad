//! Reads a [`Behaviour`] from one line of text, for command lines.
//!
//! Items joined by commas:
//!
//! | item | meaning |
//! |---|---|
//! | `by-address` | [`Behaviour::by_address`]'s rules |
//! | `WHEN=ACT` or `WHEN=ACT*N` | one rule; with `*N` at a recipient's first N tries only |
//! | `seed:N` | seed of the ratios |
//! | `refuse-secret:S` | S gets 535 |
//! | `close-after:N` | 421 after N mails of a connection |
//! | `reply-delay:MS` | each reply to a mail waits MS milliseconds |
//!
//! WHEN is `always`, `local:PREFIX`, `rcpt:ADDRESS`, `ratio:0.01`, `every:N` or `window:FROM-UNTIL` (seconds).
//! ACT is `accept`, `refuse`, `defer`, `storm`, `refuse-data`, `defer-data`, `cut-before-dot`,
//! `cut-after-dot`, `never-reply`, `slow:MS` or `garbage`.

use std::str::FromStr;
use std::time::Duration;

use super::behaviour::{Act, Behaviour, Rule, When};

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            add_item(&mut behaviour, item)?;
        }
        Ok(behaviour)
    }
}

fn add_item(behaviour: &mut Behaviour, item: &str) -> Result<(), String> {
    if item == "by-address" {
        behaviour.rules.extend(Behaviour::by_address().rules);
    } else if let Some((when, act)) = item.split_once('=') {
        behaviour.rules.push(rule(when, act)?);
    } else {
        match item.split_once(':') {
            Some(("seed", n)) => behaviour.seed = number(n)?,
            Some(("refuse-secret", secret)) => behaviour.refused_secrets.push(secret.to_owned()),
            Some(("close-after", n)) => behaviour.close_after_messages = Some(number(n)?),
            Some(("reply-delay", ms)) => {
                behaviour.reply_delay = Some(Duration::from_millis(number(ms)?));
            }
            _ => return Err(format!("`{item}` is no item of a behaviour")),
        }
    }
    Ok(())
}

fn rule(when: &str, act: &str) -> Result<Rule, String> {
    let (act, tries_max) = match act.rsplit_once('*') {
        Some((act, tries)) => (act, Some(number(tries)?)),
        None => (act, None),
    };
    Ok(Rule { when: read_when(when)?, act: read_act(act)?, tries_max })
}

fn read_when(text: &str) -> Result<When, String> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("always", "") => Ok(When::Always),
        ("local", prefix) => Ok(When::Local(prefix.to_owned())),
        ("rcpt", address) => Ok(When::Recipient(address.to_owned())),
        ("ratio", share) => {
            let share: f64 = number(share)?;
            let fits = (0.0..=1.0).contains(&share);
            if fits { Ok(When::Ratio(share)) } else { Err(format!("`{text}`: a ratio lies in 0.0 to 1.0")) }
        }
        ("every", n) => Ok(When::Every(number(n)?)),
        ("window", span) => {
            let (from, until) = span.split_once('-').ok_or(format!("`{text}` is not window:FROM-UNTIL"))?;
            Ok(When::Window { from: seconds(from)?, until: seconds(until)? })
        }
        _ => Err(format!("`{text}` names no recipients")),
    }
}

fn read_act(text: &str) -> Result<Act, String> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("accept", "") => Act::Accept,
        ("refuse", "") => Act::Refuse,
        ("defer", "") => Act::Defer,
        ("storm", "") => Act::Storm,
        ("refuse-data", "") => Act::RefuseData,
        ("defer-data", "") => Act::DeferData,
        ("cut-before-dot", "") => Act::CutBeforeDot,
        ("cut-after-dot", "") => Act::CutAfterDot,
        ("never-reply", "") => Act::NeverReply,
        ("slow", ms) => Act::Slow(Duration::from_millis(number(ms)?)),
        ("garbage", "") => Act::Garbage,
        _ => return Err(format!("`{text}` is no act of a sink")),
    })
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is not the number expected here"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = number(text)?;
    Duration::try_from_secs_f64(value).map_err(|_| format!("`{text}` is no span in seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_read_and_faults_are_named() {
        let check = |text: &str, expected: Result<Behaviour, &str>| {
            assert_eq!(text.parse::<Behaviour>(), expected.map_err(str::to_owned), "{text}");
        };
        check("", Ok(Behaviour::default()));
        check("by-address", Ok(Behaviour::by_address()));
        let half = Behaviour::default().with(When::Ratio(0.5), Act::CutAfterDot, Some(2));
        check("ratio:0.5=cut-after-dot*2,seed:9", Ok(Behaviour { seed: 9, ..half }));
        let span = When::Window { from: Duration::from_millis(1500), until: Duration::from_secs(3) };
        check("window:1.5-3=storm", Ok(Behaviour::default().with(span, Act::Storm, None)));
        let slow = Behaviour::default().with(When::Always, Act::Slow(Duration::from_millis(20)), None);
        check("always=slow:20", Ok(slow));
        check("ratio:2=defer", Err("`ratio:2`: a ratio lies in 0.0 to 1.0"));
        check("often=defer", Err("`often` names no recipients"));
        check("always=explode", Err("`explode` is no act of a sink"));
        check("close-after:x", Err("`x` is not the number expected here"));
    }
}
