//! Relays that cannot work as configured: the first session says so, and nothing is sent.

use std::io::Write;
use std::net::TcpListener;

use testkit::certs::Authority;
use testkit::sink::{AuthRule, SinkConfig, TlsMode};

use crate::scene::{Ran, Scene, run};

fn stopped(scene: &Scene, ran: Ran, part: &str) {
    let ran = ran.expect(2);
    assert!(ran.stderr.contains(part), "{ran:?}");
    assert_eq!((ran.number("pending"), ran.number("accepted")), (3, 0), "{ran:?}");
    assert_eq!(scene.kept().len(), 0);
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_wrong_password_stops_the_relay_at_the_first_535() {
    let scene = Scene::with(3, SinkConfig { auth: AuthRule::RefuseAll, ..SinkConfig::default() });
    stopped(&scene, scene.send(&["--sessions", "2"]), "535");
    let logins = scene.sink.logins().len();
    assert!((1..=2).contains(&logins), "{logins} tries with a refused password");
}

#[test]
fn the_right_password_finishes_what_the_wrong_one_left() {
    let rule = "user:right".parse().unwrap();
    let scene = Scene::with(3, SinkConfig { auth: rule, ..SinkConfig::default() });
    stopped(&scene, scene.send(&[]), "535");
    let relay = format!("smtp://user:right@{}?tls=none", scene.sink.addr());
    assert_eq!(run(scene.send_through(&relay, &[])).expect(0).number("accepted"), 3);
}

#[test]
fn something_that_is_not_smtp_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let scene = Scene::of(3);
    let ran = run(scene.send_through(&format!("smtp://u:p@{place}?tls=none"), &[]));
    stopped(&scene, ran, "SMTP");
}

fn with_certificate(issue: impl Fn(&Authority) -> testkit::certs::Certificates) -> (Scene, Vec<String>) {
    let authority = Authority::generate().unwrap();
    let tls = Some(issue(&authority).setup(TlsMode::Implicit));
    let scene = Scene::with(3, SinkConfig { tls, ..SinkConfig::default() });
    authority.write_ca(&scene.path("ca.pem")).unwrap();
    let relay = format!("smtp://u:p@localhost:{}?tls=implicit", scene.sink.addr().port());
    (scene, vec![relay, "--relay-ca".to_owned(), "ca.pem".to_owned()])
}

#[test]
fn certificates_decide() {
    let check = |issue: fn(&Authority) -> testkit::certs::Certificates, part: &str| {
        let (scene, words) = with_certificate(issue);
        let ran = run(scene.send_through(&words[0], &[&words[1], &words[2]]));
        match part {
            "" => assert_eq!(ran.expect(0).number("accepted"), 3),
            part => stopped(&scene, ran, part),
        }
    };
    check(|authority| authority.localhost().unwrap(), "");
    check(|authority| authority.expired().unwrap(), "expired");
    check(|authority| authority.wrong_host().unwrap(), "certificate");
}

#[test]
fn an_unreadable_trust_file_is_refused_before_anything_is_sent() {
    let scene = Scene::of(3);
    let relay = format!("smtp://u:p@localhost:{}?tls=starttls", scene.sink.addr().port());
    let ran = run(scene.send_through(&relay, &["--relay-ca", "news.md"])).expect(2);
    assert!(ran.stderr.contains("news.md cannot be used"), "{ran:?}");
    assert_eq!(scene.sink.snapshot().connections, 0);
}

#[test]
fn the_right_to_send_needs_starttls_where_it_is_asked_for() {
    let scene = Scene::of(3);
    let ran = run(scene.send_through(&format!("smtp://u:p@{}", scene.sink.addr()), &[]));
    stopped(&scene, ran, "TLS is required");
}

#[test]
fn a_relay_that_wants_a_login_refuses_no_mail_for_good() {
    let rule = "user:right".parse().unwrap();
    let scene = Scene::with(3, SinkConfig { auth: rule, ..SinkConfig::default() });
    let without = format!("smtp://{}?tls=none", scene.sink.addr());
    stopped(&scene, run(scene.send_through(&without, &[])), "give user and password");
    let with = format!("smtp://user:right@{}?tls=none", scene.sink.addr());
    assert_eq!(run(scene.send_through(&with, &[])).expect(0).number("accepted"), 3);
}
