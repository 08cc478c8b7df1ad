//! The one source of hidden chance in a process, taken over by the seed: `getrandom` of the C library.
//!
//! The standard library seeds its hash maps from it, and the async runtime its choice among ready branches and its
//! wake-ups. Rust calls it through a weak symbol, "which allows interposition"; this is it. So these too differ from
//! seed to seed, and are the same for the same seed. It holds for one run a process, on a fresh thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::dice::Dice;

/// Where the stream is. An atomic, because any thread may draw; a simulated run draws from one alone.
static STREAM: AtomicU64 = AtomicU64::new(0);

/// Begins the stream of a seed. Hash maps of a thread follow it if the thread starts afterwards.
pub fn begin(seed: u64) {
    STREAM.store(seed, Ordering::SeqCst);
}

/// The C library's function of this name, for this binary.
///
/// # Safety
/// `buffer` must be valid for writes of `length` octets, as for the function that it replaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller's promise above.
    let octets = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    let mut dice = Dice::new(STREAM.fetch_add(0x5851_f42d_4c95_7f2d, Ordering::SeqCst));
    dice.fill(octets);
    isize::try_from(length).unwrap_or(isize::MAX)
}
