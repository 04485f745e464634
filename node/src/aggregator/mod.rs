//! The batch way: a region's aggregator takes shares, one by one, and brings them to the chain, many at a time.
//!
//! - `readings_submitShare(share)`: takes the SCALE encoding of `(PeriodKey, SignedShare)` and answers with that of a signed
//!   [`Receipt`], both in hexadecimal. A share that the chain would not take is turned away at once (error 7, with the reason's
//!   name in front of the message and its code as data); where there is no room for it now, so is any (error 8); and where it
//!   could not be checked or kept (error 9).
//!
//! Each of these errors is no promise. A receipt is one: the share is on the disk then, and it goes out in batches, again and
//! again, until the finalised chain is past the period's close; a restart changes nothing. What the promise rests on is that
//! blocks are made and have room, as with a transaction.
//!
//! The node signs batches and receipts with the account of the region's aggregator, whose key is in its keystore as
//! [`KEY_TYPE`]; `--dev`, `--alice` and so on put the development key there. A node without the key says of every share that
//! it is not the aggregator.
//!
//! [`worker`] decides, over [`book`], [`journal`] and [`sight`]; [`chain`] is the node's own chain behind it.
//!
//! **Privacy.** The aggregator sees the address that each share comes from and when; it keeps neither, and the order of a batch
//! is that of its pseudonyms.

pub mod book;
pub mod chain;
pub mod journal;
pub mod metrics;
pub mod sight;
pub mod worker;

use codec::{DecodeAll, Encode};
use gridveil_primitives::{
    batch::{Receipt, SignedShare},
    PeriodKey, Refusal,
};
use jsonrpsee::{
    core::{RegisterMethodError, RpcResult},
    types::{error::INVALID_PARAMS_CODE, ErrorObject, ErrorObjectOwned},
    RpcModule,
};
use sp_core::{crypto::KeyTypeId, Bytes};
use tokio::sync::{mpsc, oneshot};

/// The type of an aggregator's key in the keystore.
pub const KEY_TYPE: KeyTypeId = KeyTypeId(*b"gvag");
/// The method that takes a share.
const SUBMIT_SHARE: &str = "readings_submitShare";
/// The error code of a share that the chain would not take.
const REFUSED: i32 = 7;
/// The error code of a share that there is no room for now.
const BUSY: i32 = 8;
/// The error code of a share that could not be checked or kept.
const FAILED: i32 = 9;
/// How many shares may wait for their answers; together 300 kB.
const MAX_WAITING: usize = 1_024;

/// A share that was handed in and waits for its answer.
pub struct Request {
    /// Its period.
    pub key: PeriodKey,
    /// The share.
    pub share: SignedShare,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Receipt, Declined>>,
}

/// Why a share was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The chain would not take it.
    Refused(Refusal),
    /// There is no room for it now.
    Busy,
    /// It could not be checked or kept.
    Failed(String),
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Declined> for ErrorObjectOwned {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::Refused(refusal) => {
                ErrorObject::owned(REFUSED, format!("{refusal:?}: {refusal}"), Some(refusal.code()))
            }
            Declined::Busy => ErrorObject::owned(
                BUSY,
                "busy: the aggregator has no room for another share now: hand it in later, or submit it directly",
                None::<()>,
            ),
            Declined::Failed(cause) => {
                ErrorObject::owned(FAILED, format!("the share was not kept: {cause}"), None::<()>)
            }
        }
    }
}

/// The method, and where what is handed in comes out.
///
/// # Errors
///
/// None that can occur: there is one method.
pub fn methods() -> Result<(RpcModule<()>, mpsc::Receiver<Request>), RegisterMethodError> {
    let (send, requests) = mpsc::channel(MAX_WAITING);
    let mut methods = RpcModule::new(send);
    methods.register_async_method::<RpcResult<Bytes>, _, _>(SUBMIT_SHARE, |params, send, _| async move {
        let bytes: Bytes = params.one()?;
        let (key, share) = <(PeriodKey, SignedShare)>::decode_all(&mut &bytes[..])
            .map_err(|error| ErrorObject::owned(INVALID_PARAMS_CODE, format!("not a share: {error}"), None::<()>))?;
        let (answer, answered) = oneshot::channel();
        send.try_send(Request { key, share, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Declined::Busy,
                mpsc::error::TrySendError::Closed(_) => stopping(),
            })?;
        let receipt = answered.await.unwrap_or_else(|_| Err(stopping()))?;
        Ok(receipt.encode().into())
    })?;
    Ok((methods.remove_context(), requests))
}

fn stopping() -> Declined {
    Declined::Failed("the node is stopping".into())
}

#[cfg(test)]
#[path = "rpc_tests.rs"]
mod tests;
