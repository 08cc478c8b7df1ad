//! Clients of other makers, unmodified, against `hikyaku serve`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use testkit::peers::prepared_or_skip;
use testkit::sink::{Keep, SinkConfig};

use crate::installation::{Serving, furnished_with};
use crate::scene::Scene;

const SENDGRID: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/peers/sendgrid_client.py");

#[test]
fn sendgrids_own_library_for_python() {
    let Some(prepared) = prepared_or_skip() else { return };
    let scene = Scene::with(0, SinkConfig { keep: Keep::Full, ..SinkConfig::default() });
    let key = furnished_with(&scene, "all");
    let serving = Serving::start(&scene);
    let mut command = Command::new(prepared.python().unwrap());
    command.arg(SENDGRID).arg(format!("http://{}", serving.http));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().unwrap();
    client.stdin.take().unwrap().write_all(format!("{key}\n").as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("202 rel_") && lines[1].starts_with("202 rel_"), "{said}");
    assert_eq!(lines[2..], ["200", "403 from", "400 content", "201", "True", "201 True"], "{said}");
    scene.wait_for_kept(7);
    serving.end();
    let mut expected: Vec<String> = vec!["one@example.jp".to_owned()];
    expected.extend(
        (0..2).flat_map(|number| ["to", "cc", "bcc"].map(|kind| format!("{kind}{number}@example.jp"))),
    );
    expected.sort();
    assert_eq!(scene.kept(), expected);
    for mail in scene.sink.kept_mails() {
        let text = String::from_utf8_lossy(&mail.content).into_owned();
        assert!(!text.contains("bcc0@") && !text.contains("bcc1@") && !text.contains("-name-"), "{text}");
    }
    scene.ask(&["check"]).expect(0);
}
