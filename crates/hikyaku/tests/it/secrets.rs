//! Secrets are in no place where others could read them.

use std::path::Path;

use crate::scene::{Running, Scene, files_below};

const SECRET: &str = "hunter2-Very-Secret";

fn cmdline(running: &Running) -> String {
    let octets = std::fs::read(Path::new("/proc").join(running.pid().to_string()).join("cmdline")).unwrap();
    String::from_utf8_lossy(&octets).into_owned()
}

/// Sends slowly, looks at the process list meanwhile, and at everything that is left afterwards.
fn check(scene: &Scene, relay: &str, more: &[&str], variable: Option<&str>) {
    let mut command = scene.send_through(relay, more);
    if let Some(secret) = variable {
        command.env("HIKYAKU_RELAY_PASSWORD", secret);
    }
    command.env("HIKYAKU_LOG", "trace");
    let running = Running::start(command);
    scene.wait_for_kept(2);
    let seen = cmdline(&running);
    assert!(!seen.contains(SECRET), "{seen}");
    let ran = running.end().expect(0);
    assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET), "a log shows the secret");
    for file in files_below(&scene.path("data")) {
        let octets = std::fs::read(&file).unwrap();
        let found = octets.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{} holds the secret", file.display());
    }
    let logins = scene.sink.logins();
    assert!(logins.iter().all(|login| login.secret == SECRET), "the secret did authenticate");
    assert!(!logins.is_empty());
}

fn scene() -> Scene {
    Scene::behaving(40, "reply-delay:20")
}

#[test]
fn a_password_in_the_url_is_overwritten() {
    let scene = scene();
    let relay = format!("smtp://user:{SECRET}@{}?tls=none&auth=plain", scene.sink.addr());
    check(&scene, &relay, &["--sessions", "2"], None);
}

#[test]
fn a_password_from_a_file_is_never_an_argument() {
    let scene = scene();
    scene.write("password", format!("{SECRET}\n"));
    let relay = format!("smtp://user@{}?tls=none&auth=plain", scene.sink.addr());
    check(&scene, &relay, &["--sessions", "2", "--relay-password-file", "password"], None);
}

#[test]
fn a_password_from_the_environment_is_never_an_argument() {
    let scene = scene();
    let relay = format!("smtp://user@{}?tls=none&auth=plain", scene.sink.addr());
    check(&scene, &relay, &["--sessions", "2"], Some(SECRET));
}

#[test]
fn a_malformed_url_is_not_quoted() {
    let scene = scene();
    let ran = crate::scene::run(scene.send_through(&format!("smtp://user:{SECRET}/x@host"), &[])).expect(2);
    assert!(!ran.stderr.contains(SECRET), "{ran:?}");
    assert!(ran.stderr.contains("percent-encoded"), "{ran:?}");
}
