//! The disk as a file system of SQLite (`sqlite3_vfs`): the only place of this room with pointers.
//!
//! SQLite calls it from one thread, through C function tables. Invariants: a file's handle is boxed at its open and
//! freed at its close; the memory that connections share outlives every handle that mapped it.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;
use testkit::power::disk::{DiskError, ROOT};

use super::Storage;
use super::locks;

/// Octets of one region of shared memory, as SQLite asks for them.
const REGION_WORDS: usize = 32 * 1024 / 8;
/// The most that SQLite may ask for.
const REGIONS_MAX: usize = 1024;
/// The longest name of a file.
const NAME_OCTETS_MAX: c_int = 512;

/// The memory that the connections of one life share; SQLite alone reads and writes it.
#[derive(Default)]
pub struct SharedMemory(Mutex<Vec<Box<UnsafeCell<[u64; REGION_WORDS]>>>>);

// SAFETY: the cells are only ever handed to SQLite as pointers, which orders its own access.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// The region's address; null when it is not there and may not be made.
    fn region(&self, number: usize, extend: bool) -> *mut c_void {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while extend && regions.len() <= number && number < REGIONS_MAX {
            regions.push(Box::new(UnsafeCell::new([0; REGION_WORDS])));
        }
        regions.get(number).map_or(ptr::null_mut(), |region| region.get().cast())
    }
}

/// A file as SQLite holds it.
#[repr(C)]
struct SimFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

/// An open file.
struct Handle {
    storage: Arc<Mutex<Storage>>,
    inode: u64,
    id: u64,
    life: u64,
    removed_at_close: Option<OsString>,
    shared: Option<Arc<SharedMemory>>,
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
struct Methods(ffi::sqlite3_io_methods);
// SAFETY: a table of functions, never written.
unsafe impl Sync for Methods {}
static TABLE: Methods = Methods(METHODS);

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

unsafe fn handle_of<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: `open` put the handle there, and `close` alone frees it; SQLite uses a file from one thread at a time.
    unsafe { &mut *(*file.cast::<SimFile>()).handle }
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
unsafe fn with_locks(file: *mut ffi::sqlite3_file, act: impl FnOnce(&mut locks::Locks, u64) -> bool) -> c_int {
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
