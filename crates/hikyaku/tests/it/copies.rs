//! A copy of the books verifies, and any change of it is found and named.

use crate::scene::{Ran, Scene, run};

fn verify(scene: &Scene, more: &[&str]) -> Ran {
    let mut command = scene.command(&["verify", "copy.jsonl", "--json"]);
    command.args(more);
    run(command)
}

#[test]
fn any_line_that_is_changed_deleted_or_added_is_named() {
    let scene = Scene::behaving(30, "rcpt:user1@example.jp=refuse,rcpt:user2@example.jp=defer*1");
    scene.send(&[]).expect(0);
    let ran = scene.ask(&["export", "--out", "copy.jsonl"]).expect(0);
    let key = ran.stderr.split_whitespace().find(|word| word.len() > 64).unwrap_or_default();
    let key = key.trim_end_matches(';').to_owned();
    let clean = verify(&scene, &["--key", &key]).expect(0);
    assert_eq!(
        (clean.number("rows"), clean.json()["findings"].clone()),
        (30 + 31 + 31, serde_json::json!([]))
    );
    let other = verify(&scene, &["--key", &"0".repeat(64)]).expect(4);
    assert!(other.stdout.contains("another key"), "{other:?}");

    let original = std::fs::read_to_string(scene.path("copy.jsonl")).unwrap();
    assert!(!original.contains("example.jp"), "a copy holds no address");
    let lines: Vec<&str> = original.lines().collect();
    for index in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(index);
        let mut twice = lines.clone();
        twice.insert(index, lines[index]);
        let changed = lines[index].replacen(char::is_numeric, "", 1);
        let mut other = lines.clone();
        other[index] = &changed;
        for (what, copy) in [("deleted", without), ("doubled", twice), ("changed", other)] {
            scene.write("copy.jsonl", copy.join("\n") + "\n");
            let found = verify(&scene, &[]);
            assert_eq!(found.code, 4, "line {} {what}: {} {found:?}", index + 1, lines[index]);
        }
    }
}

#[test]
fn a_changed_row_is_named_by_its_link_and_lines() {
    let scene = Scene::of(5);
    scene.send(&[]).expect(0);
    scene.ask(&["export", "--out", "copy.jsonl"]).expect(0);
    let original = std::fs::read_to_string(scene.path("copy.jsonl")).unwrap();
    scene.write("copy.jsonl", original.replacen("\"verdict\":\"accepted\"", "\"verdict\":\"rejected\"", 1));
    let found = verify(&scene, &[]).expect(4);
    let text = found.json()["findings"].to_string();
    assert!(text.contains("of outcomes by sender 1") && text.contains("was changed"), "{text}");
    assert!(text.contains("the signature is not that of the lines"), "{text}");
}
