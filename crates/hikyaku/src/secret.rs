//! Passwords of relay and database: from a file or the environment, which `ps` does not show; from the URL at one's own risk.
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
/// How the URL of a database begins.
pub const DATABASE_SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// Octets of a password file.
const FILE_OCTETS_MAX: u64 = 64 * 1024;

/// Gives the URL its secret from the file or the environment, which go before one in the URL.
pub fn complete(mut url: RelayUrl, file: Option<&Path>) -> anyhow::Result<RelayUrl> {
    let found = match file {
        Some(path) => Some(read("--relay-password-file", path)?),
        None => variable(VARIABLE)?,
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

/// The secret in a variable; an empty one is none.
pub fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(secret) if !secret.is_empty() => Ok(Some(secret)),
        Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
        Err(_) => bail!("{name} is not UTF-8"),
    }
}

/// The secret in the first line of a file that `flag` names.
pub fn read(flag: &str, path: &Path) -> anyhow::Result<String> {
    let place = || format!("{flag} {}", path.display());
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

/// Overwrites the password of any relay's or database's URL among this process' arguments, as other processes see them.
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
        let schemes = ["smtp://"].into_iter().chain(DATABASE_SCHEMES);
        let after = |scheme: &str| text.find(scheme).map(|at| at + scheme.len());
        if let Some(from) = schemes.filter_map(after).next().filter(|_| same_place) {
            found.extend(
                in_url(&text[from..]).map(|(first, last)| (start + from + first, start + from + last)),
            );
        }
        start += argument.len() + 1;
    }
    found
}

/// Where passwords stand in a URL without its scheme: before the host, and as a parameter.
fn in_url(rest: &str) -> impl Iterator<Item = (usize, usize)> {
    let authority = rest.split('?').next().unwrap_or_default();
    let login = authority.rsplit_once('@').map(|(login, _)| login);
    let login = login.and_then(|login| Some((login.find(':')? + 1, login.len())));
    let parameter = rest.find("password=").map(|at| at + "password=".len());
    let parameter = parameter.map(|from| (from, rest[from..].find('&').map_or(rest.len(), |end| from + end)));
    login.into_iter().chain(parameter)
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
        check("--database-url=postgres://u:p/w@h/d\0", "--database-url=postgres://u:***@h/d\0");
        check(
            "postgresql://h/d?password=pw&sslmode=disable\0",
            "postgresql://h/d?password=**&sslmode=disable\0",
        );
        check("smtp://h:25\0", "smtp://h:25\0");
    }
}
