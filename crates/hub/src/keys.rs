//! The hub's secrets.
//!
//! One file, `hub.key`, holds 32 random bytes; everything else is derived from it and never stored. The
//! export token and the links stay the same for as long as the file does, and whoever copies the database
//! alone can open no link.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::HubError;

/// The key's file in the data directory.
const FILE: &str = "hub.key";
const KEY_BYTES: usize = 32;
/// 128 bits: out of reach for guessing, and short enough for a small QR code.
const LINK_BYTES: usize = 16;
/// Characters of a link's secret.
pub(crate) const LINK_CHARS: usize = 22;
/// Marks an export token, so that it is recognised where it should not be.
const EXPORT_PREFIX: &str = "glx_";

/// The SHA-256 of a link's secret: what the hub stores and looks up.
pub(crate) type LinkHash = [u8; 32];

/// The hub's secrets. See the module's description.
pub(crate) struct Keys {
    key: Zeroizing<[u8; KEY_BYTES]>,
    export: SecretString,
    export_hash: [u8; 32],
    hub: SecretString,
    hub_hash: LinkHash,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Reads the key file, or makes one.
    pub(crate) fn open(dir: &Path) -> Result<Self, HubError> {
        let path = dir.join(FILE);
        let failed = |source| HubError::KeyFile { path: path.clone(), source };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(dir, &path).map_err(failed)?;
                Zeroizing::new(std::fs::read(&path).map_err(failed)?)
            }
            Err(error) => return Err(failed(error)),
        };
        let key: [u8; KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| HubError::KeyDamaged { path: path.clone() })?;
        restrict(&path, 0o600).map_err(failed)?;
        Ok(Self::from_key(Zeroizing::new(key)))
    }

    /// The same from the key's bytes.
    pub(crate) fn from_key(key: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let token = format!("{EXPORT_PREFIX}{}", BASE64URL_NOPAD.encode(&derive(&key, "export")));
        let export_hash = Sha256::digest(token.as_bytes()).into();
        let hub: SecretString = BASE64URL_NOPAD.encode(&derive(&key, "hub")[..LINK_BYTES]).into();
        let hub_hash = hash_link(hub.expose_secret());
        Self { key, export: token.into(), export_hash, hub, hub_hash }
    }

    /// What an exporter must say in `Authorization`.
    pub(crate) fn export_token(&self) -> &SecretString {
        &self.export
    }

    /// Whether this is the export token. Takes the same time wherever a wrong one differs.
    pub(crate) fn is_export_token(&self, candidate: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(candidate.as_bytes()).into();
        hash.ct_eq(&self.export_hash).into()
    }

    /// The secret part of the hub's own link, which leads to all its sessions.
    pub(crate) fn hub_secret(&self) -> &SecretString {
        &self.hub
    }

    /// Whether this is the secret part of the hub's own link. Takes the same time wherever a wrong one differs.
    pub(crate) fn is_hub_secret(&self, candidate: &str) -> bool {
        hash_link(candidate).ct_eq(&self.hub_hash).into()
    }

    /// The hub's private key for push services (RFC 8292), as a number of 32 bytes; the next one, should it not be one.
    pub(crate) fn vapid_secret(&self, attempt: u8) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(&self.key, &format!("vapid:{attempt}")))
    }

    /// The key under which subscriptions to notifications are kept.
    pub(crate) fn push_vault_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(&self.key, "push"))
    }

    /// What names a session to push services, and tells them nothing.
    pub(crate) fn push_topic(&self, session_id: &str) -> [u8; 32] {
        derive(&self.key, &format!("topic:{session_id}"))
    }

    /// The secret part of a session's link.
    pub(crate) fn link_secret(&self, session_id: &str) -> SecretString {
        let mac = derive(&self.key, &format!("link:{session_id}"));
        BASE64URL_NOPAD.encode(&mac[..LINK_BYTES]).into()
    }

    /// The hash of a session's link.
    pub(crate) fn link_hash_of(&self, session_id: &str) -> LinkHash {
        hash_link(self.link_secret(session_id).expose_secret())
    }
}

/// The hash under which a link's secret is stored.
pub(crate) fn hash_link(secret: &str) -> LinkHash {
    Sha256::digest(secret.as_bytes()).into()
}

fn derive(key: &[u8; KEY_BYTES], purpose: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Writes a new key beside its place and links it there, so that no other process ever reads half a key, and
/// of two that start at the same time both use the same one.
fn create(dir: &Path, path: &Path) -> std::io::Result<()> {
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    rand::fill(&mut key[..]);
    let draft = dir.join(format!("{FILE}.{}", uuid::Uuid::new_v4()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file.write_all(&key[..]).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    std::fs::remove_file(&draft)?;
    linked
}

/// Takes everybody else's access away.
pub(crate) fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::metadata(path)?.permissions();
        if permissions.mode() & 0o777 != mode {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed() -> Keys {
        Keys::from_key(Zeroizing::new([7; KEY_BYTES]))
    }

    #[test]
    fn secrets_are_stable_and_differ() {
        let (a, b) = (fixed(), fixed());
        assert_eq!(a.export_token().expose_secret(), b.export_token().expose_secret());
        let link = a.link_secret("s1");
        assert_eq!(link.expose_secret(), b.link_secret("s1").expose_secret());
        assert_eq!(link.expose_secret().len(), LINK_CHARS);
        assert_ne!(link.expose_secret(), a.link_secret("s2").expose_secret());
        assert_eq!(a.link_hash_of("s1"), hash_link(link.expose_secret()));
    }

    #[test]
    fn what_notifications_need_is_stable_and_nothing_else() {
        let (a, b) = (fixed(), fixed());
        assert_eq!(*a.vapid_secret(0), *b.vapid_secret(0));
        assert_eq!(a.push_topic("s1"), b.push_topic("s1"));
        let all = [
            *a.vapid_secret(0),
            *a.vapid_secret(1),
            *a.push_vault_key(),
            a.push_topic("s1"),
            a.push_topic("s2"),
            a.hub_hash,
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{n}");
        }
    }

    #[test]
    fn only_the_export_token_is_the_export_token() {
        let keys = fixed();
        let token = keys.export_token().expose_secret();
        assert!(token.starts_with(EXPORT_PREFIX));
        assert!(keys.is_export_token(token));
        for wrong in ["", "glx_", &token[..token.len() - 1], &format!("{token}x"), "gho_abc"] {
            assert!(!keys.is_export_token(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_the_hubs_link_is_the_hubs_link() {
        let keys = fixed();
        let secret = keys.hub_secret().expose_secret();
        assert_eq!(secret.len(), LINK_CHARS);
        assert!(keys.is_hub_secret(secret));
        // No session's link is it, whatever the session calls itself.
        for wrong in ["", &secret[1..], keys.link_secret("hub").expose_secret(), keys.export_token().expose_secret()] {
            assert!(!keys.is_hub_secret(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::open(dir.path()).unwrap();
        let second = Keys::open(dir.path()).unwrap();
        assert_eq!(first.export_token().expose_secret(), second.export_token().expose_secret());
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [FILE]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_key_file_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"short").unwrap();
        let error = Keys::open(dir.path()).unwrap_err();
        assert!(matches!(error, HubError::KeyDamaged { .. }), "{error}");
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", fixed()), "Keys(..)");
    }
}
