//! `hikyaku user`: people of tenants, and operators; through the socket of the process that serves, else as the folder's owner.

use app::office::Order;
use app::people::{Language, UserOrder};

use super::office::carry_out;
use crate::arguments::{Reads, UserCommand};
use crate::exit::Exit;

/// The word that stands for having no role.
const NO_ROLE: &str = "none";

/// `hikyaku user`.
pub fn user(command: UserCommand) -> anyhow::Result<Exit> {
    let (office, order) = match command {
        UserCommand::Invite { address, place, role, language, office } => {
            let language = match language {
                Reads::Ja => Language::Ja,
                Reads::En => Language::En,
            };
            (office, UserOrder::Invite { tenant: place.tenant, address, role, language })
        }
        UserCommand::List { place, office } => (office, UserOrder::List { tenant: place.tenant }),
        UserCommand::Role { address, place, role, office } if role == NO_ROLE => {
            (office, UserOrder::Remove { tenant: place.tenant, address })
        }
        UserCommand::Role { address, place, role, office } => {
            (office, UserOrder::Role { tenant: place.tenant, address, role })
        }
        UserCommand::Lock { address, office } => (office, UserOrder::Lock { address }),
        UserCommand::Unlock { address, without_second_factor, office } => {
            (office, UserOrder::Unlock { address, without_second_factor })
        }
        UserCommand::Password { address, office } => (office, UserOrder::Password { address }),
        UserCommand::Sessions { address, office } => (office, UserOrder::Sessions { address }),
        UserCommand::Revoke { address, session, office } => (office, UserOrder::Revoke { address, session }),
    };
    carry_out(&office, Order::User(order))
}
