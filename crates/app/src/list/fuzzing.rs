//! What a fuzzer, and a short test in its stead, asks of the list's reader.

use std::io;
use std::path::Path;

use super::{ListFile, RowCheck, ScanOptions, scan};

/// Every record will do.
struct Any;

impl RowCheck for Any {
    fn check(&self, _: &[&str]) -> Result<(), String> {
        Ok(())
    }
}

/// Reads any octets as a list, in a folder for its files: it is refused, or every row is accounted for.
///
/// # Errors
/// When the folder cannot be written; what the list's reader says of the octets is no error here.
///
/// # Panics
/// When a row is neither in the audience nor rejected.
pub fn any_octets(folder: &Path, octets: &[u8]) -> io::Result<()> {
    let path = folder.join("list.csv");
    std::fs::write(&path, octets)?;
    let Ok(list) = ListFile::open(&path) else { return Ok(()) };
    let options = ScanOptions { check: &Any, tmp: folder, key: [1; 32], rejects: None };
    let Ok(found) = scan(&list, &options) else { return Ok(()) };
    assert_eq!(found.rows_read, found.audience.count() + found.rows_rejected, "every row is accounted for");
    Ok(())
}
