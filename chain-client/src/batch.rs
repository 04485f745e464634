//! The batch way: a meter's share handed to its region's aggregator, and the receipt for it.
//!
//! A receipt is the aggregator's signed promise that the share will be on the chain by the end of its window. It is no
//! finality: whoever holds one looks at the finalised chain, and submits the share directly where it is not there in time.
//!
//! **Privacy.** The aggregator sees which address hands a share in, as with one that is submitted.

use crate::{
    link::{bytes_of, hex_text, translate, Session},
    Chain, Error, Refusal,
};
use codec::{DecodeAll, Encode};
use gridveil_primitives::{
    batch::{Receipt, SignedShare},
    pseudonym::OneTimeKey,
    PeriodKey,
};
use subxt::rpcs::{client::RpcParams, Error as RpcError};

/// What is being done, as errors say it.
const WHAT: &str = "handing a share to the aggregator";
/// The aggregator's error code of a share that the chain would refuse; the refusal's code is the error's data.
const REFUSED: i32 = 7;
/// The aggregator's error code where it has no room for another share now.
const BUSY: i32 = 8;

impl Chain {
    /// Hands a share to the node, which must be the aggregator of the share's region, and returns the receipt: signed for this
    /// chain and this very share by the account that the node itself names as the region's aggregator. That the receipt names
    /// the end of the period's window is the caller's to check.
    ///
    /// Asked once, of one node. Errors: [`Error::Refused`] where the chain would not take the share or the node is not the
    /// region's aggregator, [`Error::Busy`], [`Error::BadReceipt`], those of a request. After any of them the same share may be
    /// handed in again or submitted.
    pub async fn hand_in_share(&self, key: &PeriodKey, value: u64, signer: &OneTimeKey) -> Result<Receipt, Error> {
        let regions = self.regions().await?;
        let region = regions.iter().find(|(region, _)| *region == key.region);
        let (_, region) = region.ok_or(Error::Refused(Refusal::UnknownRegion))?;
        let genesis = self.genesis_hash();
        let share = signer.sign_share(&genesis, key, value);
        let bytes = (key, &share).encode();
        // What the aggregator says against the share is an answer: the connection is none the worse for it.
        let ask = |session: Session| {
            let bytes = &bytes;
            async move { Ok((request(&session, bytes).await, session.url)) }
        };
        let (answer, url) = self.inner.link.once(WHAT, ask).await?;
        let receipt = answer?;
        check(&receipt, &region.aggregator, &genesis, key, &share).map_err(|cause| Error::BadReceipt {
            url: url.to_string(),
            cause: cause.into(),
        })?;
        Ok(receipt)
    }
}

async fn request(session: &Session, bytes: &[u8]) -> Result<Receipt, Error> {
    let failed = |cause| match cause {
        RpcError::User(answer) => {
            let code = answer
                .data
                .as_ref()
                .and_then(|data| serde_json::from_str(data.get()).ok());
            match (answer.code, code.and_then(Refusal::from_code)) {
                (REFUSED, Some(refusal)) => Error::Refused(refusal),
                (BUSY, _) => Error::Busy {
                    url: session.url.to_string(),
                },
                _ => translate(&session.url, WHAT, RpcError::User(answer)),
            }
        }
        other => translate(&session.url, WHAT, other),
    };
    let mut arguments = RpcParams::new();
    arguments.push(hex_text(bytes)).map_err(failed)?;
    let text: String = session
        .raw
        .request("readings_submitShare", arguments)
        .await
        .map_err(failed)?;
    let what = format!("the receipt of {}", session.url);
    let bytes = bytes_of(&text, &what)?;
    Receipt::decode_all(&mut &bytes[..]).map_err(|cause| Error::Decode {
        what,
        cause: cause.to_string(),
    })
}

/// What is wrong with a receipt for a share, if anything is.
fn check(
    receipt: &Receipt,
    aggregator: &[u8; 32],
    genesis: &[u8; 32],
    key: &PeriodKey,
    share: &SignedShare,
) -> Result<(), &'static str> {
    if receipt.aggregator != *aggregator {
        return Err("it is by another account than the region's aggregator");
    }
    if (receipt.key, receipt.prid, receipt.value) != (*key, share.prid, share.value) {
        return Err("it is for another share");
    }
    match receipt.is_signed(genesis) {
        true => Ok(()),
        false => Err("its signature is not the aggregator's for this chain"),
    }
}
