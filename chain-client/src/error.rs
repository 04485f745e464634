//! What can go wrong between a client and the chain.
//!
//! Every variant says what was being done, to which node or pallet, and what to do about it. [`Error::is_transient`]
//! tells a caller whether the same request may succeed later.
//!
//! **Privacy.** An error names nodes, pallets and runtime functions; it never carries a key or the arguments of a call.

use crate::{advice::advice, keys::KeyError};
use gridveil_primitives::Refusal;
use std::time::Duration;

/// An error of [`crate::Chain`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address to connect to was given.
    #[error("no node address was given; name at least one, such as ws://127.0.0.1:9944")]
    NoUrl,
    /// None of the nodes could be used.
    #[error("none of the nodes can be used: {causes}; check that one of them runs and can be reached")]
    NoNode {
        /// Each address with what was wrong with it.
        causes: String,
    },
    /// The node belongs to another chain than the one this client started with.
    #[error(
        "{url} serves another chain: its genesis is 0x{}, expected 0x{}; remove it from the list of nodes",
        hex::encode(found),
        hex::encode(expected)
    )]
    WrongChain {
        /// The node's address.
        url: String,
        /// The genesis hash it reports.
        found: [u8; 32],
        /// The genesis hash of this client's chain.
        expected: [u8; 32],
    },
    /// The node did not answer in time.
    #[error("{what} took longer than {after:?}; check the node and the network, then try again")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// The connection failed or broke off.
    #[error("the connection to {url} failed during {what}: {cause}; try again or name another node")]
    Connection {
        /// The node's address.
        url: String,
        /// What was being done.
        what: String,
        /// The cause, in the transport's words.
        cause: String,
    },
    /// The node answered with an error.
    #[error("{url} refused {what}: {message} (code {code})")]
    Rpc {
        /// The node's address.
        url: String,
        /// What was being done.
        what: String,
        /// The JSON-RPC error code.
        code: i32,
        /// The message, with the error's data where there is any.
        message: String,
    },
    /// The node does this only for callers that it trusts, which this one is not.
    #[error("{url} refused {what}: {message}; give this command on the machine of your own node, with the node's local address")]
    NotTrusted {
        /// The node's address.
        url: String,
        /// What was being done.
        what: String,
        /// The node's words.
        message: String,
    },
    /// The node does not know the block that was asked about, for instance because it is behind the others.
    #[error("{url} does not know the block that {what} asks about; it may be behind: try again or name another node")]
    UnknownBlock {
        /// The node's address.
        url: String,
        /// What was being done.
        what: String,
    },
    /// The chain does not accept this share.
    #[error("the chain refused the share: {0}")]
    Refused(Refusal),
    /// The aggregator has no room for another share now.
    #[error("{url} is busy with other shares: hand this one in later, or submit it directly")]
    Busy {
        /// The node's address.
        url: String,
    },
    /// An aggregator's receipt for a share is worth nothing.
    #[error("{url} gave a receipt that is worth nothing: {cause}; submit the share directly")]
    BadReceipt {
        /// The node's address.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The node's pool did not accept a transaction.
    #[error("the transaction {call} was not accepted: {message} (code {code})")]
    NotAccepted {
        /// The call, as `Pallet.call`.
        call: String,
        /// The JSON-RPC error code.
        code: i32,
        /// The pool's words.
        message: String,
    },
    /// The call was applied and failed; nothing of it took effect.
    #[error("the call {call} failed with {pallet}.{error}: {}{}", doc.trim_end_matches('.'), advice(pallet, error))]
    Dispatch {
        /// The call, as `Pallet.call`.
        call: String,
        /// The pallet that raised the error; `System` for the runtime's general ones.
        pallet: String,
        /// The error's name.
        error: String,
        /// What the runtime's documentation says about it.
        doc: String,
    },
    /// A transaction was sent, and nothing is known of its fate.
    #[error("the transaction {call} was sent, but was not seen in a finalised block within {after:?}; it may still be applied: look at the chain before sending it again")]
    Unresolved {
        /// The call, as `Pallet.call`.
        call: String,
        /// How long was waited.
        after: Duration,
    },
    /// The chain's answer does not have the expected form.
    #[error("cannot understand {what}: {cause}; is this client of the same release as the chain's runtime?")]
    Decode {
        /// What was being read.
        what: String,
        /// The cause.
        cause: String,
    },
    /// A call could not be encoded for the chain's runtime.
    #[error("cannot build the call {call}: {cause}; is this client of the same release as the chain's runtime?")]
    Encode {
        /// The call, as `Pallet.call`.
        call: String,
        /// The cause.
        cause: String,
    },
    /// A role's key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Error {
    /// Whether the same request may succeed later, or at another node, without anything being changed.
    ///
    /// After [`Error::Unresolved`] a caller looks at the chain first: the transaction may have been applied meanwhile.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::NoNode { .. }
            | Error::TimedOut { .. }
            | Error::Connection { .. }
            | Error::UnknownBlock { .. }
            | Error::Busy { .. }
            | Error::Unresolved { .. } => true,
            Error::Refused(refusal) => matches!(refusal, Refusal::TooEarly | Refusal::NoManifest),
            Error::NoUrl
            | Error::WrongChain { .. }
            | Error::Rpc { .. }
            | Error::NotTrusted { .. }
            | Error::BadReceipt { .. }
            | Error::NotAccepted { .. }
            | Error::Dispatch { .. }
            | Error::Decode { .. }
            | Error::Encode { .. }
            | Error::Key(_) => false,
        }
    }
}
