//! A node's transaction pool: handing a transaction in, understanding the answer, and following what becomes of it.

use crate::{
    chain::View,
    link::{translate, Session},
    Error, Refusal,
};
use std::time::Duration;
use subxt::{
    rpcs::{client::RpcSubscription, methods::legacy::TransactionStatus, Error as RpcError, UserError},
    utils::H256,
};
use tokio::time::timeout;

/// The pool's answer to a transaction that was handed in.
#[derive(Debug)]
pub(crate) enum Posted {
    /// It is in the pool and is followed here.
    Accepted(Watch),
    /// The pool has it, or another one with the same nonce or tag, already.
    Present,
    /// The account's nonce has passed it.
    Outdated,
    /// The pool has no room, does not want it for a while, or has not got as far as the block that it names.
    Busy(Rejection),
    /// It is not valid.
    Refused(Rejection),
}

/// Why a transaction was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// The JSON-RPC error code.
    pub code: i32,
    /// The pool's words.
    pub message: String,
    /// The runtime's own code, where it gave one.
    pub custom: Option<u8>,
}

impl Rejection {
    /// The reason for which the chain refuses a share, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        self.custom.and_then(Refusal::from_code)
    }
}

/// The stream of a transaction's states at one node.
#[derive(Debug)]
pub(crate) struct Watch {
    states: RpcSubscription<TransactionStatus<H256>>,
    view: View,
}

impl Watch {
    /// Waits until the transaction is finalised (with [`View::Best`]: in a block) and gives the block's hash; `None` as soon
    /// as the node does not say, which is after `silence` at the latest.
    pub async fn finalised(mut self, silence: Duration) -> Option<[u8; 32]> {
        loop {
            match timeout(silence, self.states.next()).await.ok()?? {
                Ok(TransactionStatus::Finalized(block)) => return Some(block.0),
                Ok(TransactionStatus::InBlock(block)) if self.view == View::Best => return Some(block.0),
                Ok(
                    TransactionStatus::Future
                    | TransactionStatus::Ready
                    | TransactionStatus::Broadcast(_)
                    | TransactionStatus::InBlock(_)
                    | TransactionStatus::Retracted(_),
                ) => {}
                lost => {
                    tracing::debug!(?lost, "a transaction is no longer followed by the node");
                    return None;
                }
            }
        }
    }
}

/// Hands a transaction to a node's pool.
///
/// Errors: those of the connection, after which the pool may have it all the same.
pub(crate) async fn post(session: &Session, transaction: &[u8]) -> Result<Posted, Error> {
    match session.rpc.author_submit_and_watch_extrinsic(transaction).await {
        Ok(states) => Ok(Posted::Accepted(Watch {
            states,
            view: session.view,
        })),
        Err(RpcError::User(answer)) => Ok(verdict(&answer)),
        Err(cause) => Err(translate(&session.url, "handing in a transaction", cause)),
    }
}

/// Understands a pool's error, by the codes that nodes of this kind use.
fn verdict(answer: &UserError) -> Posted {
    let data = answer.data.as_ref().map(|data| data.get()).unwrap_or_default();
    let text = serde_json::from_str::<String>(data).unwrap_or_else(|_| data.to_owned());
    let message = format!("{}: {text}", answer.message)
        .trim_end_matches([':', ' '])
        .to_owned();
    let rejection = Rejection {
        code: answer.code,
        message,
        custom: custom_code(&text),
    };
    match answer.code {
        1010 if text.contains("outdated") => Posted::Outdated,
        1010 if text.contains("ancient birth block") => Posted::Busy(rejection),
        1013 | 1014 => Posted::Present,
        1012 | 1016 => Posted::Busy(rejection),
        _ => Posted::Refused(rejection),
    }
}

/// The number in `Custom error: 7` and its likes.
fn custom_code(text: &str) -> Option<u8> {
    let (_, rest) = text.split_once("Custom")?;
    let digits: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit())
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::to_raw_value;

    fn pool(code: i32, message: &str, data: &str) -> Posted {
        let data = (!data.is_empty()).then(|| to_raw_value(data).unwrap());
        verdict(&UserError {
            code,
            message: message.into(),
            data,
        })
    }

    fn refusal(posted: Posted) -> Option<Refusal> {
        match posted {
            Posted::Refused(rejection) => rejection.refusal(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_refusal_of_a_share_is_recognised_by_its_code() {
        for expected in Refusal::ALL {
            let text = format!("Custom error: {}", expected.code());
            assert_eq!(refusal(pool(1010, "Invalid Transaction", &text)), Some(expected));
        }
    }

    #[test]
    fn a_code_that_no_refusal_has_is_reported_as_it_is() {
        for text in [
            "Custom error: 0",
            "Custom error: 255",
            "Custom error: 256",
            "Custom error: ",
            "Custom",
        ] {
            match pool(1010, "Invalid Transaction", text) {
                Posted::Refused(rejection) => {
                    assert_eq!(rejection.refusal(), None);
                    assert!(
                        rejection.message.contains(text.trim_end_matches([':', ' '])),
                        "{}",
                        rejection.message
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_code_is_found_in_other_spellings() {
        assert_eq!(custom_code("Custom(6)"), Some(6));
        assert_eq!(custom_code("{\"Custom\":3}"), Some(3));
        assert_eq!(custom_code("Transaction has a bad signature"), None);
        assert_eq!(custom_code("7"), None);
    }

    #[test]
    fn a_bad_signature_is_a_refusal_without_a_code() {
        assert_eq!(
            refusal(pool(1010, "Invalid Transaction", "Transaction has a bad signature")),
            None
        );
    }

    #[test]
    fn a_passed_nonce_a_known_transaction_and_a_full_pool_are_told_apart() {
        assert!(matches!(
            pool(1010, "Invalid Transaction", "Transaction is outdated"),
            Posted::Outdated
        ));
        assert!(matches!(
            pool(1013, "Transaction Already Imported", "0x00"),
            Posted::Present
        ));
        assert!(matches!(
            pool(1014, "Priority is too low: (1 vs 1)", "too low"),
            Posted::Present
        ));
        assert!(matches!(pool(1016, "Immediately Dropped", "limit"), Posted::Busy(_)));
        assert!(matches!(
            pool(1012, "Transaction is temporarily banned", ""),
            Posted::Busy(_)
        ));
        let behind = "Transaction has an ancient birth block";
        assert!(matches!(pool(1010, "Invalid Transaction", behind), Posted::Busy(_)));
    }
}
