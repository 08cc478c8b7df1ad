//! Who belongs to a tenant, or to the operators: one document each, changed together with every user that it is about.
//!
//! A user's own document says what they may do; the roster makes two changes at the same time meet, for each expects the
//! roster's version. Invariant: once a seat has a head (an admin, an operator), it never loses the last one that can log in.

use std::collections::BTreeMap;

use domain::TenantId;
use ledger::{DocumentChange, Expected};
use serde::{Deserialize, Serialize};

use super::People;
use super::error::PeopleError;
use super::role::{OperatorRole, Role};
use super::user::User;
use crate::directory::{Entry, Kind, change, removal};
use crate::error::AppError;

/// People of one tenant, or operators.
const PEOPLE_MAX: usize = 1000;
/// The roster of operators.
const OPERATORS: &str = "operators";

/// Where a person may belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// To a tenant.
    Tenant(TenantId),
    /// To the operators.
    Operators,
}

/// What a person is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Post {
    /// To a tenant.
    Member(Role),
    /// To the installation.
    Operator(OperatorRole),
}

impl Post {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Member(role) => role.word(),
            Self::Operator(role) => role.word(),
        }
    }

    fn is_head(self) -> bool {
        match self {
            Self::Member(role) => role.is_head(),
            Self::Operator(role) => role.is_head(),
        }
    }

    /// True when such a post can be held there.
    #[must_use]
    pub fn fits(self, seat: Seat) -> bool {
        matches!((self, seat), (Self::Member(_), Seat::Tenant(_)) | (Self::Operator(_), Seat::Operators))
    }
}

impl Seat {
    /// The roster's id.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.to_string(),
            Self::Operators => OPERATORS.to_owned(),
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Tenant(_) => "admin of the tenant",
            Self::Operators => "operator of the installation",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    post: Post,
    /// Locked by a person: cannot log in until somebody else lets them.
    #[serde(default)]
    is_locked: bool,
}

/// Who is where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    people: BTreeMap<String, Held>,
}

impl Kind for Roster {
    const KIND: &'static str = "roster";
}

impl Roster {
    /// The ids of all people in it.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.people.keys().map(String::as_str)
    }

    /// True when nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Gives a person a post, another one, or none.
    fn set(
        &mut self,
        seat: Seat,
        user: &str,
        post: Option<Post>,
        is_locked: bool,
    ) -> Result<(), PeopleError> {
        let was = self.people.get(user).copied();
        match post {
            Some(post) => self.people.insert(user.to_owned(), Held { post, is_locked }),
            None => self.people.remove(user),
        };
        if self.people.len() > PEOPLE_MAX {
            return Err(PeopleError::TooMany { max: PEOPLE_MAX, what: "people of one tenant" });
        }
        let goes = was.is_some_and(|held| held.post.is_head()) && !post.is_some_and(Post::is_head);
        self.require_head(seat, user, goes)
    }

    /// Notes that a person is locked or not; `must_leave_one`: the last head is not locked.
    fn lock(
        &mut self,
        seat: Seat,
        user: &str,
        is_locked: bool,
        must_leave_one: bool,
    ) -> Result<(), PeopleError> {
        let Some(held) = self.people.get_mut(user) else { return Ok(()) };
        held.is_locked = is_locked;
        let goes = held.post.is_head() && is_locked;
        self.require_head(seat, user, goes && must_leave_one)
    }

    fn require_head(&self, seat: Seat, user: &str, one_goes: bool) -> Result<(), PeopleError> {
        let is_open = |held: &Held| held.post.is_head() && !held.is_locked;
        if one_goes && !self.people.values().any(is_open) {
            return Err(PeopleError::Last { who: user.to_owned(), role: seat.head() });
        }
        Ok(())
    }
}

impl People {
    /// A roster, and what its next version must be written over.
    pub(super) async fn roster(&self, seat: Seat) -> Result<(Roster, Expected), AppError> {
        let found: Option<Entry<Roster>> = self.directory().get(&seat.id()).await?;
        Ok(found.map_or((Roster::default(), Expected::Nothing), |entry| {
            (entry.value, Expected::Version(entry.version))
        }))
    }

