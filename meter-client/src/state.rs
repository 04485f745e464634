//! The state directory of a meter.
//!
//! One directory, readable by its owner alone:
//!
//! | file | what it holds |
//! |---|---|
//! | `keys.json` | the meter's keys, see [`crate::keys`] |
//! | `identity.txt` | the age identity to which the response and the bills are encrypted, in the form of `age-keygen` |
//! | `recipient.txt` | its public half |
//! | `seeds/` | the seeds of this cycle and the last, encrypted to the identity: what a bill is checked with |
//! | `periods.sqlite` | readings, shares and how far each has come, see [`crate::records`] |
//! | `registers.json` | what a real meter's registers were at boundaries, see [`crate::register`] |
//! | `bills/` | encrypted bills that were fetched |
//! | `lock` | locked by the one process that may write keys and records |
//!
//! Files are replaced whole, by a rename after everything is on disk, so a process killed at any moment leaves the old
//! file or the new one. A secret file that others can read is refused.
//!
//! **Privacy.** The directory is the meter: whoever reads it is the meter from then on. The identity is the user's key, and
//! opens what has been: once the response is accepted the meter does without it. Nothing leaves through this module.

use crate::{
    keys::{KeysError, MeterKeys},
    records::{Records, RecordsError},
};
use gridveil_bills::envelope::{decrypt_bytes, encrypt_bytes, recipient_from_age, recipient_to_age, Identity};
use gridveil_primitives::{keys::CycleKeys, prf::Seed, CycleId};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The keys.
const KEYS: &str = "keys.json";
/// The identity.
const IDENTITY: &str = "identity.txt";
/// The identity's public half.
const RECIPIENT: &str = "recipient.txt";
/// The sealed seeds.
const SEEDS: &str = "seeds";
/// The database.
const RECORDS: &str = "periods.sqlite";
/// The fetched bills.
const BILLS: &str = "bills";
/// The lock.
const LOCK: &str = "lock";

