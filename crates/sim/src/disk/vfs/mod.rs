//! The disk as a file system of SQLite (`sqlite3_vfs`): this module and its parts are the only ones of this room with
//! pointers.
//!
//! SQLite calls it from one thread, through C function tables. Here: the table that opens, removes and finds files.

mod file;
mod shared;

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;
use testkit::power::disk::{DiskError, ROOT};

use super::Storage;
use file::{Handle, SimFile, TABLE};

pub use shared::SharedMemory;

/// The longest name of a file.
const NAME_OCTETS_MAX: c_int = 512;

/// Makes the storage known to SQLite under `name`, for as long as the process lives.
pub fn register(name: &str, storage: Arc<Mutex<Storage>>) -> anyhow::Result<()> {
    let vfs = Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<SimFile>())?,
        mxPathname: NAME_OCTETS_MAX,
        pNext: ptr::null_mut(),
        zName: CString::new(name)?.into_raw(),
        pAppData: Arc::into_raw(storage).cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path_name),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(nap),
        xCurrentTime: None,
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    });
    // SAFETY: the table is leaked, so it outlives SQLite's use of it. As the default it also gives SQLite its random bits.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 1) };
    anyhow::ensure!(code == ffi::SQLITE_OK, "SQLite refuses the simulated disk: {code}");
    Ok(())
}

fn lock(storage: &Mutex<Storage>) -> MutexGuard<'_, Storage> {
    storage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The storage behind a registered table.
unsafe fn storage_of(vfs: *mut ffi::sqlite3_vfs) -> Arc<Mutex<Storage>> {
    // SAFETY: `register` put an Arc there and keeps one count of it for ever.
    unsafe {
        let storage = (*vfs).pAppData.cast::<Mutex<Storage>>().cast_const();
        Arc::increment_strong_count(storage);
        Arc::from_raw(storage)
    }
}

/// The last part of a path: the disk has one folder.
unsafe fn name_of(path: *const c_char) -> OsString {
    // SAFETY: SQLite gives a terminated string.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    let name = path.rsplit(|octet| *octet == b'/').next().unwrap_or(path);
    OsStr::from_bytes(name).to_owned()
}

fn code_of(outcome: Result<(), DiskError>, failed: c_int) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(DiskError::NoSpace) => ffi::SQLITE_FULL,
        Err(_) => failed,
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives its own table, a path or null, and room for a `SimFile`.
    unsafe {
        let storage = storage_of(vfs);
        let file = file.cast::<SimFile>();
        (*file).base.pMethods = ptr::null();
        let mut held = lock(&storage);
        held.handles += 1;
        let id = held.handles;
        let name = if path.is_null() { OsString::from(format!("temporary-{id}")) } else { name_of(path) };
        let create = path.is_null() || flags & ffi::SQLITE_OPEN_CREATE != 0;
        let Ok(inode) = held.open(&name, create) else { return ffi::SQLITE_CANTOPEN };
        let life = held.life;
        drop(held);
        let gone = path.is_null() || flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
        let removed_at_close = gone.then_some(name);
        let handle = Handle { storage, inode, id, life, removed_at_close, shared: None };
        (*file).handle = Box::into_raw(Box::new(handle));
        (*file).base.pMethods = &raw const TABLE.0;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, path: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite gives its own table and a path.
    let (storage, name) = unsafe { (storage_of(vfs), name_of(path)) };
    let removed = lock(&storage).remove(&name, sync != 0);
    match removed {
        Err(DiskError::NotFound) => ffi::SQLITE_IOERR_DELETE_NOENT,
        removed => code_of(removed, ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    _flags: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives its own table, a path, and room for a number.
    unsafe {
        let (storage, name) = (storage_of(vfs), name_of(path));
        *found = c_int::from(lock(&storage).disk.lookup(ROOT, &name).is_ok());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path_name(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    full: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a terminated string and `room` octets.
    unsafe {
        let octets = CStr::from_ptr(path).to_bytes_with_nul();
        if octets.len() > room.unsigned_abs() as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(octets.as_ptr().cast(), full, octets.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, count: c_int, octets: *mut c_char) -> c_int {
    // SAFETY: SQLite gives its own table and room for `count` octets.
    unsafe {
        let octets = std::slice::from_raw_parts_mut(octets.cast::<u8>(), count.unsigned_abs() as usize);
        lock(&storage_of(vfs)).dice.fill(octets);
    }
    count
}

/// Nobody else can move while SQLite waits: so it does not.
unsafe extern "C" fn nap(_vfs: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

/// No statement of the books asks for the time.
unsafe extern "C" fn current_time(_vfs: *mut ffi::sqlite3_vfs, time: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for a number.
    unsafe { *time = 0 };
    ffi::SQLITE_OK
}
