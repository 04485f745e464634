//! The chain as a client sees it: options, heads, and what is true at a head.

use crate::{heads::Heads, link::translate, link::Link, runtime::Runtime, submit::Lanes, Error};
use codec::DecodeAll;
use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use subxt::{rpcs::methods::legacy::NumberOrHex, utils::H256};
use tokio::time::timeout;

/// Which block a client takes for the chain's present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The latest finalised block. What is true there stays true.
    #[default]
    Finalised,
    /// The best block, and a transaction counts as soon as it is in one. Both may be undone. For the consortium alone,
    /// while finality has stalled: nothing can be decided otherwise, because nothing becomes final.
    Best,
}

/// How to reach the chain, and for how long to wait.
#[derive(Clone, Debug)]
pub struct Options {
    /// The nodes' WebSocket addresses, most preferred first.
    pub urls: Vec<String>,
    /// The genesis hash that every node must have; `None` takes that of the first node which answers.
    pub genesis: Option<[u8; 32]>,
    /// Which block is asked and which block is waited for. [`View::Finalised`].
    pub view: View,
    /// How long a request may take. 10 seconds.
    pub request_timeout: Duration,
    /// How long opening a connection may take. 5 seconds.
    pub connect_timeout: Duration,
    /// How long a node may be silent about new finalised heads or a watched transaction before it is given up. 60
    /// seconds.
    pub silence: Duration,
    /// How long a transaction may take until it is finalised. 3 minutes.
    pub transaction_timeout: Duration,
    /// How often a request that failed for a passing reason is tried again. 8 times.
    pub retries: usize,
    /// The pause before the first retry; later ones grow up to 32 times this. 200 milliseconds.
    pub first_pause: Duration,
}

impl Options {
    /// The usual times for a list of nodes.
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            genesis: None,
            view: View::Finalised,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            silence: Duration::from_secs(60),
            transaction_timeout: Duration::from_secs(180),
            retries: 8,
            first_pause: Duration::from_millis(200),
        }
    }
}

/// A finalised block, or with [`View::Best`] a best one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// Its number.
    pub number: u32,
    /// Its hash.
    pub hash: [u8; 32],
}

/// Where a transaction was finalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The block's hash.
    pub block: [u8; 32],
    /// The block's number.
    pub number: u32,
}

/// A connection to the chain; clones share it.
#[derive(Clone)]
pub struct Chain {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones of a [`Chain`] share.
pub(crate) struct Inner {
    /// The way to the nodes.
    pub link: Link,
    /// The runtime that was seen last.
    pub runtime: Mutex<Option<Arc<Runtime>>>,
    /// The nonces of the accounts that submit.
    pub lanes: Lanes,
}

impl Chain {
    /// Connects to the first of the nodes that can be used, trying all of them several times.
    ///
    /// Errors: [`Error::NoUrl`], [`Error::WrongChain`] where every node is of another chain than `options.genesis`, and
    /// the errors of a connection where there is one address, [`Error::NoNode`] where there are several.
    pub async fn connect(options: Options) -> Result<Chain, Error> {
        if options.urls.is_empty() {
            return Err(Error::NoUrl);
        }
        let inner = Inner {
            link: Link::new(options),
            runtime: Mutex::new(None),
            lanes: Lanes::default(),
        };
        inner.link.ask("connecting", |_| async { Ok(()) }).await?;
        Ok(Chain { inner: Arc::new(inner) })
    }

    /// The hash of the chain's first block.
    pub fn genesis_hash(&self) -> [u8; 32] {
        self.inner.link.genesis()
    }

    /// The latest finalised block that the node knows; with [`View::Best`] its best one.
    pub async fn finalised(&self) -> Result<Head, Error> {
        self.inner
            .link
            .ask("reading the finalised head", |session| async move {
                finalised(&session).await
            })
            .await
    }

    /// The hash of the finalised block with this number; `None` if the chain is not that far.
    pub async fn finalised_hash(&self, number: u32) -> Result<Option<[u8; 32]>, Error> {
        self.inner
            .link
            .ask("reading a block's hash", |session| async move {
                if number > finalised(&session).await?.number {
                    return Ok(None);
                }
                block_hash(&session, number).await.map(Some)
            })
            .await
    }

    /// Follows the finalised heads from now on.
    pub async fn heads(&self) -> Result<Heads, Error> {
        Heads::new(self.clone()).await
    }

