//! `--extend`: the same content to recipients who are not in the audience yet.

use crate::scene::{Scene, list, twice};

#[test]
fn only_new_recipients_get_it() {
    let scene = Scene::of(10);
    scene.send(&[]).expect(0);
    // Another order of columns, old recipients in between, a repeated new one.
    let rows =
        "name,email\n甲,user3@example.jp\n乙,new1@example.jp\n丙,USER4@example.jp\n丁,New1@example.jp\n";
    scene.write("list.csv", rows);
    let ran = scene.send(&["--extend"]).expect(0);
    assert_eq!(["audience", "accepted", "suppressed"].map(|key| ran.number(key)), [12, 11, 1]);
    let kept = scene.kept();
    assert_eq!((kept.len(), twice(&kept)), (11, 0));
    let again = scene.send(&["--extend"]).expect(0);
    assert_eq!((again.number("audience"), scene.kept().len()), (12, 11));
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_missing_column_is_named() {
    let scene = Scene::of(2);
    scene.write("news.md", "---\nsubject: s\nfrom: pr@sakura.example\n---\nHello\n");
    scene.send(&[]).expect(0);
    scene.write("list.csv", "email\nx@example.jp\n");
    let ran = scene.send(&["--extend"]).expect(2);
    assert!(ran.stderr.contains("no column `name`"), "{ran:?}");
    scene.write("list.csv", list(0..2));
    scene.send(&["--extend"]).expect(0);
}
