//! From where a client comes: the network that its failed logins are counted for.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// Where clients are counted together: an IPv4 address, or an IPv6 /64, what one customer has at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClientNetwork {
    V4([u8; 4]),
    V6(u64),
}

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// The client's address: the peer's, or what the nearest proxy that is believed says.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut client = peer.to_canonical();
    let named = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !proxies.contains(&client) {
            break;
        }
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_believed_name_clients() {
        let proxies = ["127.0.0.1".parse().expect("an address"), "10.0.0.9".parse().expect("an address")];
        let check = |peer: &str, said: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", said.parse().expect("a value"));
            let found = client(peer.parse().expect("an address"), &headers, &proxies);
            assert_eq!(found.to_string(), expected, "{peer} {said}");
        };
        check("192.0.2.1", "198.51.100.1", "192.0.2.1");
        check("127.0.0.1", "198.51.100.1", "198.51.100.1");
        check("::ffff:127.0.0.1", "203.0.113.1, 198.51.100.1", "198.51.100.1");
        check("127.0.0.1", "203.0.113.1, 198.51.100.1, 10.0.0.9", "198.51.100.1");
        check("127.0.0.1", "nonsense", "127.0.0.1");
    }
}
