//! What `crash` and `chaos` judge by: the sink's log as oracle, held against the books as a stranger reads them.

pub mod bounds;
pub mod compare;
pub mod log_tail;

pub use compare::{Verdict, compare_release};
pub use log_tail::LogTail;
