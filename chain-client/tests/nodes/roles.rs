use crate::node::{metadata, options, until, Node, Outcome, Pool, Transaction, World};
use codec::Decode;
use gridveil_chain_client::{calls, Call, Chain, Error, Motion, RoleKey};
use std::{sync::Arc, time::Duration};
use subxt::Metadata;
use subxt_signer::sr25519::{verify, PublicKey, Signature};

fn signer() -> RoleKey {
    RoleKey::from_uri("//KeyCentre").unwrap()
}

fn call() -> Call {
    calls::finish_cycle(7)
}

/// A chain with one node, and a client of it.
async fn setup(pool: impl IntoIterator<Item = Pool>) -> (Arc<World>, Node, Chain) {
    let world = World::new(1);
    let node = Node::start(&world).await;
    node.script(pool);
    let chain = Chain::connect(options([&node])).await.unwrap();
    (world, node, chain)
}

fn reject(code: i32) -> Pool {
    Pool::Reject(code, "Rejected", "for a test".into())
}

/// The runtime's metadata.
fn runtime() -> Metadata {
    let encoded = Option::<Vec<u8>>::decode(&mut &metadata(16)[..]).unwrap().unwrap();
    Metadata::decode_from(&encoded).unwrap()
}

fn nonces(node: &Node) -> Vec<u64> {
    node.posted()
        .iter()
        .map(|bytes| Transaction::read(bytes).nonce)
        .collect()
}

#[tokio::test]
async fn a_call_is_signed_by_its_account_and_its_inclusion_reported() {
    let (world, node, chain) = setup([]).await;
    *world.nonce.lock().unwrap() = 41;
    let inclusion = chain.submit(&signer(), call()).await.unwrap();
    assert_eq!((inclusion.number, inclusion.block), (2, world.hash(2)));
    let transaction = Transaction::read(&node.posted()[0]);
    assert_eq!((transaction.account, transaction.nonce), (signer().account(), 41));
    let payload = transaction.payload(world.genesis, world.hash(1));
    assert!(verify(
        &Signature(transaction.signature),
        payload,
        &PublicKey(signer().account())
    ));
}

