//! What the root key is locked with: a passphrase, or an age identity that lies elsewhere, such as on a USB stick.
//!
//! What is locked is an `age` file, which the stock tool opens too. A passphrase comes from a private file, from the
//! standard input or from a terminal, never from the command line.
//!
//! **Privacy.** Passphrases and keys are wiped when dropped, and stand in no error.

use std::{
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use age::{
    scrypt,
    secrecy::{ExposeSecret, SecretString},
    x25519,
};
use zeroize::Zeroizing;

use crate::state::{read_secret, write_atomically, StateError};

/// The logarithm of scrypt's cost, as the stock tool has it: 256 MiB and most of a second for each guess.
const WORK: u8 = 18;
/// The most that is spent on opening a file: 4 GiB.
const MOST_WORK: u8 = 22;
/// The fewest characters of a new passphrase.
const SHORTEST: usize = 12;
/// The most bytes of a passphrase on the standard input.
const LONGEST: u64 = 1 << 12;

/// What can be wrong with a lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Neither a passphrase nor a key was named, or both.
    #[error(
        "the root key is kept encrypted: give one of --unlock-key FILE (an age identity; `init` makes it) and \
         --passphrase-file FILE (- asks for it)"
    )]
    WhichOne,
    /// The file of a passphrase or a key failed.
    #[error(transparent)]
    File(#[from] StateError),
    /// The terminal or the standard input failed.
    #[error("the passphrase cannot be read: {0}")]
    Input(io::Error),
    /// A passphrase cannot be used.
    #[error("the passphrase cannot be used: {0}")]
    Passphrase(&'static str),
    /// A file holds no key.
    #[error("{path} holds no age identity: it must have a line AGE-SECRET-KEY-1…, as age-keygen writes it")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
}

/// A lock, with what opens it.
pub enum Lock {
    /// A passphrase.
    Passphrase(SecretString),
    /// A key.
    Key(x25519::Identity),
}

impl Lock {
    /// A new key.
    pub fn generate() -> Lock {
        Lock::Key(x25519::Identity::generate())
    }

    /// Encrypts to the lock.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, age::EncryptError> {
        match self {
            Lock::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK);
                age::encrypt(&recipient, plain)
            }
            Lock::Key(key) => age::encrypt(&key.to_public(), plain),
        }
    }

    /// Decrypts what was encrypted to the lock, and to no other.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, age::DecryptError> {
        let plain = match self {
            Lock::Passphrase(passphrase) => {
                let mut identity = scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(MOST_WORK);
                age::decrypt(&identity, sealed)
            }
            Lock::Key(key) => age::decrypt(key, sealed),
        };
        plain.map(Zeroizing::new)
    }
}

/// Where the lock is to be had.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of mode 0600 with a passphrase; `-` is the terminal or the standard input.
    PassphraseFile(PathBuf),
    /// A file of mode 0600 with an age identity.
    UnlockKey(PathBuf),
}

impl Source {
    /// The one that was named. Errors: [`LockError::WhichOne`].
    pub fn of(passphrase_file: Option<PathBuf>, unlock_key: Option<PathBuf>) -> Result<Source, LockError> {
        match (passphrase_file, unlock_key) {
            (Some(file), None) => Ok(Source::PassphraseFile(file)),
            (None, Some(file)) => Ok(Source::UnlockKey(file)),
            _ => Err(LockError::WhichOne),
        }
    }

    /// The lock of a key that was locked before.
    pub fn existing(&self) -> Result<Lock, LockError> {
        match self {
            Source::PassphraseFile(file) => Ok(Lock::Passphrase(passphrase(file, false)?)),
            Source::UnlockKey(file) => read_key(file),
        }
    }

    /// The lock of a key that is to be locked now: makes the file of the key where there is none.
    pub fn fresh(&self) -> Result<Lock, LockError> {
        match self {
            Source::PassphraseFile(file) => {
                let new = passphrase(file, true)?;
                if new.expose_secret().chars().count() < SHORTEST {
                    return Err(LockError::Passphrase("give it at least 12 characters"));
                }
                Ok(Lock::Passphrase(new))
            }
            Source::UnlockKey(file) if file.exists() => read_key(file),
            Source::UnlockKey(file) => {
                let key = x25519::Identity::generate();
                let text = Zeroizing::new(format!("{}\n", key.to_string().expose_secret()));
                write_atomically(file, text.as_bytes())?;
                Ok(Lock::Key(key))
            }
        }
    }
}

