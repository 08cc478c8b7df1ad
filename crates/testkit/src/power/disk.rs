//! The folder tree of a power-cut store, without FUSE: files, directories, and what of both is durable.
//!
//! Modelled after ext4: changes of directories form a journal that becomes durable in order. `fsync` of a
//! directory commits it up to the last change of that directory; `fsync` of a file commits it up to the change
//! that named the file. A cut keeps what was committed and, by seed, some prefix of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::file::{Draw, FileState};

/// The inode of the store's root.
pub const ROOT: u64 = 1;

type Names = BTreeMap<OsString, u64>;

/// Why an operation was refused; each is an `errno` of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskError {
    /// ENOENT
    NotFound,
    /// EEXIST
    Exists,
    /// ENOTDIR
    NotDirectory,
    /// EISDIR
    IsDirectory,
    /// ENOTEMPTY
    NotEmpty,
    /// ENOSPC
    NoSpace,
    /// EIO
    Io,
}

#[derive(Debug)]
enum Node {
    File { state: FileState, mode: u16 },
    Directory { current: Names, durable: Names, mode: u16 },
}

/// One change of a name: in `directory`, `name` now means `inode`, or nothing.
#[derive(Debug, Clone)]
struct Renaming {
    directory: u64,
    name: OsString,
    inode: Option<u64>,
}

/// What a node is, for attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// True for a directory.
    pub is_directory: bool,
    /// Octets of a file.
    pub octets: u64,
    /// Permission bits.
    pub mode: u16,
}

/// All nodes.
#[derive(Debug)]
pub struct Disk {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    journal: Vec<Vec<Renaming>>,
    open: BTreeMap<u64, u32>,
    octets_max: Option<u64>,
    octets: u64,
    refuses_sync: bool,
    forgets_unsynced: bool,
    syncs: u64,
}

impl Default for Disk {
    fn default() -> Self {
        let root = Node::Directory { current: Names::new(), durable: Names::new(), mode: 0o755 };
        Self {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            journal: Vec::new(),
            open: BTreeMap::new(),
            octets_max: None,
            octets: 0,
            refuses_sync: false,
            forgets_unsynced: false,
            syncs: 0,
        }
    }
}

impl Disk {
    /// Octets that files may have together; further growth gets ENOSPC.
    pub fn set_octets_max(&mut self, octets_max: Option<u64>) {
        self.octets_max = octets_max;
    }

    /// With `true` every `fsync` gets EIO and makes nothing durable.
    pub fn refuse_sync(&mut self, refuses: bool) {
        self.refuses_sync = refuses;
    }

    /// With `true` a refused `fsync` leaves its pages as if they had been written, as Linux does.
    pub fn forget_unsynced(&mut self, forgets: bool) {
        self.forgets_unsynced = forgets;
    }

    /// How many `fsync`s there were, of files and directories.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The inode of a name.
    pub fn lookup(&self, directory: u64, name: &OsStr) -> Result<u64, DiskError> {
        self.names(directory)?.get(name).copied().ok_or(DiskError::NotFound)
    }

    /// The names of a directory with their inodes.
    pub fn names(&self, directory: u64) -> Result<&Names, DiskError> {
        match self.nodes.get(&directory) {
            Some(Node::Directory { current, .. }) => Ok(current),
            Some(Node::File { .. }) => Err(DiskError::NotDirectory),
            None => Err(DiskError::NotFound),
        }
    }

    /// What a node is.
    pub fn stat(&self, inode: u64) -> Result<Stat, DiskError> {
        match self.nodes.get(&inode).ok_or(DiskError::NotFound)? {
            Node::File { state, mode } => {
                Ok(Stat { is_directory: false, octets: state.current().len() as u64, mode: *mode })
            }
            Node::Directory { mode, .. } => Ok(Stat { is_directory: true, octets: 0, mode: *mode }),
        }
    }

