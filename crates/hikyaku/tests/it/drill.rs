//! The drill of borrowed credentials passes, and would not if the secret were no part of a session's identity; the
//! drill of fairness, which measures time, is run as shipped by `cargo xtask test`.

use crate::scene::{Ran, Scene, run};

fn drill(more: &[&str]) -> Ran {
    let scene = Scene::of(0);
    let mut command = scene.command(&["drill", "borrowed-credentials", "--json"]);
    command.args(more).env("HIKYAKU_LOG", "off").env("TMPDIR", scene.folder.path());
    let ran = run(command);
    let left: Vec<_> = std::fs::read_dir(scene.folder.path())
        .unwrap()
        .filter_map(Result::ok)
        .map(|e| e.file_name())
        .collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("hikyaku-drill")), "{left:?}");
    ran
}

#[test]
fn no_mail_travels_over_a_foreign_session() {
    let ran = drill(&["--rounds", "8"]).expect(0);
    assert_eq!(["rounds", "mails", "foreign", "missing"].map(|key| ran.number(key)), [8, 720, 0, 0]);
    assert!(ran.number("rotations") > 0 && ran.number("refused_logins") > 0, "{ran:?}");
}

#[test]
fn a_borrowed_session_is_found() {
    let ran = drill(&["--rounds", "2", "--plant-borrowing"]).expect(1);
    assert!(ran.number("foreign") > 0, "{ran:?}");
}

#[test]
fn another_sink_can_judge() {
    let scene = Scene::of(0);
    let ran = drill(&["--rounds", "2", "--sink", &scene.sink.addr().to_string()]).expect(0);
    assert!(ran.json()["foreign"].is_null(), "{ran:?}");
    let mails = scene.sink.mails();
    assert_eq!(mails.len(), 180);
    for mail in mails {
        let tenant =
            mail.secret.strip_prefix("SG.").and_then(|rest| rest.split('.').next()).unwrap_or_default();
        assert_eq!(mail.from, format!("news@{tenant}.example"));
    }
}

#[test]
fn a_huge_release_that_is_none_measures_nothing() {
    let scene = Scene::of(0);
    let mut command = scene.command(&["drill", "fairness", "--huge", "1000"]);
    command.env("HIKYAKU_LOG", "off").env("TMPDIR", scene.folder.path());
    let ran = run(command).expect(2);
    assert!(ran.stderr.contains("give --huge more mails"), "{ran:?}");
}
