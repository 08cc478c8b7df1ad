//! The proxy passes and cuts exactly what its script says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use testkit::proxy::{Cut, Proxy, Script, Step};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that takes one connection, sends `says` and gives all that it receives.
fn server(says: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    let thread = thread::spawn(move || {
        let (mut link, _) = listener.accept().expect("a connection");
        link.set_read_timeout(Some(PATIENCE)).expect("time limit");
        let _ = link.write_all(says);
        let mut all = Vec::new();
        // A reset is one way to end.
        let mut piece = [0; 4096];
        while let Ok(octets @ 1..) = link.read(&mut piece) {
            all.extend_from_slice(&piece[..octets]);
        }
        all
    });
    (addr, thread)
}

/// Sends `octets` through a proxy with this script; what the server received, and what the client received before
/// an end of file, or the error that it got.
fn pass(script: Script, octets: &[u8], says: &'static [u8]) -> (Vec<u8>, Result<Vec<u8>, ErrorKind>, Proxy) {
    let (addr, server) = server(says);
    let proxy = Proxy::start(addr, move |_| script.clone()).expect("the proxy starts");
    let mut link = TcpStream::connect(proxy.addr()).expect("connect");
    link.set_read_timeout(Some(PATIENCE)).expect("time limit");
    let mut received = Vec::new();
    let end = link.write_all(octets).and_then(|()| {
        let _ = link.shutdown(Shutdown::Write);
        link.read_to_end(&mut received)
    });
    (server.join().expect("the server ends"), end.map(|_| received).map_err(|error| error.kind()), proxy)
}

#[test]
fn without_steps_everything_passes() {
    let octets: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let (at_server, at_client, proxy) = pass(Script::default(), &octets, b"hello");
    assert_eq!((at_server == octets, at_client.as_deref()), (true, Ok(&b"hello"[..])));
    assert_eq!((proxy.passed()[0].client_to_server, proxy.passed()[0].server_to_client), (300_000, 5));
}

#[test]
fn a_cut_is_exact_at_every_offset() {
    let octets = b"MAIL FROM:<a@example.jp>\r\n";
    for cut in [Cut::Reset, Cut::Fin] {
        for offset in 0..octets.len() {
            let (at_server, at_client, proxy) = pass(Script::cut_client_at(offset as u64, cut), octets, b"");
            assert_eq!(at_client.is_err(), cut == Cut::Reset, "{cut:?} at {offset}: {at_client:?}");
            // A reset may destroy what the server's kernel had not handed over yet.
            let exact =
                if cut == Cut::Fin { at_server == octets[..offset] } else { at_server.len() <= offset };
            assert!(exact && octets.starts_with(&at_server), "{cut:?} at {offset}: {at_server:?}");
            assert_eq!(proxy.passed()[0].client_to_server, offset as u64);
        }
    }
}

#[test]
fn the_servers_direction_is_cut_too() {
    for offset in 0..5 {
        let (_, at_client, proxy) = pass(Script::cut_server_at(offset, Cut::Fin), b"", b"hello");
        assert_eq!(at_client.as_deref(), Ok(&b"hello"[..offset as usize]));
        assert_eq!(proxy.passed()[0].server_to_client, offset);
    }
}

#[test]
fn a_stall_holds_the_link_and_a_delay_only_waits() {
    let stall = Script { client_to_server: vec![Step::StallAt(3)], ..Script::default() };
    let (addr, server) = server(b"");
    let proxy = Proxy::start(addr, move |_| stall.clone()).expect("the proxy starts");
    let mut link = TcpStream::connect(proxy.addr()).expect("connect");
    link.write_all(b"abcdef").expect("taken by the kernel");
    link.set_read_timeout(Some(Duration::from_millis(50))).expect("time limit");
    let waited = link.read(&mut [0; 1]);
    assert!(waited.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "still open");
    assert_eq!((proxy.passed()[0].client_to_server, proxy.passed()[0].ended), (3, false));
    drop(proxy);
    assert_eq!(server.join().expect("the server ends"), b"abc");
    let delay = Script {
        client_to_server: vec![Step::DelayAt(3, Duration::from_millis(5))],
        server_to_client: vec![],
    };
    assert_eq!(pass(delay, b"abcdef", b"").0, b"abcdef");
}
