//! The other end: what a browser does with a message.

use std::fmt;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Key, KeyInit, Nonce};
use data_encoding::BASE64URL_NOPAD;
use groundlink_protocol::api::PushMessage;
use p256::{PublicKey, SecretKey};
use secrecy::zeroize::Zeroizing;

use super::encrypt::derive;
use super::subscription::name_of;
use super::{point, random_secret};

/// One who is notified and is no browser: a program with an endpoint of its own, or a test.
pub struct PushReceiver {
    secret: SecretKey,
    auth: Zeroizing<[u8; 16]>,
}

impl PushReceiver {
    /// With new keys.
    pub fn generate() -> Self {
        let mut auth = [0; 16];
        rand::fill(&mut auth);
        Self::from_parts(random_secret(), auth)
    }

    pub(super) fn from_parts(secret: SecretKey, auth: [u8; 16]) -> Self {
        Self { secret, auth: Zeroizing::new(auth) }
    }

    /// The `p256dh` of its subscription.
    pub fn p256dh(&self) -> String {
        BASE64URL_NOPAD.encode(&point(&self.secret.public_key()))
    }

    /// The `auth` of its subscription.
    pub fn auth(&self) -> String {
        BASE64URL_NOPAD.encode(&*self.auth)
    }

    /// The name that the API gives the subscription of an endpoint.
    pub fn id(endpoint: &str) -> String {
        BASE64URL_NOPAD.encode(&name_of(endpoint))
    }

    /// Reads a message's body; nothing when it is not for this receiver.
    pub fn open(&self, body: &[u8]) -> Option<PushMessage> {
        serde_json::from_slice(&self.decrypt(body)?).ok()
    }

    pub(super) fn decrypt(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = body.split_first_chunk::<16>()?;
        // The record's size: there is one.
        let (_, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first()?;
        let (sender, sealed) = rest.split_at_checked(usize::from(*length))?;
        let shared = self.secret.diffie_hellman(&PublicKey::from_sec1_bytes(sender).ok()?);
        let info = [b"WebPush: info\0".as_slice(), &point(&self.secret.public_key()), sender].concat();
        let ikm: Zeroizing<[u8; 32]> = derive(&*self.auth, shared.raw_secret_bytes(), &info);
        let key: Zeroizing<[u8; 16]> = derive(salt, &*ikm, b"Content-Encoding: aes128gcm\0");
        let nonce: Zeroizing<[u8; 12]> = derive(salt, &*ikm, b"Content-Encoding: nonce\0");
        let cipher = Aes128Gcm::new(&Key::<Aes128Gcm>::from(*key));
        let mut plain = cipher.decrypt(&Nonce::<Aes128Gcm>::from(*nonce), sealed).ok()?;
        // The last byte that is no filling is the end of the text.
        plain.truncate(plain.iter().rposition(|byte| *byte != 0)?);
        Some(plain)
    }
}

impl fmt::Debug for PushReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushReceiver(..)")
    }
}