/// What can be wrong with a state directory.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file cannot be read or written.
    #[error("{}: {what} failed: {cause}; check the path, the disk and the permissions", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// The system's words.
        cause: String,
    },
    /// A secret file that others can read.
    #[error("{}: others than its owner can read it (mode {mode:o}); find out who did, then `chmod 600` it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There are no keys yet.
    #[error("{}: holds no meter yet; make one with `meter-client enrol request`", path.display())]
    NoKeys {
        /// The directory.
        path: PathBuf,
    },
    /// The identity file is gone or is none.
    #[error("{}: no usable age identity: {cause}; restore it from a backup, or name another with --identity", path.display())]
    NoIdentity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The keys could not be read.
    #[error("{}: {cause}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: KeysError,
    },
    /// Seeds could not be sealed or opened.
    #[error("{}: the cycle's seeds: {cause}", path.display())]
    Seeds {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The registers that were kept cannot be read.
    #[error("{}: is damaged; remove it: readings go on with the next whole period", path.display())]
    Registers {
        /// The file.
        path: PathBuf,
    },
    /// Another process is at work in the directory.
    #[error("{}: another meter-client is at work here; stop it first", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The record of periods could not be used.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// The state directory.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// The right to write in a state directory; given back when dropped, also by the end of the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The error of a file operation, with its path.
fn io(path: &Path, what: &'static str) -> impl Fn(io::Error) -> StateError + use<> {
    let path = path.to_owned();
    move |error| StateError::Io {
        path: path.clone(),
        what,
        cause: error.to_string(),
    }
}

impl StateDir {
    /// The directory at `path`, which need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory where there is none, mode 0700.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`].
    pub fn create(&self) -> Result<(), StateError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(io(&self.path, "making the directory"))
    }

    /// Takes the right to write.
    ///
    /// # Errors
    ///
    /// [`StateError::Locked`] where another process has it, [`StateError::NoKeys`] where there is no directory.
    pub fn lock(&self) -> Result<Lock, StateError> {
        let path = self.path.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => StateError::NoKeys {
                    path: self.path.clone(),
                },
                _ => io(&path, "opening it")(error),
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked {
                path: self.path.clone(),
            }),
            Err(TryLockError::Error(error)) => Err(io(&path, "locking it")(error)),
        }
    }

    /// The meter's keys; `None` where none were made yet.
    ///
    /// # Errors
    ///
    /// [`StateError::Exposed`], [`StateError::Keys`], [`StateError::Io`].
    pub fn find_keys(&self) -> Result<Option<MeterKeys>, StateError> {
        let path = self.path.join(KEYS);
        let Some(json) = read_secret(&path)? else {
            return Ok(None);
        };
        MeterKeys::from_json(&json)
            .map(Some)
            .map_err(|cause| StateError::Keys { path, cause })
    }

    /// The meter's keys.
    ///
    /// # Errors
    ///
    /// As [`Self::find_keys`], and [`StateError::NoKeys`].
    pub fn keys(&self) -> Result<MeterKeys, StateError> {
        self.find_keys()?.ok_or_else(|| StateError::NoKeys {
            path: self.path.clone(),
        })
    }

    /// Replaces the meter's keys, after sealing to the user what seeds they give out; on disk when it returns.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`]; [`StateError::Seeds`] and the errors of [`Self::identity`] where there is something to seal.
    pub fn save_keys(&self, keys: &mut MeterKeys) -> Result<(), StateError> {
        if let Some(enrolment) = &mut keys.enrolment {
            for (cycle, seeds) in enrolment.unsealed() {
                self.seal_seeds(*cycle, seeds)?;
            }
            enrolment.forget_unsealed();
        }
        write_atomically(&self.path.join(KEYS), &keys.to_json())
    }

    fn seeds_file(&self, cycle: CycleId) -> PathBuf {
        self.path.join(SEEDS).join(format!("cycle-{cycle}.age"))
    }

    fn seal_seeds(&self, cycle: CycleId, keys: &CycleKeys) -> Result<(), StateError> {
        let path = self.seeds_file(cycle);
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        for seed in keys.pseudonym.iter().chain(&keys.mask) {
            bytes.extend_from_slice(seed.to_bytes().as_slice());
        }
        let recipient = match fs::read_to_string(self.path.join(RECIPIENT)) {
            Ok(text) => recipient_from_age(text.trim()),
            // A directory of an earlier release.
            Err(_) => Ok(self.identity(None)?.recipient()),
        };
        let sealed = recipient.and_then(|recipient| encrypt_bytes(&bytes, &recipient));
        let sealed = sealed.map_err(|error| StateError::Seeds {
            path: path.clone(),
            cause: error.to_string(),
        })?;
        write_atomically(&path, &sealed)
    }

    /// The seeds of a cycle, opened with the user's identity; `None` where they were not kept.
    ///
    /// # Errors
    ///
    /// [`StateError::Seeds`] where they don't open, [`StateError::Exposed`], [`StateError::Io`].
    pub fn seeds(&self, cycle: CycleId, identity: &Identity) -> Result<Option<CycleKeys>, StateError> {
        let path = self.seeds_file(cycle);
        let Some(sealed) = read_secret(&path)? else {
            return Ok(None);
        };
        let wrong = |cause: String| StateError::Seeds {
            path: path.clone(),
            cause,
        };
        let bytes = decrypt_bytes(&sealed, identity).map_err(|error| wrong(error.to_string()))?;
        let (&[first, second, one, other], []) = bytes.as_chunks::<32>() else {
            return Err(wrong("they are no four".into()));
        };
        Ok(Some(CycleKeys {
            pseudonym: [first, second].map(Seed::from_bytes),
            mask: [one, other].map(Seed::from_bytes),
        }))
    }

    /// Erases the sealed seeds of all cycles before `cycle`.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`].
    pub fn forget_seeds_before(&self, cycle: CycleId) -> Result<(), StateError> {
        let directory = self.path.join(SEEDS);
        let files = match fs::read_dir(&directory) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io(&directory, "reading it")(error)),
        };
        for file in files {
            let path = file.map_err(io(&directory, "reading it"))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let number = name.strip_prefix("cycle-").and_then(|rest| rest.strip_suffix(".age"));
            if number
                .and_then(|number| number.parse().ok())
                .is_some_and(|of: CycleId| of < cycle)
            {
                fs::remove_file(&path).map_err(io(&path, "erasing it"))?;
            }
        }
        Ok(())
    }

    /// The identity in `file`, or the meter's own; `None` where the meter has none yet.
    ///
    /// # Errors
    ///
    /// [`StateError::Exposed`], [`StateError::NoIdentity`] where the file holds none, or where a named file is not there.
    pub fn find_identity(&self, file: Option<&Path>) -> Result<Option<Identity>, StateError> {
        let path = file.map_or_else(|| self.path.join(IDENTITY), Path::to_owned);
        let Some(bytes) = read_secret(&path)? else {
            return match file {
                Some(_) => Err(StateError::NoIdentity {
                    path,
                    cause: "there is no such file".into(),
                }),
                None => Ok(None),
            };
        };
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        // As in a file of age-keygen: comments and empty lines, and one identity.
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        let Some(line) = line else {
            return Err(StateError::NoIdentity {
                path,
                cause: "the file holds none".into(),
            });
        };
        match Identity::from_string(line) {
            Ok(identity) => Ok(Some(identity)),
            Err(error) => Err(StateError::NoIdentity {
                path,
                cause: error.to_string(),
            }),
        }
    }

    /// The identity in `file`, or the meter's own.
    ///
    /// # Errors
    ///
    /// As [`Self::find_identity`], and [`StateError::NoIdentity`] where the meter has none.
    pub fn identity(&self, file: Option<&Path>) -> Result<Identity, StateError> {
        self.find_identity(file)?.ok_or_else(|| StateError::NoIdentity {
            path: self.path.join(IDENTITY),
            cause: "there is no such file".into(),
        })
    }

    /// Stores the meter's identity, and its public half beside it.
    ///
    /// # Errors
    ///
    /// [`StateError::Io`].
    pub fn save_identity(&self, identity: &Identity) -> Result<(), StateError> {
        let mut text = Zeroizing::new(String::with_capacity(256));
        text.push_str(&identity.to_string());
        text.push('\n');
        let recipient = recipient_to_age(&identity.recipient());
        write_atomically(&self.path.join(RECIPIENT), format!("{recipient}\n").as_bytes())?;
        write_atomically(&self.path.join(IDENTITY), text.as_bytes())
    }

    /// The record of periods.
    ///
    /// # Errors
    ///
    /// [`StateError::Exposed`], [`StateError::Records`].
    pub fn records(&self) -> Result<Records, StateError> {
        let path = self.path.join(RECORDS);
        is_private(&path)?;
        Ok(Records::open(&path)?)
    }

    /// Where the bill of a cycle is kept once fetched.
    pub fn bill_file(&self, cycle: CycleId) -> PathBuf {
        self.path.join(BILLS).join(format!("cycle-{cycle}.html.age"))
    }
}