    /// Sets permission bits (durable at once: nothing here depends on them).
    pub fn set_mode(&mut self, inode: u64, bits: u16) -> Result<(), DiskError> {
        match self.nodes.get_mut(&inode).ok_or(DiskError::NotFound)? {
            Node::File { mode, .. } | Node::Directory { mode, .. } => *mode = bits & 0o7777,
        }
        Ok(())
    }

    /// Makes a file or a directory.
    pub fn create(
        &mut self,
        parent: u64,
        name: &OsStr,
        mode: u16,
        directory: bool,
    ) -> Result<u64, DiskError> {
        if self.names(parent)?.contains_key(name) {
            return Err(DiskError::Exists);
        }
        let inode = self.next;
        self.next += 1;
        let mode = mode & 0o7777;
        let node = if directory {
            Node::Directory { current: Names::new(), durable: Names::new(), mode }
        } else {
            Node::File { state: FileState::default(), mode }
        };
        self.nodes.insert(inode, node);
        self.rename_all(vec![Renaming { directory: parent, name: name.to_owned(), inode: Some(inode) }]);
        Ok(inode)
    }

    /// Removes a name; a directory must be empty.
    pub fn remove(&mut self, parent: u64, name: &OsStr, directory: bool) -> Result<(), DiskError> {
        let inode = self.lookup(parent, name)?;
        match (self.stat(inode)?.is_directory, directory) {
            (true, false) => return Err(DiskError::IsDirectory),
            (false, true) => return Err(DiskError::NotDirectory),
            (true, true) if !self.names(inode)?.is_empty() => return Err(DiskError::NotEmpty),
            _ => {}
        }
        self.rename_all(vec![Renaming { directory: parent, name: name.to_owned(), inode: None }]);
        Ok(())
    }

