//! The log as a file: one JSON object a line, appended, readable while the sink runs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::record::{LogLine, Login, Mail};

/// Buffered octets after which lines go out even before a reply asks for it.
const BUFFER_OCTETS: usize = 256 << 10;

/// A log file open for appending.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    buffer: Vec<u8>,
    failed: Option<io::Error>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Mail(&'a Mail),
    Login(&'a Login),
}

impl LogFile {
    /// Opens the file, creating it when it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, buffer: Vec::with_capacity(BUFFER_OCTETS), failed: None })
    }

    /// Buffers the line of a mail.
    pub fn mail(&mut self, mail: &Mail) {
        self.line(&Line::Mail(mail));
    }

    /// Buffers the line of a login.
    pub fn login(&mut self, login: &Login) {
        self.line(&Line::Login(login));
    }

    /// Hands all buffered lines to the kernel.
    ///
    /// # Errors
    /// The first failure since the last call.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let written = self.file.write_all(&self.buffer);
            self.buffer.clear();
            written?;
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    fn line(&mut self, line: &Line<'_>) {
        if let Err(error) = serde_json::to_writer(&mut self.buffer, line) {
            self.failed = Some(error.into());
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_OCTETS
            && let Err(error) = self.flush()
        {
            self.failed = Some(error);
        }
    }
}

/// Reads a log file line by line. A last line without its line end (still being written) is left out.
///
/// # Errors
/// When the file cannot be opened; an item is an error when its line is no log line.
pub fn read_log(path: &Path) -> io::Result<impl Iterator<Item = io::Result<LogLine>>> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut line = String::new();
    Ok(std::iter::from_fn(move || {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Some(serde_json::from_str(&line).map_err(io::Error::from)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }))
}
