//! A message that only one browser can read: RFC 8291, one record of RFC 8188's `aes128gcm`.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, Key, KeyInit, Nonce};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::{point, random_secret};

/// The record size that is announced. One record must hold it all; push services take no more than this anyway.
const RECORD: u32 = 4096;
/// What every message is filled up to, so that its length says nothing of what is in it.
pub(super) const PADDED: usize = 2048;

/// The browser's side of a subscription.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) key: PublicKey,
    pub(super) auth: Zeroizing<[u8; 16]>,
}

/// Encrypts a message. What is longer than [`PADDED`] is not filled up.
pub(super) fn encrypt(plain: &[u8], to: &Receiver) -> Vec<u8> {
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt);
    encrypt_with(plain, to, &random_secret(), salt, PADDED)
}

/// The same with what is otherwise drawn by lot.
fn encrypt_with(plain: &[u8], to: &Receiver, ours: &SecretKey, salt: [u8; 16], padded: usize) -> Vec<u8> {
    let public = point(&ours.public_key());
    let shared = ours.diffie_hellman(&to.key);
    let info = [b"WebPush: info\0".as_slice(), &point(&to.key), &public].concat();
    let ikm: Zeroizing<[u8; 32]> = derive(&*to.auth, shared.raw_secret_bytes(), &info);
    let key: Zeroizing<[u8; 16]> = derive(&salt, &*ikm, b"Content-Encoding: aes128gcm\0");
    let nonce: Zeroizing<[u8; 12]> = derive(&salt, &*ikm, b"Content-Encoding: nonce\0");
    // 2 is the end of the last record's text; zeros may follow.
    let mut record = Zeroizing::new([plain, &[2]].concat());
    if record.len() < padded {
        record.resize(padded, 0);
    }
    let cipher = Aes128Gcm::new(&Key::<Aes128Gcm>::from(*key));
    let sealed = cipher
        .encrypt(&Nonce::<Aes128Gcm>::from(*nonce), record.as_slice())
        .expect("a message is far shorter than AES-GCM's limit");
    let mut body = Vec::with_capacity(16 + 4 + 1 + public.len() + sealed.len());
    body.extend(salt);
    body.extend(RECORD.to_be_bytes());
    body.push(65);
    body.extend(&public);
    body.extend(sealed);
    body
}

pub(super) fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut *out).expect("HKDF gives more than 32 bytes");
    out
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    use super::*;
    use crate::push::PushReceiver;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
    }

    fn receiver(secret: &SecretKey) -> Receiver {
        let auth: [u8; 16] = bytes("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap();
        Receiver { key: secret.public_key(), auth: Zeroizing::new(auth) }
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_rfc() {
        let theirs = SecretKey::from_slice(&bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).unwrap();
        let public = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        assert_eq!(point(&theirs.public_key()), bytes(public));
        let ours = SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let body = encrypt_with(b"When I grow up, I want to be a watermelon", &receiver(&theirs), &ours, salt, 0);
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
             mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
             pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64URL_NOPAD.encode(&body), expected);
        let auth = *receiver(&theirs).auth;
        let read = PushReceiver::from_parts(theirs, auth).decrypt(&body).unwrap();
        assert_eq!(read, b"When I grow up, I want to be a watermelon");
    }

    #[test]
    fn all_messages_are_as_long_as_each_other() {
        let to = receiver(&random_secret());
        let lengths = [0, 1, PADDED - 1].map(|n| encrypt(&vec![b'x'; n], &to).len());
        assert_eq!(lengths, [86 + PADDED + 16; 3]);
        assert!(lengths[0] < RECORD as usize);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
        #[test]
        fn what_is_encrypted_is_read_by_its_receiver(plain in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let secret = random_secret();
            let to = receiver(&secret);
            let (one, two) = (encrypt(&plain, &to), encrypt(&plain, &to));
            prop_assert_ne!(&one[..100], &two[..100], "nothing is used twice");
                prop_assert_eq!(PushReceiver::from_parts(secret, *to.auth).decrypt(&one), Some(plain));
        }
    }
}
