use crate::node::{dead_url, options, Node, World};
use gridveil_chain_client::{Chain, Error, Head, Options};
use std::{sync::atomic::Ordering, time::Duration};

/// How long a test waits for a node that says nothing.
const MOMENT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_client_without_an_address_says_so() {
    assert!(matches!(Chain::connect(Options::new(vec![])).await, Err(Error::NoUrl)));
}

#[tokio::test]
async fn a_dead_address_is_skipped_for_the_next() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let mut options = options([&node]);
    options.urls.insert(0, dead_url().await);
    let chain = Chain::connect(options).await.unwrap();
    *world.clock.lock().unwrap() = 77;
    assert_eq!(chain.now().await.unwrap(), 77);
    assert_eq!(chain.genesis_hash(), [1; 32]);
}

#[tokio::test]
async fn where_every_address_is_dead_each_is_named() {
    let (one, other) = (dead_url().await, dead_url().await);
    let mut options = options([]);
    options.urls = vec![one.clone(), other.clone()];
    options.retries = 1;
    match Chain::connect(options).await {
        Err(error @ Error::NoNode { .. }) => {
            assert!(error.is_transient());
            assert!(
                error.to_string().contains(&one) && error.to_string().contains(&other),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_the_only_address_is_dead_it_is_named() {
    let url = dead_url().await;
    let mut options = options([]);
    (options.urls, options.retries) = (vec![url.clone()], 1);
    match Chain::connect(options).await {
        Err(error @ Error::Connection { .. }) => {
            assert!(error.is_transient() && error.to_string().contains(&url), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_only_node_is_named_while_it_is_away_and_used_again_when_it_is_back() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let mut options = options([&node]);
    options.retries = 1;
    let chain = Chain::connect(options).await.unwrap();
    let mut heads = chain.heads().await.unwrap();
    assert_eq!(heads.next().await.unwrap().number, 1);
    node.stop().await;
    let error = chain.now().await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains(&node.url), "{error}");

    world.finalise(2);
    *world.clock.lock().unwrap() = 77;
    let back = Node::in_place_of(&node).await;
    assert_eq!(chain.now().await.unwrap(), 77);
    assert_eq!(heads.next().await.unwrap().number, 2);
    assert_eq!(back.calls_of("state_call"), 1);
}

#[tokio::test]
async fn an_address_that_accepts_and_says_nothing_is_given_up_for_the_next() {
    // Nobody ever accepts what the listener's backlog takes in.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node::start(&World::new(1)).await;
    let mut options = options([&node]);
    options.urls.insert(0, format!("ws://{}", silent.local_addr().unwrap()));
    options.connect_timeout = MOMENT;
    assert_eq!(
        Chain::connect(options).await.unwrap().finalised().await.unwrap().number,
        1
    );
}

#[tokio::test]
async fn a_node_that_falls_silent_is_left_for_the_next() {
    let world = World::new(1);
    let (silent, good) = (Node::start(&world).await, Node::start(&world).await);
    let mut options = options([&silent, &good]);
    options.request_timeout = MOMENT;
    let chain = Chain::connect(options).await.unwrap();
    silent.state.silent.store(true, Ordering::Relaxed);
    assert_eq!(
        chain.finalised().await.unwrap(),
        Head {
            number: 1,
            hash: world.hash(1)
        }
    );
    assert_eq!(silent.calls_of("chain_getFinalizedHead"), 1);
}

#[tokio::test]
async fn silence_everywhere_is_a_time_out_that_says_what_was_asked() {
    let node = Node::start(&World::new(1)).await;
    let mut options = options([&node]);
    (options.request_timeout, options.retries) = (MOMENT, 2);
    let chain = Chain::connect(options).await.unwrap();
    node.state.silent.store(true, Ordering::Relaxed);
    match chain.finalised().await {
        Err(Error::TimedOut { what, after: MOMENT }) => assert!(what.contains("the finalised head"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(node.calls_of("chain_getFinalizedHead"), 3);
}

#[tokio::test]
async fn a_node_that_goes_away_is_replaced_without_the_caller_noticing() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    let chain = Chain::connect(options([&first, &second])).await.unwrap();
    chain.now().await.unwrap();
    assert_eq!(second.calls_of("state_call"), 0);
    first.stop().await;
    chain.now().await.unwrap();
    assert_eq!(second.calls_of("state_call"), 1);
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused_as_a_replacement() {
    let (ours, theirs) = (World::new(1), World::new(2));
    let (first, second) = (Node::start(&ours).await, Node::start(&theirs).await);
    let mut options = options([&first, &second]);
    options.retries = 2;
    let chain = Chain::connect(options).await.unwrap();
    first.stop().await;
    let error = chain.now().await.unwrap_err();
    assert!(error.to_string().contains("serves another chain"), "{error}");
    assert_eq!(second.calls_of("state_call"), 0);
    assert_eq!(chain.genesis_hash(), [1; 32]);
}

#[tokio::test]
async fn a_node_of_another_chain_than_the_expected_is_refused_at_once() {
    let node = Node::start(&World::new(2)).await;
    let mut options = options([&node]);
    options.genesis = Some([1; 32]);
    match Chain::connect(options).await {
        Err(error @ Error::WrongChain { found, expected, .. }) => {
            assert_eq!((found, expected), ([2; 32], [1; 32]));
            assert!(!error.is_transient());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_that_lacks_the_block_is_left_for_one_that_has_it() {
    let world = World::new(1);
    let (behind, good) = (Node::start(&world).await, Node::start(&world).await);
    let chain = Chain::connect(options([&behind, &good])).await.unwrap();
    behind.state.behind.store(true, Ordering::Relaxed);
    chain.now_at(world.hash(1)).await.unwrap();
    assert_eq!(good.calls_of("state_call"), 1);
}

#[tokio::test]
async fn a_block_that_no_node_knows_is_an_error_of_its_own() {
    let node = Node::start(&World::new(1)).await;
    let mut options = options([&node]);
    options.retries = 1;
    let chain = Chain::connect(options).await.unwrap();
    assert!(matches!(chain.now_at([9; 32]).await, Err(Error::UnknownBlock { .. })));
}

#[tokio::test]
async fn an_answer_of_the_wrong_form_is_an_error_and_not_asked_for_again() {
    let node = Node::start(&World::new(1)).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    match chain.members().await {
        Err(error @ Error::Decode { .. }) => assert!(error.to_string().contains("GridApi_members"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(node.calls_of("state_call"), 1);
}

#[tokio::test]
async fn the_hash_of_a_block_is_known_once_it_is_finalised() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    assert_eq!(chain.finalised_hash(0).await.unwrap(), Some([1; 32]));
    assert_eq!(chain.finalised_hash(2).await.unwrap(), None);
    world.finalise(2);
    assert_eq!(chain.finalised_hash(2).await.unwrap(), Some(world.hash(2)));
}
