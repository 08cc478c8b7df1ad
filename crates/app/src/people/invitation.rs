//! Invitations: one-time links by which people get an account, a post, or a new password. A link is a token; stored is its SHA-256.
//!
//! A link works once, for 72 hours, and for the address that it was made for; who opens it is taken to read that address's mail. Left
//! to others: mailing it, and what opening it does (`joining`).

use std::time::Duration;

use domain::{TenantId, Timestamp};
use ledger::{AuditNote, Expected};
use serde::{Deserialize, Serialize};
use serde_json::json;
use smtp::Secret;

use super::error::PeopleError;
use super::roster::{Post, Seat};
use super::user::{Language, User, UserId};
use super::{OperatorRole, People, seat_to_change, token};
use crate::access::{Access, Right};
use crate::directory::{Entry, Kind, change, note, removal};
use crate::error::AppError;

/// How long a link works.
pub const LINK_LIFE: Duration = Duration::from_secs(72 * 3600);
/// Links of one tenant, or of the operators, that are open at a time.
const OPEN_MAX: usize = 200;

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(super) enum Purpose {
    /// A post in a tenant, by its id; `None`: among the operators.
    Join { tenant: Option<String>, post: Post },
    /// To be the first operator, whoever it is.
    FirstOperator,
    /// To make a tenant, which waits for review.
    SignUp { tenant: String, name: String },
    /// A new password for an account.
    Password,
}

/// A link as it is stored; its id is the digest of its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    #[serde(flatten)]
    pub(super) purpose: Purpose,
    /// Whose address; `None` for the first operator alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    pub(super) language: Language,
    /// Who made it.
    pub(super) by: String,
    pub(super) created_at: i64,
    pub(super) expires_at: i64,
}

impl Kind for Invitation {
    const KIND: &'static str = "invitation";
}

impl Invitation {
    /// True for what has to do with a tenant.
    pub(super) fn is_of(&self, tenant: TenantId) -> bool {
        match &self.purpose {
            Purpose::SignUp { tenant: other, .. } => *other == tenant.to_string(),
            _ => self.seat() == Some(Seat::Tenant(tenant)),
        }
    }

    fn seat(&self) -> Option<Seat> {
        match &self.purpose {
            Purpose::Join { tenant: Some(tenant), .. } => tenant.parse().ok().map(Seat::Tenant),
            Purpose::Join { tenant: None, .. } | Purpose::FirstOperator => Some(Seat::Operators),
            Purpose::SignUp { .. } | Purpose::Password => None,
        }
    }
}

/// Somebody was invited.
pub struct Invited {
    /// The link's token, shown once.
    pub token: Secret,
    /// The link's id.
    pub id: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// An open invitation as those see it who may invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvitationView {
    /// Its id.
    pub id: String,
    /// Whose.
    pub address: Option<String>,
    /// As what.
    pub post: Option<&'static str>,
    /// Who invited them.
    pub by: String,
    /// Until when it works, ms since 1970.
    pub expires_at: i64,
}

impl People {
    /// Invites somebody to the caller's tenant, or, with access to the installation, among the operators.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; [`AppError::Exists`] for who is there already; [`PeopleError::TooMany`]; when the store fails.
    pub async fn invite(
        &self,
        access: &Access,
        address: &str,
        post: Post,
        language: Language,
    ) -> Result<Invited, AppError> {
        let seat = seat_to_change(access)?;
        let id = UserId::parse(address)?;
        if !post.fits(seat) {
            let rule = "not one of those that there are here".to_owned();
            return Err(PeopleError::Field { what: "role", rule }.into());
        }
        if self.roster(seat).await?.0.ids().any(|other| other == id.as_str()) {
            return Err(AppError::Exists {
                what: "this person, here,".to_owned(),
                remedy: "change the role instead".to_owned(),
            });
        }
        if self.open_of(seat).await?.len() >= OPEN_MAX {
            return Err(PeopleError::TooMany { max: OPEN_MAX, what: "open invitations" }.into());
        }
        let tenant = match seat {
            Seat::Tenant(tenant) => Some(tenant.to_string()),
            Seat::Operators => None,
        };
        let detail = json!({ "role": post.word() });
        let said = note(access, "user.invite", id.as_str(), &detail);
        let purpose = Purpose::Join { tenant, post };
        let made = self.make_link(purpose, Some(&id), language, said.clone()).await?;
        if let Seat::Tenant(tenant) = seat {
            self.tell_tenant(tenant, said).await?;
        }
        Ok(made)
    }

    /// A link by which somebody who belongs to the caller's tenant, or is an operator, sets a new password.
    ///
    /// # Errors
    /// [`AppError::Forbidden`], also for people of other tenants; [`AppError::NotFound`]; when the store fails.
    pub async fn password_link(&self, access: &Access, address: &str) -> Result<Invited, AppError> {
        let (id, user) = self.person_of(access, address).await?;
        self.require_whole_person(access, &user.value)?;
        let said = note(access, "user.password-link", id.as_str(), &json!({}));
        let made = self.make_link(Purpose::Password, Some(&id), user.value.language, said.clone()).await?;
        self.tell_tenants(&user.value, said).await?;
        Ok(made)
    }

