//! A node that is down when a command starts, or goes away while one is at work.

use std::{future::Future, sync::Arc, time::Duration};

use gridveil_bills::store::{DirectoryStore, Store};
use gridveil_primitives::Outcome;
use tokio::time::sleep;

use super::*;
use crate::{
    fake::{Fate, World},
    grid::Order,
    key_centre::{
        bill::{bill, Billed},
        publish::Published,
    },
};

/// Gives a command while the node is down, which must fail with the node's address and change nothing, and then again.
async fn refused_then_done<T, Fut: Future<Output = Result<T, Error>>>(scene: &Scene, command: impl Fn() -> Fut) -> T {
    let before = scene.grid.world().orders.len();
    scene.grid.world().away = true;
    let refused = command().await.err().expect("the node is down");
    assert!(
        refused.is_transient() && refused.to_string().contains("ws://the.node"),
        "{refused}"
    );
    scene.grid.world().away = false;
    assert_eq!(scene.grid.world().orders.len(), before);
    command().await.expect("the node is back")
}

/// The node is back, and blocks are finalised until something is so.
async fn come_back(grid: &FakeGrid, so: impl Fn(&World) -> bool) {
    grid.world().away = false;
    while !so(&grid.world()) {
        grid.finalise();
        sleep(Duration::from_millis(5)).await;
    }
}

async fn publish_all(scene: &Scene) -> Result<Vec<Published>, Error> {
    publish(&scene.centre(), 0, &[], None, &ProgressBar::hidden()).await
}

async fn bill_all(scene: &Scene) -> Result<Billed, Error> {
    let store: Arc<dyn Store> = Arc::new(DirectoryStore::new(scene.path("store")).unwrap());
    bill(&scene.centre(), 0, store, "GBP", &ProgressBar::hidden()).await
}

#[tokio::test]
async fn a_command_given_while_the_node_is_down_names_it_and_works_when_given_again() {
    let mut scene = Scene::new();
    for region in [1, 2] {
        refused_then_done(&scene, || scene.enrol(region)).await;
    }
    scene.accept();
    refused_then_done(&scene, || scene.schedule(0)).await;
    refused_then_done(&scene, || publish_all(&scene)).await;
    scene.play(0, all);
    assert_eq!(refused_then_done(&scene, || scene.watch(0)).await.len(), 8);
    let priced = refused_then_done(&scene, || scene.price(Tariff::Flat(5))).await;
    assert_eq!(priced.len(), 8);
    assert_eq!(refused_then_done(&scene, || bill_all(&scene)).await.published, 9);
    assert_eq!(scene.grid.world().bills.len(), 9);
}

#[tokio::test]
async fn a_node_that_goes_away_while_periods_are_opened_and_priced_costs_no_total_and_no_price() {
    let scene = Scene::published().await;
    for home in &scene.homes {
        (0..PERIODS).for_each(|period| scene.send(home, 0, period, &Half::BOTH));
    }
    let grid = scene.grid.clone();
    let outage = async {
        let closes = |period| grid.world().cycles[0].closes(period).unwrap();
        grid.advance(closes(0));
        while grid.world().prices.len() < 2 {
            tokio::task::yield_now().await;
        }
        grid.world().away = true;
        for period in 1..PERIODS {
            grid.advance(closes(period));
        }
        // The key centre and the control centre ask in vain.
        while grid.world().unanswered < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(grid.world().outcomes.len(), 2);
        come_back(&grid, |world| world.prices.len() == 8).await;
    };
    let (watched, priced, ()) = tokio::join!(scene.watch(0), scene.price(Tariff::Flat(5)), outage);
    assert_eq!((watched.unwrap().len(), priced.unwrap().len()), (8, 8));
    check_opened_once(&scene);
}

#[tokio::test]
async fn a_node_that_goes_away_before_it_hears_of_an_order_opens_nothing_twice_when_it_is_back() {
    for step in [0, 3, 7] {
        let scene = Scene::published().await;
        scene.play(0, all);
        scene.grid.plan(step, Fate::NodeLeaves);
        let grid = scene.grid.clone();
        let outage = async {
            // Gone, and missed.
            while grid.world().unanswered < 2 {
                tokio::task::yield_now().await;
            }
            assert_eq!(grid.world().outcomes.len(), step);
            come_back(&grid, |world| world.outcomes.len() == 8).await;
        };
        let (watched, ()) = tokio::join!(scene.watch(0), outage);
        assert_eq!(watched.unwrap().len(), 8);
        check_opened_once(&scene);
    }
}

/// Every period of both regions was opened, by one order each.
fn check_opened_once(scene: &Scene) {
    let world = scene.grid.world();
    let opened = |order: &&Order| matches!(order, Order::Open(..));
    assert_eq!(world.orders.iter().filter(opened).count(), 8);
    assert_eq!(world.outcomes.len(), 8);
    assert!(world
        .outcomes
        .values()
        .all(|outcome| matches!(outcome, Outcome::Opened(_))));
}
