//! One connection at a time to one of several nodes.
//!
//! A [`Link`] opens a connection when it is first needed, gives it to everybody who asks, and closes it as soon as
//! anybody reports that it failed; whoever asks next gets a connection to the next address of the list. A node of another
//! chain is never used.

use crate::{
    chain::{Options, View},
    runtime::Grid,
    socket, Error,
};
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use std::{
    future::Future,
    sync::{Arc, OnceLock},
};
use subxt::{
    config::RpcConfigFor,
    rpcs::{methods::legacy::NumberOrHex, Error as RpcError, LegacyRpcMethods, RpcClient},
    utils::H256,
};
use tokio::{sync::Mutex, time::timeout};

/// The node's methods, in the types of this chain.
pub(crate) type Methods = LegacyRpcMethods<RpcConfigFor<Grid>>;

/// A connection to a node, shared by its users.
#[derive(Clone)]
pub(crate) struct Session {
    /// The node's address.
    pub url: Arc<str>,
    /// The node's methods.
    pub rpc: Methods,
    /// The same connection, for methods that have no function of their own.
    pub raw: RpcClient,
    /// Which of the node's blocks is asked about where no other is named.
    pub view: View,
    /// Tells this connection from those before and after it.
    serial: u64,
}

/// The connection that is open, if one is, and where to look for the next.
struct State {
    open: Option<Session>,
    next: usize,
    serial: u64,
}

/// The way to the nodes.
pub(crate) struct Link {
    options: Options,
    genesis: OnceLock<[u8; 32]>,
    state: Mutex<State>,
}

impl Link {
    /// A link that has not connected yet.
    pub fn new(options: Options) -> Self {
        let genesis = OnceLock::new();
        if let Some(expected) = options.genesis {
            genesis.get_or_init(|| expected);
        }
        Self {
            options,
            genesis,
            state: Mutex::new(State {
                open: None,
                next: 0,
                serial: 0,
            }),
        }
    }

    /// The options that the link was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The chain's genesis hash; zeros before the first connection.
    pub fn genesis(&self) -> [u8; 32] {
        self.genesis.get().copied().unwrap_or_default()
    }

    /// The open connection, or a new one to the first address that works.
    pub async fn session(&self) -> Result<Session, Error> {
        let mut state = self.state.lock().await;
        if let Some(session) = &state.open {
            return Ok(session.clone());
        }
        let urls = &self.options.urls;
        let mut failures = Vec::with_capacity(urls.len());
        for step in 0..urls.len() {
            let place = state.next.wrapping_add(step) % urls.len();
            match self.open(&urls[place]).await {
                Ok((rpc, raw)) => {
                    state.next = place;
                    state.serial = state.serial.wrapping_add(1);
                    let session = Session {
                        url: urls[place].as_str().into(),
                        rpc,
                        raw,
                        view: self.options.view,
                        serial: state.serial,
                    };
                    state.open = Some(session.clone());
                    tracing::debug!(url = %urls[place], "connected");
                    return Ok(session);
                }
                Err(failure) => {
                    tracing::warn!(%failure, "a node cannot be used");
                    failures.push(failure);
                }
            }
        }
        Err(summarise(failures))
    }

    /// Closes a connection that failed, so that the next user gets one to the next address. A connection that has been
    /// replaced already is left alone.
    pub async fn leave(&self, session: &Session) {
        let mut state = self.state.lock().await;
        if state.open.as_ref().is_some_and(|open| open.serial == session.serial) {
            state.open = None;
            state.next = state.next.wrapping_add(1) % self.options.urls.len().max(1);
        }
    }