/// Writes a whole file, mode 0600: what was there before stays until everything is on disk. Makes its directory.
///
/// # Errors
///
/// [`StateError::Io`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(io(directory, "making the directory"))?;
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory)
        .map_err(io(directory, "making a file in it"))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(io(path, "writing it"))?;
    file.persist(path)
        .map_err(|error| io(path, "replacing it")(error.error))?;
    // The rename itself is on disk once the directory is.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io(directory, "writing it"))
}

/// Whether there is a file and only its owner may read it; an error where others may.
fn is_private(path: &Path) -> Result<bool, StateError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io(path, "reading it")(error)),
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StateError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(true)
}

/// Reads a file that only its owner may read; `None` where there is none.
pub(crate) fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
    if !is_private(path)? {
        return Ok(None);
    }
    fs::read(path)
        .map(|bytes| Some(Zeroizing::new(bytes)))
        .map_err(io(path, "reading it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Enrolment;
    use gridveil_primitives::keys::MeterSecret;
    use rand::{rngs::StdRng, SeedableRng};
    use tempfile::TempDir;

    fn state() -> (TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(&dir.path().join("meter"));
        state.create().unwrap();
        (dir, state)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_are_readable_by_their_owner_alone() {
        let (_dir, state) = state();
        state
            .save_keys(&mut MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(1)))
            .unwrap();
        state.save_identity(&Identity::generate()).unwrap();
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(&state.path().join(KEYS)), 0o600);
        assert_eq!(mode(&state.path().join(IDENTITY)), 0o600);
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let (_dir, state) = state();
        state
            .save_keys(&mut MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(1)))
            .unwrap();
        fs::set_permissions(state.path().join(KEYS), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(state.keys(), Err(StateError::Exposed { mode: 0o640, .. })));
    }

    #[test]
    fn readings_that_others_can_read_are_refused() {
        let (_dir, state) = state();
        drop(state.records().unwrap());
        let path = state.path().join(RECORDS);
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(state.records(), Err(StateError::Exposed { mode: 0o604, .. })));
    }

    #[test]
    fn an_identity_survives_its_file() {
        let (_dir, state) = state();
        let identity = Identity::generate();
        assert!(state.find_identity(None).unwrap().is_none());
        state.save_identity(&identity).unwrap();
        assert_eq!(state.identity(None).unwrap().recipient(), identity.recipient());
    }

    #[test]
    fn seeds_are_sealed_to_the_user_before_the_keys_are_stored_without_them() {
        let (_dir, state) = state();
        let secret = MeterSecret::from_bytes([4; 32]);
        let mut keys = MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(1));
        keys.enrolment = Some(Enrolment::new(2, [3; 32], 5, secret.clone()));
        assert!(matches!(state.save_keys(&mut keys), Err(StateError::NoIdentity { .. })));
        assert!(state.find_keys().unwrap().is_none());

        let identity = Identity::generate();
        state.save_identity(&identity).unwrap();
        // The user takes the identity away.
        fs::remove_file(state.path().join(IDENTITY)).unwrap();
        state.save_keys(&mut keys).unwrap();
        assert!(keys.enrolment.as_ref().unwrap().unsealed().is_empty());
        let opened = state.seeds(5, &identity).unwrap().unwrap();
        assert_eq!(*opened.mask[1].to_bytes(), *secret.cycle_keys().mask[1].to_bytes());
        let other = state.seeds(5, &Identity::generate());
        assert!(matches!(other, Err(StateError::Seeds { .. })));

        state.forget_seeds_before(5).unwrap();
        assert!(state.seeds(5, &identity).unwrap().is_some());
        state.forget_seeds_before(6).unwrap();
        assert!(state.seeds(5, &identity).unwrap().is_none());
    }

    #[test]
    fn a_file_without_an_identity_is_refused() {
        let (_dir, state) = state();
        for text in ["", "# a comment\n", "AGE-SECRET-KEY-1NONSENSE\n"] {
            write_atomically(&state.path().join(IDENTITY), text.as_bytes()).unwrap();
            assert!(
                matches!(state.identity(None), Err(StateError::NoIdentity { .. })),
                "{text:?}"
            );
        }
        let elsewhere = state.path().join("elsewhere");
        assert!(matches!(
            state.find_identity(Some(&elsewhere)),
            Err(StateError::NoIdentity { .. })
        ));
    }

    #[test]
    fn a_directory_without_keys_says_how_to_make_them() {
        let (_dir, state) = state();
        assert!(state.keys().unwrap_err().to_string().contains("enrol request"));
        let nowhere = StateDir::new(&state.path().join("nowhere"));
        assert!(matches!(nowhere.lock(), Err(StateError::NoKeys { .. })));
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let (_dir, state) = state();
        let lock = state.lock().unwrap();
        assert!(matches!(state.lock(), Err(StateError::Locked { .. })));
        drop(lock);
        state.lock().unwrap();
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let (_dir, state) = state();
        let path = state.path().join("file");
        write_atomically(&path, b"a longer content").unwrap();
        write_atomically(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1);
    }
}
