//! Lists of passwords that were stolen elsewhere: a hook, and one over local files.
//!
//! Nothing leaves the machine. [`PrefixFolder`] reads the files that the downloader of *Have I Been Pwned* writes: a
//! folder with one file for each prefix of a password's SHA-1, named by five hexadecimal digits in upper case and `.txt`
//! (`21BD1.txt`), whose lines are the other 35 digits, a colon, and how often it was seen (`0018A45C4D1DEF81644B54AB7F969B88D65:4`).
//! SHA-1 is the format of these lists, and protects nothing here. Passwords are looked up in NFKC, as they are hashed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::error::PeopleError;
use super::password::Password;

/// Octets of one prefix's file that are read; the real ones have about 40 KiB.
const FILE_OCTETS_MAX: u64 = 8 << 20;
/// Digits of a file's name.
const PREFIX_DIGITS: usize = 5;

/// Knows passwords that were stolen.
pub trait BreachList: Send + Sync {
    /// True when a password of this SHA-1 (20 octets) is on the list. Called on a blocking thread.
    ///
    /// # Errors
    /// [`PeopleError::BreachList`] when the list cannot be asked; the password is then refused.
    fn holds(&self, sha1: &[u8]) -> Result<bool, PeopleError>;
}

/// The SHA-1 that lists know a password by.
pub(super) fn sha1(password: &Password) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, password.octets()).as_ref().to_vec()
}

/// A folder with a file for each prefix.
#[derive(Debug, Clone)]
pub struct PrefixFolder {
    dir: PathBuf,
}

impl PrefixFolder {
    /// The list in a folder.
    ///
    /// # Errors
    /// When the folder holds no file for the first prefix: it is no such list.
    pub fn open(dir: &Path) -> Result<Self, PeopleError> {
        let first = dir.join(format!("{}.txt", "0".repeat(PREFIX_DIGITS)));
        File::open(&first).map_err(|reason| PeopleError::BreachList { path: first.clone(), reason })?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl BreachList for PrefixFolder {
    fn holds(&self, sha1: &[u8]) -> Result<bool, PeopleError> {
        let digits = crate::error::hex(sha1).to_uppercase();
        let (prefix, rest) = digits.split_at(PREFIX_DIGITS.min(digits.len()));
        let path = self.dir.join(format!("{prefix}.txt"));
        let failed = |reason| PeopleError::BreachList { path: path.clone(), reason };
        // A prefix without a file is a list that is not whole: it must not look like a clean password.
        let file = File::open(&path).map_err(failed)?;
        for line in BufReader::new(file.take(FILE_OCTETS_MAX)).lines() {
            let line = line.map_err(failed)?;
            let suffix = line.split(':').next().unwrap_or_default().trim();
            if suffix.eq_ignore_ascii_case(rest) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp::Secret;

    fn digest_of(text: &str) -> Vec<u8> {
        sha1(&Password::given(&Secret::from(text.to_owned())).expect("short enough"))
    }

    #[test]
    fn a_stolen_password_is_found_by_its_prefix() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(PrefixFolder::open(folder.path()).is_err(), "an empty folder is no list");
        std::fs::write(folder.path().join("00000.txt"), "").expect("written");
        // SHA-1 of `password` is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
        let lines =
            "003D68EB55068C33ACE09247EE4C639306B:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n";
        std::fs::write(folder.path().join("5BAA6.txt"), lines).expect("written");
        let list = PrefixFolder::open(folder.path()).expect("a list");
        assert!(list.holds(&digest_of("password")).expect("asked"));
        assert!(list.holds(&digest_of("ｐａｓｓｗｏｒｄ")).expect("asked"), "in NFKC");
        std::fs::write(folder.path().join("5BAA6.txt"), "003D68EB55068C33ACE09247EE4C639306B:3\n")
            .expect("written");
        assert!(!list.holds(&digest_of("password")).expect("asked"));
        assert!(list.holds(&digest_of("合言葉")).is_err(), "a prefix that is missing is no clean password");
    }
}
