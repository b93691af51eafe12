//! Addresses that are handed on to the CLI.

use http::Uri;

/// Refuses what is no absolute http address; the reason goes behind the name of what has it.
///
/// The CLI, or its Node, reads addresses by the rules of the web, which know more than this; what it is told is the
/// caller's own text. The reason does not repeat that text, which may hold a password.
pub(crate) fn check(address: &str) -> Result<(), &'static str> {
    const REASON: &str = "is not an http or https address (`https://host/...`)";
    let uri: Uri = address.parse().map_err(|_| REASON)?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.host().is_some_and(|host| !host.is_empty());
    // `Uri` lets anything stand behind the colon.
    let port = uri.port_u16().is_some()
        || uri.authority().is_some_and(|whole| uri.host().is_some_and(|host| whole.as_str().ends_with(host)));
    if web && host && port { Ok(()) } else { Err(REASON) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_http_addresses_pass() {
        let good = ["http://127.0.0.1:1", "https://h/a?b=c", "HTTPS://H", "http://[::1]:8080/mc/", "http://u:p@h/"];
        let bad =
            ["", "h", "h:1", "/a", "ftp://h/", "http://", "http:///a", "http://a b", "http://h:port/", "file:///a"];
        for address in good {
            assert_eq!(check(address), Ok(()), "{address}");
        }
        for address in bad {
            assert!(check(address).is_err(), "{address}");
        }
    }
}