fn passphrase(file: &Path, new: bool) -> Result<SecretString, LockError> {
    if file != Path::new("-") {
        return first_line(read_secret(file)?);
    }
    if io::stdin().is_terminal() {
        let ask = |prompt| rpassword::prompt_password(prompt).map(SecretString::from);
        let given = ask("Passphrase of the root key: ").map_err(LockError::Input)?;
        let again = match new {
            true => ask("The same again: ").map_err(LockError::Input)?,
            false => given.clone(),
        };
        if given.expose_secret() != again.expose_secret() {
            return Err(LockError::Passphrase("the two differ"));
        }
        return Ok(given);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let mut stdin = io::stdin().lock().take(LONGEST);
    stdin.read_to_end(&mut bytes).map_err(LockError::Input)?;
    first_line(bytes)
}

/// The passphrase in a file: its first line, which must be its only one.
fn first_line(bytes: Zeroizing<Vec<u8>>) -> Result<SecretString, LockError> {
    let text = std::str::from_utf8(&bytes).map_err(|_| LockError::Passphrase("it is no text"))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.contains('\n') {
        return Err(LockError::Passphrase("it must be one line"));
    }
    Ok(SecretString::from(line.to_owned()))
}

/// The key in a file like those of age-keygen: comments, empty lines, and one identity.
fn read_key(path: &Path) -> Result<Lock, LockError> {
    let bytes = read_secret(path)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = lines.next().and_then(|line| line.parse().ok());
    key.map(Lock::Key)
        .ok_or_else(|| LockError::NotAKey { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_atomically(&path, text.as_bytes()).unwrap();
        (dir, path)
    }

    fn passphrase_in(text: &str) -> Result<Lock, LockError> {
        let (_dir, path) = file(text);
        Source::PassphraseFile(path).fresh()
    }

    #[test]
    fn what_a_passphrase_locked_no_other_passphrase_and_no_key_opens() {
        let lock = passphrase_in("seven wooden spoons\n").unwrap();
        let sealed = lock.seal(b"the root").unwrap();
        let same = passphrase_in("seven wooden spoons\r\n").unwrap();
        assert_eq!(same.open(&sealed).unwrap().as_slice(), b"the root");
        assert!(passphrase_in("seven wooden spoon").unwrap().open(&sealed).is_err());
        assert!(Lock::generate().open(&sealed).is_err());
    }

    #[test]
    fn what_a_key_locked_no_other_key_opens() {
        let lock = Lock::generate();
        let sealed = lock.seal(b"the root").unwrap();
        assert_eq!(lock.open(&sealed).unwrap().as_slice(), b"the root");
        assert!(Lock::generate().open(&sealed).is_err());
    }

    #[test]
    fn no_byte_of_what_is_locked_can_be_changed() {
        let lock = Lock::generate();
        let sealed = lock.seal(b"the root").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(lock.open(&changed).is_err(), "byte {place}");
            assert!(lock.open(&sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_privately_and_read_like_those_of_age_keygen() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::UnlockKey(dir.path().join("unlock.key"));
        assert!(
            matches!(source.existing(), Err(LockError::File(_))),
            "it is made by a new lock only"
        );
        let sealed = source.fresh().unwrap().seal(b"the root").unwrap();
        let text = fs::read_to_string(dir.path().join("unlock.key")).unwrap();
        let mode = fs::metadata(dir.path().join("unlock.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        for lock in [source.fresh().unwrap(), source.existing().unwrap()] {
            assert_eq!(lock.open(&sealed).unwrap().as_slice(), b"the root");
        }
        let (_dir, commented) = file(&format!("# created: today\n# public key: age1…\n\n{text}"));
        assert!(Source::UnlockKey(commented).existing().unwrap().open(&sealed).is_ok());
    }

    #[test]
    fn a_passphrase_or_key_that_others_may_read_or_that_is_none_is_refused() {
        let (_dir, path) = file("seven wooden spoons");
        assert!(matches!(
            Source::UnlockKey(path.clone()).existing(),
            Err(LockError::NotAKey { .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        for source in [Source::PassphraseFile(path.clone()), Source::UnlockKey(path)] {
            let refused = source.existing();
            assert!(matches!(refused, Err(LockError::File(StateError::TooOpen { .. }))));
        }
        for bad in ["", "\n", "two\nlines of words", "short"] {
            assert!(matches!(passphrase_in(bad), Err(LockError::Passphrase(_))), "{bad:?}");
        }
    }

    #[test]
    fn one_way_to_unlock_is_needed_and_two_are_too_many() {
        assert!(matches!(Source::of(None, None), Err(LockError::WhichOne)));
        assert!(matches!(
            Source::of(Some("a".into()), Some("b".into())),
            Err(LockError::WhichOne)
        ));
    }
}
