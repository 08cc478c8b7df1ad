//! Simulated relays: accounts, moods, and the log of what they received, which is the oracle of a run.

pub mod conversation;
pub mod log;
pub mod mood;

use std::sync::Arc;

use smtp::Mechanism;
use smtp::server::ServerConfig;

use crate::dice::Dice;
use log::Entry;
use mood::Mood;

/// Whether and how the host can be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It answers.
    Up,
    /// Nobody listens.
    Refuses,
    /// A firewall drops what would open a connection.
    DropsSyn,
    /// Its name cannot be resolved.
    NoName,
}

/// One secret that opens an account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose, by the scenario's number.
    pub tenant: u64,
    /// The secret.
    pub secret: String,
}

/// One relay host with the accounts of many client companies, all of the same user name.
pub struct Relay {
    /// Its name.
    pub host: String,
    /// How it can be connected to.
    pub reach: Reach,
    /// How it behaves.
    pub mood: Mood,
    /// What it announces.
    pub config: Arc<ServerConfig>,
    /// Replies of several lines.
    pub wordy: bool,
    /// Who may log in.
    pub accounts: Vec<Account>,
    /// What it received.
    pub log: Vec<Entry>,
}

impl Relay {
    /// A relay that announces what the dice say.
    pub fn draw(host: String, dice: &mut Dice) -> Self {
        let mut config = ServerConfig::new(host.clone());
        config.extensions.pipelining = dice.chance(700);
        config.extensions.chunking = dice.chance(600);
        config.extensions.enhanced_status_codes = dice.chance(800);
        config.extensions.size = dice.chance(800);
        let mechanisms = [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5];
        let first = dice.pick(&mechanisms);
        config.extensions.auth = mechanisms.into_iter().filter(|m| *m == first || dice.chance(500)).collect();
        config.require_auth = true;
        config.auth_without_tls = true;
        Self {
            host,
            reach: Reach::Up,
            mood: Mood::draw(dice),
            config: Arc::new(config),
            wordy: dice.chance(400),
            accounts: Vec::new(),
            log: Vec::new(),
        }
    }
}
