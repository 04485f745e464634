//! Files on the operator's disk: secrets that only the owner may read, and writes that a crash cannot tear.
//!
//! Every file written here is complete or absent: it is written beside its place, flushed, and moved there. Secrets are
//! refused when anyone but their owner could have read them, before a byte of them is used.
//!
//! **Privacy.** What is read of a secret is wiped from memory and never logged.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

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
    /// A directory is to be made where something is.
    #[error("{path} is there and is not an empty directory; nothing was written: name another one")]
    NotEmpty {
        /// Where it was to be made.
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

/// Writes a file whole or not at all, readable by its owner only, unless one is there. Says whether it was written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, StateError> {
    let file = beside(path, bytes).map_err(writing(path))?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_directory_of(path).map_err(writing(path)).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(writing(path)(error.error)),
    }
}

/// Makes a directory, which only its owner may enter, with what `fill` puts into it: whole or not at all.
///
/// Errors: [`StateError::NotEmpty`] where something is there that is not an empty directory.
pub fn make_dir_whole<E: From<StateError>>(path: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let private = fs::Permissions::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".gridveil-").permissions(private);
    let made = builder.tempdir_in(directory_of(path)).map_err(writing(path))?;
    fill(made.path())?;
    sync_directory(made.path()).map_err(writing(path))?;
    match fs::rename(made.path(), path) {
        Ok(()) => drop(made.keep()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory
            ) =>
        {
            return Err(StateError::NotEmpty { path: path.to_owned() }.into())
        }
        Err(error) => return Err(writing(path)(error).into()),
    }
    sync_directory_of(path).map_err(writing(path))?;
    Ok(())
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

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    sync_directory(directory_of(path))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_whole_or_not_at_all_and_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made");
        let write = |at: &Path| write_atomically(&at.join("file"), b"text");
        let broken: Result<(), StateError> = make_dir_whole(&path, |at| {
            write(at)?;
            Err(StateError::NotEmpty { path: at.to_owned() })
        });
        assert!(broken.is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        fs::create_dir(&path).unwrap();
        make_dir_whole(&path, write).unwrap();
        assert_eq!(fs::read(path.join("file")).unwrap(), b"text");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let again = make_dir_whole(&path, |at| write_atomically(&at.join("other"), b"text"));
        assert!(matches!(again, Err(StateError::NotEmpty { .. })));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(matches!(
            make_dir_whole(&path.join("file"), write),
            Err(StateError::NotEmpty { .. })
        ));
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        write_atomically(&path, b"secret").unwrap();
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            read_secret(&path),
            Err(StateError::TooOpen { mode: 0o640, .. })
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
