//! Where a hub is, and the secret it lets exporters in with.

use std::fmt;

use groundlink_session::MissionControl;
use secrecy::SecretString;
use url::Url;

/// The exporter's door of a hub.
///
/// `groundlink serve` prints both values; a hub in the same process has them in its handle. The user's GitHub
/// token is never sent to a hub.
#[derive(Clone)]
pub struct HubEndpoint {
    base: Url,
    token: SecretString,
}

impl HubEndpoint {
    /// `export_base` is the address of the door, which usually ends in `/mc`; `token` is the hub's own.
    pub fn new(export_base: Url, token: SecretString) -> Self {
        Self { base: export_base, token }
    }

    /// The address of the door.
    pub fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    /// What the Copilot CLI has to be told at its start, so that it can export here by itself.
    pub(crate) fn mission_control(&self) -> MissionControl {
        let mut frontend_url = self.base.clone();
        frontend_url.set_query(None);
        frontend_url.set_fragment(None);
        // The page is beside the door.
        if let Some(beside) = self.base.path().trim_end_matches('/').strip_suffix("mc") {
            frontend_url.set_path(beside);
        }
        MissionControl {
            base_url: self.base.to_string(),
            frontend_url: frontend_url.into(),
            access_token: self.token.clone(),
            repository: None,
        }
    }

    /// The address for messages: without user, password and query, which may be secret.
    pub(crate) fn shown(&self) -> String {
        let mut base = self.base.clone();
        base.set_query(None);
        base.set_fragment(None);
        // Fails only for addresses that cannot have a user at all.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.into()
    }

    /// `{base}/{segments}`, each segment percent-encoded.
    pub(crate) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Fails only for addresses without a path, such as `mailto:`, which the HTTP client refuses anyway.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether the hub is on this machine, where a proxy would only be in the way.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl fmt::Debug for HubEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubEndpoint").field("base", &self.shown()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base: &str) -> HubEndpoint {
        HubEndpoint::new(Url::parse(base).expect("a URL"), "glx_canary".into())
    }

    #[test]
    fn addresses() {
        for (base, expected) in [
            ("http://127.0.0.1:8080/mc", "http://127.0.0.1:8080/mc/sessions/a%2Fb/events"),
            ("http://127.0.0.1:8080/mc/", "http://127.0.0.1:8080/mc/sessions/a%2Fb/events"),
            ("https://hub.example", "https://hub.example/sessions/a%2Fb/events"),
            ("https://hub.example/deep/er?x=1#y", "https://hub.example/deep/er/sessions/a%2Fb/events"),
        ] {
            assert_eq!(endpoint(base).at(&["sessions", "a/b", "events"]).as_str(), expected);
        }
    }

    #[test]
    fn loopback() {
        for (base, expected) in [
            ("http://127.0.0.1:1/mc", true),
            ("http://127.8.8.8/mc", true),
            ("http://[::1]:1/mc", true),
            ("http://localhost:1/mc", true),
            ("http://192.168.1.2/mc", false),
            ("https://hub.example/mc", false),
            ("https://localhost.example/mc", false),
        ] {
            assert_eq!(endpoint(base).is_loopback(), expected, "{base}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let endpoint = endpoint("http://me:canary@hub.example/mc?key=canary");
        assert!(!format!("{endpoint:?} {}", endpoint.shown()).contains("canary"));
    }
}
