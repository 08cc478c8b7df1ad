//! The [`Disk`] as a FUSE file system.
//!
//! Pages are cached by the kernel as usual (no `direct_io`), so shared mappings work: SQLite's WAL index and
//! any memory-mapped journal. A mapping's dirty pages reach the disk's volatile state when the kernel writes
//! them back, at the latest when the file is closed, synced or unmounted. `write` goes through at once. Locks
//! (`flock`, POSIX) are the kernel's own, local to the machine.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::disk::{Disk, DiskError};

/// Attributes change only through the kernel, so it may believe them for long.
const BELIEVED: Duration = Duration::from_secs(3600);

/// Serves a disk that its owner can cut.
pub struct PowerFs {
    disk: Arc<Mutex<Disk>>,
    /// The one time that every node shows: the disk has no clock.
    shown_time: SystemTime,
    uid: u32,
    gid: u32,
}

impl PowerFs {
    /// Serves `disk`; nodes belong to the given user and show the given time.
    pub fn new(disk: Arc<Mutex<Disk>>, shown_time: SystemTime, uid: u32, gid: u32) -> Self {
        Self { disk, shown_time, uid, gid }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attr(&self, disk: &Disk, inode: u64) -> Result<FileAttr, DiskError> {
        let stat = disk.stat(inode)?;
        Ok(FileAttr {
            ino: INodeNo(inode),
            size: stat.octets,
            blocks: stat.octets.div_ceil(512),
            atime: self.shown_time,
            mtime: self.shown_time,
            ctime: self.shown_time,
            crtime: self.shown_time,
            kind: if stat.is_directory { FileType::Directory } else { FileType::RegularFile },
            perm: stat.mode,
            nlink: 1,
            uid: self.uid,
            gid: self.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    fn reply_entry(&self, reply: ReplyEntry, made: impl FnOnce(&mut Disk) -> Result<u64, DiskError>) {
        let mut disk = self.disk();
        match made(&mut disk).and_then(|inode| self.attr(&disk, inode)) {
            Ok(attr) => reply.entry(&BELIEVED, &attr, Generation(0)),
            Err(error) => reply.error(errno(error)),
        }
    }
}

fn errno(error: DiskError) -> Errno {
    match error {
        DiskError::NotFound => Errno::ENOENT,
        DiskError::Exists => Errno::EEXIST,
        DiskError::NotDirectory => Errno::ENOTDIR,
        DiskError::IsDirectory => Errno::EISDIR,
        DiskError::NotEmpty => Errno::ENOTEMPTY,
        DiskError::NoSpace => Errno::ENOSPC,
        DiskError::Io => Errno::EIO,
    }
}

fn reply_empty(reply: ReplyEmpty, result: Result<(), DiskError>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

fn bits(mode: u32, umask: u32) -> u16 {
    u16::try_from(mode & !umask & 0o7777).unwrap_or(0o600)
}

impl Filesystem for PowerFs {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.reply_entry(reply, |disk| disk.lookup(parent.0, name));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attr(&self.disk(), ino.0) {
            Ok(attr) => reply.attr(&BELIEVED, &attr),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut disk = self.disk();
        let sized = size.map_or(Ok(()), |octets| disk.resize(ino.0, octets));
        let moded = sized.and_then(|()| mode.map_or(Ok(()), |mode| disk.set_mode(ino.0, bits(mode, 0))));
        match moded.and_then(|()| self.attr(&disk, ino.0)) {
            Ok(attr) => reply.attr(&BELIEVED, &attr),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        self.reply_entry(reply, |disk| disk.create(parent.0, name, bits(mode, umask), true));
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        self.reply_entry(reply, |disk| disk.create(parent.0, name, bits(mode, umask), false));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut disk = self.disk();
        let made = disk.create(parent.0, name, bits(mode, umask), false);
        match made.and_then(|inode| self.attr(&disk, inode)) {
            Ok(attr) => {
                disk.opened(attr.ino.0);
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&BELIEVED, &attr, Generation(0), FileHandle(0), flags);
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.disk().opened(ino.0);
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.disk().closed(ino.0);
        reply.ok();
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        reply_empty(reply, self.disk().remove(parent.0, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        reply_empty(reply, self.disk().remove(parent.0, name, true));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut disk = self.disk();
        let taken = disk.lookup(newparent.0, newname).is_ok();
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return reply.error(Errno::EINVAL);
        }
        if taken && flags.contains(RenameFlags::RENAME_NOREPLACE) {
            return reply.error(Errno::EEXIST);
        }
        reply_empty(reply, disk.rename((parent.0, name), (newparent.0, newname)));
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().read(ino.0, offset, size as usize) {
            Ok(data) => reply.data(data),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk().write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let mut disk = self.disk();
        let grown = disk.stat(ino.0).and_then(|stat| {
            let end = offset.saturating_add(length);
            if stat.octets < end { disk.resize(ino.0, end) } else { Ok(()) }
        });
        reply_empty(reply, grown);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        reply_empty(reply, self.disk().sync(ino.0));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        reply_empty(reply, self.disk().sync(ino.0));
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let disk = self.disk();
        let names = match disk.names(ino.0) {
            Ok(names) => names,
            Err(error) => return reply.error(errno(error)),
        };
        let own = [(OsStr::new("."), ino.0), (OsStr::new(".."), ino.0)];
        let entries = own.into_iter().chain(names.iter().map(|(name, inode)| (name.as_os_str(), *inode)));
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        for (place, (name, inode)) in entries.enumerate().skip(skip) {
            let is_directory = disk.stat(inode).is_ok_and(|stat| stat.is_directory);
            let kind = if is_directory { FileType::Directory } else { FileType::RegularFile };
            if reply.add(INodeNo(inode), place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096);
    }
}
