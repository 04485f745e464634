//! What can stop a scenario before it has judged anything.
//!
//! **Privacy.** Names of processes, nodes and files.

use std::time::Duration;

use gridveil_demo::{network::NetworkError, process::ProcessError};
use gridveil_meter_client::{records::RecordsError, state::StateError};

/// Why a scenario could not go on. That the chain did not do what it should is no error but a failed check.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The nodes.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The chain, by its client.
    #[error(transparent)]
    Chain(#[from] gridveil_chain_client::Error),
    /// A file or a socket.
    #[error("can't use the run's folder or a socket: {0}")]
    Io(#[from] std::io::Error),
    /// A meter's own record.
    #[error(transparent)]
    State(#[from] StateError),
    /// A meter's own record.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A key.
    #[error(transparent)]
    Key(#[from] gridveil_chain_client::KeyError),
    /// A node's RPC.
    #[error("{url} did not answer {method}: {cause}")]
    Rpc {
        /// The node's address.
        url: String,
        /// What it was asked.
        method: String,
        /// What came instead of an answer.
        cause: String,
    },
    /// Something did not come about.
    #[error("waited {after:?} in vain until {what}")]
    Waited {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(String),
    /// The user, or the system, ended the run.
    #[error("stopped by {0}")]
    Stopped(&'static str),
}
