//! Where sealed bills are kept, by CID.
//!
//! A [`Store`] takes bytes and gives them back under their CID. It is not trusted: the CID is computed here, what comes
//! back is hashed again, and bytes that do not match are refused. [`DirectoryStore`] is a directory on this machine,
//! [`KuboStore`] an IPFS daemon's RPC; both use the same CIDs, so that one can stand in for the other.
//!
//! **Privacy.** A store sees sealed bytes and who asks for which CID.

mod directory;
mod kubo;

pub use directory::DirectoryStore;
pub use kubo::KuboStore;

use crate::cid::{Cid, CidError};
use async_trait::async_trait;
use std::{io, path::PathBuf, time::Duration};

/// What went wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The content cannot have a CID.
    #[error(transparent)]
    Cid(#[from] CidError),
    /// The store does not have the content.
    #[error("{store} does not have {cid}; ask the bill provider to store it again")]
    Missing {
        /// The store.
        store: String,
        /// The CID that was asked for.
        cid: Cid,
    },
    /// The store returned other bytes than those asked for.
    #[error("{store} returned other bytes than those of {cid}; they are not used: take another store")]
    Altered {
        /// The store.
        store: String,
        /// The CID that was asked for.
        cid: Cid,
    },
    /// The store put the content under another CID.
    #[error("{store} stored {cid} as {found}; its settings for CIDs are not obeyed, or it is not to be trusted")]
    OtherCid {
        /// The store.
        store: String,
        /// The content's CID.
        cid: Cid,
        /// What the store says.
        found: String,
    },
    /// The store could not be reached, or failed.
    #[error("{store} failed: {cause}; check that it runs and can be reached, then try again")]
    Failed {
        /// The store.
        store: String,
        /// The cause, in its words.
        cause: String,
    },
    /// The store did not answer in time.
    #[error("{store} did not answer within {after:?}; check that it runs and has {what}, then try again")]
    TimedOut {
        /// The store.
        store: String,
        /// What it was asked for.
        what: Cid,
        /// How long was waited.
        after: Duration,
    },
    /// A file could not be read or written.
    #[error("cannot use {}: {source}; check the directory and its permissions", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The store's address is of no known form.
    #[error(
        "{0} is not a store; give a directory, or the http:// address of a Kubo RPC such as http://127.0.0.1:5001"
    )]
    Address(String),
}

/// A place that keeps bytes by their CID.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores some bytes, at most [`crate::cid::MAX_LEN`], and gives their CID. Storing the same bytes again is no error.
    async fn put(&self, bytes: &[u8]) -> Result<Cid, StoreError>;

    /// The bytes of a CID; never others.
    async fn get(&self, cid: &Cid) -> Result<Vec<u8>, StoreError>;
}

/// Opens the store that `spec` names: a Kubo RPC if it starts with `http://`, otherwise a directory, which is made if
/// need be. Errors: [`StoreError::Address`], [`StoreError::File`].
pub fn open(spec: &str) -> Result<Box<dyn Store>, StoreError> {
    if spec.is_empty() {
        Err(StoreError::Address("an empty text".into()))
    } else if spec.contains("://") {
        Ok(Box::new(KuboStore::new(spec)?))
    } else {
        Ok(Box::new(DirectoryStore::new(spec)?))
    }
}

#[cfg(test)]
mod tests;
