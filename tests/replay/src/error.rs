//! What can stop a replay.
//!
//! **Privacy.** Names meters by their names in the CSV.

use gridveil_demo::{data::DataError, network::NetworkError, process::ProcessError};

/// What stopped a replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The readings.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The chain spec.
    #[error(transparent)]
    Spec(#[from] NetworkError),
    /// The node.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// An operator.
    #[error(transparent)]
    Operator(#[from] gridveil_grid_operator::error::Error),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] gridveil_chain_client::Error),
    /// A development key.
    #[error(transparent)]
    Key(#[from] gridveil_chain_client::KeyError),
    /// The store of bills.
    #[error(transparent)]
    Store(#[from] gridveil_bills::store::StoreError),
    /// The control centre's memory.
    #[error(transparent)]
    Prices(#[from] gridveil_grid_operator::ledger::LedgerError),
    /// The tariff.
    #[error(transparent)]
    Tariff(#[from] gridveil_grid_operator::control_centre::tariff::TariffError),
    /// The node did not make a block.
    #[error("the node made no block: {0}")]
    Sealing(String),
    /// A file.
    #[error("can't use the run's folder: {0}")]
    Io(#[from] std::io::Error),
    /// Something is not as it must be to go on.
    #[error("{0}")]
    Broken(String),
    /// Ctrl-C or SIGTERM.
    #[error("stopped before its end")]
    Stopped,
}

/// A [`ReplayError::Broken`] with a message of its own.
pub fn broken(what: impl std::fmt::Display) -> ReplayError {
    ReplayError::Broken(what.to_string())
}
