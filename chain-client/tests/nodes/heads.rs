use crate::node::{options, until, Node, World};
use gridveil_chain_client::{Chain, Error, Head};
use std::{sync::atomic::Ordering, time::Duration};

#[tokio::test]
async fn heads_come_once_and_in_order() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let mut heads = Chain::connect(options([&node])).await.unwrap().heads().await.unwrap();
    for number in [1, 2, 5] {
        world.finalise(number);
        assert_eq!(
            heads.next().await.unwrap(),
            Head {
                number,
                hash: world.hash(number)
            }
        );
    }
}

#[tokio::test]
async fn heads_go_on_where_they_stopped_when_a_node_goes_away() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    let mut heads = Chain::connect(options([&first, &second]))
        .await
        .unwrap()
        .heads()
        .await
        .unwrap();
    assert_eq!(heads.next().await.unwrap().number, 1);
    world.finalise(3);
    assert_eq!(heads.next().await.unwrap().number, 3);
    first.stop().await;
    let next = tokio::spawn(async move { heads.next().await });
    // The second node begins with the head that is known already; it must not come again.
    until(|| second.calls_of("chain_subscribeFinalizedHeads") > 0).await;
    world.finalise(4);
    assert_eq!(next.await.unwrap().unwrap().number, 4);
}

#[tokio::test]
async fn a_node_that_finalises_nothing_is_left_for_the_next_and_the_caller_told_in_the_end() {
    let world = World::new(1);
    let (first, second) = (Node::start(&world).await, Node::start(&world).await);
    let mut options = options([&first, &second]);
    options.silence = Duration::from_millis(500);
    let mut heads = Chain::connect(options).await.unwrap().heads().await.unwrap();
    assert_eq!(heads.next().await.unwrap().number, 1);
    let error = heads.next().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }) && error.is_transient());
    assert!(second.calls_of("chain_subscribeFinalizedHeads") >= 1);
    world.finalise(2);
    assert_eq!(heads.next().await.unwrap().number, 2);
}

#[tokio::test]
async fn waiting_ends_when_the_check_is_content() {
    let world = World::new(1);
    let node = Node::start(&world).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    let check = |head: Head| {
        world.finalise(head.number + 1);
        async move { Ok((head.number == 4).then_some(head.hash)) }
    };
    let found = chain
        .wait_until("the fourth block", Duration::from_secs(30), check)
        .await
        .unwrap();
    assert_eq!(found, world.hash(4));
}

#[tokio::test]
async fn waiting_for_what_never_comes_ends_in_a_time_out() {
    let node = Node::start(&World::new(1)).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    let wait = chain.wait_until("a miracle", Duration::from_millis(50), |_| async { Ok(None::<()>) });
    assert!(matches!(wait.await, Err(Error::TimedOut { what, .. }) if what == "a miracle"));
}

#[tokio::test]
async fn waiting_ends_at_once_on_an_error_that_lasts() {
    let node = Node::start(&World::new(1)).await;
    let chain = Chain::connect(options([&node])).await.unwrap();
    let inner = chain.clone();
    let wait = chain.wait_until("members", Duration::from_secs(30), move |_| {
        let inner = inner.clone();
        async move { inner.members().await.map(Some) }
    });
    assert!(matches!(wait.await, Err(Error::Decode { .. })));
}

#[tokio::test]
async fn a_silent_node_does_not_keep_anybody_from_following_another() {
    let world = World::new(1);
    let (silent, good) = (Node::start(&world).await, Node::start(&world).await);
    let mut options = options([&silent, &good]);
    options.request_timeout = Duration::from_secs(1);
    let chain = Chain::connect(options).await.unwrap();
    silent.state.silent.store(true, Ordering::Relaxed);
    assert_eq!(chain.heads().await.unwrap().next().await.unwrap().number, 1);
}
