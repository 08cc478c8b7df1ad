//! Identifiers as newtypes, so that a tenant's id can never stand where a relay's is meant.
//!
//! Wide ids are made by the application (see [`WideId`]): 41 bits of milliseconds and 22 random bits, so keys
//! only grow and no database hands them out. Narrow numbers count within their parent.

use std::fmt;
use std::str::FromStr;

/// The alphabet of Crockford's base 32, lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Random bits at the low end of a wide id.
const ENTROPY_BITS: u32 = 22;

/// An id text that does not have the form `prefix_` + 13 base-32 digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_…`")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

/// Makes the 63 bits of a wide id from the wall clock (ms since 1970) and fresh entropy.
#[must_use]
pub fn wide_id(now_ms: i64, entropy: u64) -> u64 {
    let time = u64::try_from(now_ms).unwrap_or(0) & ((1 << 41) - 1);
    (time << ENTROPY_BITS) | (entropy & ((1 << ENTROPY_BITS) - 1))
}

fn write_base32(value: u64, prefix: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut digits = [0u8; 13];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = ALPHABET[usize::try_from((value >> (5 * place)) & 31).unwrap_or(0)];
    }
    write!(f, "{prefix}_{}", str::from_utf8(&digits).unwrap_or_default())
}

fn read_base32(text: &str, prefix: &'static str) -> Result<u64, IdError> {
    let refused = || IdError { text: text.chars().take(64).collect(), prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(refused)?;
    if digits.len() != 13 {
        return Err(refused());
    }
    digits.bytes().try_fold(0u64, |value, byte| {
        let digit = ALPHABET.iter().position(|a| *a == byte.to_ascii_lowercase()).ok_or_else(refused)?;
        value.checked_mul(32).and_then(|v| v.checked_add(digit as u64)).ok_or_else(refused)
    })
}

macro_rules! wide_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// A new id from the wall clock (ms since 1970) and fresh entropy.
            #[must_use]
            pub fn generate(now_ms: i64, entropy: u64) -> Self {
                Self(wide_id(now_ms, entropy))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_base32(self.0, $prefix, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                read_base32(text, $prefix).map(Self)
            }
        }
    )*};
}

wide_ids! {
    /// A client company.
    TenantId = "ten";
    /// One SMTP account of one tenant.
    RelayId = "rly";
    /// Something to distribute.
    ReleaseId = "rel";
    /// One authenticated SMTP connection.
    SessionId = "ses";
    /// One installation of the sender: a data folder, or a machine of a cluster.
    NodeId = "nod";
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

counts! {
    /// A line of a release's audience, counted from 1 within the release.
    IntentNo(u32);
    /// A try of one intent, counted from 1; 0 stands in entries that settle an intent without a try.
    AttemptNo(u16);
    /// A contiguous run of intents that is leased as one, counted from 0 within the release.
    ChunkNo(u32);
    /// A secret of a relay, counted from 1 within the relay.
    CredentialVersion(u32);
    /// One run of one sender process; grows by one at each start, over all nodes of a store.
    SenderEpoch(u64);
    /// How often a chunk's lease changed hands; an attempt commits only under the epoch it was leased with.
    LeaseEpoch(u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_ids_read_back_and_grow_with_time() {
        let early = ReleaseId::generate(1_795_000_000_000, u64::MAX);
        let late = ReleaseId::generate(1_795_000_000_001, 0);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<ReleaseId>(), Ok(early));
        assert!(i64::try_from(late.0).is_ok(), "must fit a signed column");
    }

    /// Sessions of a run are numbered from a random start; those of one moment must differ wherever it lies.
    #[test]
    fn ids_of_one_moment_differ_by_their_numbers() {
        for start in [0, (1 << ENTROPY_BITS) - 25, u64::MAX - 25] {
            let numbers = (0..50).map(|more| start.wrapping_add(more));
            let ids: std::collections::HashSet<_> = numbers.map(|no| SessionId::generate(7, no)).collect();
            assert_eq!(ids.len(), 50, "from {start}");
        }
    }

    #[test]
    fn foreign_prefix_and_damage_are_refused() {
        let tenant = TenantId(7).to_string();
        assert!(tenant.parse::<ReleaseId>().is_err());
        assert!("rel_".parse::<ReleaseId>().is_err());
        assert!("rel_zzzzzzzzzzzzz".parse::<ReleaseId>().is_err(), "over 64 bits");
        assert!("rel_00000000000u0".parse::<ReleaseId>().is_err(), "u is no digit");
    }
}
