//! An open file as SQLite uses it (`sqlite3_file`): octets, locks, shared memory.
//!
//! Invariants: a file's handle is boxed at its open and freed at its close; a handle of a dead process does nothing.

use std::ffi::{OsString, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::ffi;

use super::shared::SharedMemory;
use super::{code_of, lock};
use crate::disk::{Storage, locks};

/// A file as SQLite holds it.
#[repr(C)]
pub struct SimFile {
    pub base: ffi::sqlite3_file,
    pub handle: *mut Handle,
}

/// An open file.
pub struct Handle {
    pub storage: Arc<Mutex<Storage>>,
    pub inode: u64,
    pub id: u64,
    pub life: u64,
    pub removed_at_close: Option<OsString>,
    pub shared: Option<Arc<SharedMemory>>,
}

impl Handle {
    /// The storage, if the process that opened this still lives.
    fn alive(&self) -> Result<MutexGuard<'_, Storage>, c_int> {
        let storage = lock(&self.storage);
        if storage.life == self.life { Ok(storage) } else { Err(ffi::SQLITE_IOERR) }
    }
}

const METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(raise_lock),
    xUnlock: Some(lower_lock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map_shared),
    xShmLock: Some(lock_shared),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap_shared),
    xFetch: None,
    xUnfetch: None,
};

/// What a table's pointer points to, for as long as the process lives.
pub struct Methods(pub ffi::sqlite3_io_methods);
// SAFETY: a table of functions, never written.
unsafe impl Sync for Methods {}
/// The functions of every open file.
pub static TABLE: Methods = Methods(METHODS);

unsafe fn handle_of<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: `open` put the handle there, and `close` alone frees it; SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<SimFile>()).handle }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the handle was boxed by `open`; SQLite uses the file no more after this.
    unsafe {
        let handle = Box::from_raw((*file.cast::<SimFile>()).handle);
        (*file).pMethods = ptr::null();
        if let Ok(mut storage) = handle.alive() {
            if let Some(locks) = storage.locks.get_mut(&handle.inode) {
                locks.forget(handle.id);
            }
            storage.disk.closed(handle.inode);
            if let Some(name) = &handle.removed_at_close {
                let _ = storage.remove(name, false);
            }
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives an open file and room for `count` octets.
    let (handle, into) = unsafe {
        (handle_of(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), count.unsigned_abs() as usize))
    };
    let storage = match handle.alive() {
        Ok(storage) => storage,
        Err(code) => return code,
    };
    let Ok(octets) = storage.disk.read(handle.inode, offset.unsigned_abs(), into.len()) else {
        return ffi::SQLITE_IOERR_READ;
    };
    into[..octets.len()].copy_from_slice(octets);
    into[octets.len()..].fill(0);
    if octets.len() < into.len() { ffi::SQLITE_IOERR_SHORT_READ } else { ffi::SQLITE_OK }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives an open file and `count` octets.
    let (handle, from) = unsafe {
        (handle_of(file), std::slice::from_raw_parts(from.cast::<u8>(), count.unsigned_abs() as usize))
    };
    let inode = handle.inode;
    match handle.alive() {
        Ok(mut storage) => {
            code_of(storage.disk.write(inode, offset.unsigned_abs(), from), ffi::SQLITE_IOERR_WRITE)
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, octets: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives an open file.
    let handle = unsafe { handle_of(file) };
    let inode = handle.inode;
    match handle.alive() {
        Ok(mut storage) => {
            code_of(storage.disk.resize(inode, octets.unsigned_abs()), ffi::SQLITE_IOERR_TRUNCATE)
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    let handle = unsafe { handle_of(file) };
    let inode = handle.inode;
    match handle.alive() {
        Ok(mut storage) => code_of(storage.disk.sync(inode), ffi::SQLITE_IOERR_FSYNC),
        Err(code) => code,
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, octets: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives an open file and room for a number.
    let handle = unsafe { handle_of(file) };
    let stat = match handle.alive() {
        Ok(storage) => storage.disk.stat(handle.inode),
        Err(code) => return code,
    };
    let Ok(stat) = stat else { return ffi::SQLITE_IOERR_FSTAT };
    // SAFETY: as above.
    unsafe { *octets = i64::try_from(stat.octets).unwrap_or(i64::MAX) };
    ffi::SQLITE_OK
}

/// Does something with the locks of a file.
unsafe fn with_locks(
    file: *mut ffi::sqlite3_file,
    act: impl FnOnce(&mut locks::Locks, u64) -> bool,
) -> c_int {
    // SAFETY: the caller passes what SQLite gave.
    let handle = unsafe { handle_of(file) };
    let (inode, id) = (handle.inode, handle.id);
    let mut storage = match handle.alive() {
        Ok(storage) => storage,
        Err(code) => return code,
    };
    if act(storage.locks.entry(inode).or_default(), id) { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

unsafe extern "C" fn raise_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { with_locks(file, |locks, id| locks.raise(id, level)) }
}

unsafe extern "C" fn lower_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    let lower = |locks: &mut locks::Locks, id| {
        locks.lower(id, level);
        true
    };
    // SAFETY: SQLite gives an open file. A dead process has no locks left to lower.
    let _ = unsafe { with_locks(file, lower) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: SQLite gives an open file and room for a number.
    unsafe {
        let handle = handle_of(file);
        let taken = handle
            .alive()
            .is_ok_and(|storage| storage.locks.get(&handle.inode).is_some_and(locks::Locks::is_reserved));
        *reserved = c_int::from(taken);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_file: *mut ffi::sqlite3_file, _op: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn map_shared(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    _octets: c_int,
    extend: c_int,
    address: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite gives an open file and room for a pointer.
    let handle = unsafe { handle_of(file) };
    let inode = handle.inode;
    let shared = match handle.alive() {
        Ok(mut storage) => Arc::clone(storage.shared.entry(inode).or_default()),
        Err(code) => return code,
    };
    let found = shared.region(region.unsigned_abs() as usize, extend != 0);
    handle.shared = Some(shared);
    // SAFETY: as above.
    unsafe { *address = found };
    if found.is_null() && extend != 0 { ffi::SQLITE_IOERR_NOMEM } else { ffi::SQLITE_OK }
}

unsafe extern "C" fn lock_shared(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let bits = (((1_u32 << count) - 1) << first) as u8;
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    let act = |locks: &mut locks::Locks, id| {
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            locks.give(id, bits);
            return true;
        }
        locks.take(id, bits, exclusive)
    };
    // SAFETY: SQLite gives an open file.
    unsafe { with_locks(file, act) }
}

unsafe extern "C" fn barrier(_file: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn unmap_shared(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    let handle = unsafe { handle_of(file) };
    handle.shared = None;
    let inode = handle.inode;
    if delete != 0
        && let Ok(mut storage) = handle.alive()
    {
        storage.shared.remove(&inode);
    }
    ffi::SQLITE_OK
}
