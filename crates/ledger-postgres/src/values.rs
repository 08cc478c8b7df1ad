//! Numbers on their way into columns and out of them: `SMALLINT`, `INTEGER` and `BIGINT` alike. Ids of 64 bits stand
//! in signed columns.

use std::error::Error;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A whole number for a column of any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole(pub i64);

/// An id as it stands in a column.
pub(crate) const fn wide(id: u64) -> Whole {
    Whole(id.cast_signed())
}

/// A number as it stands in a column.
pub(crate) fn whole(number: impl Into<i64>) -> Whole {
    Whole(number.into())
}

impl ToSql for Whole {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match *kind {
            Type::INT2 => i16::try_from(self.0)?.to_sql(kind, out),
            Type::INT4 => i32::try_from(self.0)?.to_sql(kind, out),
            _ => self.0.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT2 | Type::INT4 | Type::INT8)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Whole {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::INT2 => i64::from(i16::from_sql(kind, raw)?),
            Type::INT4 => i64::from(i32::from_sql(kind, raw)?),
            _ => i64::from_sql(kind, raw)?,
        }))
    }

    fn accepts(kind: &Type) -> bool {
        <Self as ToSql>::accepts(kind)
    }
}

/// A text that stands in no digest, without U+0000, which PostgreSQL's texts cannot hold.
pub(crate) fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
