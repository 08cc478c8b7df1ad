//! A release's content: read once, frozen, compiled from what was frozen.

use std::path::Path;

use app::release::ReleaseContent;

const SOURCE: &str = "---\nsubject: news\nfrom: pr@example.jp\nattachments: [a.pdf]\n---\nHello {{ name }}\n";

fn write(dir: &Path, name: &str, octets: &[u8]) {
    std::fs::write(dir.join(name), octets).unwrap();
}

fn refused(dir: &Path, part: &str) {
    match ReleaseContent::load(&dir.join("news.md")) {
        Ok(_) => panic!("taken, though {part}"),
        Err(error) => assert!(error.to_string().contains(part), "{error}"),
    }
}

#[test]
fn what_is_frozen_comes_back_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(dir, "news.md", SOURCE.as_bytes());
    write(dir, "a.pdf", b"one");
    let columns = vec!["email".to_owned(), "name".to_owned()];
    let content = ReleaseContent::load(&dir.join("news.md")).unwrap();
    let (stored, names) = ReleaseContent::stored(content.to_parts(&columns)).unwrap();
    assert_eq!((stored.digest(), names.as_slice()), (content.digest(), columns.as_slice()));
    stored.template(&columns).unwrap();
    let digest = content.digest();
    write(dir, "a.pdf", b"two");
    assert_ne!(ReleaseContent::load(&dir.join("news.md")).unwrap().digest(), digest, "attachments count");
}

#[test]
fn too_much_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    write(dir, "news.md", SOURCE.as_bytes());
    refused(dir, "a.pdf cannot be read");
    // A sparse file: reading it whole would take long, looking at its size does not.
    std::fs::File::create(dir.join("a.pdf")).unwrap().set_len(100 << 20).unwrap();
    refused(dir, "a.pdf has 100.0 MiB; encoded, the message would have 136.");
    refused(dir, "at most 25.0 MiB can be mailed; link to large files instead");
    std::fs::remove_file(dir.join("a.pdf")).unwrap();
    std::fs::create_dir(dir.join("a.pdf")).unwrap();
    refused(dir, "is not a regular file");
}

#[test]
fn a_placeholder_without_column_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "news.md", SOURCE.as_bytes());
    write(folder.path(), "a.pdf", b"one");
    let content = ReleaseContent::load(&folder.path().join("news.md")).unwrap();
    let error = content.template(&["email".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("news.md: line 6: there is no column `name`"), "{error}");
}
