//! Where messages may be sent: an endpoint is an address that a viewer gives, and the hub must not be talked into asking
//! whatever it can reach.

use url::{Host, Url};

/// The push services of the browsers. A name that begins with a dot stands for all names that end so.
const KNOWN: [&str; 4] = ["fcm.googleapis.com", ".push.services.mozilla.com", ".notify.windows.com", ".push.apple.com"];
/// The longest endpoint.
const MAX: usize = 2048;

/// The services that messages may be sent to.
#[derive(Debug, Clone, Default)]
pub(super) struct Services {
    more: Vec<String>,
    /// The port of a stand-in on 127.0.0.1, for tests.
    loopback: Option<u16>,
}

impl Services {
    /// The known ones, and more by name; `*.example.org` stands for all below it.
    pub(super) fn new(more: &[String], loopback: Option<u16>) -> Self {
        let more = more.iter().map(|name| name.strip_prefix('*').unwrap_or(name).to_ascii_lowercase());
        Self { more: more.collect(), loopback }
    }

    /// Reads an endpoint; says what is wrong with one that is none.
    pub(super) fn check(&self, endpoint: &str) -> Result<Url, &'static str> {
        if endpoint.len() > MAX {
            return Err("`endpoint` is too long");
        }
        let url = Url::parse(endpoint).map_err(|_| "`endpoint` is not a URL")?;
        let local = url.host_str() == Some("127.0.0.1") && url.port() == self.loopback && url.port().is_some();
        if local && url.scheme() == "http" {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err("`endpoint` must begin with https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`endpoint` must not name a user");
        }
        if url.port().is_some() {
            return Err("`endpoint` must not name a port");
        }
        let Some(Host::Domain(host)) = url.host() else {
            return Err("`endpoint` must name a host, not a number");
        };
        let known = KNOWN.into_iter().chain(self.more.iter().map(String::as_str));
        if known.into_iter().any(|name| is_of(host, name)) {
            return Ok(url);
        }
        Err("`endpoint` is not of a push service that this hub knows; its operator can allow it")
    }
}

fn is_of(host: &str, name: &str) -> bool {
    match name.strip_prefix('.') {
        Some(_) => host.len() > name.len() && host.ends_with(name),
        None => host == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_services_are_asked() {
        let services = Services::new(&["push.example.org".into(), "*.Example.net".into()], None);
        let good = [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://FCM.googleapis.com:443/wp/x",
            "https://updates.push.services.mozilla.com/wpush/v2/x",
            "https://wns2-par02p.notify.windows.com/w/?token=x",
            "https://web.push.apple.com/x",
            "https://push.example.org/x",
            "https://a.b.example.net/x",
        ];
        for endpoint in good {
            assert!(services.check(endpoint).is_ok(), "{endpoint}");
        }
        let bad = [
            ("", "not a URL"),
            ("/x", "not a URL"),
            ("http://fcm.googleapis.com/x", "https"),
            ("ftp://fcm.googleapis.com/x", "https"),
            ("file:///etc/passwd", "https"),
            ("https://user@fcm.googleapis.com/x", "user"),
            ("https://user:word@fcm.googleapis.com/x", "user"),
            ("https://fcm.googleapis.com:8443/x", "port"),
            ("https://fcm.googleapis.com:80/x", "port"),
            ("https://127.0.0.1/x", "number"),
            ("https://2130706433/x", "number"),
            ("https://0x7f.1/x", "number"),
            ("https://[::1]/x", "number"),
            ("https://[::ffff:169.254.169.254]/x", "number"),
            ("https://169.254.169.254/latest/meta-data", "number"),
            ("https://localhost/x", "operator"),
            ("https://evil.example/x", "operator"),
            ("https://fcm.googleapis.com.evil.example/x", "operator"),
            ("https://xfcm.googleapis.com/x", "operator"),
            ("https://push.services.mozilla.com/x", "operator"),
            ("https://evilpush.apple.com/x", "operator"),
            ("https://fcm.googleapis.com./x", "operator"),
            ("https://example.net/x", "operator"),
            ("https://evil.example\\@fcm.googleapis.com/x", "operator"),
            ("https://evil.example#fcm.googleapis.com", "operator"),
            ("http://127.0.0.1:9/x", "https"),
            ("http://127.0.0.1/x", "https"),
        ];
        for (endpoint, word) in bad {
            let why = services.check(endpoint).expect_err(endpoint);
            assert!(why.contains(word), "{endpoint}: {why}");
        }
        let long = format!("https://fcm.googleapis.com/{}", "x".repeat(MAX));
        assert!(services.check(&long).is_err());
    }

    #[test]
    fn a_stand_in_is_that_port_alone() {
        let services = Services::new(&[], Some(9));
        assert!(services.check("http://127.0.0.1:9/x").is_ok());
        for endpoint in ["http://127.0.0.1:10/x", "http://127.0.0.1/x", "http://localhost:9/x", "https://127.0.0.1:9/x"]
        {
            assert!(services.check(endpoint).is_err(), "{endpoint}");
        }
    }
}
