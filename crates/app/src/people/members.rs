//! The people of a tenant, and the operators: who is there, which post each has, who is locked.
//!
//! A post is its tenant's to give and take; an account is its owner's, so that locking it asks for an operator, or for the
//! admin of the only tenant that its owner belongs to. What changes a post ends the sessions of whoever had it.

use ledger::Expected;
use serde::Serialize;
use serde_json::json;

use super::error::PeopleError;
use super::login::again;
use super::roster::{Post, Seat};
use super::second::forget_second;
use super::session::SessionView;
use super::user::{Lock, LockCause, User, UserId};
use super::{Event, People, UserState, seat_to_change};
use crate::access::{Access, INSTALLATION, Right};
use crate::directory::{Entry, change, note, removal};
use crate::error::AppError;

/// A person as those see them who set people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonView {
    /// The address.
    pub address: String,
    /// What people call them; none while they are invited.
    pub name: Option<String>,
    /// What they are here.
    pub role: &'static str,
    /// Where the account stands.
    pub state: &'static str,
    /// Why it is locked.
    pub locked: Option<&'static str>,
    /// A code is asked for besides the password.
    pub has_second_factor: bool,
    /// When they logged in last, ms since 1970.
    pub last_login_at: Option<i64>,
}

/// Where the caller may see people.
pub(super) fn seat_to_see(access: &Access) -> Result<Seat, AppError> {
    if access.tenant() == INSTALLATION {
        access.require_installation(Right::Read)?;
        return Ok(Seat::Operators);
    }
    access.require(Right::Read).map(Seat::Tenant)
}

impl People {
    /// Everybody of the caller's tenant, or, with access to the installation, the operators; who is invited last.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; when the store fails.
    pub async fn people(&self, access: &Access) -> Result<Vec<PersonView>, AppError> {
        let seat = seat_to_see(access)?;
        let (roster, _) = self.roster(seat).await?;
        let mut views = Vec::new();
        for id in roster.ids() {
            let user = self.user(id).await?;
            views.extend(user.and_then(|user| view(seat, &user.value)));
        }
        let invited = self.invitations(access).await?;
        views.extend(invited.into_iter().filter_map(|open| {
            Some(PersonView {
                address: open.address?,
                name: None,
                role: open.post?,
                state: UserState::Invited.word(),
                locked: None,
                has_second_factor: false,
                last_login_at: None,
            })
        }));
        Ok(views)
    }

    /// Gives somebody another post; all their sessions end.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; [`AppError::NotFound`]; [`PeopleError::Last`]; when the store fails.
    pub async fn set_role(&self, access: &Access, address: &str, post: Post) -> Result<(), AppError> {
        let seat = seat_to_change(access)?;
        if !post.fits(seat) {
            let rule = "not one of those that there are here".to_owned();
            return Err(PeopleError::Field { what: "role", rule }.into());
        }
        self.reseat(access, seat, address, Some(post)).await
    }

    /// Takes somebody's post away; an account without any is removed.
    ///
    /// # Errors
    /// As [`Self::set_role`].
    pub async fn remove(&self, access: &Access, address: &str) -> Result<(), AppError> {
        let seat = seat_to_change(access)?;
        self.reseat(access, seat, address, None).await
    }

    async fn reseat(
        &self,
        access: &Access,
        seat: Seat,
        address: &str,
        post: Option<Post>,
    ) -> Result<(), AppError> {
        let (id, mut user) = self.person_of(access, address).await?;
        let mut changes = vec![self.seat(id.as_str(), &mut user.value, seat, post).await?];
        changes.extend(self.end_sessions(id.as_str(), &mut user.value, None).await?);
        let is_nobody = user.value.memberships.is_empty() && user.value.operator.is_none();
        changes.push(if is_nobody {
            removal::<User>(id.as_str(), Expected::Version(user.version))
        } else {
            change(id.as_str(), Expected::Version(user.version), &user.value)?
        });
        let action = if post.is_some() { "user.role" } else { "user.remove" };
        let said = note(access, action, id.as_str(), &json!({ "role": post.map(Post::word) }));
        self.directory().write(changes, said.clone()).await.map_err(again)?;
        match seat {
            Seat::Tenant(tenant) => self.tell_tenant(tenant, said).await,
            Seat::Operators => Ok(()),
        }
    }

