//! A fresh RSA key in PEM, so that no private key stands in the repository.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

/// Flags of `rsa-key`.
#[derive(Debug, Args)]
pub struct KeyFlags {
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

/// Writes the key (PKCS #8, 2048 bits).
pub fn run(flags: &KeyFlags) -> anyhow::Result<()> {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    std::fs::write(&flags.out, key.serialize_pem())
        .with_context(|| format!("writing {}", flags.out.display()))
}
