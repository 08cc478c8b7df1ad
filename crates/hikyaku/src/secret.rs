//! The relay's password: from a file or the environment, which `ps` does not show; from the URL at one's own risk.
//!
//! A password in the URL is overwritten in the process list as soon as the arguments are parsed. Whoever looks in
//! the milliseconds before that sees it: the file and the variable are the safe ways.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, bail};
use app::relay::RelayUrl;
use smtp::Secret;

/// The variable that may hold the password.
pub const VARIABLE: &str = "HIKYAKU_RELAY_PASSWORD";
/// Octets of a password file.
const FILE_OCTETS_MAX: u64 = 64 * 1024;

/// Gives the URL its secret from the file or the environment, which go before one in the URL.
pub fn complete(mut url: RelayUrl, file: Option<&Path>) -> anyhow::Result<RelayUrl> {
    let found = match file {
        Some(path) => Some(read(path)?),
        None => match std::env::var(VARIABLE) {
            Ok(secret) if !secret.is_empty() => Some(secret),
            Ok(_) | Err(std::env::VarError::NotPresent) => None,
            Err(_) => bail!("{VARIABLE} is not UTF-8"),
        },
    };
    // A password for nobody is not used: a variable set for other relays must not get in the way.
    if url.user.is_empty() {
        if file.is_some() {
            bail!("--relay-password-file: the relay's URL has no user name; write smtp://USER@HOST:PORT");
        }
        return Ok(url);
    }
    if let Some(secret) = found {
        if secret.chars().any(char::is_control) {
            bail!(
                "the relay's password holds a control character; it must stand alone in the file's first line"
            );
        }
        url.secret = Some(Secret::from(secret));
    }
    Ok(url)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let place = || format!("--relay-password-file {}", path.display());
    let mut text = String::new();
    File::open(path)
        .with_context(place)?
        .take(FILE_OCTETS_MAX)
        .read_to_string(&mut text)
        .with_context(place)?;
    let first = text.lines().next().unwrap_or_default().to_owned();
    if first.is_empty() {
        bail!("{}: the first line is empty", place());
    }
    Ok(first)
}

/// Overwrites the password of any relay URL among this process' arguments, as other processes see them.
///
/// Where the kernel does not allow it, nothing is changed.
pub fn hide_in_process_list() {
    let Ok(line) = std::fs::read("/proc/self/cmdline") else { return };
    let Some(start) = arguments_start() else { return };
    let Ok(memory) = OpenOptions::new().write(true).open("/proc/self/mem") else { return };
    for (from, to) in passwords(&line) {
        let _ = memory.write_all_at(&vec![b'*'; to - from], start + from as u64);
    }
}

/// Field 48 of `/proc/self/stat`, counted after the command's closing parenthesis, which ends field 2.
fn arguments_start() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(48 - 3)?.parse().ok()
}

/// Where passwords stand in a list of arguments that end in NUL.
fn passwords(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for argument in line.split(|octet| *octet == 0) {
        let text = String::from_utf8_lossy(argument);
        let same_place = text.len() == argument.len();
        if let Some(scheme) = text.find("smtp://").filter(|_| same_place) {
            let from = scheme + "smtp://".len();
            let authority = text[from..].split('?').next().unwrap_or_default();
            if let Some((login, _)) = authority.rsplit_once('@')
                && let Some(colon) = login.find(':')
            {
                found.push((start + from + colon + 1, start + from + login.len()));
            }
        }
        start += argument.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_overwritten() {
        let check = |line: &str, expected: &str| {
            let mut octets = line.as_bytes().to_vec();
            for (from, to) in passwords(line.as_bytes()) {
                octets[from..to].fill(b'*');
            }
            assert_eq!(String::from_utf8_lossy(&octets), expected);
        };
        check("a\0--relay\0smtp://u:pw@h:1?tls=none\0b\0", "a\0--relay\0smtp://u:**@h:1?tls=none\0b\0");
        check("a\0--relay=smtp://u:p@w@h\0", "a\0--relay=smtp://u:***@h\0");
        check("a\0smtp://u@h?x=:@\0", "a\0smtp://u@h?x=:@\0");
        check("smtp://h:25\0", "smtp://h:25\0");
    }
}