#[tokio::test]
async fn a_call_that_fails_is_reported_with_the_pallets_name_for_it() {
    let (world, _, chain) = setup([]).await;
    let metadata = runtime();
    let registry = metadata.pallet_by_name("Registry").unwrap();
    let expected = registry.error_variant_by_index(0).unwrap();
    world
        .outcomes
        .lock()
        .unwrap()
        .push_back(Outcome::Failure(registry.error_index(), 0));
    match chain.submit(&signer(), call()).await {
        Err(Error::Dispatch {
            call,
            pallet,
            error,
            doc,
        }) => {
            assert_eq!((call.as_str(), pallet.as_str()), ("Billing.finish_cycle", "Registry"));
            assert_eq!(
                (error, doc),
                (expected.name.clone(), expected.docs.join(" ").trim().to_owned())
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_motion_that_is_closed_and_whose_call_fails_is_reported_as_failed() {
    let (world, _, chain) = setup([]).await;
    let metadata = runtime();
    let registry = metadata.pallet_by_name("Registry").unwrap();
    let consortium = metadata.pallet_by_name("Consortium").unwrap();
    let executed = consortium
        .event_variants()
        .unwrap()
        .iter()
        .find(|event| event.name == "Executed")
        .unwrap();
    let outcome = Outcome::InnerFailure(consortium.event_index(), executed.index, registry.error_index(), 0);
    world.outcomes.lock().unwrap().push_back(outcome);
    let motion = Motion {
        hash: [7; 32],
        index: 0,
        length: 34,
    };
    let failed = chain.submit(&signer(), calls::close(&motion)).await;
    assert!(matches!(failed, Err(Error::Dispatch { pallet, .. }) if pallet == "Registry"));
}

#[tokio::test]
async fn calls_on_their_way_together_get_successive_nonces() {
    // The pool counts only what is finalised, like one that hears of nothing.
    let (world, node, chain) = setup(vec![Pool::Hold; 5]).await;
    let key = signer();
    let all = futures::future::join_all((0..5).map(|_| chain.submit(&key, call())));
    let release = async {
        until(|| node.posted().len() == 5).await;
        world.release();
    };
    let (results, ()) = futures::join!(all, release);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(nonces(&node), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_refused_call_leaves_its_nonce_to_the_next() {
    let (_, node, chain) = setup([reject(1010)]).await;
    match chain.submit(&signer(), call()).await {
        Err(Error::NotAccepted {
            code: 1010, message, ..
        }) => assert!(message.contains("for a test"), "{message}"),
        other => panic!("{other:?}"),
    }
    chain.submit(&signer(), call()).await.unwrap();
    assert_eq!(nonces(&node), [0, 0]);
}

#[tokio::test]
async fn a_call_whose_node_goes_away_is_found_in_the_chain_and_not_sent_again() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    first.script([Pool::IncludeAndVanish]);
    let chain = Chain::connect(options([&first, &second])).await.unwrap();
    let inclusion = chain.submit(&signer(), call()).await.unwrap();
    assert_eq!(inclusion.number, 2);
    assert_eq!((first.posted().len(), second.posted().len()), (1, 0));
}

#[tokio::test]
async fn a_call_that_failed_while_its_node_was_away_is_reported_as_failed() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    first.script([Pool::IncludeAndVanish]);
    world.outcomes.lock().unwrap().push_back(Outcome::Failure(0, 0));
    let chain = Chain::connect(options([&first, &second])).await.unwrap();
    let failed = chain.submit(&signer(), call()).await;
    assert!(matches!(failed, Err(Error::Dispatch { pallet, .. }) if pallet == "System"));
}

#[tokio::test]
async fn a_dropped_call_is_handed_in_again_byte_for_byte() {
    let (_, node, chain) = setup([Pool::Drop]).await;
    chain.submit(&signer(), call()).await.unwrap();
    let posted = node.posted();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0], posted[1]);
}

#[tokio::test]
async fn a_call_is_signed_anew_for_the_same_nonce_once_it_has_expired() {
    let (world, node, chain) = setup([Pool::Drop, reject(1012)]).await;
    let expire = async {
        until(|| node.posted().len() == 2).await;
        world.finalise(1_000);
    };
    let (result, ()) = futures::join!(async { chain.submit(&signer(), call()).await }, expire);
    assert_eq!(result.unwrap().number, 1_001);
    let posted = node.posted();
    assert_eq!(nonces(&node), [0, 0, 0]);
    assert_eq!(posted[0], posted[1]);
    assert_ne!(posted[1], posted[2]);
}

#[tokio::test]
async fn a_call_whose_nonce_another_transaction_took_is_signed_anew_for_the_next() {
    let (world, node, chain) = setup([Pool::Drop, reject(1012)]).await;
    let displace = async {
        until(|| node.posted().len() == 2).await;
        world.include(vec![b"somebody else with the same key".to_vec()]);
    };
    let (result, ()) = futures::join!(async { chain.submit(&signer(), call()).await }, displace);
    assert_eq!(result.unwrap().number, 3);
    assert_eq!(nonces(&node), [0, 0, 1]);
}

#[tokio::test]
async fn a_nonce_that_is_taken_in_the_pool_is_chosen_anew() {
    let (_, node, chain) = setup([reject(1014)]).await;
    chain.submit(&signer(), call()).await.unwrap();
    assert_eq!(node.posted().len(), 2);
}

#[tokio::test]
async fn a_call_that_is_never_finalised_is_reported_as_unresolved() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    node.script([Pool::Hold]);
    let mut options = options([&node]);
    options.transaction_timeout = Duration::from_secs(2);
    let chain = Chain::connect(options).await.unwrap();
    match chain.submit(&signer(), call()).await {
        Err(error @ Error::Unresolved { .. }) => assert!(error.to_string().contains("Billing.finish_cycle")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_that_cannot_be_handed_in_is_reported_as_not_sent() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let mut options = options([&node]);
    options.retries = 1;
    let chain = Chain::connect(options).await.unwrap();
    node.stop().await;
    let failed = chain.submit(&signer(), call()).await;
    assert!(matches!(failed, Err(Error::Connection { .. })), "{failed:?}");
}
