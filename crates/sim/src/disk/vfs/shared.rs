//! The memory that the connections of one database share (SQLite's `-shm` file).
//!
//! Invariant: it outlives every handle that mapped it.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

/// Octets of one region of shared memory, as SQLite asks for them.
const REGION_WORDS: usize = 32 * 1024 / 8;
/// The most that SQLite may ask for.
const REGIONS_MAX: usize = 1024;

/// The memory that the connections of one life share; SQLite alone reads and writes it.
#[derive(Default)]
pub struct SharedMemory(Mutex<Vec<Box<UnsafeCell<[u64; REGION_WORDS]>>>>);

// SAFETY: the cells are only ever handed to SQLite as pointers, which orders its own access.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// The region's address; null when it is not there and may not be made.
    pub fn region(&self, number: usize, extend: bool) -> *mut c_void {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while extend && regions.len() <= number && number < REGIONS_MAX {
            regions.push(Box::new(UnsafeCell::new([0; REGION_WORDS])));
        }
        regions.get(number).map_or(ptr::null_mut(), |region| region.get().cast())
    }
}