    /// Runs `ask` on the open connection, within the request's time-out; on a failure that another node may not share,
    /// closes the connection. No retries.
    pub async fn once<T, F, Fut>(&self, what: &str, ask: F) -> Result<T, Error>
    where
        F: Fn(Session) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let session = self.session().await?;
        let after = self.options.request_timeout;
        let answer = timeout(after, ask(session.clone())).await.unwrap_or_else(|_| {
            let what = format!("{what} at {}", session.url);
            Err(Error::TimedOut { what, after })
        });
        if let Err(failure) = &answer {
            if failure.is_transient() {
                self.leave(&session).await;
            }
        }
        answer
    }

    /// Runs `ask` until it succeeds, fails for good, or the attempts are used up.
    pub async fn ask<T, F, Fut>(&self, what: &str, ask: F) -> Result<T, Error>
    where
        F: Fn(Session) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        (|| self.once(what, &ask))
            .retry(self.pauses())
            .when(Error::is_transient)
            .notify(|failure, pause| tracing::debug!(%failure, ?pause, "trying again"))
            .await
    }

    /// The pauses between attempts: growing, with jitter, bounded in number and length.
    pub fn pauses(&self) -> impl BackoffBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.options.first_pause)
            .with_max_delay(self.options.first_pause.saturating_mul(32))
            .with_max_times(self.options.retries)
            .with_jitter()
    }

    /// Connects to an address and makes sure that it serves the right chain.
    async fn open(&self, url: &str) -> Result<(Methods, RpcClient), Error> {
        let after = self.options.connect_timeout;
        let connect = async {
            let what = "connecting";
            let client = socket::connect(url)
                .await
                .map_err(|cause| translate(url, what, cause))?;
            let rpc = Methods::new(client.clone());
            let first = rpc.chain_get_block_hash(Some(NumberOrHex::Number(0))).await;
            let found: H256 = first
                .map_err(|cause| translate(url, "reading the genesis hash", cause))?
                .ok_or_else(|| Error::UnknownBlock {
                    url: url.into(),
                    what: "reading the genesis hash".into(),
                })?;
            Ok::<_, Error>(((rpc, client), found.0))
        };
        let (methods, found) = timeout(after, connect).await.map_err(|_| Error::TimedOut {
            what: format!("connecting to {url}"),
            after,
        })??;
        let expected = *self.genesis.get_or_init(|| found);
        if found == expected {
            Ok(methods)
        } else {
            Err(Error::WrongChain {
                url: url.into(),
                found,
                expected,
            })
        }
    }
}

/// One error for all addresses: the failure itself where there is just one address, or where no waiting helps.
fn summarise(mut failures: Vec<Error>) -> Error {
    match failures.len() {
        0 => Error::NoUrl,
        1 => failures.remove(0),
        _ => match failures.iter().position(Error::is_transient) {
            None => failures.remove(0),
            Some(_) => {
                let causes = failures.iter().map(Error::to_string).collect::<Vec<_>>().join("; ");
                Error::NoNode { causes }
            }
        },
    }
}

/// Bytes as JSON-RPC has them.
pub(crate) fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The bytes of such a text; [`Error::Decode`] says of `what` that it is none.
pub(crate) fn bytes_of(text: &str, what: &str) -> Result<Vec<u8>, Error> {
    hex::decode(text.trim_start_matches("0x")).map_err(|cause| Error::Decode {
        what: what.into(),
        cause: cause.to_string(),
    })
}

/// Says in our terms what a node or the transport to it reported.
pub(crate) fn translate(url: &str, what: &str, cause: RpcError) -> Error {
    let (url, what) = (url.to_owned(), what.to_owned());
    match cause {
        RpcError::User(answer) => {
            let data = answer.data.as_ref().map(|data| data.get()).unwrap_or_default();
            let message = format!("{} {data}", answer.message).trim_end().to_owned();
            if is_unknown_block(&message) {
                Error::UnknownBlock { url, what }
            } else {
                Error::Rpc {
                    url,
                    what,
                    code: answer.code,
                    message,
                }
            }
        }
        RpcError::Serialization(_) | RpcError::Deserialization(_) | RpcError::Decode(_) => Error::Decode {
            what: format!("the answer of {url} to {what}"),
            cause: cause.to_string(),
        },
        other => Error::Connection {
            url,
            what,
            cause: other.to_string(),
        },
    }
}

/// Whether a node's message says that it lacks the block or its state; there is no code of its own for that.
fn is_unknown_block(message: &str) -> bool {
    [
        "UnknownBlock",
        "Unknown block",
        "Header was not found",
        "State already discarded",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &str) -> Error {
        let user = subxt::rpcs::UserError {
            code: 4003,
            message: message.into(),
            data: None,
        };
        translate("ws://node", "reading", RpcError::User(user))
    }

    #[test]
    fn a_node_that_is_behind_is_told_from_one_that_refuses() {
        let behind = answer("Client error: UnknownBlock: Header was not found in the database: 0x00");
        assert!(matches!(behind, Error::UnknownBlock { .. }) && behind.is_transient());
        let refuses = answer("Method not found");
        assert!(matches!(refuses, Error::Rpc { code: 4003, .. }) && !refuses.is_transient());
    }
}
