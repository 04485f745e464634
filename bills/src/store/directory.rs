//! A directory with one file per CID.

use super::{Store, StoreError};
use crate::cid::{self, Cid, MAX_LEN};
use async_trait::async_trait;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// A store in a directory of this machine. Files appear complete or not at all.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    path: PathBuf,
}

impl DirectoryStore {
    /// The store in a directory, which is made if need be. Errors: [`StoreError::File`].
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(failed(&path))?;
        Ok(Self { path })
    }

    fn file(&self, cid: &Cid) -> PathBuf {
        self.path.join(cid.to_string())
    }

    fn write(&self, cid: Cid, bytes: &[u8]) -> Result<Cid, StoreError> {
        let path = self.file(&cid);
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(cid);
        }
        self.replace(&path, bytes).map_err(failed(&path))?;
        Ok(cid)
    }

    /// Writes beside the file first, so that whatever happens the file is never there in part.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Sealed bills are for anyone to fetch.
            builder.permissions(fs::Permissions::from_mode(0o644));
        }
        let mut file = builder.tempfile_in(&self.path)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(&self.path)?.sync_all()
    }

    fn read(&self, cid: &Cid) -> Result<Vec<u8>, StoreError> {
        let path = self.file(cid);
        let store = || self.path.display().to_string();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing {
                    store: store(),
                    cid: *cid,
                });
            }
            Err(cause) => return Err(failed(&path)(cause)),
        };
        let mut bytes = Vec::new();
        // One byte more than any content has is enough to know that it is not the content.
        let most = u64::try_from(MAX_LEN).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(failed(&path))?;
        if cid.is_of(&bytes) {
            Ok(bytes)
        } else {
            Err(StoreError::Altered {
                store: store(),
                cid: *cid,
            })
        }
    }
}

#[async_trait]
impl Store for DirectoryStore {
    async fn put(&self, bytes: &[u8]) -> Result<Cid, StoreError> {
        let cid = cid::of(bytes)?;
        let (store, bytes) = (self.clone(), bytes.to_vec());
        apart(&self.path, move || store.write(cid, &bytes)).await
    }

    async fn get(&self, cid: &Cid) -> Result<Vec<u8>, StoreError> {
        let (store, cid) = (self.clone(), *cid);
        apart(&self.path, move || store.read(&cid)).await
    }
}

/// Runs file work where it holds nobody up.
async fn apart<T, F>(path: &Path, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(failed(path)(io::Error::other(cause))))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::File {
        path: path.to_owned(),
        source,
    }
}
