//! SMTP as two sans-IO state machines: the [`client`] that a sender drives and the [`server`] that a sink or a
//! submission service drives.
//!
//! Bytes and moments go in; bytes and events come out. This room opens no socket, does no TLS, reads no clock
//! and draws no random number: the shell around it does. It knows nothing of tenants, attempts or books.
//!
//! Invariants:
//! * The client never claims more than the link proves: a message counts as *not sent* only while the kernel
//!   has refused at least one octet of its end (see [`client::Client::written`]), and as accepted only by a
//!   whole, well-formed 2xx reply to that end.
//! * No text from outside reaches the wire as a command unchecked, and no octet that arrived before TLS is read
//!   as if it had come after.
//! * Secrets are in no `Debug`, no error and no event but the server's [`server::Event::Auth`].
//!
//! Of `smtp-proto` the room uses the command parser (behind line framing of its own, for that crate takes a
//! bare LF as an end of line) and the EHLO response. Replies are read by the module `reply_reader`: the crate's reader
//! saturates enhanced codes above 255 (`4.7.650`), takes the first code of a multi-line reply for all, and
//! ends lines at a bare LF. Message content is scanned by this room for the same reason: strictness about line
//! ends, and no copy where none is needed.

pub mod client;
mod content;
pub mod fuzzing;
mod outgoing;
mod reply_reader;
pub mod sasl;
pub mod server;

/// A secret that prints as nothing and is wiped when dropped; [`ExposeSecret`] reads it.
pub use secrecy::{ExposeSecret, SecretString as Secret};

pub use reply_reader::ReplyError;
pub use sasl::Mechanism;
