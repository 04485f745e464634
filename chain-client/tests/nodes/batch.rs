use crate::node::{hex, options, unhex, Node, World};
use codec::{DecodeAll, Encode};
use gridveil_chain_client::{Chain, Error, Refusal};
use gridveil_primitives::{
    batch::{receipt_message, verify_share, Receipt, SignedShare},
    keys::{MeterSecret, SpendKey},
    pseudonym::OneTimeKey,
    Half, PeriodKey, RegionInfo,
};
use jsonrpsee::types::ErrorObjectOwned;
use std::sync::Arc;

const KEY: PeriodKey = PeriodKey {
    region: 2,
    cycle: 3,
    period: 17,
};
const VALUE: u64 = 0x0123_4567_89ab_cdef;

fn key_of(secret: u8) -> OneTimeKey {
    let spend = SpendKey::from_bytes([5; 32]).unwrap();
    let keys = MeterSecret::from_bytes([secret; 32]).cycle_keys();
    OneTimeKey::derive(&spend, &keys, Half::First, KEY.period)
}

fn signer() -> OneTimeKey {
    key_of(6)
}

/// The aggregator's key, which is an sr25519 key like any other.
fn aggregator() -> OneTimeKey {
    key_of(7)
}

/// A chain whose region 2 has that aggregator, with one node, and a client of it.
async fn setup() -> (Arc<World>, Node, Chain) {
    let world = World::new(1);
    let info = |aggregator| RegionInfo {
        aggregator,
        minimum_meters: 3,
        fallback_price: 4,
    };
    *world.regions.lock().unwrap() = vec![(1, info([9; 32])), (2, info(aggregator().prid()))];
    let node = Node::start(&world).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    (world, node, chain)
}

/// The aggregator's receipt for the share, signed for a chain.
fn receipt(genesis: &[u8; 32]) -> Receipt {
    let prid = signer().prid();
    Receipt {
        aggregator: aggregator().prid(),
        key: KEY,
        prid,
        value: VALUE,
        closes: 99,
        signature: aggregator().sign(&receipt_message(genesis, &KEY, &prid, VALUE, 99)),
    }
}

fn answer(node: &Node, answer: Result<Receipt, ErrorObjectOwned>) {
    let text = answer.map(|receipt| hex(&receipt.encode()));
    node.state.receipts.lock().unwrap().push_back(text);
}

#[tokio::test]
async fn a_share_is_handed_in_signed_for_this_chain_and_the_receipt_comes_back() {
    let (world, node, chain) = setup().await;
    answer(&node, Ok(receipt(&world.genesis)));
    let given = chain.hand_in_share(&KEY, VALUE, &signer()).await.unwrap();
    assert_eq!(given, receipt(&world.genesis));

    let bytes = unhex(&node.state.handed_in.lock().unwrap()[0]);
    let (key, share) = <(PeriodKey, SignedShare)>::decode_all(&mut &bytes[..]).unwrap();
    assert_eq!((key, share.prid, share.value), (KEY, signer().prid(), VALUE));
    assert!(verify_share(&world.genesis, &KEY, &share));
    assert!(!verify_share(&[2; 32], &KEY, &share));
}

#[tokio::test]
async fn a_receipt_of_somebody_else_or_for_something_else_is_none() {
    let (world, node, chain) = setup().await;
    let good = receipt(&world.genesis);
    let other = PeriodKey { period: 18, ..KEY };
    for bad in [
        receipt(&[2; 32]),
        Receipt {
            aggregator: [9; 32],
            ..good
        },
        Receipt { key: other, ..good },
        Receipt { prid: [8; 32], ..good },
        Receipt {
            value: VALUE + 1,
            ..good
        },
        Receipt { closes: 100, ..good },
    ] {
        answer(&node, Ok(bad));
        let result = chain.hand_in_share(&KEY, VALUE, &signer()).await;
        assert!(matches!(result, Err(Error::BadReceipt { .. })), "{bad:?}: {result:?}");
    }
}

#[tokio::test]
async fn every_refusal_of_the_aggregator_reaches_the_caller() {
    let (_, node, chain) = setup().await;
    for refusal in Refusal::ALL {
        let words = format!("{refusal:?}: {refusal}");
        answer(&node, Err(ErrorObjectOwned::owned(7, words, Some(refusal.code()))));
        match chain.hand_in_share(&KEY, VALUE, &signer()).await {
            Err(Error::Refused(found)) => assert_eq!(found, refusal),
            other => panic!("{other:?}"),
        }
    }
    // Nothing was wrong with the connection.
    assert_eq!(node.state.handed_in.lock().unwrap().len(), Refusal::ALL.len());
}

#[tokio::test]
async fn a_busy_aggregator_and_a_node_that_is_none_are_told_apart() {
    let (_, node, chain) = setup().await;
    answer(&node, Err(ErrorObjectOwned::owned(8, "busy", None::<()>)));
    match chain.hand_in_share(&KEY, VALUE, &signer()).await {
        Err(error @ Error::Busy { .. }) => assert!(error.is_transient()),
        other => panic!("{other:?}"),
    }
    answer(
        &node,
        Err(ErrorObjectOwned::owned(-32601, "Method not found", None::<()>)),
    );
    let result = chain.hand_in_share(&KEY, VALUE, &signer()).await;
    assert!(matches!(result, Err(Error::Rpc { code: -32601, .. })), "{result:?}");
}

#[tokio::test]
async fn a_share_of_a_region_that_is_not_registered_is_not_handed_in() {
    let (_, node, chain) = setup().await;
    let key = PeriodKey { region: 7, ..KEY };
    let result = chain.hand_in_share(&key, VALUE, &signer()).await;
    assert!(matches!(result, Err(Error::Refused(Refusal::UnknownRegion))));
    assert!(node.state.handed_in.lock().unwrap().is_empty());
}