    /// Gives a user a post or takes it, and the roster's change that must be written with the user.
    pub(super) async fn seat(
        &self,
        id: &str,
        user: &mut User,
        seat: Seat,
        post: Option<Post>,
    ) -> Result<DocumentChange, AppError> {
        let (mut roster, expected) = self.roster(seat).await?;
        let is_locked = user.lock.as_ref().is_some_and(|lock| lock.cause == super::user::LockCause::Person);
        roster.set(seat, id, post, is_locked)?;
        match (seat, post) {
            (Seat::Tenant(tenant), Some(Post::Member(role))) => {
                user.memberships.insert(tenant.to_string(), role);
            }
            (Seat::Tenant(tenant), None) => {
                user.memberships.remove(&tenant.to_string());
            }
            (Seat::Operators, Some(Post::Operator(role))) => user.operator = Some(role),
            (Seat::Operators, None) => user.operator = None,
            _ => return Err(AppError::Defect("giving a person a post")),
        }
        if user.memberships.len() > super::user::MEMBERSHIPS_MAX {
            let max = super::user::MEMBERSHIPS_MAX;
            return Err(PeopleError::TooMany { max, what: "tenants of one person" }.into());
        }
        written(seat, &roster, expected)
    }

    /// The rosters' changes that must be written when a user is locked by a person, or not any more.
    pub(super) async fn seats_locked(
        &self,
        id: &str,
        user: &User,
        is_locked: bool,
    ) -> Result<Vec<DocumentChange>, AppError> {
        let mut seats = Vec::new();
        for tenant in user.memberships.keys() {
            let tenant = tenant.parse().map_err(|_| AppError::Defect("reading a membership"))?;
            // A stolen account is locked, be it the last admin's: an operator can let it in again.
            seats.push((Seat::Tenant(tenant), false));
        }
        if user.operator.is_some() {
            seats.push((Seat::Operators, true));
        }
        let mut changes = Vec::with_capacity(seats.len());
        for (seat, must_leave_one) in seats {
            let (mut roster, expected) = self.roster(seat).await?;
            roster.lock(seat, id, is_locked, must_leave_one)?;
            changes.push(written(seat, &roster, expected)?);
        }
        Ok(changes)
    }
}

fn written(seat: Seat, roster: &Roster, expected: Expected) -> Result<DocumentChange, AppError> {
    if roster.is_empty() && expected != Expected::Nothing {
        return Ok(removal::<Roster>(&seat.id(), expected));
    }
    change(&seat.id(), expected, roster)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAT: Seat = Seat::Tenant(TenantId(7));

    fn roster(people: &[(&str, Role)]) -> Roster {
        let mut roster = Roster::default();
        for (user, role) in people {
            roster.set(SEAT, user, Some(Post::Member(*role)), false).expect("set");
        }
        roster
    }

    fn is_last<T: std::fmt::Debug>(result: Result<T, PeopleError>) -> bool {
        matches!(result, Err(PeopleError::Last { .. }))
    }

    #[test]
    fn the_last_admin_is_neither_removed_nor_demoted() {
        let mut one = roster(&[("a", Role::Admin), ("b", Role::Sender)]);
        assert!(is_last(one.clone().set(SEAT, "a", None, false)));
        assert!(is_last(one.clone().set(SEAT, "a", Some(Post::Member(Role::Sender)), false)));
        assert!(one.set(SEAT, "b", Some(Post::Member(Role::Admin)), false).is_ok());
        assert!(one.set(SEAT, "a", None, false).is_ok());
        assert!(is_last(one.set(SEAT, "b", None, false)));
    }

    #[test]
    fn an_admin_who_is_locked_does_not_count() {
        let mut two = roster(&[("a", Role::Admin), ("b", Role::Admin)]);
        assert!(two.lock(SEAT, "b", true, true).is_ok());
        assert!(is_last(two.clone().set(SEAT, "a", None, false)));
        assert!(is_last(two.clone().lock(SEAT, "a", true, true)));
        assert!(two.clone().lock(SEAT, "a", true, false).is_ok(), "an operator may, for a tenant");
        assert!(two.lock(SEAT, "b", false, true).is_ok() && two.set(SEAT, "a", None, false).is_ok());
    }

    #[test]
    fn a_seat_without_a_head_has_none_to_lose() {
        let mut none = roster(&[("b", Role::Sender)]);
        assert!(none.set(SEAT, "b", None, false).is_ok());
        assert!(none.is_empty());
    }

    #[test]
    fn it_reads_back() {
        let mut all = roster(&[("花子@example.jp", Role::Admin)]);
        all.set(SEAT, "o", Some(Post::Operator(OperatorRole::Operator)), true).expect("set");
        let text = serde_json::to_string(&all).expect("written");
        assert_eq!(serde_json::from_str::<Roster>(&text).expect("read"), all, "{text}");
    }
}
