//! Orders about people by command line; whoever may use the folder or its socket is an operator.
//!
//! An answer that holds a link's token is the only place where it ever stands.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smtp::ExposeSecret;

use super::error::PeopleError;
use super::invitation::Invited;
use super::{Language, OperatorRole, People, Post, Role};
use crate::access::{Access, Right};
use crate::error::AppError;

/// An order about people. Without a tenant it is about the operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "user", rename_all = "snake_case")]
pub enum UserOrder {
    /// Make a one-time link for somebody.
    Invite {
        /// The tenant's name.
        tenant: Option<String>,
        /// Whose address.
        address: String,
        /// The role's word.
        role: String,
        /// What they read.
        language: Language,
    },
    /// Everybody, and who is invited.
    List {
        /// The tenant's name.
        tenant: Option<String>,
    },
    /// Give somebody another role.
    Role {
        /// The tenant's name.
        tenant: Option<String>,
        /// Whose address.
        address: String,
        /// The role's word.
        role: String,
    },
    /// Take somebody's role away; an account without any is removed.
    Remove {
        /// The tenant's name.
        tenant: Option<String>,
        /// Whose address.
        address: String,
    },
    /// Lock an account.
    Lock {
        /// Whose address.
        address: String,
    },
    /// Let an account in again.
    Unlock {
        /// Whose address.
        address: String,
        /// Also take the second factor away.
        without_second_factor: bool,
    },
    /// Make a one-time link for a new password.
    Password {
        /// Whose address.
        address: String,
    },
    /// Somebody's open sessions.
    Sessions {
        /// Whose address.
        address: String,
    },
    /// End one session, or all.
    Revoke {
        /// Whose address.
        address: String,
        /// Its id; `None`: all.
        session: Option<String>,
    },
}

impl People {
    /// Does what an order says, in an operator's name.
    ///
    /// # Errors
    /// As the use case that it goes to.
    pub async fn carry_out(&self, operator: &str, order: UserOrder) -> Result<Value, AppError> {
        let everywhere = Access::to_installation(operator);
        match order {
            UserOrder::Invite { tenant, address, role, language } => {
                let access = self.access_of(operator, tenant.as_deref()).await?;
                let post = post(tenant.is_some(), &role)?;
                Ok(shown(&self.invite(&access, &address, post, language).await?))
            }
            UserOrder::List { tenant } => {
                let access = self.access_of(operator, tenant.as_deref()).await?;
                Ok(json!({ "users": self.people(&access).await? }))
            }
            UserOrder::Role { tenant, address, role } => {
                let access = self.access_of(operator, tenant.as_deref()).await?;
                let post = post(tenant.is_some(), &role)?;
                self.set_role(&access, &address, post).await?;
                Ok(json!({ "user": address, "role": post.word() }))
            }
            UserOrder::Remove { tenant, address } => {
                let access = self.access_of(operator, tenant.as_deref()).await?;
                self.remove(&access, &address).await?;
                Ok(json!({ "user": address, "role": null }))
            }
            UserOrder::Lock { address } => {
                self.lock(&everywhere, &address).await?;
                Ok(json!({ "user": address, "state": "locked" }))
            }
            UserOrder::Unlock { address, without_second_factor } => {
                self.unlock(&everywhere, &address, without_second_factor).await?;
                Ok(json!({ "user": address, "state": "active" }))
            }
            UserOrder::Password { address } => Ok(shown(&self.password_link(&everywhere, &address).await?)),
            UserOrder::Sessions { address } => {
                Ok(json!({ "sessions": self.sessions_of_person(&everywhere, &address).await? }))
            }
            UserOrder::Revoke { address, session } => {
                self.revoke_sessions(&everywhere, &address, session.as_deref()).await?;
                Ok(json!({ "user": address, "revoked": session.unwrap_or_else(|| "all".to_owned()) }))
            }
        }
    }

    async fn access_of(&self, operator: &str, tenant: Option<&str>) -> Result<Access, AppError> {
        match tenant {
            Some(name) => {
                Access::admit(&*self.store, name, &format!("operator {operator}"), Right::Operate).await
            }
            None => Ok(Access::to_installation(operator)),
        }
    }
}

fn shown(invited: &Invited) -> Value {
    let Invited { token, id, expires_at } = invited;
    let expires_at: Timestamp = *expires_at;
    json!({ "token": token.expose_secret(), "id": id, "expires_at": expires_at.as_millis() })
}

/// The post that a word means.
fn post(is_of_tenant: bool, word: &str) -> Result<Post, PeopleError> {
    let known = if is_of_tenant {
        Role::from_word(word).map(Post::Member)
    } else {
        OperatorRole::from_word(word).map(Post::Operator)
    };
    known.ok_or_else(|| {
        let words = if is_of_tenant {
            Role::ALL.map(Role::word).join(", ")
        } else {
            OperatorRole::ALL.map(OperatorRole::word).join(", ")
        };
        PeopleError::Field { what: "role", rule: format!("one of {words}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_one_of_its_own_kind() {
        assert_eq!(post(true, "admin").ok(), Some(Post::Member(Role::Admin)));
        assert_eq!(post(false, "support").ok(), Some(Post::Operator(OperatorRole::Support)));
        let refused = |is_of_tenant, word| post(is_of_tenant, word).map_err(|error| error.to_string());
        assert!(refused(false, "admin").is_err_and(|text| text == "role: one of support, operator"));
        assert!(
            refused(true, "operator")
                .is_err_and(|text| text.contains("viewer, writer, approver, sender, admin"))
        );
    }

    #[test]
    fn orders_go_over_the_socket() {
        let order =
            UserOrder::Role {
                tenant: None, address: "花子@例え.jp".to_owned(), role: "support".to_owned()
            };
        let order = crate::office::Order::User(order);
        let request = crate::control::ControlRequest::Office { office: order, user: "root".to_owned() };
        let text = serde_json::to_string(&request).unwrap_or_default();
        assert_eq!(
            serde_json::from_str::<crate::control::ControlRequest>(&text).ok(),
            Some(request),
            "{text}"
        );
    }
}
