//! Waiting for the owner's word, or for its end.

use std::io::Read;

/// Returns when standard input ends: the owner closed it, or died.
pub fn until_input_ends() {
    let mut octets = [0; 256];
    let mut input = std::io::stdin().lock();
    // A broken pipe is an end too.
    while input.read(&mut octets).is_ok_and(|count| count > 0) {}
}
