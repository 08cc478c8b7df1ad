//! Opening a one-time link: a new account with its password, a post for one that stands, or a new password.
//!
//! A link is used up in the transaction that does what it is for. Whoever has an account opens a link as who they are, behind
//! their password: a link alone never changes what somebody may do.

use domain::TenantId;
use ledger::{DocumentChange, Expected};
use serde::Serialize;
use serde_json::json;
use smtp::Secret;

use super::error::PeopleError;
use super::invitation::{Invitation, Purpose};
use super::login::again;
use super::roster::{Post, Seat};
use super::session::{NewSession, Session};
use super::user::{Language, User, UserId, check_name, personal};
use super::{Client, Event, OperatorRole, People, own_note};
use crate::directory::{Entry, change, removal};
use crate::error::AppError;
use crate::office::Hidden;

/// What a page shows before somebody opens a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// Whose it is; `None`: whoever has it says.
    pub address: Option<String>,
    /// The tenant's name, for a post in one.
    pub tenant: Option<String>,
    /// As what.
    pub post: Option<&'static str>,
    /// There is an account of the address: log in to open the link.
    pub has_account: bool,
    /// It sets a new password of that account, and nothing else.
    pub is_password: bool,
    /// In which language to speak.
    pub language: Language,
}

/// What somebody new says of themselves.
#[derive(Debug)]
pub struct Newcomer {
    /// Their address; asked for where the link names none.
    pub address: Option<String>,
    /// Their name.
    pub name: String,
    /// What they read.
    pub language: Language,
    /// Their password.
    pub password: Secret,
}

impl People {
    /// What a link is for.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; when the store fails.
    pub async fn look_at_link(&self, token: &Secret) -> Result<LinkView, AppError> {
        let entry = self.opened(token).await?;
        let Invitation { purpose, address, language, .. } = entry.value;
        let has_account = match &address {
            Some(address) => self.user(UserId::parse(address)?.as_str()).await?.is_some(),
            None => false,
        };
        let (tenant, post) = match &purpose {
            Purpose::Join { tenant: Some(tenant), post } => {
                (Some(self.tenant_row(read(tenant)?).await?.name), Some(post.word()))
            }
            Purpose::Join { tenant: None, post } => (None, Some(post.word())),
            Purpose::FirstOperator => (None, Some(OperatorRole::Operator.word())),
            Purpose::SignUp { name, .. } => (Some(name.clone()), Some(super::Role::Admin.word())),
            Purpose::Password => (None, None),
        };
        let is_password = purpose == Purpose::Password;
        Ok(LinkView { address, tenant, post, has_account, is_password, language })
    }

    /// Opens a link as somebody new, who is logged in from then on.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; [`PeopleError::LogInFirst`]; a rule that name or password break; when the store fails.
    pub async fn join(
        &self,
        token: &Secret,
        newcomer: Newcomer,
        client: &Client,
    ) -> Result<NewSession, AppError> {
        let link = self.opened(token).await?;
        let address = link.value.address.clone().or_else(|| newcomer.address.clone());
        let rule = || "whose account it is to be".to_owned();
        let address = address.ok_or_else(|| PeopleError::Field { what: "address", rule: rule() })?;
        let id = UserId::parse(&address)?;
        if link.value.purpose == Purpose::Password {
            return Err(PeopleError::Link.into());
        }
        if self.user(id.as_str()).await?.is_some() {
            return Err(PeopleError::LogInFirst.into());
        }
        let mut user = self.new_user(&id, &newcomer).await?;
        let mut changes = self.take_post(&link, id.as_str(), &mut user).await?;
        let (session, more) = self.begin_session(id.as_str(), &user, client).await?;
        changes.extend(more);
        changes.push(change(id.as_str(), Expected::Nothing, &user)?);
        self.write_joined(&link, id.as_str(), &user, changes).await?;
        Ok(session)
    }

    /// Opens a link as who is logged in.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; [`PeopleError::OtherPerson`]; [`PeopleError::ProofNeeded`]; when the store fails.
    pub async fn join_as(&self, session: &Session, token: &Secret) -> Result<(), AppError> {
        session.require_recent(super::RECENT)?;
        let link = self.opened(token).await?;
        if let Some(address) = &link.value.address
            && UserId::parse(address)?.as_str() != session.user_id()
        {
            return Err(PeopleError::OtherPerson.into());
        }
        if link.value.purpose == Purpose::Password {
            return Err(PeopleError::Link.into());
        }
        let mut user = session.user().clone();
        let mut changes = self.take_post(&link, session.user_id(), &mut user).await?;
        changes.extend(self.end_sessions(session.user_id(), &mut user, Some(&session.entry)).await?);
        changes.push(change(session.user_id(), Expected::Version(session.user.version), &user)?);
        self.write_joined(&link, session.user_id(), &user, changes).await
    }

