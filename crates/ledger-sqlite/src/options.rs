//! How the database is opened; the defaults are the ones to send with.

/// When the operating system is asked to put written pages on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// At every commit: the only level at which the books keep their promise.
    #[default]
    Full,
    /// Never. Exists so that a test of power cuts can show that it notices; never send with it.
    Off,
}

impl Synchronous {
    /// The number that the pragma takes and gives back.
    #[must_use]
    pub const fn level(self) -> i64 {
        match self {
            Self::Full => 2,
            Self::Off => 0,
        }
    }
}

/// Whose thread reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// A thread that writes, and the runtime's blocking threads for reads.
    #[default]
    OwnThreads,
    /// Whoever runs the caller's tasks: nothing else runs meanwhile. For simulations, where the order of all that
    /// happens must be the same each time.
    CallersThread,
}

/// How to open the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The level of durability.
    pub synchronous: Synchronous,
    /// The name of a registered SQLite VFS; `None` is the operating system's.
    pub vfs: Option<String>,
    /// Octets in a page of a new file.
    pub page_octets: u32,
    /// Connections that read at the same time.
    pub readers: usize,
    /// Calls that may wait for the writer before callers have to.
    pub queue_calls: usize,
    /// Whose thread does the work.
    pub place: Place,
    /// Pages in the write-ahead log after which it is copied into the file.
    pub checkpoint_pages: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            vfs: None,
            page_octets: 4096,
            readers: 4,
            queue_calls: 256,
            place: Place::OwnThreads,
            checkpoint_pages: 4096,
        }
    }
}
