//! What can be wrong with a list as a whole, and with one row of it.

use std::io;
use std::path::PathBuf;

use domain::AddressError;

use super::{COLUMNS_MAX, FIELD_OCTETS_MAX, ROW_OCTETS_MAX};

/// Why a list cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read.
    #[error("the list {path} cannot be read: {reason}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// It has no header row.
    #[error("the list {path} is empty; its first row must name the columns, one of them `email`")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// It has a header row and nothing else.
    #[error("the list {path} has no recipients: only the header row was found")]
    NoRows {
        /// Which file.
        path: PathBuf,
    },
    /// It has rows, and none can be used.
    #[error(
        "the list {path} has no usable recipient: all {rows} rows were rejected, the first in line {line}: {reason}"
    )]
    NoUsableRow {
        /// Which file.
        path: PathBuf,
        /// How many rows.
        rows: u64,
        /// The first row's line.
        line: u64,
        /// Why it was rejected.
        reason: String,
    },
    /// No column holds addresses.
    #[error(
        "the list {path} has no `email` column (also read: `e-mail`, `mail`, `メールアドレス`); its first row has: {found}"
    )]
    NoEmailColumn {
        /// Which file.
        path: PathBuf,
        /// The columns.
        found: String,
    },
    /// Two columns of one name.
    #[error("the list {path} has two columns `{name}`; rename one of them")]
    SameColumn {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A column's name cannot be used.
    #[error(
        "the list {path}: the name of column {number} is empty or has a control character; name it in the first row"
    )]
    ColumnName {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
    },
    /// Too many columns.
    #[error("the list {path} has {found} columns; at most {COLUMNS_MAX} are read")]
    TooManyColumns {
        /// Which file.
        path: PathBuf,
        /// How many.
        found: usize,
    },
    /// Neither UTF-8 nor CP932.
    #[error(
        "the list {path} has the wrong charset: line {line}, octet {octet} is {reason}; save it as UTF-8 CSV"
    )]
    Charset {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The octet within the file, from 0.
        octet: u64,
        /// In which sense it is wrong.
        reason: &'static str,
    },
    /// A row that does not end.
    #[error(
        "the list {path}: the row that starts in line {line} is longer than {ROW_OCTETS_MAX} octets; is a quote (\") not closed?"
    )]
    RowTooLong {
        /// Which file.
        path: PathBuf,
        /// Where it starts.
        line: u64,
    },
    /// It is not what the first pass read.
    #[error(
        "the list {path} changed while it was read; nothing was sent; run again when nobody writes to it"
    )]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// A thread that reads the list ended by itself.
    #[error("reading the list ended by a defect; nothing was sent")]
    Defect,
    /// Partitions cannot be spilled, or rejected rows not be written.
    #[error("{path} cannot be written: {reason}; free space or name another place")]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
}

/// A row that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// The line on which it starts, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: RowFault,
}

/// What is wrong with a row. Names columns, never quotes values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// The address cannot be used.
    #[error("{0}")]
    Address(AddressError),
    /// More or fewer fields than columns.
    #[error("the row has {found} fields, the first row names {expected} columns")]
    FieldCount {
        /// Columns.
        expected: usize,
        /// Fields.
        found: usize,
    },
    /// CR or LF in a field.
    #[error("`{column}` has a line break (the row ends in line {last_line}; is a quote not closed?)")]
    LineBreak {
        /// Which column.
        column: String,
        /// Where the row ends.
        last_line: u64,
    },
    /// NUL in a field.
    #[error("`{column}` has a NUL character")]
    Nul {
        /// Which column.
        column: String,
    },
    /// Another control character.
    #[error("`{column}` has a control character")]
    Control {
        /// Which column.
        column: String,
    },
    /// A field over the limit.
    #[error("`{column}` is longer than {FIELD_OCTETS_MAX} octets")]
    FieldTooLong {
        /// Which column.
        column: String,
    },
    /// The release cannot be made with it.
    #[error("{0}")]
    Release(String),
}
