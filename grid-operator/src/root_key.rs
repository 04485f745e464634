//! The root key's file: 64 hexadecimal digits, encrypted to a [`Lock`].
//!
//! The file is made once and never written over but by [`protect_root_key`], which encrypts the plain one that older
//! versions of this program left. A plain one is not used.
//!
//! **Privacy.** The root key unmasks every reading of every meter. It is in the clear in memory alone, which is wiped, and
//! is never logged.

use std::path::{Path, PathBuf};

use gridveil_primitives::{hash, keys::RootKey};
use rand::{rngs::OsRng, RngCore};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    lock::Lock,
    state::{make_private_dir, read_secret, write_atomically, write_new, StateError},
};

/// The root key's file in the key centre's state directory.
pub const ROOT_KEY_FILE: &str = "root.key";
/// What an age file starts with.
const SEALED: &[u8] = b"age-encryption.org/";

/// What can be wrong with the root key's file.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The file failed.
    #[error(transparent)]
    File(#[from] StateError),
    /// The directory holds no key centre.
    #[error("{path} holds no root key; run `grid-operator key-centre --dir DIR init` first, or give the right --dir")]
    NotInitialised {
        /// Where the root key was looked for.
        path: PathBuf,
    },
    /// The root key lies there in the clear.
    #[error("{path} is not encrypted; run `grid-operator key-centre --dir DIR protect`")]
    Plain {
        /// The file.
        path: PathBuf,
    },
    /// The root key cannot be decrypted.
    #[error(
        "{path} cannot be decrypted: {cause}; give the passphrase or the key that it was locked with, or restore it from \
         its backup"
    )]
    Locked {
        /// The file.
        path: PathBuf,
        /// What age says.
        cause: Box<age::DecryptError>,
    },
    /// The root key cannot be encrypted.
    #[error("{path} cannot be encrypted: {cause}; nothing was changed")]
    Seal {
        /// The file.
        path: PathBuf,
        /// What age says.
        cause: Box<age::EncryptError>,
    },
    /// The file does not hold a root key.
    #[error("{path} is not a root key: it must hold 64 hexadecimal digits; restore it from its backup")]
    NotARootKey {
        /// The file.
        path: PathBuf,
    },
}

/// Whether there is a root key's file in `directory`.
pub fn has_root_key(directory: &Path) -> bool {
    directory.join(ROOT_KEY_FILE).exists()
}

/// Makes the key centre's root key in `directory`, unless one is there. Says whether it was made now.
pub fn make_root_key(directory: &Path, lock: &Lock) -> Result<bool, RootKeyError> {
    make_private_dir(directory)?;
    if has_root_key(directory) {
        return load_root_key(directory, lock).map(|_| false);
    }
    let path = directory.join(ROOT_KEY_FILE);
    let mut key = Zeroizing::new([0u8; 32]);
    OsRng.fill_bytes(key.as_mut());
    let mut text = Zeroizing::new(hex::encode(&key[..]));
    text.push('\n');
    // Never over a key that another process has put there in the meantime.
    Ok(write_new(&path, &seal(&path, text.as_bytes(), lock)?)?)
}

/// Encrypts a root key that lies in `directory` in the clear, in its place; content with one that is locked so already.
/// Says whether it was encrypted now.
pub fn protect_root_key(directory: &Path, lock: &Lock) -> Result<bool, RootKeyError> {
    let path = directory.join(ROOT_KEY_FILE);
    let plain = read(&path)?;
    if plain.starts_with(SEALED) {
        return load_root_key(directory, lock).map(|_| false);
    }
    parse(&path, &plain)?;
    let sealed = seal(&path, &plain, lock)?;
    write_atomically(&path, &sealed)?;
    Ok(true)
}

/// Reads the key centre's root key from `directory`.
pub fn load_root_key(directory: &Path, lock: &Lock) -> Result<RootKey, RootKeyError> {
    let path = directory.join(ROOT_KEY_FILE);
    let sealed = read_sealed_root_key(directory)?;
    match lock.open(&sealed) {
        Ok(plain) => parse(&path, &plain),
        Err(cause) => Err(RootKeyError::Locked {
            path,
            cause: cause.into(),
        }),
    }
}

/// The root key's file in `directory` as it is, which must be encrypted.
pub fn read_sealed_root_key(directory: &Path) -> Result<Zeroizing<Vec<u8>>, RootKeyError> {
    let path = directory.join(ROOT_KEY_FILE);
    let sealed = read(&path)?;
    if sealed.starts_with(SEALED) {
        return Ok(sealed);
    }
    // What is neither encrypted nor a key is damaged.
    parse(&path, &sealed)?;
    Err(RootKeyError::Plain { path })
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, RootKeyError> {
    if !path.exists() {
        return Err(RootKeyError::NotInitialised { path: path.to_owned() });
    }
    Ok(read_secret(path)?)
}

fn seal(path: &Path, plain: &[u8], lock: &Lock) -> Result<Vec<u8>, RootKeyError> {
    let path = path.to_owned();
    lock.seal(plain).map_err(|cause| RootKeyError::Seal {
        path,
        cause: cause.into(),
    })
}

fn parse(path: &Path, plain: &[u8]) -> Result<RootKey, RootKeyError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    match hex::decode_to_slice(plain.trim_ascii(), bytes.as_mut()) {
        Ok(()) => Ok(RootKey::from_bytes(*bytes)),
        Err(_) => Err(RootKeyError::NotARootKey { path: path.to_owned() }),
    }
}

