//! The control centre.

use gridveil_primitives::{Outcome, Price};

use super::*;
use crate::{control_centre::tariff::TariffError, fake::Fate, grid::Order};

const FALLBACK: Price = 200_000;

/// A cycle in which region 2 is withheld in period 1, opened for all others.
async fn opened() -> Scene {
    let scene = Scene::published().await;
    scene.play(0, |home, period| {
        if (home.region, period) == (2, 1) {
            &[]
        } else {
            &Half::BOTH
        }
    });
    scene.watch(0).await.unwrap();
    scene
}

fn tariff(text: &str) -> Tariff {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tariff.toml");
    std::fs::write(&path, text).unwrap();
    Tariff::load(&path).unwrap()
}

/// Low up to 1 kWh, then dearer, then the cap.
fn curve() -> Tariff {
    tariff(
        "kind = 'supply_curve'\ncap = 900_000\n\
         steps = [{ up_to_wh = 1_000, price = 100_000 }, { up_to_wh = 1_350, price = 300_000 }]",
    )
}

#[tokio::test]
async fn each_opened_period_gets_the_price_of_its_total_and_the_withheld_one_its_fallback() {
    let scene = opened().await;
    let priced = scene.price(curve()).await.unwrap();
    assert_eq!(priced.len(), 7);
    let world = scene.grid.world();
    assert_eq!(world.prices.len(), 8);
    let mut seen = std::collections::BTreeSet::new();
    for (key, outcome) in &world.outcomes {
        let expected = match outcome {
            Outcome::Withheld => FALLBACK,
            Outcome::Opened(total) if total.energy <= 1_000 => 100_000,
            Outcome::Opened(total) if total.energy <= 1_350 => 300_000,
            Outcome::Opened(_) => 900_000,
        };
        assert_eq!(world.prices[key], expected, "{key:?} {outcome:?}");
        seen.insert(expected);
    }
    assert!(seen.len() >= 3, "the totals reach several steps: {seen:?}");
}

#[tokio::test]
async fn pricing_again_sets_nothing_again() {
    let scene = opened().await;
    scene.price(curve()).await.unwrap();
    assert_eq!(scene.price(Tariff::Flat(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_price_is_set_once_through_deaths_and_lost_answers() {
    for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost, Fate::NodeFails] {
        let scene = opened().await;
        scene.grid.plan(2, fate);
        let ended = scene.grid.until_death(scene.price(curve())).await;
        assert_eq!(ended.is_none(), matches!(fate, Fate::DiesBefore | Fate::DiesAfter));
        scene.price(curve()).await.unwrap();
        let world = scene.grid.world();
        let set = world
            .orders
            .iter()
            .filter(|order| matches!(order, Order::SetPrice(..)))
            .count();
        assert_eq!((set, world.prices.len()), (7, 8), "{fate:?}");
    }
}

#[tokio::test]
async fn a_price_decided_before_a_death_stands_though_the_tariff_changes() {
    let scene = opened().await;
    let (grid, bar) = (scene.grid.seen_by(Some(CONTROL_CENTRE)), ProgressBar::hidden());
    let prices = || Prices::open(&scene.path("control"), &GENESIS).unwrap();
    scene.grid.plan(0, Fate::DiesBefore);
    let run = |tariff| run::run(&grid, tariff, prices(), Some(0), true, &bar, |_| ());
    assert!(scene.grid.until_death(run(Tariff::Flat(111))).await.is_none());
    run(Tariff::Flat(222)).await.unwrap();
    let set: Vec<_> = scene.grid.world().prices.values().copied().collect();
    assert!(set.contains(&111), "{set:?}");
    assert!(set.iter().all(|price| [111, 222, FALLBACK].contains(price)), "{set:?}");
}

#[tokio::test]
async fn prices_follow_the_openings_as_they_come() {
    let scene = Scene::published().await;
    for home in &scene.homes {
        (0..PERIODS).for_each(|period| scene.send(home, 0, period, &Half::BOTH));
    }
    let grid = scene.grid.clone();
    let clock = async {
        for period in 0..PERIODS {
            let closes = grid.world().cycles[0].closes(period).unwrap();
            grid.advance(closes);
            while grid.world().prices.len() < usize::from(period + 1) * 2 {
                tokio::task::yield_now().await;
            }
        }
    };
    let (watched, priced, ()) = tokio::join!(scene.watch(0), scene.price(Tariff::Flat(5)), clock);
    watched.unwrap();
    assert_eq!(priced.unwrap().len(), 8);
}

#[tokio::test]
async fn without_a_cycle_all_cycles_are_priced_and_there_is_no_end() {
    let scene = opened().await;
    scene.schedule(1).await.unwrap();
    publish(&scene.centre(), 1, &[], None, &ProgressBar::hidden())
        .await
        .unwrap();
    scene.play(1, all);
    scene.watch(1).await.unwrap();
    let (grid, bar) = (scene.grid.seen_by(Some(CONTROL_CENTRE)), ProgressBar::hidden());
    let prices = Prices::in_memory(&GENESIS).unwrap();
    let all_priced = async {
        while scene.grid.world().prices.len() < 16 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = run::run(&grid, Tariff::Flat(5), prices, None, false, &bar, |_| ()) => panic!("{ended:?}"),
        () = all_priced => {}
    }
}

#[tokio::test]
async fn a_tariff_that_lacks_a_period_is_refused_before_anything_is_priced() {
    let scene = opened().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("list.csv"),
        "timestamp_utc,pence_per_kwh\n2013-01-18T00:00:00Z,3.99\n",
    )
    .unwrap();
    let path = dir.path().join("tariff.toml");
    std::fs::write(
        &path,
        "kind = 'time_of_use'\ncsv = 'list.csv'\nstarts_at = '2013-01-18'",
    )
    .unwrap();
    let refused = scene.price(Tariff::load(&path).unwrap()).await;
    assert!(matches!(
        refused,
        Err(Error::Tariff(TariffError::NoPrice { period: 1, .. }))
    ));
    assert_eq!(scene.grid.world().prices.len(), 1, "only the fallback price is there");
}

#[tokio::test]
async fn only_the_control_centre_prices() {
    let scene = opened().await;
    let prices = Prices::in_memory(&GENESIS).unwrap();
    let refused = run::run(
        &scene.grid,
        Tariff::Flat(5),
        prices,
        Some(0),
        true,
        &ProgressBar::hidden(),
        |_| (),
    )
    .await;
    assert!(matches!(refused, Err(Error::WithoutRole { .. })));
    assert_eq!(scene.grid.world().prices.len(), 1);
}

#[tokio::test]
async fn a_cycle_that_is_not_scheduled_is_not_priced() {
    let scene = Scene::new();
    assert!(matches!(
        scene.price(Tariff::Flat(5)).await,
        Err(Error::UnknownCycle(0))
    ));
}
