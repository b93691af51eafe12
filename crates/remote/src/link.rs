//! The address of a shared session.

use std::fmt;

use url::Url;

use crate::error::RemoteError;
use crate::qr::Qr;

/// The longest link we accept, in bytes. A QR code of the largest version holds 2953.
const MAX_LINK: usize = 2048;

/// The address under which people open a shared session.
///
/// Whoever knows a link may watch and steer the session, so it is treated as a secret where it could
/// leak by accident: `Debug` shows the host only. [`Display`](fmt::Display) and [`Link::url`] give it in full.
#[derive(Clone, PartialEq, Eq)]
pub struct Link(Url);

impl Link {
    /// Checks that `text` is an `http` or `https` address short enough for a QR code.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let refuse = |shown: String, reason: &str| Err(RemoteError::BadLink { link: shown, reason: reason.to_owned() });
        let url = match Url::parse(text) {
            Ok(url) => url,
            // The text may be anything at all, a secret included: name the problem only.
            Err(error) => return refuse("(not shown)".to_owned(), &error.to_string()),
        };
        let shown = origin(&url);
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(shown, "it must begin with http:// or https://");
        }
        if url.as_str().len() > MAX_LINK {
            return refuse(shown, "it is longer than 2048 characters");
        }
        Ok(Self(url))
    }

    /// The address in full.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The address in full, as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The QR code of this link.
    pub fn qr(&self) -> Qr {
        Qr::encode(self.as_str())
    }
}

/// Scheme, host and port: what may be shown of a link.
fn origin(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{}://{host}:{port}/…", url.scheme()),
        (Some(host), None) => format!("{}://{host}/…", url.scheme()),
        (None, _) => format!("{}:…", url.scheme()),
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&origin(&self.0)).finish()
    }
}

impl std::str::FromStr for Link {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl From<Link> for Url {
    fn from(link: Link) -> Self {
        link.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_link() {
        let long = format!("http://127.0.0.1/{}", "x".repeat(2100));
        for (text, good) in [
            ("http://127.0.0.1:8080/t/abc", true),
            ("https://github.com/octo/demo/tasks/t-1", true),
            ("ftp://example.com/x", false),
            ("javascript:alert(1)", false),
            ("/t/abc", false),
            ("", false),
            (long.as_str(), false),
        ] {
            assert_eq!(Link::parse(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn debug_and_errors_hide_the_secret() {
        let link = Link::parse("http://hub.example:81/t/s3cret").expect("a link");
        assert_eq!(format!("{link:?}"), r#"Link("http://hub.example:81/…")"#);
        assert_eq!(link.to_string(), "http://hub.example:81/t/s3cret");
        let error = Link::parse("ftp://hub.example/t/s3cret").expect_err("not a link");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}
