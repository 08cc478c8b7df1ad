//! Debian's Postfix, OpenSMTPD, PostgreSQL, Knot DNS and Unbound, unpacked into a tree that `testkit::peers` lays over the machine's own;
//! and its nftables, which a drill runs from where it lies.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::part::Part;
use super::tools::apt_get;
use crate::command::{Program, installed};

/// How long one package may take to unpack.
const UNPACK_MAX: Duration = Duration::from_secs(60);

/// No peer needs more packages than this beyond a plain Debian.
const PACKAGES_MAX: usize = 200;

/// Downloads and unpacks what `debian.txt` names.
///
/// # Errors
/// When this is no Debian, its archive cannot be reached, or a package cannot be unpacked.
pub fn prepare(locks: &Path, folder: &Path) -> anyhow::Result<()> {
    prepare_part(locks, folder, "debian")
}

/// Downloads and unpacks what `nftables.txt` names: a part of its own, for a drill alone needs it.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_firewall(locks: &Path, folder: &Path) -> anyhow::Result<()> {
    prepare_part(locks, folder, "nftables")
}

fn prepare_part(locks: &Path, folder: &Path, name: &str) -> anyhow::Result<()> {
    let list = fs::read_to_string(locks.join(name).with_extension("txt"))
        .with_context(|| format!("cannot read {name}.txt"))?;
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let Some(part) = Part::open(folder, name, &[&list, &release, std::env::consts::ARCH])? else {
        return Ok(());
    };
    ensure!(
        installed("apt-get"),
        "the packages of {name}.txt come from Debian's archive, and there is no apt-get"
    );
    apt_get(&part.folder).args(["update"]).quiet().context("Debian's archive cannot be reached")?;
    let packages = resolve(&list, &part.folder)?;
    let downloads = part.folder.join("packages");
    fs::create_dir(&downloads).context("cannot make the folder of packages")?;
    apt_get(&downloads).args(["download"]).args(&packages).quiet()?;
    unpack_all(&downloads, &part.folder.join("root"))?;
    fs::remove_dir_all(&downloads).context("cannot remove the folder of packages")?;
    part.ready()
}

/// The named packages and those that they need and the machine lacks.
fn resolve(list: &str, folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut packages = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let named: Vec<_> = line.split_whitespace().collect();
        let plan = apt_get(folder).args(["install", "--print-uris", "--no-install-recommends"]).args(&named);
        packages.extend(planned(&plan.output()?).map(str::to_owned));
        packages.extend(named.into_iter().map(str::to_owned));
    }
    ensure!(
        packages.len() <= PACKAGES_MAX,
        "{} packages would be unpacked, over {PACKAGES_MAX}",
        packages.len()
    );
    Ok(packages)
}

/// The packages of a plan: lines like `'URI' NAME_VERSION_ARCHITECTURE.deb SIZE HASH`.
fn planned(plan: &str) -> impl Iterator<Item = &str> {
    let files = plan.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split(' ').nth(1));
    files.filter_map(|file| file.split('_').next())
}

fn unpack_all(downloads: &Path, root: &Path) -> anyhow::Result<()> {
    for name in ["lib", "bin", "sbin"] {
        let below = format!("usr/{name}");
        fs::create_dir_all(root.join(&below)).context("cannot make the tree of packages")?;
        // As on the machine: /lib is /usr/lib.
        symlink(&below, root.join(name)).context("cannot make the tree of packages")?;
    }
    // Mount points that are laid over the machine's must exist.
    fs::create_dir_all(root.join("var/lib")).context("cannot make the tree of packages")?;
    for entry in fs::read_dir(downloads).context("cannot read the folder of packages")? {
        let package = entry.context("cannot read the folder of packages")?.path();
        let script =
            "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar -x --keep-directory-symlink -C \"$2\"";
        let unpack = Program::new("bash", downloads, UNPACK_MAX).args(["-c", script, "unpack"]);
        unpack
            .args([&package, root])
            .quiet()
            .with_context(|| format!("cannot unpack {}", package.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_its_packages() {
        let plan = "Reading…\n'http://a/p%2bq_1_amd64.deb' p+q_1:2_amd64.deb 12 MD5Sum:0\n'http://a/b.deb' b-c_1_all.deb 3 \n";
        assert_eq!(planned(plan).collect::<Vec<_>>(), ["p+q", "b-c"]);
    }
}
