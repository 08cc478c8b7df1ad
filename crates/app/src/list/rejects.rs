//! Rejected rows: all counted, some kept, all written to a file if wished.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::{ListError, REJECTED_KEPT_MAX, RejectedRow};

/// Collects rejected rows.
pub struct Rejects {
    kept: Vec<RejectedRow>,
    count: u64,
    file: Option<(PathBuf, csv::Writer<BufWriter<File>>)>,
}

impl Rejects {
    /// A collection; with `file`, each row is also written there as `line,reason`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(file: Option<&Path>) -> Result<Self, ListError> {
        let file = match file {
            None => None,
            Some(path) => {
                let made = File::create(path)
                    .map_err(|reason| ListError::Write { path: path.to_owned(), reason })?;
                let mut rejects = csv::Writer::from_writer(BufWriter::new(made));
                rejects.write_record(["line", "reason"]).map_err(|error| failed(path, error))?;
                Some((path.to_owned(), rejects))
            }
        };
        Ok(Self { kept: Vec::new(), count: 0, file })
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, row: RejectedRow) -> Result<(), ListError> {
        self.count += 1;
        if let Some((path, file)) = &mut self.file {
            let fields = [row.line.to_string(), row.reason.to_string()];
            file.write_record(fields).map_err(|error| failed(path, error))?;
        }
        if self.kept.len() < REJECTED_KEPT_MAX {
            self.kept.push(row);
        }
        Ok(())
    }

    /// How many, and the first of them.
    ///
    /// # Errors
    /// When the file cannot be written to its end.
    pub fn finish(mut self) -> Result<(u64, Vec<RejectedRow>), ListError> {
        if let Some((path, file)) = &mut self.file {
            file.flush().map_err(|reason| ListError::Write { path: path.clone(), reason })?;
        }
        Ok((self.count, self.kept))
    }
}

fn failed(path: &Path, error: csv::Error) -> ListError {
    let reason = match error.into_kind() {
        csv::ErrorKind::Io(reason) => reason,
        _ => std::io::Error::other("the row cannot be written"),
    };
    ListError::Write { path: path.to_owned(), reason }
}
