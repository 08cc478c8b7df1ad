//! What `bench`, `crash`, `chaos` and `demo` share: the built programs, child processes that are measured and killed,
//! the sink, senders and nodes, a campaign from its list to its verdict, and the books as a stranger reads them.
//!
//! All programs are black boxes: what they do is learnt from their output, their log and the kernel.

pub mod binaries;
pub mod books;
pub mod campaign;
pub mod dice;
pub mod list;
pub mod nodes;
pub mod policy;
pub mod postgres;
pub mod process;
pub mod sender;
pub mod served;
pub mod sink;

pub use binaries::{Binaries, Profile};
pub use books::Statement;
pub use campaign::Campaign;
pub use dice::Dice;
pub use nodes::Nodes;
pub use policy::{Policies, Policy};
pub use postgres::{PostgresPair, PostgresProcess};
pub use process::{Ended, Process, since};
pub use sender::Sender;
pub use served::Served;
pub use sink::{SinkProcess, SinkStats};
