//! What `bench`, `crash` and `demo` share: the built programs, child processes that are measured and killed, the
//! sink, the sender, and the books as a stranger reads them.
//!
//! All programs are black boxes: what they do is learnt from their output, their log and the kernel.

pub mod binaries;
pub mod books;
pub mod list;
pub mod postgres;
pub mod process;
pub mod sender;
pub mod sink;

pub use binaries::{Binaries, Profile};
pub use books::Statement;
pub use postgres::PostgresProcess;
pub use process::{Ended, Process};
pub use sender::Sender;
pub use sink::{SinkProcess, SinkStats};
