//! By what a push service knows the hub: a signed token for each service (RFC 8292).

use data_encoding::BASE64URL_NOPAD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

use super::point;

/// How long a token holds, in seconds. A day is the most that is allowed, and clocks differ.
const LIFE: u64 = 12 * 60 * 60;

/// The hub's key pair.
pub(super) struct Vapid {
    key: SigningKey,
    public: String,
    /// Where the push service's operator can reach the hub's: a `mailto:` or `https:` address.
    contact: String,
}

impl Vapid {
    pub(super) fn new(secret: &SecretKey, contact: String) -> Self {
        let public = BASE64URL_NOPAD.encode(&point(&secret.public_key()));
        Self { key: SigningKey::from(secret), public, contact }
    }

    /// The public key, as browsers want it.
    pub(super) fn public_key(&self) -> &str {
        &self.public
    }

    /// The `Authorization` for the service of this origin; `now` in seconds since 1970.
    pub(super) fn authorization(&self, origin: &str, now: u64) -> String {
        let part = |value: &serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let header = part(&json!({"typ": "JWT", "alg": "ES256"}));
        let claims = part(&json!({"aud": origin, "exp": now + LIFE, "sub": self.contact}));
        let signed = format!("{header}.{claims}");
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("vapid t={signed}.{}, k={}", BASE64URL_NOPAD.encode(&signature.to_bytes()), self.public)
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;

    use super::*;
    use crate::push::random_secret;

    #[test]
    fn the_token_says_for_whom_and_until_when_and_is_signed() {
        let secret = random_secret();
        let vapid = Vapid::new(&secret, "mailto:hub@example.com".to_owned());
        let text = vapid.authorization("https://push.example", 1_000);
        let (token, key) = text.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, vapid.public_key());
        let key = VerifyingKey::from_sec1_bytes(&BASE64URL_NOPAD.decode(key.as_bytes()).unwrap()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let parts: Vec<serde_json::Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], json!({"typ": "JWT", "alg": "ES256"}));
        assert_eq!(parts[1], json!({"aud": "https://push.example", "exp": 44_200, "sub": "mailto:hub@example.com"}));
    }
}
