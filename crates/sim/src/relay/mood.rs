//! How a relay behaves for a while: so many of a thousand commands it refuses, defers, drops or leaves unanswered.

use crate::dice::Dice;

/// Rates in a thousand, and times.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mood {
    /// Connections greeted with 421 or 554.
    pub greeting: u64,
    /// Logins answered with 454.
    pub login_deferred: u64,
    /// Logins answered with 535 although the secret is right.
    pub login_refused: u64,
    /// MAIL and RCPT answered with 421, with 451, with 550.
    pub envelope: [u64; 3],
    /// Messages answered with 421, with 451, with 550.
    pub message: [u64; 3],
    /// Messages taken, and never answered.
    pub taken_silent: u64,
    /// Messages forgotten, and never answered.
    pub lost_silent: u64,
    /// Messages taken, and the link cut.
    pub taken_cut: u64,
    /// Messages forgotten, and the link cut.
    pub lost_cut: u64,
    /// Answers that take long.
    pub slow: u64,
    /// How long a slow answer takes at most, in µs.
    pub slow_us_max: u64,
    /// How long an ordinary answer takes at most, in µs.
    pub think_us_max: u64,
}

impl Mood {
    /// A relay as it should be.
    #[must_use]
    pub fn good() -> Self {
        Self { think_us_max: 5000, ..Self::default() }
    }

    /// One of the moods that relays have.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut mood = Self { think_us_max: dice.magnitude(100, 200_000), ..Self::good() };
        let rate = dice.pick(&[20, 60, 200, 500]);
        match dice.below(12) {
            0 => mood.envelope = [0, rate, 0],
            1 => mood.envelope = [rate / 4, 0, rate / 8],
            2 => mood.message = [rate / 8, rate, rate / 8],
            3 => (mood.taken_silent, mood.lost_silent) = (rate / 4, rate / 4),
            4 => (mood.taken_cut, mood.lost_cut) = (rate / 3, rate / 3),
            5 => (mood.slow, mood.slow_us_max) = (rate, 400_000_000),
            6 => (mood.slow, mood.slow_us_max) = (rate, 20_000_000),
            7 => (mood.greeting, mood.login_deferred, mood.login_refused) = (rate, rate / 2, rate / 20),
            8 => mood = Self::everything(dice, mood.think_us_max),
            _ => {}
        }
        mood
    }

    fn everything(dice: &mut Dice, think_us_max: u64) -> Self {
        let mut rate = || dice.below(40);
        Self {
            greeting: rate(),
            login_deferred: rate(),
            login_refused: rate() / 10,
            envelope: [rate(), rate(), rate() / 4],
            message: [rate(), rate(), rate() / 4],
            taken_silent: rate() / 2,
            lost_silent: rate() / 2,
            taken_cut: rate(),
            lost_cut: rate(),
            slow: rate(),
            slow_us_max: 60_000_000,
            think_us_max,
        }
    }
}
