//! The folder of a run.
//!
//! Promises that a folder which somebody named is not mixed with what is in it, and that one which nobody named goes with the run
//! unless it is kept.
//!
//! **Privacy.** A run's folder holds its secrets.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// The folder that was asked for, if it is empty, or a new one that begins with `prefix` and goes with the value returned beside it.
///
/// # Errors
///
/// If it can't be made or read, or is not empty.
pub fn of_run(asked: Option<&Path>, prefix: &str) -> io::Result<(PathBuf, Option<TempDir>)> {
    let Some(dir) = asked else {
        let dir = tempfile::Builder::new().prefix(prefix).tempdir()?;
        return Ok((dir.path().into(), Some(dir)));
    };
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        let problem = format!("{} is not empty; give --dir an empty folder", dir.display());
        return Err(io::Error::other(problem));
    }
    Ok((dir.canonicalize()?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_an_empty_one_or_a_new_one_is_not() {
        let (dir, temporary) = of_run(None, "gridveil-folder-").unwrap();
        let new = dir.join("new");
        assert_eq!(of_run(Some(&new), "").unwrap().0, new.canonicalize().unwrap());
        assert!(of_run(Some(&new), "").unwrap().1.is_none());
        let error = of_run(Some(&dir), "").unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
        drop(temporary);
        assert!(!dir.exists());
    }
}
