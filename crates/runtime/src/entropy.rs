//! Random bits, and the id of this boot of the machine.

use std::io;

/// Draws random bits.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// When the operating system's source fails; nothing may go on without it.
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()>;

    /// 64 random bits.
    ///
    /// # Errors
    /// As [`Self::fill`].
    fn bits(&self) -> io::Result<u64> {
        let mut octets = [0; 8];
        self.fill(&mut octets)?;
        Ok(u64::from_be_bytes(octets))
    }
}

/// The operating system's generator, by way of aws-lc.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| io::Error::other("the system's random source failed"))
    }
}

/// The id that the kernel chose at this boot.
///
/// # Errors
/// When `/proc` is not there or holds something else.
pub fn boot_id() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16)
        .map(u128::to_be_bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the kernel's boot id is malformed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (a, b) = (SystemEntropy.bits().ok(), SystemEntropy.bits().ok());
        assert!(a.is_some() && a != b);
    }

    #[test]
    fn the_boot_id_stays() {
        assert_eq!(boot_id().ok(), boot_id().ok());
        assert_ne!(boot_id().ok(), Some([0; 16]));
    }
}
