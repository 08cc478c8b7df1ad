//! Roles: what a person may do for a tenant, or as an operator, as sets of scopes and a right.
//!
//! A scope says what may be called, a right how far a use case lets anybody go; both are asked, so that a handler that
//! forgets its scope still sends nothing for a writer. Sender and approver are apart: whoever wants four eyes gives nobody
//! both.

use serde::{Deserialize, Serialize};

use crate::access::Right;
use crate::scope::{Scope, Scopes};

domain::worded! {
    /// What a person is to a tenant.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Role {
        /// Sees releases, statements and relays.
        Viewer => "viewer",
        /// Also writes drafts and templates.
        Writer => "writer",
        /// As a writer; also approves what others wrote.
        Approver => "approver",
        /// As a writer; also sends, pauses, resumes and cancels.
        Sender => "sender",
        /// All of the tenant, its people too.
        Admin => "admin",
    }
}

domain::worded! {
    /// What a person is to the installation.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum OperatorRole {
        /// Sees every tenant that it enters, and changes nothing.
        Support => "support",
        /// Everything.
        Operator => "operator",
    }
}

/// What every person of a tenant sees.
const SEEN: &[Scope] = &[
    Scope::MailBatchRead,
    Scope::ScheduledRead,
    Scope::TemplatesRead,
    Scope::ReleasesRead,
    Scope::RelaysRead,
];
/// What a writer does.
const WRITTEN: &[Scope] =
    &[Scope::ReleasesDraft, Scope::TemplatesCreate, Scope::TemplatesUpdate, Scope::TemplatesDelete];
/// What a sender does.
const SENT: &[Scope] = &[
    Scope::MailSend,
    Scope::MailBatchCreate,
    Scope::ScheduledCreate,
    Scope::ScheduledUpdate,
    Scope::ScheduledDelete,
    Scope::ReleasesUpdate,
];

impl Role {
    /// How far use cases let it go.
    #[must_use]
    pub fn right(self) -> Right {
        match self {
            Self::Viewer => Right::Read,
            Self::Writer | Self::Approver => Right::Write,
            Self::Sender => Right::Send,
            Self::Admin => Right::Manage,
        }
    }

    /// What it may call.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        let parts: &[&[Scope]] = match self {
            Self::Viewer => &[SEEN],
            Self::Writer => &[SEEN, WRITTEN],
            Self::Approver => &[SEEN, WRITTEN, &[Scope::ReleasesApprove]],
            Self::Sender => &[SEEN, WRITTEN, SENT],
            Self::Admin => &[Scope::ALL],
        };
        parts.iter().flat_map(|part| part.iter().copied()).collect()
    }

    /// True for the role of which a tenant must not lose the last.
    #[must_use]
    pub fn is_head(self) -> bool {
        self == Self::Admin
    }
}

impl OperatorRole {
    /// How far use cases let it go, for a tenant that it entered.
    #[must_use]
    pub fn right(self) -> Right {
        match self {
            Self::Support => Right::Read,
            Self::Operator => Right::Operate,
        }
    }

    /// What it may call.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        match self {
            Self::Support => SEEN.iter().copied().chain([Scope::AuditRead, Scope::PeopleRead]).collect(),
            Self::Operator => Scopes::all(),
        }
    }

    /// True for the role of which an installation must not lose the last.
    #[must_use]
    pub fn is_head(self) -> bool {
        self == Self::Operator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_may_call_what_its_right_does_not_reach() {
        for role in Role::ALL {
            assert!(role.scopes().right() <= role.right(), "{role:?}");
        }
        assert!(Role::Admin.right() < Right::Operate, "an admin of a tenant is no operator");
    }

    #[test]
    fn only_senders_send_and_only_approvers_approve() {
        let may = |scope| Role::ALL.into_iter().filter(|role| role.scopes().has(scope)).collect::<Vec<_>>();
        assert_eq!(may(Scope::MailSend), [Role::Sender, Role::Admin]);
        assert_eq!(may(Scope::ReleasesApprove), [Role::Approver, Role::Admin]);
        assert_eq!(may(Scope::PeopleUpdate), [Role::Admin]);
        assert_eq!(may(Scope::ReleasesRead).len(), Role::ALL.len());
        assert!(!OperatorRole::Support.scopes().words().any(|word| word.ends_with(".update")));
    }

    #[test]
    fn documents_hold_the_words() {
        assert_eq!(serde_json::to_string(&Role::Admin).unwrap_or_default(), "\"admin\"");
        assert_eq!(serde_json::from_str::<OperatorRole>("\"support\"").ok(), Some(OperatorRole::Support));
    }
}
