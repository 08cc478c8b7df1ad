//! Chooses at which moment of its life a sender dies.

use std::time::Duration;

use crate::rig::Dice;

/// The part of a sender's life in which it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Starting, recovering, reading, planning: before anything reaches the sink.
    Early,
    /// As its sessions log in.
    Connecting,
    /// With mails on the wire.
    Flight,
    /// With its last mails on the wire, or right after them.
    End,
    /// With nothing to do until a retry is due; never chosen, but what the other parts turn into then.
    Waiting,
}

impl Stage {
    /// Its word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Connecting => "connecting",
            Self::Flight => "in flight",
            Self::End => "at the end",
            Self::Waiting => "waiting",
        }
    }
}

/// What has to have happened before the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Which part of its life this is.
    pub stage: Stage,
    /// So many logins since its start.
    pub logins: u64,
    /// So many recipients received since its start.
    pub received: u32,
    /// So much time since both, or since its start.
    pub then: Duration,
}

/// What is known when a sender starts.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// Recipients of this round that have nothing yet.
    pub remaining: u32,
    /// Kills still to be made in this round, this one included.
    pub kills_left: u32,
    /// How long planning took where it was seen.
    pub planning: Duration,
    /// Sessions.
    pub sessions: u32,
}

/// Most time between the last condition and the kill.
const THEN_MAX_US: u64 = 4000;

/// Chooses. Kills in flight are spread so that the round's mails last for all of its kills.
pub fn choose(dice: &mut Dice, outlook: Outlook) -> Moment {
    let then = Duration::from_micros(dice.below(THEN_MAX_US));
    let stage = match dice.below(100) {
        _ if outlook.remaining == 0 => Stage::Early,
        0..20 => Stage::Early,
        20..32 => Stage::Connecting,
        // The end comes once a round: the kill that may find the last mails on the wire.
        _ if outlook.kills_left == 1 => Stage::End,
        _ => Stage::Flight,
    };
    let moment = |logins, received, then| Moment { stage, logins, received, then };
    match stage {
        Stage::Early | Stage::Waiting => {
            let planning_us = u64::try_from(outlook.planning.as_micros()).unwrap_or(u64::MAX);
            moment(0, 0, Duration::from_micros(dice.below(planning_us.max(1000))))
        }
        Stage::Connecting => moment(1 + dice.below(u64::from(outlook.sessions)), 0, then),
        Stage::Flight => {
            let share = u64::from(outlook.remaining) * 2 / u64::from(outlook.kills_left + 1);
            moment(0, 1 + narrow(dice.below(share.max(1))), then)
        }
        Stage::End => {
            let last = narrow(dice.below(u64::from(outlook.sessions)));
            moment(0, outlook.remaining.saturating_sub(last), then)
        }
    }
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ALL: [Stage; 4] = [Stage::Early, Stage::Connecting, Stage::Flight, Stage::End];

    fn outlook(remaining: u32, kills_left: u32) -> Outlook {
        Outlook { remaining, kills_left, planning: Duration::from_millis(30), sessions: 50 }
    }

    #[test]
    fn every_part_of_a_life_gets_its_kills() {
        let mut dice = Dice::new(7);
        let mut stages = BTreeMap::new();
        for kills_left in (1..=20).rev().cycle().take(1000) {
            *stages.entry(choose(&mut dice, outlook(1000, kills_left)).stage).or_insert(0) += 1;
        }
        assert!(ALL.iter().all(|stage| stages.get(stage).is_some_and(|n| *n > 20)), "{stages:?}");
    }

    #[test]
    fn the_mails_last_for_all_kills() {
        let mut dice = Dice::new(3);
        let mut remaining = 10_000;
        for kills_left in (1..=50).rev() {
            let moment = choose(&mut dice, outlook(remaining, kills_left));
            remaining -= moment.received.min(remaining);
            assert!(kills_left == 1 || remaining > 0, "nothing left with {kills_left} kills to go");
        }
    }

    #[test]
    fn a_finished_round_is_killed_early() {
        let mut dice = Dice::new(1);
        assert!((0..100).all(|_| choose(&mut dice, outlook(0, 3)).stage == Stage::Early));
    }
}