/// What the ledger remembers of a root key, to notice that it was given another one's: a hash that tells nothing of it.
pub fn fingerprint(root: &RootKey) -> [u8; 32] {
    let mut bytes = root.to_bytes();
    let print = hash::blake2b_256(&[b"gridveil/v1/root-key-fingerprint", &bytes[..]]);
    bytes.zeroize();
    print
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    const PLAIN: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

    fn print(dir: &Path, lock: &Lock) -> [u8; 32] {
        fingerprint(&load_root_key(dir, lock).unwrap())
    }

    #[test]
    fn a_root_key_is_made_once_and_kept_and_never_lies_in_the_clear() {
        let (dir, lock) = (tempfile::tempdir().unwrap(), Lock::generate());
        assert!(make_root_key(dir.path(), &lock).unwrap());
        let first = print(dir.path(), &lock);
        assert!(!make_root_key(dir.path(), &lock).unwrap());
        assert_eq!(print(dir.path(), &lock), first);
        let path = dir.path().join(ROOT_KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let root = load_root_key(dir.path(), &lock).unwrap().to_bytes();
        let (bytes, text) = (fs::read(&path).unwrap(), hex::encode(&root[..]));
        for secret in [&root[..], text.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }

    #[test]
    fn two_root_keys_differ() {
        let lock = Lock::generate();
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [one, other] = dirs.each_ref().map(|dir| {
            make_root_key(dir.path(), &lock).unwrap();
            print(dir.path(), &lock)
        });
        assert_ne!(one, other);
    }

    #[test]
    fn another_lock_opens_no_root_key_and_makes_none_over_it() {
        let (dir, lock) = (tempfile::tempdir().unwrap(), Lock::generate());
        make_root_key(dir.path(), &lock).unwrap();
        let before = print(dir.path(), &lock);
        let other = Lock::Passphrase("another way to lock it".to_owned().into());
        for other in [Lock::generate(), other] {
            let refused = load_root_key(dir.path(), &other);
            assert!(matches!(refused, Err(RootKeyError::Locked { .. })));
            assert!(matches!(
                make_root_key(dir.path(), &other),
                Err(RootKeyError::Locked { .. })
            ));
            assert!(matches!(
                protect_root_key(dir.path(), &other),
                Err(RootKeyError::Locked { .. })
            ));
        }
        assert_eq!(print(dir.path(), &lock), before);
    }

    #[test]
    fn a_plain_root_key_is_refused_until_it_is_protected_and_stays_the_same_key() {
        let (dir, lock) = (tempfile::tempdir().unwrap(), Lock::generate());
        let path = dir.path().join(ROOT_KEY_FILE);
        write_atomically(&path, PLAIN.as_bytes()).unwrap();
        assert!(matches!(
            load_root_key(dir.path(), &lock),
            Err(RootKeyError::Plain { .. })
        ));
        assert!(matches!(
            make_root_key(dir.path(), &lock),
            Err(RootKeyError::Plain { .. })
        ));
        assert!(protect_root_key(dir.path(), &lock).unwrap());
        let root = load_root_key(dir.path(), &lock).unwrap().to_bytes();
        assert_eq!(hex::encode(&root[..]), PLAIN.trim_end());
        assert!(!protect_root_key(dir.path(), &lock).unwrap());
        assert!(fs::read(&path).unwrap().starts_with(SEALED));
    }

    #[test]
    fn a_root_key_that_is_not_one_is_refused_and_left_alone() {
        let (dir, lock) = (tempfile::tempdir().unwrap(), Lock::generate());
        let path = dir.path().join(ROOT_KEY_FILE);
        for text in [
            &b"not hexadecimal"[..],
            b"",
            lock.seal(b"neither is this").unwrap().as_slice(),
        ] {
            write_atomically(&path, text).unwrap();
            for refused in [
                load_root_key(dir.path(), &lock).map(|_| false),
                make_root_key(dir.path(), &lock),
                protect_root_key(dir.path(), &lock),
            ] {
                assert!(matches!(refused, Err(RootKeyError::NotARootKey { .. })));
            }
            assert_eq!(fs::read(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_directory_without_a_root_key_is_not_initialised() {
        let (dir, lock) = (tempfile::tempdir().unwrap(), Lock::generate());
        for refused in [
            load_root_key(dir.path(), &lock).map(|_| false),
            protect_root_key(dir.path(), &lock),
        ] {
            assert!(matches!(refused, Err(RootKeyError::NotInitialised { .. })));
        }
    }
}