    /// Sets a new password by a link; all sessions end, a lock by failed tries too. The second factor stays.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; a rule that the password breaks; when the store fails.
    pub async fn set_password(&self, token: &Secret, password: &Secret) -> Result<(), AppError> {
        let link = self.opened(token).await?;
        let address = link.value.address.clone().filter(|_| link.value.purpose == Purpose::Password);
        let id = UserId::parse(&address.ok_or(PeopleError::Link)?)?;
        let mut user = self.user(id.as_str()).await?.ok_or(PeopleError::Link)?;
        let password = self.checked(password, &user.value.personal()).await?;
        user.value.password = Hidden(self.hashing.make(&*self.entropy, password).await?);
        user.value.password_changed_at = self.clock.now().as_millis();
        user.value.lock.take_if(|lock| lock.cause == super::LockCause::Failures);
        let mut changes = self.end_sessions(id.as_str(), &mut user.value, None).await?;
        changes.push(change(id.as_str(), Expected::Version(user.version), &user.value)?);
        changes.push(removal::<Invitation>(&link.id, Expected::Version(link.version)));
        let note = own_note(&user.value, "user.password", id.as_str(), &json!({ "by": "link" }));
        self.directory().write(changes, note).await.map_err(again)?;
        self.throttle().forget(id.as_str());
        self.tell(&user.value, Event::PasswordChanged);
        Ok(())
    }

    pub(super) async fn user(&self, id: &str) -> Result<Option<Entry<User>>, AppError> {
        self.directory().get(id).await
    }

    async fn new_user(&self, id: &UserId, newcomer: &Newcomer) -> Result<User, AppError> {
        let name = check_name(&newcomer.name)?;
        let password = self.checked(&newcomer.password, &personal(id.address(), &name)).await?;
        let now = self.clock.now().as_millis();
        Ok(User {
            address: id.address().to_owned(),
            name,
            language: newcomer.language,
            memberships: std::collections::BTreeMap::new(),
            operator: None,
            lock: None,
            password: Hidden(self.hashing.make(&*self.entropy, password).await?),
            password_changed_at: now,
            second: None,
            second_offered: None,
            recovery: Vec::new(),
            epoch: 1,
            created_at: now,
            last_login_at: Some(now),
        })
    }

    /// Gives the user what the link is for; the changes use the link up.
    async fn take_post(
        &self,
        link: &Entry<Invitation>,
        id: &str,
        user: &mut User,
    ) -> Result<Vec<DocumentChange>, AppError> {
        let (seat, post) = match &link.value.purpose {
            Purpose::Join { tenant: Some(tenant), post } => (Seat::Tenant(read(tenant)?), *post),
            Purpose::Join { tenant: None, post } => (Seat::Operators, *post),
            Purpose::FirstOperator => {
                // Somebody else may have become one meanwhile.
                if !self.roster(Seat::Operators).await?.0.is_empty() {
                    return Err(PeopleError::Link.into());
                }
                (Seat::Operators, Post::Operator(OperatorRole::Operator))
            }
            Purpose::SignUp { tenant, name } => {
                let tenant = self.tenant_of_sign_up(read(tenant)?, name, id).await?;
                (Seat::Tenant(tenant), Post::Member(super::Role::Admin))
            }
            Purpose::Password => return Err(PeopleError::Link.into()),
        };
        let seated = self.seat(id, user, seat, Some(post)).await?;
        Ok(vec![seated, removal::<Invitation>(&link.id, Expected::Version(link.version))])
    }

    async fn write_joined(
        &self,
        link: &Entry<Invitation>,
        id: &str,
        user: &User,
        changes: Vec<DocumentChange>,
    ) -> Result<(), AppError> {
        let detail = json!({ "invited_by": link.value.by, "purpose": link.value.purpose });
        let note = own_note(user, "user.join", id, &detail);
        self.directory().write(changes, note.clone()).await.map_err(again)?;
        match &link.value.purpose {
            Purpose::Join { tenant: Some(tenant), .. } | Purpose::SignUp { tenant, .. } => {
                self.tell_tenant(read(tenant)?, note).await
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn read(tenant: &str) -> Result<TenantId, AppError> {
    tenant.parse().map_err(|_| AppError::Defect("reading a tenant's id"))
}
