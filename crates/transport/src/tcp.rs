//! Connecting to a server that runs already.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use crate::{Error, Peer, PeerBuilder};

/// Where a CLI server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CliUrl {
    host: String,
    port: u16,
}

impl CliUrl {
    /// A server on this machine.
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port }
    }

    /// Reads `PORT`, `HOST:PORT` or `http://HOST:PORT`. An IPv6 host stands in brackets.
    pub fn parse(given: &str) -> Result<Self, Error> {
        // Somebody's name and password, perhaps.
        let shown = given.rsplit_once('@').map_or_else(|| given.to_owned(), |(_, rest)| format!("…@{rest}"));
        let wrong = |reason| Error::Url { given: shown.clone(), reason };
        let text = given.trim();
        let text = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("tcp") => rest,
            Some(_) => {
                return Err(wrong("only http:// is understood, and the connection is plain TCP"));
            }
            None => text,
        };
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains(['/', '?', '#', '@']) || text.contains(char::is_whitespace) {
            return Err(wrong("it has parts besides host and port"));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port),
            None => ("127.0.0.1", text),
        };
        let host = match host.strip_prefix('[') {
            Some(inner) => {
                let inner = inner.strip_suffix(']').ok_or_else(|| wrong("a bracket is missing"))?;
                // With the interface that a link-local address belongs to.
                let address = inner.split_once('%').map_or(inner, |(address, _)| address);
                address.parse::<Ipv6Addr>().map_err(|_| wrong("what is in the brackets is no IPv6 address"))?;
                inner
            }
            None if host.contains([':', ']']) => return Err(wrong("an IPv6 host needs brackets")),
            None => host,
        };
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        if host.contains(|c: char| c.is_control() || "[]<>\"\\^`{|}".contains(c)) {
            return Err(wrong("the host has characters that no host has"));
        }
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(port) if digits && port != 0 => Ok(Self { host: host.to_owned(), port }),
            _ => Err(wrong("the port is not a number from 1 to 65535")),
        }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for CliUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for CliUrl {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        Self::parse(given)
    }
}

/// Connects, and starts the peer on the connection.
pub async fn connect(url: &CliUrl, timeout: Duration, peer: PeerBuilder) -> Result<Peer, Error> {
    let connecting: BoxFuture<'_, _> = Box::pin(TcpStream::connect((url.host(), url.port())));
    let stream = tokio::time::timeout(timeout, connecting)
        .await
        .map_err(|_| Error::ConnectTimeout { address: url.to_string(), after: timeout })?
        .map_err(|source| Error::Connect { address: url.to_string(), source })?;
    // Messages are whole when they are written; waiting for more only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off write coalescing");
    }
    let (reader, writer) = stream.into_split();
    Ok(peer.build(reader, writer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_accepted_spelling() {
        let table = [
            ("4321", "127.0.0.1:4321"),
            (" 4321 ", "127.0.0.1:4321"),
            ("localhost:4321", "localhost:4321"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            ("http://example.test:65535", "example.test:65535"),
            ("HTTP://example.test:80/", "example.test:80"),
            ("tcp://example.test:80", "example.test:80"),
            ("[::1]:4321", "[::1]:4321"),
            ("[fe80::1%eth0]:4321", "[fe80::1%eth0]:4321"),
        ];
        for (given, expected) in table {
            let url = CliUrl::parse(given).unwrap();
            assert_eq!(url.to_string(), expected, "{given}");
            assert_eq!(CliUrl::parse(&url.to_string()).unwrap(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let table = [
            ("", "the port is not a number"),
            ("0", "the port is not a number"),
            ("+1", "the port is not a number"),
            ("65536", "the port is not a number"),
            ("localhost", "the port is not a number"),
            ("localhost:", "the port is not a number"),
            (":4321", "the host is missing"),
            ("::1:4321", "an IPv6 host needs brackets"),
            ("[::1:4321", "a bracket is missing"),
            ("[localhost]:4321", "no IPv6 address"),
            ("[::1%a]b]:4321", "characters that no host has"),
            ("lo\u{7}cal:4321", "characters that no host has"),
            ("https://example.test:1", "plain TCP"),
            ("http://example.test:1/path", "parts besides"),
            ("http://user@example.test:1", "parts besides"),
            ("http://user:pass@example.test:1", "…@example.test:1"),
        ];
        for (given, reason) in table {
            let error = CliUrl::parse(given).unwrap_err().to_string();
            assert!(error.contains(reason), "{given}: {error}");
            assert!(error.ends_with("write PORT, HOST:PORT or http://HOST:PORT"), "{error}");
        }
    }
}
