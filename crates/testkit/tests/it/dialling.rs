//! `runtime`'s network to given addresses: the first that answers, from a given source.

use std::net::SocketAddr;
use std::time::Duration;

use runtime::{DialOptions, Network, SystemNetwork};
use tokio::net::TcpListener;

const OPTIONS: DialOptions =
    DialOptions { timeout: Duration::from_secs(5), user_timeout: Duration::from_secs(30) };

async fn listen(address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((address, 0)).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    (listener, addr)
}

#[tokio::test]
async fn the_first_address_that_answers_is_taken() {
    let (closed, refusing) = listen("127.0.0.1").await;
    drop(closed);
    let (_six, on_six) = listen("::1").await;
    let (_four, on_four) = listen("127.0.0.2").await;
    let to = |addresses: Vec<SocketAddr>| async move {
        SystemNetwork.dial_addresses(&addresses, None, OPTIONS).await.map(|connection| connection.peer)
    };
    assert_eq!(to(vec![refusing, on_six, on_four]).await.ok(), Some(on_six));
    assert_eq!(to(vec![on_four, on_six]).await.ok(), Some(on_four));
    assert!(to(vec![refusing]).await.is_err());
    assert!(to(vec![]).await.is_err_and(|error| error.to_string().contains("no address")));
}

#[tokio::test]
async fn mails_leave_from_the_source_address() {
    let (listener, addr) = listen("127.0.0.1").await;
    let source = "127.0.0.7".parse().expect("an address");
    let _open = SystemNetwork.dial_addresses(&[addr], Some(source), OPTIONS).await.expect("a connection");
    let (_, from) = listener.accept().await.expect("a connection");
    assert_eq!(from.ip(), source);
}

#[tokio::test]
async fn a_source_that_cannot_be_used_says_so() {
    let (_listener, addr) = listen("127.0.0.1").await;
    let dial = |source: &str| {
        let source = source.parse().expect("an address");
        async move { SystemNetwork.dial_addresses(&[addr], Some(source), OPTIONS).await.map(|_| ()) }
    };
    let foreign = dial("192.0.2.77").await.expect_err("not ours").to_string();
    assert!(foreign.contains("192.0.2.77"), "{foreign}");
    let family = dial("::1").await.expect_err("the other family").to_string();
    assert!(family.contains("cannot be reached from the source address"), "{family}");
}
