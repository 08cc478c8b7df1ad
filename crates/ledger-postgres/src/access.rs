//! Roles and row-level security: what keeps one tenant's rows from another's caller even where a statement is wrong, and
//! the books from being changed by who sends.
//!
//! Set up by `migrate` where its user may make roles; else an administrator is given the statements. Whoever sends as the
//! owner of everything (or as a superuser) sends without this net.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::columns::Columns;
use crate::failure::Failure;
use crate::queries;

/// Whether roles and row-level security are in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They were before.
    InForce,
    /// They are now.
    SetUp,
    /// This user may not set them up; an administrator may, by these statements.
    Wanting(String),
}

impl Access {
    /// In words.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::SetUp => "set up",
            Self::Wanting(_) => "wanting",
        }
    }
}

/// Sets up what is not in force, if the user may.
pub(crate) async fn ensure(client: &Client, schema: &str) -> Result<Access, Failure> {
    let row = client.query_one(queries::ACCESS_STATE, &[]).await?;
    let row = Columns(&row);
    let (may, user, lacks): (bool, &str, bool) = (row.value(0)?, row.value(1)?, row.value(2)?);
    if !lacks {
        return Ok(Access::InForce);
    }
    let statements =
        queries::ACCESS.replace("{schema}", schema).replace("{user}", &user.replace('"', "\"\""));
    if !may {
        return Ok(Access::Wanting(statements));
    }
    match client.batch_execute(&statements).await {
        Ok(()) => Ok(Access::SetUp),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            Ok(Access::Wanting(statements))
        }
        Err(error) => Err(error.into()),
    }
}
