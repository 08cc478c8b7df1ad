//! The data folder: who may read it, and how much room is left.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Finding, Health};

/// Files that only the owner may read.
const SECRET_FILES: [&str; 4] = ["installation.key", "signing.key", "control.sock", "self-signed.key"];
/// Octets below which the books may be stopped by the next large release.
const ROOM_DOUBTFUL: u64 = 2 << 30;
/// Octets below which nothing should be begun.
const ROOM_FAULTY: u64 = 200 << 20;

/// Everything about the folder; one finding if there is none yet.
pub fn look(dir: &Path) -> Vec<Finding> {
    let what = format!("data folder {}", dir.display());
    let Ok(metadata) = std::fs::metadata(dir) else {
        return vec![Finding::new(what, Health::Well, "there is none yet; it is made when it is first used")];
    };
    let mut all = vec![private(&what, &metadata)];
    all.extend(SECRET_FILES.iter().filter_map(|name| secret(&dir.join(name))));
    all.extend(room(dir));
    all
}

fn private(what: &str, metadata: &std::fs::Metadata) -> Finding {
    let mode = metadata.permissions().mode() & 0o777;
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        let text = format!("belongs to user {} and not to {own}; run as its owner", metadata.uid());
        return Finding::new(what, Health::Faulty, text);
    }
    match mode & 0o077 {
        0 => Finding::new(what, Health::Well, "its owner's alone"),
        _ => Finding::new(
            what,
            Health::Doubtful,
            format!("others may look into it (mode {mode:03o}), and it holds addresses; chmod 700"),
        ),
    }
}

fn secret(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let what = path.display().to_string();
    Some(match mode & 0o077 {
        0 => Finding::new(what, Health::Well, "its owner's alone"),
        _ => Finding::new(
            what,
            Health::Faulty,
            format!(
                "others may read it (mode {mode:03o}), and it holds a key; chmod 600, and make the key anew"
            ),
        ),
    })
}

fn room(dir: &Path) -> Option<Finding> {
    let volume = rustix::fs::statvfs(dir).ok()?;
    let octets = volume.f_bavail.saturating_mul(volume.f_frsize);
    let text = format!("{} MiB free", octets >> 20);
    Some(match octets {
        0..ROOM_FAULTY => {
            Finding::new("disk", Health::Faulty, format!("{text}: sending stops when it is full; make room"))
        }
        ROOM_FAULTY..ROOM_DOUBTFUL => {
            Finding::new("disk", Health::Doubtful, format!("{text}: a million mails take about 1 GiB"))
        }
        _ => Finding::new("disk", Health::Well, text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healths(dir: &Path) -> Vec<(String, Health)> {
        look(dir).into_iter().map(|one| (one.what, one.health)).filter(|one| one.0 != "disk").collect()
    }

    #[test]
    fn what_others_may_read_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        };
        let key = dir.path().join("installation.key");
        std::fs::write(&key, [0; 32]).expect("a key");
        set(dir.path(), 0o700);
        set(&key, 0o600);
        assert!(healths(dir.path()).iter().all(|(_, health)| *health == Health::Well));
        set(dir.path(), 0o755);
        set(&key, 0o640);
        let healths: Vec<_> = healths(dir.path()).into_iter().map(|(_, health)| health).collect();
        assert_eq!(healths, [Health::Doubtful, Health::Faulty]);
    }
}
