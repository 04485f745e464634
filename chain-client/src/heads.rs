//! The finalised heads, one after the other.

use crate::{
    chain::{narrow, Chain, Head},
    link::{translate, Session},
    runtime::GridHeader,
    Error,
};
use codec::Encode;
use gridveil_primitives::hash::blake2b_256;
use subxt::rpcs::client::RpcSubscription;
use tokio::time::timeout;

/// The finalised heads of the chain, in ascending order, whatever the client's [`crate::View`].
///
/// A head may be skipped where several are finalised at once; none comes twice. The first is the head that was finalised
/// already. When a node fails or is silent, the next one takes over, and the order stays.
pub struct Heads {
    chain: Chain,
    source: Option<(Session, RpcSubscription<GridHeader>)>,
    last: Option<u32>,
}

impl Heads {
    /// Subscribes at the node in use.
    pub(crate) async fn new(chain: Chain) -> Result<Self, Error> {
        let source = Some(subscribe(&chain).await?);
        Ok(Self {
            chain,
            source,
            last: None,
        })
    }

    /// Waits for the next head.
    ///
    /// Errors: where no node answers, or none has finalised anything new for as long as `Options::silence` allows, after
    /// each of them had its turn and one of them a second. A transient error can be followed by another call of this.
    pub async fn next(&mut self) -> Result<Head, Error> {
        let nodes = self.chain.inner.link.options().urls.len();
        let silence = self.chain.inner.link.options().silence;
        let mut given_up: usize = 0;
        loop {
            let mut source = match self.source.take() {
                Some(source) => source,
                None => subscribe(&self.chain).await?,
            };
            let failure = loop {
                match timeout(silence, source.1.next()).await {
                    Ok(Some(Ok(header))) => {
                        let head = Head {
                            number: narrow(header.number)?,
                            hash: blake2b_256(&[&header.encode()]),
                        };
                        if self.last.is_none_or(|last| head.number > last) {
                            self.last = Some(head.number);
                            self.source = Some(source);
                            return Ok(head);
                        }
                    }
                    Ok(Some(Err(cause))) => break translate(&source.0.url, "following the heads", cause),
                    Ok(None) => {
                        let (url, what) = (source.0.url.to_string(), "following the heads".to_owned());
                        break Error::Connection {
                            url,
                            what,
                            cause: "the subscription ended".into(),
                        };
                    }
                    Err(_) => {
                        let what = format!("waiting for {} to finalise a block", source.0.url);
                        break Error::TimedOut { what, after: silence };
                    }
                }
            };
            tracing::warn!(%failure, "moving on to another node");
            self.chain.inner.link.leave(&source.0).await;
            given_up = given_up.saturating_add(1);
            if given_up > nodes {
                return Err(failure);
            }
        }
    }
}

async fn subscribe(chain: &Chain) -> Result<(Session, RpcSubscription<GridHeader>), Error> {
    let what = "following the heads";
    chain
        .inner
        .link
        .ask(what, |session| async move {
            let source = session.rpc.chain_subscribe_finalized_heads().await;
            let source = source.map_err(|cause| translate(&session.url, what, cause))?;
            Ok((session, source))
        })
        .await
}