    /// Locks an account; all its sessions end.
    ///
    /// # Errors
    /// [`AppError::Forbidden`], also for people of other tenants besides; [`PeopleError::Last`]; when the store fails.
    pub async fn lock(&self, access: &Access, address: &str) -> Result<(), AppError> {
        let (id, mut user) = self.person_of(access, address).await?;
        self.require_whole_person(access, &user.value)?;
        let mut changes = self.seats_locked(id.as_str(), &user.value, true).await?;
        user.value.lock = Some(Lock { cause: LockCause::Person, since: self.clock.now().as_millis() });
        changes.extend(self.end_sessions(id.as_str(), &mut user.value, None).await?);
        self.write_lock(access, "user.lock", &id, user, changes).await
    }

    /// Lets a locked account in again; also takes its second factor away, for who lost it.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub async fn unlock(&self, access: &Access, address: &str, forget_code: bool) -> Result<(), AppError> {
        let (id, mut user) = self.person_of(access, address).await?;
        self.require_whole_person(access, &user.value)?;
        let changes = self.seats_locked(id.as_str(), &user.value, false).await?;
        user.value.lock = None;
        let had_second = user.value.has_second_factor();
        if forget_code {
            forget_second(&mut user.value);
        }
        let value = user.value.clone();
        let action = if forget_code { "user.unlock.without-second-factor" } else { "user.unlock" };
        self.write_lock(access, action, &id, user, changes).await?;
        self.throttle().forget(id.as_str());
        if forget_code && had_second {
            self.tell(&value, Event::SecondFactorRemoved);
        }
        Ok(())
    }

    async fn write_lock(
        &self,
        access: &Access,
        action: &str,
        id: &UserId,
        user: Entry<User>,
        mut changes: Vec<ledger::DocumentChange>,
    ) -> Result<(), AppError> {
        changes.push(change(id.as_str(), Expected::Version(user.version), &user.value)?);
        let said = note(access, action, id.as_str(), &json!({}));
        self.directory().write(changes, said.clone()).await.map_err(again)?;
        self.tell_tenants(&user.value, said).await
    }

    /// The open sessions of somebody of the caller's tenant, or of anybody for an operator.
    ///
    /// # Errors
    /// As [`Self::lock`].
    pub async fn sessions_of_person(
        &self,
        access: &Access,
        address: &str,
    ) -> Result<Vec<SessionView>, AppError> {
        let (id, user) = self.person_of(access, address).await?;
        self.require_whole_person(access, &user.value)?;
        self.session_views(id.as_str(), user.value.epoch).await
    }

    /// Ends one session of somebody, or all of them.
    ///
    /// # Errors
    /// As [`Self::lock`]; [`AppError::NotFound`] for a session that is not theirs.
    pub async fn revoke_sessions(
        &self,
        access: &Access,
        address: &str,
        session: Option<&str>,
    ) -> Result<(), AppError> {
        let (id, mut user) = self.person_of(access, address).await?;
        self.require_whole_person(access, &user.value)?;
        let said = note(access, "session.revoke", id.as_str(), &json!({ "all": session.is_none() }));
        if let Some(session) = session {
            self.remove_session(id.as_str(), session, said.clone()).await?;
        } else {
            let mut changes = self.end_sessions(id.as_str(), &mut user.value, None).await?;
            changes.push(change(id.as_str(), Expected::Version(user.version), &user.value)?);
            self.directory().write(changes, said.clone()).await.map_err(again)?;
        }
        self.tell_tenants(&user.value, said).await
    }

    /// Somebody whom the caller can see: of the tenant, or, for the installation's operators, anybody.
    pub(super) async fn person_of(
        &self,
        access: &Access,
        address: &str,
    ) -> Result<(UserId, Entry<User>), AppError> {
        let seat = seat_to_see(access)?;
        let id = UserId::parse(address)?;
        let found = self.user(id.as_str()).await?.filter(|user| match seat {
            Seat::Tenant(tenant) => user.value.role_in(tenant).is_some(),
            Seat::Operators => true,
        });
        let found = found.ok_or_else(|| AppError::NotFound {
            what: "this person".to_owned(),
            remedy: "list the people who are here".to_owned(),
        })?;
        Ok((id, found))
    }
}

fn view(seat: Seat, user: &User) -> Option<PersonView> {
    let role = match seat {
        Seat::Tenant(tenant) => user.role_in(tenant)?.word(),
        Seat::Operators => user.operator?.word(),
    };
    Some(PersonView {
        address: user.address.clone(),
        name: Some(user.name.clone()),
        role,
        state: user.state().word(),
        locked: user.lock.as_ref().map(|lock| lock.cause.word()),
        has_second_factor: user.has_second_factor(),
        last_login_at: user.last_login_at,
    })
}
