//! A browser's subscription: read from what it says, kept sealed.
//!
//! Its endpoint is a right to send to the browser, and its keys to write and read what is sent. In the database they are
//! encrypted under a key that is derived from `hub.key`; what finds them is the endpoint's hash.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Key, KeyInit, Nonce, Payload};
use data_encoding::BASE64URL_NOPAD;
use groundlink_protocol::Secret;
use groundlink_protocol::api::{Device, PushState, PushSubscription};
use p256::PublicKey;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::encrypt::Receiver;
use super::endpoint::Services;
use crate::store::PushRow;

const NONCE: usize = 12;

/// SHA-256 of the endpoint.
pub(super) type SubscriptionId = [u8; 32];

/// What one session's link, or the hub's own, has subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// All sessions.
    Hub,
    /// One session: its number in the store, and its id.
    Session(i64, String),
}

impl Scope {
    /// The session's id.
    pub(super) fn session(&self) -> Option<&str> {
        match self {
            Self::Hub => None,
            Self::Session(_, id) => Some(id),
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Hub => None,
            Self::Session(n, _) => Some(*n),
        }
    }
}

/// A subscription, ready to be sent to.
pub(super) struct Subscription {
    pub(super) id: SubscriptionId,
    pub(super) scope: Scope,
    pub(super) endpoint: Url,
    pub(super) receiver: Receiver,
    pub(super) device: Device,
    pub(super) content: bool,
    pub(super) done: bool,
    pub(super) since: u64,
}

impl Subscription {
    pub(super) fn state(&self) -> PushState {
        PushState { content: self.content, done: self.done, since_ms: self.since }
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Inside {
    endpoint: Secret,
    p256dh: Secret,
    auth: Secret,
}

/// The name of an endpoint's subscription.
pub(super) fn name_of(endpoint: &str) -> SubscriptionId {
    Sha256::digest(endpoint.as_bytes()).into()
}

/// The key under which subscriptions are kept.
pub(super) struct Vault(Aes256Gcm);

impl Vault {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key)))
    }

    /// Reads what a browser says; says what is wrong with it.
    pub(super) fn read(
        &self,
        scope: Scope,
        said: PushSubscription,
        services: &Services,
        now: u64,
    ) -> Result<(Subscription, PushRow), &'static str> {
        let inside = Inside { endpoint: said.endpoint, p256dh: said.p256dh, auth: said.auth };
        let (endpoint, receiver) = parts(&inside, services)?;
        let id = name_of(inside.endpoint.expose());
        let row = PushRow {
            id,
            session: scope.number().zip(scope.session().map(str::to_owned)),
            sealed: self.seal(&inside, &bound(id, &scope)),
            device: said.device.clone(),
            content: said.content,
            done: said.done,
            created_at: now,
        };
        let (device, content, done) = (said.device, said.content, said.done);
        Ok((Subscription { id, scope, endpoint, receiver, device, content, done, since: now }, row))
    }

    /// Opens what was kept; nothing where the key is another one, or the service is not allowed any more.
    pub(super) fn open(&self, row: PushRow, services: &Services) -> Option<Subscription> {
        let scope = row.session.map_or(Scope::Hub, |(n, id)| Scope::Session(n, id));
        let (nonce, sealed) = row.sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: &bound(row.id, &scope) };
        let plain = Zeroizing::new(self.0.decrypt(&Nonce::<Aes256Gcm>::from(*nonce), payload).ok()?);
        let (endpoint, receiver) = parts(&serde_json::from_slice(&plain).ok()?, services).ok()?;
        let PushRow { id, device, content, done, created_at: since, .. } = row;
        Some(Subscription { id, scope, endpoint, receiver, device, content, done, since })
    }

    fn seal(&self, inside: &Inside, bound: &[u8]) -> Vec<u8> {
        let plain = Zeroizing::new(serde_json::to_vec(inside).expect("three texts are JSON"));
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce);
        let payload = Payload { msg: &plain, aad: bound };
        let sealed = self.0.encrypt(&Nonce::<Aes256Gcm>::from(nonce), payload).expect("it is short");
        [nonce.as_slice(), &sealed].concat()
    }
}

