//! What the period loop needs of the chain, and the real chain behind it.
//!
//! [`Node`] is as small as the loop allows, so that tests can put a chain of their own behind it. A *route* is a way to
//! the chain that starts at one node of the list: route 0 at the first, the region's aggregator, route 1 at the second,
//! and so on around. [`Network`] connects a route when it is first used. Answers are about finalised state only; how many
//! routes have to give one is [`crate::witness`]'s to say.
//!
//! **Privacy.** A node sees the address from which a share comes, and so may guess that two shares come from one home;
//! that the two go out at different times and under different pseudonyms does not hide it. Whether a share has landed is
//! found out by reading all the shares of its period, so that asking does not tell which are the meter's.

use gridveil_chain_client::{Chain, Error, Options};
use gridveil_primitives::{
    batch::Receipt, pseudonym::OneTimeKey, CycleId, CycleSchedule, Moment, PeriodKey, Refusal, Share,
};
use std::future::Future;
use tokio::sync::OnceCell;

/// Why the chain did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// A node says that the chain does not take this share.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The nodes belong to another chain than the meter.
    #[error("{0}")]
    WrongChain(String),
    /// Anything else: the request may succeed later or by another route.
    #[error("{0}")]
    Failed(String),
}

impl From<Error> for NodeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::WrongChain { .. } => Self::WrongChain(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// The chain, as the period loop sees it.
pub trait Node: Send + Sync {
    /// How many routes there are, at least one.
    fn routes(&self) -> usize;

    /// The schedule of a cycle, by a route; `None` while there is none.
    ///
    /// # Errors
    ///
    /// [`NodeError`]; so have all the methods below.
    fn schedule(
        &self,
        route: usize,
        cycle: CycleId,
    ) -> impl Future<Output = Result<Option<CycleSchedule>, NodeError>> + Send;

    /// The chain's time, by a route.
    fn now(&self, route: usize) -> impl Future<Output = Result<Moment, NodeError>> + Send;

    /// The shares of a period, by a route.
    fn shares(&self, route: usize, key: &PeriodKey) -> impl Future<Output = Result<Vec<Share>, NodeError>> + Send;

    /// Sends a share by a route; the number of the block in which it was finalised.
    fn submit(
        &self,
        route: usize,
        key: &PeriodKey,
        value: u64,
        signer: &OneTimeKey,
    ) -> impl Future<Output = Result<u32, NodeError>> + Send;

    /// Hands a share to the node at which a route starts, as its region's aggregator; the aggregator's receipt.
    fn hand_in(
        &self,
        route: usize,
        key: &PeriodKey,
        value: u64,
        signer: &OneTimeKey,
    ) -> impl Future<Output = Result<Receipt, NodeError>> + Send;
}

/// The real chain, by a list of nodes.
pub struct Network {
    options: Options,
    routes: Vec<OnceCell<Chain>>,
}

impl Network {
    /// The chain that `options` lead to; nothing is connected yet.
    pub fn new(options: Options) -> Self {
        let routes = options.urls.iter().map(|_| OnceCell::new()).collect();
        Self { options, routes }
    }

    /// The chain by a route, connected.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::connect`].
    pub async fn route(&self, route: usize) -> Result<&Chain, Error> {
        let routes = self.routes.len();
        let first = route.checked_rem(routes).ok_or(Error::NoUrl)?;
        let cell = self.routes.get(first).ok_or(Error::NoUrl)?;
        cell.get_or_try_init(|| {
            let mut options = self.options.clone();
            options.urls.rotate_left(first);
            Chain::connect(options)
        })
        .await
    }
}

impl Node for Network {
    fn routes(&self) -> usize {
        self.routes.len().max(1)
    }

    async fn schedule(&self, route: usize, cycle: CycleId) -> Result<Option<CycleSchedule>, NodeError> {
        Ok(self.route(route).await?.cycle(cycle).await?)
    }

    async fn now(&self, route: usize) -> Result<Moment, NodeError> {
        Ok(self.route(route).await?.now().await?)
    }

    async fn shares(&self, route: usize, key: &PeriodKey) -> Result<Vec<Share>, NodeError> {
        Ok(self.route(route).await?.shares(key).await?)
    }

    async fn submit(&self, route: usize, key: &PeriodKey, value: u64, signer: &OneTimeKey) -> Result<u32, NodeError> {
        Ok(self.route(route).await?.submit_share(key, value, signer).await?.number)
    }

    async fn hand_in(
        &self,
        route: usize,
        key: &PeriodKey,
        value: u64,
        signer: &OneTimeKey,
    ) -> Result<Receipt, NodeError> {
        Ok(self.route(route).await?.hand_in_share(key, value, signer).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[tokio::test]
    async fn a_node_that_is_down_is_an_error_with_its_address() {
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut options = Options::new(vec![format!("ws://{address}")]);
        options.retries = 0;
        let network = Network::new(options);
        for answer in [
            network.schedule(0, 0).await.map(|_| ()),
            network.now(0).await.map(|_| ()),
        ] {
            match answer {
                Err(NodeError::Failed(said)) => assert!(said.contains(&address.to_string()), "{said}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_meter_without_a_node_says_so() {
        let network = Network::new(Options::new(vec![]));
        assert!(matches!(network.now(0).await, Err(NodeError::Failed(said)) if said == Error::NoUrl.to_string()));
    }
}
