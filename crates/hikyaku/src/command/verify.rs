//! `hikyaku verify`: needs no data folder. Exit code 0 clean, 4 with findings.

use std::fs::File;
use std::io::BufReader;

use anyhow::Context;
use app::export::{octets, verify};
use serde_json::json;

use crate::arguments::VerifyFlags;
use crate::exit::Exit;
use crate::print;

/// Verifies a copy of a tenant's books.
pub fn run(flags: &VerifyFlags) -> anyhow::Result<Exit> {
    let pinned = match &flags.key {
        None => None,
        Some(text) => Some(octets(text).context("--key: a public key has 64 hexadecimal digits")?),
    };
    let file = File::open(&flags.copy).with_context(|| flags.copy.display().to_string())?;
    let verified = verify(&mut BufReader::new(file), pinned)?;
    if flags.json {
        let object = json!({
            "tenant": verified.tenant,
            "public_key": verified.public_key,
            "rows": verified.rows,
            "links": verified.links,
            "findings": verified.findings,
        });
        print::line(&object.to_string());
    } else {
        verified.findings.iter().for_each(|finding| print::line(finding));
        let (rows, links, findings) = (verified.rows, verified.links, verified.findings.len());
        print::line(&format!("{}: {rows} rows, {links} links, {findings} findings", verified.tenant));
        if pinned.is_none() {
            print::line(&format!(
                "signed with {}; compare it with the one that you were given",
                verified.public_key
            ));
        }
    }
    Ok(if verified.findings.is_empty() { Exit::Well } else { Exit::Findings })
}
