//! Files on the operator's disk: secrets that only the owner may read, and writes that a crash cannot tear.
//!
//! Every file written here is complete or absent: it is written beside its place, flushed, and moved there. Secrets are
//! refused when anyone but their owner could have read them, before a byte of them is used.
//!
//! **Privacy.** The root key unmasks every reading of every meter; it is kept in one file of mode 0600 and in memory
//! that is wiped, and is never logged.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use gridveil_primitives::{hash, keys::RootKey};
use rand::{rngs::OsRng, RngCore};
use tempfile::NamedTempFile;
use zeroize::{Zeroize, Zeroizing};

/// The root key's file in the key centre's state directory.
pub const ROOT_KEY_FILE: &str = "root.key";

/// What can be wrong with a file of the operator's.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file or directory could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
    /// The file or directory could not be written.
    #[error("cannot write {path}: {source}; nothing was changed")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
    /// A secret can be read by others than its owner.
    #[error("{path} holds a secret and others may read it (mode {mode:o}); make it private with `chmod 600`")]
    TooOpen {
        /// The secret's file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A root key file does not hold a root key.
    #[error("{path} is not a root key: it must hold 64 hexadecimal digits; restore it from its backup")]
    NotARootKey {
        /// The file.
        path: PathBuf,
    },
    /// The directory holds no key centre.
    #[error("{path} holds no root key; run `grid-operator key-centre --dir DIR init` first, or give the right --dir")]
    NotInitialised {
        /// Where the root key was looked for.
        path: PathBuf,
    },
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> StateError + '_ {
    move |source| StateError::Read {
        path: path.to_owned(),
        source,
    }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> StateError + '_ {
    move |source| StateError::Write {
        path: path.to_owned(),
        source,
    }
}

/// Makes a directory, and those above it, that only its owner may enter; content with one that is there.
pub fn make_private_dir(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(writing(path))
}

/// Writes a file whole or not at all, over one that may be there, readable by its owner only.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let file = beside(path, bytes).map_err(writing(path))?;
    file.persist(path).map_err(|error| writing(path)(error.error))?;
    sync_directory_of(path).map_err(writing(path))
}

/// A flushed temporary file (mode 0600) in the directory of `path`.
fn beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(directory_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

/// Opens a file, if only its owner may.
fn open_private(path: &Path) -> Result<File, StateError> {
    let file = File::open(path).map_err(reading(path))?;
    // The mode of the file that was opened, not of whatever the path names by now.
    let mode = file.metadata().map_err(reading(path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StateError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(file)
}

/// Refuses a file that others than its owner may read or write.
pub fn check_private(path: &Path) -> Result<(), StateError> {
    open_private(path).map(|_| ())
}

/// Makes an empty file that only its owner may read, unless one is there, which must be private too.
pub fn create_private(path: &Path) -> Result<(), StateError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(path),
        Err(source) => Err(writing(path)(source)),
    }
}

/// Reads a secret, if only its owner may.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let mut file = open_private(path)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(reading(path))?;
    Ok(bytes)
}

/// Reads a whole file of at most `most` bytes as text; more than that is refused rather than read.
pub fn read_text(path: &Path, most: u64) -> Result<String, StateError> {
    let text = String::from_utf8(read_bytes(path, most)?);
    text.map_err(|cause| reading(path)(io::Error::new(io::ErrorKind::InvalidData, cause)))
}

/// Reads a whole file of at most `most` bytes; more than that is refused rather than read.
pub fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, StateError> {
    let file = File::open(path).map_err(reading(path))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(reading(path))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        let source = io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {most} bytes"));
        return Err(StateError::Read {
            path: path.to_owned(),
            source,
        });
    }
    Ok(bytes)
}

/// The files of a directory whose names end in `.json`, by name.
pub fn json_files(directory: &Path) -> Result<Vec<PathBuf>, StateError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(reading(directory))? {
        let path = entry.map_err(reading(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Makes the key centre's root key in `directory`, unless one is there. Says whether it was made now.
pub fn make_root_key(directory: &Path) -> Result<bool, StateError> {
    make_private_dir(directory)?;
    let path = directory.join(ROOT_KEY_FILE);
    if path.exists() {
        return load_root_key(directory).map(|_| false);
    }
    let mut key = Zeroizing::new([0u8; 32]);
    OsRng.fill_bytes(key.as_mut());
    let mut text = Zeroizing::new(hex::encode(&key[..]));
    text.push('\n');
    // Never over a key that another process has put there in the meantime.
    let file = beside(&path, text.as_bytes()).map_err(writing(&path))?;
    match file.persist_noclobber(&path) {
        Ok(_) => sync_directory_of(&path).map_err(writing(&path)).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(writing(&path)(error.error)),
    }
}

/// Reads the key centre's root key from `directory`.
pub fn load_root_key(directory: &Path) -> Result<RootKey, StateError> {
    let path = directory.join(ROOT_KEY_FILE);
    if !path.exists() {
        return Err(StateError::NotInitialised { path });
    }
    let text = read_secret(&path)?;
    let mut bytes = Zeroizing::new([0u8; 32]);
    match hex::decode_to_slice(text.trim_ascii(), bytes.as_mut()) {
        Ok(()) => Ok(RootKey::from_bytes(*bytes)),
        Err(_) => Err(StateError::NotARootKey { path }),
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

    #[test]
    fn a_root_key_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert!(make_root_key(dir.path()).unwrap());
        let first = fingerprint(&load_root_key(dir.path()).unwrap());
        assert!(!make_root_key(dir.path()).unwrap());
        assert_eq!(fingerprint(&load_root_key(dir.path()).unwrap()), first);
        let mode = fs::metadata(dir.path().join(ROOT_KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn two_root_keys_differ() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        make_root_key(one.path()).unwrap();
        make_root_key(other.path()).unwrap();
        let print = |dir: &Path| fingerprint(&load_root_key(dir).unwrap());
        assert_ne!(print(one.path()), print(other.path()));
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        make_root_key(dir.path()).unwrap();
        let path = dir.path().join(ROOT_KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            load_root_key(dir.path()),
            Err(StateError::TooOpen { mode: 0o640, .. })
        ));
    }

    #[test]
    fn a_root_key_that_is_not_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_atomically(&dir.path().join(ROOT_KEY_FILE), b"not hexadecimal").unwrap();
        assert!(matches!(load_root_key(dir.path()), Err(StateError::NotARootKey { .. })));
        // And `init` does not write over it.
        assert!(matches!(make_root_key(dir.path()), Err(StateError::NotARootKey { .. })));
    }

    #[test]
    fn a_directory_without_a_root_key_is_not_initialised() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            load_root_key(dir.path()),
            Err(StateError::NotInitialised { .. })
        ));
    }

    #[test]
    fn a_file_written_over_another_is_the_new_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_atomically(&path, b"a longer first text").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_atomically(&path, b"123456").unwrap();
        assert_eq!(read_text(&path, 6).unwrap(), "123456");
        assert!(matches!(read_text(&path, 5), Err(StateError::Read { .. })));
    }
}
