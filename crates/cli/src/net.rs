//! Addresses that other devices can reach this machine at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use url::Url;

/// This machine's address on the local network.
///
/// Connecting a UDP socket sends nothing; it only makes the system choose the interface it would send
/// from. The address is one reserved for documentation, so that even a packet by mistake would go nowhere.
pub(crate) fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

/// The address to put into links for a hub that is bound to `bound`; nothing when `bound` says it already.
pub(crate) fn reachable(bound: SocketAddr, lan: impl FnOnce() -> Option<IpAddr>) -> Option<SocketAddr> {
    let address = if bound.ip().is_unspecified() { lan().unwrap_or(Ipv4Addr::LOCALHOST.into()) } else { return None };
    Some(SocketAddr::new(address, bound.port()))
}

/// True when `url` names this machine alone.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reachable_addresses() {
        let lan = || Some(IpAddr::from([192, 0, 2, 7]));
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(reachable(at("0.0.0.0:8080"), lan), Some(at("192.0.2.7:8080")));
        assert_eq!(reachable(at("[::]:8080"), lan), Some(at("192.0.2.7:8080")));
        assert_eq!(reachable(at("0.0.0.0:8080"), || None), Some(at("127.0.0.1:8080")));
        assert_eq!(reachable(at("127.0.0.1:8080"), lan), None);
        assert_eq!(reachable(at("192.0.2.9:8080"), lan), None);
    }

    #[test]
    fn loopback() {
        for (url, want) in [
            ("http://127.0.0.1:1/x", true),
            ("http://127.9.9.9/", true),
            ("http://localhost:3", true),
            ("http://[::1]:3", true),
            ("http://192.0.2.7", false),
            ("http://localhost.example", false),
            ("https://hub.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), want, "{url}");
        }
    }

    #[test]
    fn the_lan_address_is_no_loopback_address() {
        if let Some(address) = lan_address() {
            assert!(!address.is_loopback() && !address.is_unspecified());
        }
    }
}
