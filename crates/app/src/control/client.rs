//! The other end of the control socket: one order, one answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::place::with_short_path;
use super::{ControlAnswer, ControlRequest, LINE_OCTETS_MAX};

/// How long the owner may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// True while a process serves the folder.
#[must_use]
pub fn is_served(dir: &Path) -> bool {
    with_short_path(dir, |short| UnixStream::connect(short)).is_ok()
}

/// Sends an order to the folder's owner; `None` when nobody serves it.
///
/// # Errors
/// When the owner does not answer.
pub fn ask(dir: &Path, order: &ControlRequest) -> io::Result<Option<ControlAnswer>> {
    let Ok(mut stream) = with_short_path(dir, |short| UnixStream::connect(short)) else { return Ok(None) };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_string(order)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_OCTETS_MAX * 64)).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}
