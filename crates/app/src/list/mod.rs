//! A list of recipients as a CSV file, read twice with bounded memory whatever its length.
//!
//! The first pass ([`scan`]) checks every row, counts, takes the list's and the audience's digests and finds
//! duplicates; the second ([`stream`]) hands the rows on to the planner. Between them only two bits a row are
//! kept. A list that changed in between is refused.
//!
//! Left to others: what becomes of the rows (`engine`), what a mail looks like (`message`).

mod bits;
mod charset;
mod columns;
mod duplicates;
mod error;
pub mod fuzzing;
mod reader;
mod rejects;
mod scan;
mod stream;
mod tally;

use std::path::{Path, PathBuf};

pub use bits::Bits;
pub use charset::Charset;
pub use columns::EMAIL_COLUMNS;
pub use duplicates::DuplicateFinder;
pub use error::{ListError, RejectedRow, RowFault};
pub use reader::{Row, RowReader};
pub use rejects::Rejects;
pub use scan::{ListScan, ScanOptions, scan};
pub use stream::{OwnedRow, StreamedRows, stream};

/// Columns of a list.
pub const COLUMNS_MAX: usize = 100;
/// Octets of one field.
pub const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// Octets of one row.
pub const ROW_OCTETS_MAX: u64 = 1 << 20;
/// Rejected rows that are kept to be shown; all are counted.
pub const REJECTED_KEPT_MAX: usize = 1000;
/// What stands between the fields of a stored record.
pub const FIELD_SEPARATOR: char = '\u{1f}';

/// Further checks of a row by those who will use it.
pub trait RowCheck: Send + Sync {
    /// Why the record cannot be used; never quotes a value.
    ///
    /// # Errors
    /// The reason, in words.
    fn check(&self, record: &[&str]) -> Result<(), String>;
}

/// A list whose charset and header row are known.
#[derive(Debug, Clone)]
pub struct ListFile {
    /// Where it lies.
    pub path: PathBuf,
    /// How it is encoded.
    pub charset: Charset,
    /// The columns' names, in order.
    pub columns: Vec<String>,
    /// Which column holds the address.
    pub email: usize,
}

impl ListFile {
    /// Finds out charset and columns.
    ///
    /// # Errors
    /// When the file cannot be read, is neither UTF-8 nor CP932, or its header row cannot be used.
    pub fn open(path: &Path) -> Result<Self, ListError> {
        let charset = charset::detect(path)?;
        let columns = reader::header(path, charset)?;
        let email = columns::email_column(path, &columns)?;
        Ok(Self { path: path.to_owned(), charset, columns, email })
    }
}
