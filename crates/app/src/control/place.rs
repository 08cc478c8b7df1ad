//! Where the socket lies, by a name that is short enough for a socket's address (108 octets).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const NAME: &str = "control.sock";

/// The socket's path.
pub fn socket(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Runs `work` with a short path to the socket, whatever the folder's own path is.
pub fn with_short_path<T>(dir: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = File::open(dir)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()));
    work(&short)
}
