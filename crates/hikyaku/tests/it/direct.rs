//! `--relay direct`: the real binary over our own name server, receivers on loopback addresses.

use std::net::{IpAddr, SocketAddr};

use testkit::certs::Authority;
use testkit::dns::NameServer;
use testkit::sink::{Sink, SinkConfig, SinkHandle, TlsMode, TlsSetup};

use crate::scene::{Ran, Scene, run};

/// A name server with an executor of its own, for the tests here have none.
struct Names {
    server: NameServer,
    _executor: tokio::runtime::Runtime,
}

fn names() -> Names {
    let executor =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = executor.block_on(NameServer::start()).unwrap();
    Names { server, _executor: executor }
}

/// Receivers on one port: the first in clear, the second under TLS that nobody vouches for.
fn receivers() -> (SinkHandle, SinkHandle, u16) {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    let receiver = |ip: [u8; 4], tls: Option<TlsSetup>| {
        let listen = SocketAddr::from((ip, port));
        Sink::start(SinkConfig { listen, tls, ..SinkConfig::default() }).unwrap()
    };
    let certificate = Authority::generate().unwrap().issue(&["unknown.example"], (2020, 2100)).unwrap();
    let tls = Some(certificate.setup(TlsMode::StartTls));
    (receiver([127, 0, 0, 2], None), receiver([127, 0, 0, 3], tls), port)
}

fn send(scene: &Scene, names: &Names, port: u16, more: &[&str]) -> Ran {
    let (dns, port) = (names.server.addr.to_string(), port.to_string());
    let own = ["--dns", &dns, "--smtp-port", &port, "--private-hosts", "--ehlo-name", "sender.example.jp"];
    run(scene.send_through("direct", &[&own[..], more].concat()))
}

#[test]
fn a_release_goes_to_each_receivers_own_server_and_the_books_say_how() {
    let (names, (clear, tls, port)) = (names(), receivers());
    for (domain, ip) in [("clear.example", [127, 0, 0, 2]), ("tls.example", [127, 0, 0, 3])] {
        names.server.mx(domain, 10, &format!("mx.{domain}"));
        names.server.host(&format!("mx.{domain}"), IpAddr::from(ip));
    }
    names.server.mx("null.example", 0, ".");
    let scene = Scene::of(0);
    scene.write("list.csv", "email,name\na@clear.example,一\nb@tls.example,二\nc@null.example,三\n");
    let ran = send(&scene, &names, port, &["--source-address", "127.0.0.8"]).expect(0);
    assert_eq!((ran.number("accepted"), ran.number("rejected")), (2, 1));
    assert_eq!((clear.snapshot().kept, tls.snapshot().kept), (1, 1));
    let attempts = |to: &str| scene.ask(&["attempts", "news", "--to", to]).expect(0).json();
    let first = attempts("a@clear.example");
    assert_eq!(first[0]["peer"], format!("mx.clear.example 127.0.0.2:{port} from 127.0.0.8"));
    assert_eq!(first[0]["tls"], "clear text: the server does not offer STARTTLS");
    let second = attempts("b@tls.example")[0]["tls"].as_str().unwrap_or_default().to_owned();
    assert!(second.starts_with("TLSv1") && second.contains("proves nothing"), "{second}");
    let third = attempts("c@null.example")[0]["outcomes"][0].to_string();
    assert!(third.contains("5.1.10") && third.contains("null MX"), "{third}");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn an_unreachable_domain_is_settled_by_a_later_run() {
    let (names, (clear, _tls, port)) = (names(), receivers());
    names.server.mx("late.example", 10, "mx.late.example");
    let scene = Scene::of(0);
    scene.write("list.csv", "email,name\na@late.example,一\n");
    let ran = send(&scene, &names, port, &["--deadline", "2s"]).expect(3);
    assert_eq!(ran.number("expired"), 1, "the mail host has no address yet: {ran:?}");
    let attempts = scene.ask(&["attempts", "news", "--to", "a@late.example"]).expect(0).stdout;
    assert!(attempts.contains("mx.late.example") && attempts.contains("no link"), "{attempts}");
    names.server.host("mx.late.example", IpAddr::from([127, 0, 0, 2]));
    let ran = send(&scene, &names, port, &["--new"]).expect(0);
    assert_eq!((ran.number("accepted"), clear.snapshot().kept), (1, 1));
    scene.ask(&["check"]).expect(0);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_written() {
    let scene = Scene::of(1);
    let check = |relay: &str, more: &[&str], part: &str| {
        let ran = run(scene.send_through(relay, more)).expect(2);
        assert!(ran.stderr.contains(part), "{ran:?}");
        assert!(!scene.path("data").exists(), "{more:?}");
    };
    let name = ["--ehlo-name", "sender.example.jp"];
    check("direct", &["--ehlo-name", "laptop"], "--ehlo-name");
    check("direct", &[&name[..], &["--source-address", "mail.example.jp"]].concat(), "no IP address");
    check("direct", &[&name[..], &["--source-address", "192.0.2.1=soon"]].concat(), "YYYY-MM-DD");
    check("direct", &[&name[..], &["--dns", "resolver.example"]].concat(), "--dns");
    check(&scene.relay(), &["--dns", "127.0.0.1:53"], "--relay direct");
}
