//! Certificates, and the sink behind TLS, as a client that checks them sees both.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error, StreamOwned};
use testkit::certs::{Authority, Certificates};
use testkit::sink::{Sink, SinkConfig, SinkHandle, TlsMode};

use crate::dialogue::Talk;

fn sink(certificates: &Certificates, mode: TlsMode) -> SinkHandle {
    let tls = Some(certificates.setup(mode));
    Sink::start(SinkConfig { tls, ..SinkConfig::default() }).expect("the sink starts")
}

fn client(authority: &Authority) -> Result<ClientConnection, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authority.root_store().expect("roots"))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").expect("a name"))
}

fn connect(sink: &SinkHandle) -> TcpStream {
    let link = TcpStream::connect(sink.addr()).expect("connect");
    link.set_read_timeout(Some(Duration::from_secs(20))).expect("time limit");
    link
}

/// Octets up to the first line that ends a reply.
fn reply(stream: &mut impl Read) -> std::io::Result<String> {
    let (mut text, mut octet) = (String::new(), [0]);
    loop {
        stream.read_exact(&mut octet)?;
        text.push(char::from(octet[0]));
        let last = text.trim_end().rsplit("\r\n").next().unwrap_or_default();
        if text.ends_with("\r\n") && last.as_bytes().get(3) != Some(&b'-') {
            return Ok(text);
        }
    }
}

#[test]
fn wrong_certificates_are_refused_for_their_own_reason() {
    let authority = Authority::generate().expect("an authority");
    let check = |certificates: Certificates, expected: &str| {
        let sink = sink(&certificates, TlsMode::Implicit);
        let mut stream = StreamOwned::new(client(&authority).expect("a client"), connect(&sink));
        let seen = reply(&mut stream).unwrap_or_else(|error| error.to_string());
        assert!(seen.contains(expected), "expected {expected}, got {seen}");
    };
    check(authority.localhost().expect("good"), "220");
    check(authority.expired().expect("expired"), "expired");
    check(authority.wrong_host().expect("wrong"), "not valid for name");
    let stranger = Authority::generate().expect("another authority");
    check(stranger.localhost().expect("foreign"), "UnknownIssuer");
}

#[test]
fn starttls_encrypts_and_forgets_what_came_before() {
    let authority = Authority::generate().expect("an authority");
    let sink = sink(&authority.localhost().expect("good"), TlsMode::StartTlsRequired);
    let mut link = connect(&sink);
    assert!(reply(&mut link).expect("a greeting").starts_with("220"));
    link.write_all(b"EHLO test\r\nMAIL FROM:<a@x.jp>\r\n").expect("written");
    assert!(reply(&mut link).expect("capabilities").contains("STARTTLS"));
    assert!(reply(&mut link).expect("a refusal").starts_with("530"));
    link.write_all(b"STARTTLS\r\nNOOP\r\n").expect("written");
    assert!(reply(&mut link).expect("ready").starts_with("220"));
    let mut stream = StreamOwned::new(client(&authority).expect("a client"), link);
    stream.write_all(b"EHLO test\r\n").expect("written");
    let capabilities = reply(&mut stream).expect("capabilities, not the NOOP's reply");
    assert!(!capabilities.contains("STARTTLS") && capabilities.contains("AUTH"), "{capabilities}");
    stream.write_all(b"AUTH PLAIN AHUAcw==\r\nQUIT\r\n").expect("written");
    assert!(reply(&mut stream).expect("logged in").starts_with("235"));
    assert!(reply(&mut stream).expect("bye").starts_with("221"));
    assert_eq!(sink.stop().logins_accepted, 1);
}

#[test]
fn plain_text_against_implicit_tls_gets_nothing() {
    let authority = Authority::generate().expect("an authority");
    let sink = sink(&authority.localhost().expect("good"), TlsMode::Implicit);
    let mut talk = Talk::connect(sink.addr());
    talk.say("EHLO test");
    let rest = talk.rest();
    assert!(!rest.starts_with(b"220"), "{rest:?}");
}
