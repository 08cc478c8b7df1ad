//! Rows of a list, one by one: fields decoded and checked, octets hashed as they are read.
//!
//! Both passes read through this module, so that they see the same rows. A row is checked here as far as it alone
//! decides; duplicates are found elsewhere. At most one row is in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use csv::{ByteRecord, ReaderBuilder};
use domain::EmailAddress;

use super::{
    Charset, FIELD_OCTETS_MAX, FIELD_SEPARATOR, ListError, ListFile, ROW_OCTETS_MAX, RejectedRow, RowCheck,
    RowFault, columns,
};

/// Octets that the CSV reader takes from the file at a time.
const BUFFER: usize = 64 * 1024;

/// A row that can be used.
#[derive(Debug)]
pub struct Row<'a> {
    /// The address.
    pub address: EmailAddress,
    /// The fields' values in column order, joined by [`FIELD_SEPARATOR`].
    pub fields: &'a str,
}

/// What a step of the reader met.
#[derive(Debug)]
pub enum Met<'a> {
    /// A row that can be used.
    Row(Row<'a>),
    /// A row that cannot.
    Rejected(RejectedRow),
}

/// Reads a list's rows.
pub struct RowReader<'a> {
    list: &'a ListFile,
    csv: csv::Reader<HashingReader>,
    record: ByteRecord,
    /// Where the record starts, from 1.
    line: u64,
    fields: String,
}

impl<'a> RowReader<'a> {
    /// At the first row after the header.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(list: &'a ListFile) -> Result<Self, ListError> {
        let mut csv = csv_reader(&list.path)?;
        let mut record = ByteRecord::new();
        read(&list.path, &mut csv, &mut record)?;
        Ok(Self { list, csv, record, line: 1, fields: String::new() })
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, is not in its charset, or a row does not end.
    pub fn next(&mut self, check: &dyn RowCheck) -> Result<Option<Met<'_>>, ListError> {
        if !read(&self.list.path, &mut self.csv, &mut self.record)? {
            return Ok(None);
        }
        let start = self.record.position().map_or(0, csv::Position::byte);
        self.line = self.csv.get_mut().breaks.line_at(start);
        let line = self.line;
        match self.take(check)? {
            Ok(address) => Ok(Some(Met::Row(Row { address, fields: &self.fields }))),
            Err(reason) => Ok(Some(Met::Rejected(RejectedRow { line, reason }))),
        }
    }

    /// Reads over one row without looking at it; false at the end.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn skip(&mut self) -> Result<bool, ListError> {
        read(&self.list.path, &mut self.csv, &mut self.record)
    }

    /// SHA-256 over the whole file, after the last row.
    #[must_use]
    pub fn digest(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.csv.into_inner().context.finish().as_ref());
        digest
    }

    /// Checks the record and joins its fields; the inner error rejects this row alone.
    fn take(&mut self, check: &dyn RowCheck) -> Result<Result<EmailAddress, RowFault>, ListError> {
        let columns = &self.list.columns;
        if self.record.len() != columns.len() {
            let fault = RowFault::FieldCount { expected: columns.len(), found: self.record.len() };
            return Ok(Err(fault));
        }
        self.fields.clear();
        let mut email = 0..0;
        for (index, octets) in self.record.iter().enumerate() {
            let Some(value) = self.list.charset.decode(octets) else { return Err(self.wrong_charset()) };
            if let Some(fault) = fault(&value, &columns[index], || self.last_line()) {
                return Ok(Err(fault));
            }
            if index > 0 {
                self.fields.push(FIELD_SEPARATOR);
            }
            let start = self.fields.len();
            self.fields.push_str(&value);
            if index == self.list.email {
                email = start..self.fields.len();
            }
        }
        let address = match EmailAddress::parse(&self.fields[email]) {
            Ok(address) => address,
            Err(error) => return Ok(Err(RowFault::Address(error))),
        };
        let record: Vec<&str> = self.fields.split(FIELD_SEPARATOR).collect();
        Ok(check.check(&record).map_err(RowFault::Release).map(|()| address))
    }

    /// Where the record ends: it has as many further lines as line feeds.
    fn last_line(&self) -> u64 {
        self.line + memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64
    }

    fn wrong_charset(&self) -> ListError {
        let octet = self.record.position().map_or(0, csv::Position::byte);
        super::charset::wrong(
            &self.list.path,
            self.line,
            octet,
            "in a row that is neither UTF-8 nor CP932 (Shift_JIS)",
        )
    }
}

