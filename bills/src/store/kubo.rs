//! An IPFS daemon, by the RPC that Kubo has.

use super::{Store, StoreError};
use crate::cid::{self, Cid, MAX_LEN};
use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use futures::TryStreamExt;
use ipfs_api_backend_hyper::{request::Add, Error as IpfsError, Form, IpfsApi, IpfsClient, TryFromUri};
use serde::Deserialize;
use std::{future::Future, io::Cursor, time::Duration};
use tokio::time::timeout;

/// A store behind a Kubo RPC address. Content is pinned there.
#[derive(Clone)]
pub struct KuboStore {
    client: IpfsClient,
    url: String,
    timeout: Duration,
    first_pause: Duration,
}

/// What a daemon says of content that it took. Of the size, which Kubo gives as text and js-ipfs as a number, nothing
/// is needed.
#[derive(Deserialize)]
struct Added {
    #[serde(rename = "Hash")]
    hash: String,
}

/// Adds content as one file. The client's own way of doing so insists on a size that is text.
async fn add_file<C: IpfsApi + Sync>(client: &C, bytes: Vec<u8>, options: Add<'_>) -> Result<Added, C::Error> {
    let mut form = Form::default();
    form.add_reader("path", Cursor::new(bytes));
    client.request(options, Some(form)).await
}

/// How often a request that failed is tried again.
const RETRIES: usize = 4;

impl KuboStore {
    /// The store at an `http://` address. Nothing is sent yet. Errors: [`StoreError::Address`].
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let refused = || StoreError::Address(url.to_owned());
        if !url.starts_with("http://") {
            return Err(refused());
        }
        let client = IpfsClient::from_str(url).map_err(|_| refused())?;
        let (timeout, first_pause) = (Duration::from_secs(30), Duration::from_millis(200));
        Ok(Self {
            client,
            url: url.to_owned(),
            timeout,
            first_pause,
        })
    }

    /// The same store with another time-out for each request and another pause before the first retry; 30 seconds and
    /// 200 milliseconds are usual.
    pub fn with_times(self, timeout: Duration, first_pause: Duration) -> Self {
        Self {
            timeout,
            first_pause,
            ..self
        }
    }

    fn failed(&self, cause: impl ToString) -> StoreError {
        StoreError::Failed {
            store: self.url.clone(),
            cause: cause.to_string(),
        }
    }

    /// Runs a request within the time-out, and again while the daemon fails or is silent.
    async fn ask<T, F, Fut>(&self, what: &Cid, request: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.first_pause.saturating_mul(32))
            .with_max_times(RETRIES)
            .with_jitter();
        let attempt = || async {
            timeout(self.timeout, request()).await.unwrap_or_else(|_| {
                Err(StoreError::TimedOut {
                    store: self.url.clone(),
                    what: *what,
                    after: self.timeout,
                })
            })
        };
        attempt
            .retry(pauses)
            .when(|failure| matches!(failure, StoreError::Failed { .. } | StoreError::TimedOut { .. }))
            .notify(|failure, pause| tracing::debug!(%failure, ?pause, "trying again"))
            .await
    }

    async fn add(&self, cid: Cid, bytes: Vec<u8>) -> Result<Cid, StoreError> {
        // Kubo's defaults give other CIDs; up to one chunk these options give that of the bytes themselves.
        let options = Add {
            chunker: Some("size-262144"),
            cid_version: Some(1),
            pin: Some(true),
            raw_leaves: Some(true),
            ..Add::default()
        };
        let added = add_file(&self.client, bytes, options)
            .await
            .map_err(|e| self.failed(e))?;
        // Daemons write the same CID in different bases: Kubo in base 32, js-ipfs in base 58.
        if added.hash.parse() == Ok(cid) {
            Ok(cid)
        } else {
            Err(StoreError::OtherCid {
                store: self.url.clone(),
                cid,
                found: added.hash,
            })
        }
    }

    async fn cat(&self, cid: &Cid) -> Result<Vec<u8>, StoreError> {
        let altered = || StoreError::Altered {
            store: self.url.clone(),
            cid: *cid,
        };
        let mut stream = self.client.cat(&cid.to_string());
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.try_next().await.map_err(|cause| self.not_given(cid, cause))? {
            if bytes.len().saturating_add(chunk.len()) > MAX_LEN {
                return Err(altered());
            }
            bytes.extend_from_slice(&chunk);
        }
        if cid.is_of(&bytes) {
            Ok(bytes)
        } else {
            Err(altered())
        }
    }

    /// Tells a daemon that does not have the content from one that failed.
    fn not_given(&self, cid: &Cid, cause: IpfsError) -> StoreError {
        let words = cause.to_string();
        if ["not found", "could not find"].iter().any(|sign| words.contains(sign)) {
            StoreError::Missing {
                store: self.url.clone(),
                cid: *cid,
            }
        } else {
            self.failed(words)
        }
    }
}

#[async_trait]
impl Store for KuboStore {
    async fn put(&self, bytes: &[u8]) -> Result<Cid, StoreError> {
        let cid = cid::of(bytes)?;
        self.ask(&cid, || self.add(cid, bytes.to_vec())).await
    }

    async fn get(&self, cid: &Cid) -> Result<Vec<u8>, StoreError> {
        self.ask(cid, || self.cat(cid)).await
    }
}
