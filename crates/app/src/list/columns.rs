//! The header row: names of columns, and which of them holds the address.

use std::path::Path;

use super::{COLUMNS_MAX, ListError};

/// Names of the address column, compared without case; the first that a list has is taken.
pub const EMAIL_COLUMNS: [&str; 4] = ["email", "e-mail", "mail", "メールアドレス"];

/// Checks the names; white space around them is dropped.
pub(super) fn check(path: &Path, names: Vec<String>) -> Result<Vec<String>, ListError> {
    if names.len() > COLUMNS_MAX {
        return Err(ListError::TooManyColumns { path: path.to_owned(), found: names.len() });
    }
    let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ListError::ColumnName { path: path.to_owned(), number: index + 1 });
        }
        if names[..index].contains(name) {
            return Err(ListError::SameColumn { path: path.to_owned(), name: name.clone() });
        }
    }
    Ok(names)
}

/// The column that holds the address.
pub(super) fn email_column(path: &Path, columns: &[String]) -> Result<usize, ListError> {
    let place = |wanted: &str| columns.iter().position(|name| name.to_lowercase() == wanted);
    EMAIL_COLUMNS.into_iter().find_map(place).ok_or_else(|| {
        let shown: Vec<String> =
            columns.iter().take(20).map(|name| name.chars().take(40).collect()).collect();
        ListError::NoEmailColumn { path: path.to_owned(), found: shown.join(", ") }
    })
}
