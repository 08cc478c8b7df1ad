//! The rules of the direct route, from a receiver's domain to its own mail servers: where mails go, how many at a
//! time, when to wait, from which address, and what the link must prove.
//!
//! Pure: answers of the DNS, replies and times come in as arguments. Looking up, dialling and TLS are for others.

pub mod back_off;
pub mod dane;
pub mod destination;
pub mod mta_sts;
pub mod receiver;
pub mod source;

pub use back_off::{BackOffSchedule, DomainBackOff, Trouble};
pub use dane::{Forms, Presented, TlsaRecord, TlsaSet};
pub use destination::{Destination, MxRecord, NoRoute};
pub use mta_sts::{MtaStsPolicy, StsMode};
pub use receiver::ReceiverLimits;
pub use source::{SourceAddress, SourceUse};