/// What a sealed text belongs to: in another row it cannot be opened.
fn bound(id: SubscriptionId, scope: &Scope) -> Vec<u8> {
    [id.as_slice(), &scope.number().unwrap_or(0).to_be_bytes()].concat()
}

fn parts(inside: &Inside, services: &Services) -> Result<(Url, Receiver), &'static str> {
    let endpoint = services.check(inside.endpoint.expose())?;
    // Browsers leave the padding out; libraries may not.
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes());
    let key = decode(inside.p256dh.expose()).ok().and_then(|bytes| PublicKey::from_sec1_bytes(&bytes).ok());
    let key = key.ok_or("`p256dh` is not a P-256 public key in Base64url")?;
    let auth: Option<[u8; 16]> = decode(inside.auth.expose()).ok().and_then(|bytes| bytes.try_into().ok());
    let auth = auth.ok_or("`auth` is not 16 bytes in Base64url")?;
    Ok((endpoint, Receiver { key, auth: Zeroizing::new(auth) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{point, random_secret};

    fn said(endpoint: &str) -> PushSubscription {
        let key = BASE64URL_NOPAD.encode(&point(&random_secret().public_key()));
        PushSubscription {
            endpoint: endpoint.into(),
            p256dh: key.into(),
            auth: BASE64URL_NOPAD.encode(&[7; 16]).into(),
            device: Device { id: "d".into(), name: None },
            content: true,
            done: false,
        }
    }

    #[test]
    fn what_is_kept_opens_with_its_key_in_its_place_only() {
        let services = Services::default();
        let vault = Vault::new(&[1; 32]);
        let endpoint = "https://fcm.googleapis.com/fcm/send/secret";
        let scope = Scope::Session(3, "s".into());
        let (subscription, row) = vault.read(scope, said(endpoint), &services, 5).unwrap();
        assert_eq!(subscription.state(), PushState { content: true, done: false, since_ms: 5 });
        let hidden = String::from_utf8_lossy(&row.sealed).into_owned();
        assert!(!hidden.contains("fcm") && !hidden.contains("secret"));
        let opened = vault.open(row.clone(), &services).unwrap();
        assert_eq!((opened.endpoint.as_str(), opened.id, &opened.scope), (endpoint, row.id, &subscription.scope));
        assert_eq!(opened.receiver.key, subscription.receiver.key);
        let other = |change: fn(&mut PushRow)| {
            let mut row = row.clone();
            change(&mut row);
            row
        };
        assert!(Vault::new(&[2; 32]).open(row.clone(), &services).is_none(), "another key");
        assert!(vault.open(other(|row| row.id[0] ^= 1), &services).is_none(), "another endpoint");
        assert!(vault.open(other(|row| row.session = None), &services).is_none(), "other sessions");
        assert!(vault.open(other(|row| *row.sealed.last_mut().unwrap() ^= 1), &services).is_none(), "changed");
        assert!(vault.open(other(|row| row.sealed.truncate(5)), &services).is_none(), "cut");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let vault = Vault::new(&[1; 32]);
        let good = "https://fcm.googleapis.com/x";
        let cases: [(PushSubscription, &str); 5] = [
            (said("https://evil.example/x"), "endpoint"),
            (PushSubscription { p256dh: "AAAA".into(), ..said(good) }, "p256dh"),
            (PushSubscription { p256dh: BASE64URL_NOPAD.encode(&[4; 65]).into(), ..said(good) }, "p256dh"),
            (PushSubscription { auth: "AAAA".into(), ..said(good) }, "auth"),
            (PushSubscription { auth: "not base64!".into(), ..said(good) }, "auth"),
        ];
        for (said, word) in cases {
            let error = vault.read(Scope::Hub, said, &Services::default(), 0).err().unwrap();
            assert!(error.contains(word), "{error}");
        }
    }
}