/// The header row's names.
pub(super) fn header(path: &Path, charset: Charset) -> Result<Vec<String>, ListError> {
    let mut csv = csv_reader(path)?;
    let mut record = ByteRecord::new();
    if !read(path, &mut csv, &mut record)? {
        return Err(ListError::Empty { path: path.to_owned() });
    }
    let decoded: Option<Vec<String>> =
        record.iter().map(|name| charset.decode(name).map(Into::into)).collect();
    let names = decoded.ok_or_else(|| {
        super::charset::wrong(path, 1, 0, "in a row that is neither UTF-8 nor CP932 (Shift_JIS)")
    })?;
    columns::check(path, names)
}

/// Why a value cannot be used, whatever it is for.
fn fault(value: &str, column: &str, last_line: impl Fn() -> u64) -> Option<RowFault> {
    let column = || column.to_owned();
    if value.len() > FIELD_OCTETS_MAX {
        return Some(RowFault::FieldTooLong { column: column() });
    }
    // Every control character is an octet below 32, 127, or starts with the octet 0xC2.
    if !value.bytes().any(|b| b < 0x20 || b == 0x7f || b == 0xc2) {
        return None;
    }
    let control = value.chars().find(|c| c.is_control())?;
    Some(match control {
        '\r' | '\n' => RowFault::LineBreak { column: column(), last_line: last_line() },
        '\0' => RowFault::Nul { column: column() },
        _ => RowFault::Control { column: column() },
    })
}

fn csv_reader(path: &Path) -> Result<csv::Reader<HashingReader>, ListError> {
    let file = File::open(path).map_err(|reason| ListError::Read { path: path.to_owned(), reason })?;
    let source = HashingReader {
        file,
        context: Context::new(&SHA256),
        octets: 0,
        allowed: 0,
        breaks: Breaks::default(),
    };
    Ok(ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(BUFFER).from_reader(source))
}

fn read(
    path: &Path,
    csv: &mut csv::Reader<HashingReader>,
    record: &mut ByteRecord,
) -> Result<bool, ListError> {
    let start = csv.position().clone();
    csv.get_mut().allowed = start.byte() + ROW_OCTETS_MAX + BUFFER as u64;
    csv.read_byte_record(record).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            ListError::RowTooLong { path: path.to_owned(), line: start.line() }
        }
        csv::ErrorKind::Io(reason) => ListError::Read { path: path.to_owned(), reason },
        _ => ListError::RowTooLong { path: path.to_owned(), line: start.line() },
    })
}

/// Hashes what is read, and reads no further than one row may be long.
struct HashingReader {
    file: File,
    context: Context,
    octets: u64,
    allowed: u64,
    breaks: Breaks,
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.octets >= self.allowed {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.file.read(buffer)?;
        self.context.update(&buffer[..read]);
        self.breaks.note(&buffer[..read], self.octets);
        self.octets += read as u64;
        Ok(read)
    }
}

/// Line feeds that were read and not passed yet. (The CSV reader's own count is one behind in files with CRLF, and
/// does not see blank lines.)
#[derive(Default)]
struct Breaks {
    /// Offset of each, and whether a CR stands before it.
    ahead: VecDeque<(u64, bool)>,
    passed: u64,
    last_octet: u8,
}

impl Breaks {
    fn note(&mut self, octets: &[u8], offset: u64) {
        for place in memchr::memchr_iter(b'\n', octets) {
            let before = if place == 0 { self.last_octet } else { octets[place - 1] };
            self.ahead.push_back((offset + place as u64, before == b'\r'));
        }
        self.last_octet = octets.last().copied().unwrap_or(self.last_octet);
    }

    /// The line, from 1, of the first octet at or after `offset` that is no line break.
    fn line_at(&mut self, offset: u64) -> u64 {
        let mut offset = offset;
        while let Some((place, after_cr)) = self.ahead.front().copied() {
            let blank = place == offset || (after_cr && place == offset + 1);
            if place >= offset && !blank {
                break;
            }
            offset = offset.max(place + 1);
            self.passed += 1;
            self.ahead.pop_front();
        }
        self.passed + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: &[u8], offset: u64, line: u64) {
        let mut breaks = Breaks::default();
        let (first, rest) = octets.split_at(octets.len() / 2);
        breaks.note(first, 0);
        breaks.note(rest, first.len() as u64);
        assert_eq!(breaks.line_at(offset), line, "{octets:?} at {offset}");
    }

    #[test]
    fn lines_are_counted_through_blank_ones() {
        check(b"a\nb\n", 0, 1);
        check(b"a\nb\n", 2, 2);
        check(b"a\r\nb\r\n", 2, 2);
        check(b"a\r\nb\r\n", 3, 2);
        check(b"a\r\n\r\n\r\nb", 2, 4);
        check(b"a\n\n\nb\nc", 2, 4);
        check(b"a\nb\nc", 4, 3);
        check(b"\n\nx\n", 0, 3);
    }
}