    /// Waits until `check`, which is asked at every newly finalised head, answers `Some`.
    ///
    /// `what` completes the sentence of [`Error::TimedOut`], which is the error after `limit`. Passing errors of the
    /// check and of the connection are waited out; others are returned.
    pub async fn wait_until<T, F, Fut>(&self, what: &str, limit: Duration, mut check: F) -> Result<T, Error>
    where
        F: FnMut(Head) -> Fut,
        Fut: Future<Output = Result<Option<T>, Error>>,
    {
        let wait = async {
            let mut heads = self.heads().await?;
            loop {
                match heads.next().await {
                    Ok(head) => match check(head).await {
                        Ok(Some(found)) => return Ok(found),
                        Ok(None) => {}
                        Err(passing) if passing.is_transient() => tracing::debug!(%passing, "waiting on"),
                        Err(lasting) => return Err(lasting),
                    },
                    Err(passing) if passing.is_transient() => tracing::debug!(%passing, "waiting on"),
                    Err(lasting) => return Err(lasting),
                }
            }
        };
        timeout(limit, wait).await.map_err(|_| Error::TimedOut {
            what: what.into(),
            after: limit,
        })?
    }

    /// How far the node has finalised and how far its best chain goes, whatever the view: two blocks' numbers.
    pub async fn heights(&self) -> Result<(u32, u32), Error> {
        let what = "reading the finalised and the best block";
        self.inner
            .link
            .ask(what, |session| async move {
                let finalised = head(&session, View::Finalised).await?.number;
                Ok((finalised, head(&session, View::Best).await?.number.max(finalised)))
            })
            .await
    }

    /// A value of the chain's storage at a block.
    pub(crate) async fn storage(&self, what: &str, key: &[u8], at: [u8; 32]) -> Result<Option<Vec<u8>>, Error> {
        self.inner
            .link
            .ask(what, |session| async move {
                let value = session.rpc.state_get_storage(key, Some(H256(at))).await;
                value.map_err(|cause| translate(&session.url, what, cause))
            })
            .await
    }

    /// A value of the chain's storage at a block, decoded: a plain one, or with `keys` one of a map. `None` where there is
    /// none, whatever default its pallet has.
    pub(crate) async fn value<T: DecodeAll, const N: usize>(
        &self,
        pallet: &str,
        entry: &str,
        keys: [[u8; 32]; N],
        at: Head,
    ) -> Result<Option<T>, Error> {
        let what = format!("the chain's storage {pallet}.{entry}");
        let key = self.runtime_at(at).await?.storage_key(pallet, entry, keys)?;
        let bytes = self.storage(&what, &key, at.hash).await?;
        let value = bytes.map(|bytes| T::decode_all(&mut &bytes[..])).transpose();
        value.map_err(|cause| Error::Decode {
            what,
            cause: cause.to_string(),
        })
    }

    /// The runtime at a finalised block, from memory where its version has been seen.
    pub(crate) async fn runtime_at(&self, head: Head) -> Result<Arc<Runtime>, Error> {
        let seen = self
            .inner
            .runtime
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone();
        let genesis = self.genesis_hash();
        let runtime = self
            .inner
            .link
            .ask("reading the runtime's metadata", |session| {
                let seen = seen.clone();
                async move { Runtime::fetch(&session, head, genesis, seen).await }
            })
            .await?;
        *self
            .inner
            .runtime
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(runtime.clone());
        Ok(runtime)
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain(0x{})", hex::encode(self.genesis_hash()))
    }
}

/// The block that the client takes for a node's present.
pub(crate) async fn finalised(session: &crate::link::Session) -> Result<Head, Error> {
    head(session, session.view).await
}

/// A node's finalised or best block.
async fn head(session: &crate::link::Session, view: View) -> Result<Head, Error> {
    let what = match view {
        View::Finalised => "reading the finalised head",
        View::Best => "reading the best block",
    };
    let failed = |cause| translate(&session.url, what, cause);
    let unknown = || Error::UnknownBlock {
        url: session.url.to_string(),
        what: what.into(),
    };
    let hash = match view {
        View::Finalised => session.rpc.chain_get_finalized_head().await.map_err(failed)?,
        View::Best => {
            let best = session.rpc.chain_get_block_hash(None).await.map_err(failed)?;
            best.ok_or_else(unknown)?
        }
    };
    let header = session.rpc.chain_get_header(Some(hash)).await.map_err(failed)?;
    Ok(Head {
        number: narrow(header.ok_or_else(unknown)?.number)?,
        hash: hash.0,
    })
}

/// The hash of a block on a node's chain, by number.
pub(crate) async fn block_hash(session: &crate::link::Session, number: u32) -> Result<[u8; 32], Error> {
    let what = "reading a block's hash";
    let hash = session
        .rpc
        .chain_get_block_hash(Some(NumberOrHex::Number(number.into())))
        .await;
    let hash = hash.map_err(|cause| translate(&session.url, what, cause))?;
    hash.map(|hash| hash.0).ok_or_else(|| Error::UnknownBlock {
        url: session.url.to_string(),
        what: what.into(),
    })
}

/// A block number in the chain's own width.
pub(crate) fn narrow(number: u64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|cause| Error::Decode {
        what: "a block's number".into(),
        cause: cause.to_string(),
    })
}