    /// A link for the first operator, if there is none; earlier such links stop working.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_operator(&self) -> Result<Option<Invited>, AppError> {
        if !self.roster(Seat::Operators).await?.0.is_empty() {
            return Ok(None);
        }
        for entry in self.directory().list::<Invitation>().await? {
            if entry.value.purpose == Purpose::FirstOperator {
                self.directory().write_quietly(vec![removal::<Invitation>(&entry.id, Expected::Any)]).await?;
            }
        }
        let said = AuditNote {
            actor: "the installation".to_owned(),
            action: "user.first-operator".to_owned(),
            object: "a link".to_owned(),
            detail: String::new(),
        };
        self.make_link(Purpose::FirstOperator, None, Language::Ja, said).await.map(Some)
    }

    /// Open invitations of the caller's tenant, or of the operators, by when they end.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; when the store fails.
    pub async fn invitations(&self, access: &Access) -> Result<Vec<InvitationView>, AppError> {
        let seat = super::members::seat_to_see(access)?;
        let mut open: Vec<_> = self.open_of(seat).await?.into_iter().map(view).collect();
        open.sort_by_key(|view| view.expires_at);
        Ok(open)
    }

    /// Makes an invitation worthless.
    ///
    /// # Errors
    /// [`AppError::Forbidden`]; [`AppError::NotFound`], also for those of other tenants; when the store fails.
    pub async fn revoke_invitation(&self, access: &Access, id: &str) -> Result<(), AppError> {
        let seat = seat_to_change(access)?;
        let found = self.open_of(seat).await?.into_iter().find(|entry| entry.id == id);
        let found = found.ok_or_else(|| AppError::NotFound {
            what: "this invitation".to_owned(),
            remedy: "list those that are open".to_owned(),
        })?;
        let said =
            note(access, "user.invite.revoke", found.value.address.as_deref().unwrap_or(""), &json!({}));
        let gone = removal::<Invitation>(id, Expected::Version(found.version));
        self.directory().write(vec![gone], said.clone()).await?;
        match seat {
            Seat::Tenant(tenant) => self.tell_tenant(tenant, said).await,
            Seat::Operators => Ok(()),
        }
    }

    pub(super) async fn make_link(
        &self,
        purpose: Purpose,
        user: Option<&UserId>,
        language: Language,
        said: AuditNote,
    ) -> Result<Invited, AppError> {
        let now = self.clock.now();
        let token = token::new(&*self.entropy)?;
        let id = token::digest(&token).ok_or(AppError::Defect("making a link"))?;
        let expires_at = now + LINK_LIFE;
        let invitation = Invitation {
            purpose,
            address: user.map(|user| user.address().to_owned()),
            language,
            by: said.actor.clone(),
            created_at: now.as_millis(),
            expires_at: expires_at.as_millis(),
        };
        self.directory().write(vec![change(&id, Expected::Nothing, &invitation)?], said).await?;
        Ok(Invited { token, id, expires_at })
    }

    /// What a token opens, if it still does.
    pub(super) async fn opened(&self, token: &Secret) -> Result<Entry<Invitation>, AppError> {
        let id = token::digest(token).ok_or(PeopleError::Link)?;
        let found: Option<Entry<Invitation>> = self.directory().get(&id).await?;
        let now = self.clock.now().as_millis();
        let open = found.filter(|entry| now < entry.value.expires_at);
        Ok(open.ok_or(PeopleError::Link)?)
    }

    pub(super) async fn open_links(&self) -> Result<Vec<Entry<Invitation>>, AppError> {
        let now = self.clock.now().as_millis();
        let mut all = self.directory().list::<Invitation>().await?;
        all.retain(|entry| now < entry.value.expires_at);
        Ok(all)
    }

    async fn open_of(&self, seat: Seat) -> Result<Vec<Entry<Invitation>>, AppError> {
        let mut all = self.open_links().await?;
        all.retain(|entry| entry.value.seat() == Some(seat));
        Ok(all)
    }

    pub(super) async fn sweep_invitations(&self) -> Result<usize, AppError> {
        let now = self.clock.now().as_millis();
        let all = self.directory().list::<Invitation>().await?;
        let over: Vec<_> = all.into_iter().filter(|entry| entry.value.expires_at <= now).collect();
        for some in over.chunks(100) {
            let gone = some.iter().map(|entry| removal::<Invitation>(&entry.id, Expected::Any)).collect();
            self.directory().write_quietly(gone).await?;
        }
        Ok(over.len())
    }

    /// Tells every tenant that somebody belongs to.
    pub(super) async fn tell_tenants(&self, user: &User, said: AuditNote) -> Result<(), AppError> {
        for tenant in user.memberships.keys() {
            let tenant: TenantId = tenant.parse().map_err(|_| AppError::Defect("reading a membership"))?;
            self.tell_tenant(tenant, said.clone()).await?;
        }
        Ok(())
    }

    /// Refuses what is done to a whole account by who has a right over one of its posts alone: an admin may do it to people of
    /// their own tenant and of no other, an operator to everybody.
    pub(super) fn require_whole_person(&self, access: &Access, user: &User) -> Result<(), AppError> {
        if access.require(Right::Operate).is_ok() {
            return Ok(());
        }
        let tenant = access.require(Right::Manage)?.to_string();
        let is_own = user.operator.is_none() && user.memberships.keys().all(|other| *other == tenant);
        if is_own { Ok(()) } else { Err(AppError::Forbidden { needed: Right::Operate }) }
    }
}

fn view(entry: Entry<Invitation>) -> InvitationView {
    let Invitation { purpose, address, by, expires_at, .. } = entry.value;
    let post = match purpose {
        Purpose::Join { post, .. } => Some(post.word()),
        Purpose::FirstOperator => Some(OperatorRole::Operator.word()),
        _ => None,
    };
    InvitationView { id: entry.id, address, post, by, expires_at }
}
