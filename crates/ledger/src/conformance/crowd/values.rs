//! Values of columns.

use domain::Timestamp;

use crate::copy::{TABLES, Table, Value};

pub(super) fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap_or(&TABLES[0])
}

pub(super) fn number(number: impl Into<i64>) -> Value {
    Value::Number(number.into())
}

pub(super) fn wide(id: u64) -> Value {
    Value::Number(id.cast_signed())
}

pub(super) fn time(at: Timestamp) -> Value {
    Value::Number(at.as_millis())
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(super) fn octets(octets: &[u8]) -> Value {
    Value::Octets(octets.to_vec())
}
