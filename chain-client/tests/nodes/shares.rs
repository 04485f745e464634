use crate::node::{options, Node, Pool, Transaction, World};
use codec::DecodeAll;
use gridveil_chain_client::{Chain, Error, Refusal};
use gridveil_primitives::{
    keys::{MeterSecret, SpendKey},
    pseudonym::{self, OneTimeKey},
    Half, PeriodKey, Share,
};
use std::{sync::Arc, time::Duration};

const KEY: PeriodKey = PeriodKey {
    region: 2,
    cycle: 3,
    period: 17,
};
const VALUE: u64 = 0x0123_4567_89ab_cdef;

fn signer() -> OneTimeKey {
    let spend = SpendKey::from_bytes([5; 32]).unwrap();
    OneTimeKey::derive(
        &spend,
        &MeterSecret::from_bytes([6; 32]).cycle_keys(),
        Half::First,
        KEY.period,
    )
}

/// A chain with one node, and a client of it.
async fn setup(pool: impl IntoIterator<Item = Pool>) -> (Arc<World>, Node, Chain) {
    let world = World::new(1);
    let node = Node::start(&world).await;
    node.script(pool);
    let chain = Chain::connect(options([&node])).await.unwrap();
    (world, node, chain)
}

fn refusal(refusal: Refusal) -> Pool {
    Pool::Reject(1010, "Invalid Transaction", format!("Custom error: {}", refusal.code()))
}

fn on_chain(world: &World, value: u64) {
    world.shares.lock().unwrap().push(Share {
        prid: signer().prid(),
        value,
    });
}

#[tokio::test]
async fn a_share_is_signed_by_its_pseudonym_for_this_chain_and_a_bounded_time() {
    let (world, node, chain) = setup([]).await;
    let inclusion = chain.submit_share(&KEY, VALUE, &signer()).await.unwrap();
    assert_eq!((inclusion.number, inclusion.block), (2, world.hash(2)));

    let transaction = Transaction::read(&node.posted()[0]);
    assert_eq!((transaction.account, transaction.nonce), (signer().prid(), 0));
    assert_ne!(transaction.era[0], 0, "a transaction that never expires");
    let payload = transaction.payload(world.genesis, world.hash(1));
    assert!(pseudonym::verify(&signer().prid(), &payload, &transaction.signature));
    let elsewhere = transaction.payload([2; 32], world.hash(1));
    assert!(!pseudonym::verify(&signer().prid(), &elsewhere, &transaction.signature));

    let arguments = <(u32, u32, u16, u64)>::decode_all(&mut &transaction.call[2..]).unwrap();
    assert_eq!(arguments, (KEY.region, KEY.cycle, KEY.period, VALUE));
}

#[tokio::test]
async fn every_refusal_reaches_the_caller_at_once() {
    for expected in Refusal::ALL {
        let (_, node, chain) = setup([refusal(expected)]).await;
        match chain.submit_share(&KEY, VALUE, &signer()).await {
            Err(Error::Refused(found)) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        }
        assert_eq!(node.posted().len(), 1);
    }
}

#[tokio::test]
async fn a_bad_signature_is_reported_in_the_pools_words() {
    let words = "Transaction has a bad signature";
    let (_, _, chain) = setup([Pool::Reject(1010, "Invalid Transaction", words.into())]).await;
    match chain.submit_share(&KEY, VALUE, &signer()).await {
        Err(Error::NotAccepted {
            call,
            code: 1010,
            message,
        }) => {
            assert_eq!(call, "Readings.submit");
            assert!(message.contains(words), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pool_without_room_is_asked_again() {
    let (_, node, chain) = setup([Pool::Reject(1016, "Immediately Dropped", "limit".into())]).await;
    chain.submit_share(&KEY, VALUE, &signer()).await.unwrap();
    assert_eq!(node.posted().len(), 2);
}

#[tokio::test]
async fn a_share_whose_node_goes_away_is_found_on_chain_by_another() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    first.script([Pool::IncludeAndVanish]);
    on_chain(&world, VALUE);
    let chain = Chain::connect(options([&first, &second])).await.unwrap();
    let inclusion = chain.submit_share(&KEY, VALUE, &signer()).await.unwrap();
    assert_eq!(inclusion.block, world.hash(inclusion.number));
    assert_eq!((first.posted().len(), second.posted().len()), (1, 0));
}

#[tokio::test]
async fn a_share_that_was_dropped_is_sent_again_with_the_same_value() {
    let (_, node, chain) = setup([Pool::Drop]).await;
    chain.submit_share(&KEY, VALUE, &signer()).await.unwrap();
    let calls: Vec<Vec<u8>> = node
        .posted()
        .iter()
        .map(|bytes| Transaction::read(bytes).call)
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
}

#[tokio::test]
async fn a_share_that_was_dropped_and_then_comes_too_late_is_refused() {
    let (_, node, chain) = setup([Pool::Drop, refusal(Refusal::TooLate)]).await;
    let refused = chain.submit_share(&KEY, VALUE, &signer()).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::TooLate))));
    assert_eq!(node.posted().len(), 2);
}

#[tokio::test]
async fn another_value_under_the_same_pseudonym_is_not_taken_for_ours() {
    let (world, _, chain) = setup([Pool::Drop]).await;
    on_chain(&world, VALUE + 1);
    let refused = chain.submit_share(&KEY, VALUE, &signer()).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::AlreadyUsed))));
}

#[tokio::test]
async fn a_share_that_is_never_finalised_is_reported_as_unresolved() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    node.script([Pool::Hold]);
    let mut options = options([&node]);
    options.transaction_timeout = Duration::from_secs(2);
    let chain = Chain::connect(options).await.unwrap();
    match chain.submit_share(&KEY, VALUE, &signer()).await {
        Err(error @ Error::Unresolved { .. }) => assert!(error.is_transient()),
        other => panic!("{other:?}"),
    }
}