    /// Moves a name, replacing what is there, as one change.
    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), DiskError> {
        let inode = self.lookup(from.0, from.1)?;
        self.names(to.0)?;
        let gone = Renaming { directory: from.0, name: from.1.to_owned(), inode: None };
        let come = Renaming { directory: to.0, name: to.1.to_owned(), inode: Some(inode) };
        self.rename_all(vec![gone, come]);
        Ok(())
    }

    /// Counts an open file, so that it outlives its name.
    pub fn opened(&mut self, inode: u64) {
        *self.open.entry(inode).or_insert(0) += 1;
    }

    /// The inverse of [`Self::opened`].
    pub fn closed(&mut self, inode: u64) {
        if let Some(count) = self.open.get_mut(&inode) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&inode);
            }
        }
    }

    /// Reads a file.
    pub fn read(&self, inode: u64, offset: u64, octets: usize) -> Result<&[u8], DiskError> {
        match self.nodes.get(&inode).ok_or(DiskError::NotFound)? {
            Node::File { state, .. } => Ok(state.read(to_usize(offset)?, octets)),
            Node::Directory { .. } => Err(DiskError::IsDirectory),
        }
    }

    /// Writes a file's volatile state.
    pub fn write(&mut self, inode: u64, offset: u64, data: &[u8]) -> Result<(), DiskError> {
        let offset = to_usize(offset)?;
        self.reserve(inode, (offset + data.len()) as u64)?;
        self.file(inode)?.write(offset, data);
        Ok(())
    }

    /// Sets a file's volatile length.
    pub fn resize(&mut self, inode: u64, octets: u64) -> Result<(), DiskError> {
        self.reserve(inode, octets)?;
        let before = self.stat(inode)?.octets;
        self.octets -= before.saturating_sub(octets);
        self.file(inode)?.resize(to_usize(octets)?);
        Ok(())
    }

    /// `fsync` of a file or a directory.
    pub fn sync(&mut self, inode: u64) -> Result<(), DiskError> {
        self.syncs += 1;
        if self.refuses_sync {
            if self.forgets_unsynced && !self.stat(inode)?.is_directory {
                self.file(inode)?.forget_unsynced();
            }
            return Err(DiskError::Io);
        }
        let is_directory = self.stat(inode)?.is_directory;
        if !is_directory {
            self.file(inode)?.sync();
        }
        let concerns = |change: &Renaming| {
            if is_directory { change.directory == inode } else { change.inode == Some(inode) }
        };
        let committed =
            self.journal.iter().rposition(|entry| entry.iter().any(concerns)).map_or(0, |at| at + 1);
        self.commit(committed);
        Ok(())
    }

    /// The power goes: see [`FileState::cut`] for files; of the journal a prefix survives. Every open file is
    /// closed, and what no name leads to is gone.
    pub fn cut(&mut self, seed: u64) {
        let mut draw = Draw(seed);
        let survivors = usize::try_from(draw.next()).unwrap_or(0) % (self.journal.len() + 1);
        self.commit(survivors);
        self.journal.clear();
        self.open.clear();
        for node in self.nodes.values_mut() {
            match node {
                Node::File { state, .. } => state.cut(draw.next()),
                Node::Directory { current, durable, .. } => current.clone_from(durable),
            }
        }
        self.sweep();
        let octets = |node: &Node| match node {
            Node::File { state, .. } => state.current().len() as u64,
            Node::Directory { .. } => 0,
        };
        self.octets = self.nodes.values().map(octets).sum();
    }

    fn file(&mut self, inode: u64) -> Result<&mut FileState, DiskError> {
        match self.nodes.get_mut(&inode).ok_or(DiskError::NotFound)? {
            Node::File { state, .. } => Ok(state),
            Node::Directory { .. } => Err(DiskError::IsDirectory),
        }
    }

    /// Accounts for a file that will be `octets` long, if that is longer than it is.
    fn reserve(&mut self, inode: u64, octets: u64) -> Result<(), DiskError> {
        let growth = octets.saturating_sub(self.stat(inode)?.octets);
        if self.octets_max.is_some_and(|max| growth > 0 && self.octets + growth > max) {
            return Err(DiskError::NoSpace);
        }
        self.octets += growth;
        Ok(())
    }

    /// Changes names now, and puts the change at the journal's end.
    fn rename_all(&mut self, changes: Vec<Renaming>) {
        for change in &changes {
            if let Some(Node::Directory { current, .. }) = self.nodes.get_mut(&change.directory) {
                apply(current, change);
            }
        }
        self.journal.push(changes);
    }

    /// Makes the first `count` journal entries durable.
    fn commit(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let committed: Vec<Renaming> = self.journal.drain(..count).flatten().collect();
        for change in &committed {
            if let Some(Node::Directory { durable, .. }) = self.nodes.get_mut(&change.directory) {
                apply(durable, change);
            }
        }
        self.sweep();
    }

    /// Forgets nodes that nothing can reach: neither names, nor the journal, nor open files.
    fn sweep(&mut self) {
        let mut reachable: BTreeSet<u64> = self.open.keys().copied().collect();
        reachable.extend(self.journal.iter().flatten().filter_map(|change| change.inode));
        reachable.insert(ROOT);
        for node in self.nodes.values() {
            if let Node::Directory { current, durable, .. } = node {
                reachable.extend(current.values().chain(durable.values()));
            }
        }
        let octets = &mut self.octets;
        self.nodes.retain(|inode, node| {
            let stays = reachable.contains(inode);
            if let (false, Node::File { state, .. }) = (stays, &node) {
                *octets = octets.saturating_sub(state.current().len() as u64);
            }
            stays
        });
    }
}

fn apply(names: &mut Names, change: &Renaming) {
    match change.inode {
        Some(inode) => names.insert(change.name.clone(), inode),
        None => names.remove(&change.name),
    };
}

/// Files beyond 4 GiB are refused: the store lives in memory.
fn to_usize(octets: u64) -> Result<usize, DiskError> {
    usize::try_from(octets).ok().filter(|octets| *octets <= 4 << 30).ok_or(DiskError::NoSpace)
}
