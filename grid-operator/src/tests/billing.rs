//! Billing.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    Arc,
};

use async_trait::async_trait;
use gridveil_bills::{
    cid::Cid,
    envelope,
    report::Report,
    store::{DirectoryStore, Store, StoreError},
};
use gridveil_primitives::{BillRecord, Price};

use super::*;
use crate::{
    fake::Fate,
    grid::Order,
    key_centre::{
        bill::{bill, Billed},
        status::status,
    },
};

const FALLBACK: Price = 200_000;
pub(super) const PRICE: Price = 672_123;

/// Home 2 is silent in period 0, home 3 sends half in period 1; region 2 has too few in period 2, when home 103 alone
/// sends everything.
fn plan(home: &Home, period: PeriodIndex) -> &'static [Half] {
    match (home.bid[0], period) {
        (2, 0) => &[],
        (3, 1) => &[Half::First],
        (100..=102, 2) => &[],
        _ => &Half::BOTH,
    }
}

/// Everything up to the priced cycle 0.
pub(super) async fn priced() -> Scene {
    let scene = Scene::published().await;
    scene.play(0, plan);
    scene.watch(0).await.unwrap();
    scene.price(Tariff::Flat(PRICE)).await.unwrap();
    scene
}

pub(super) fn store(scene: &Scene) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::new(scene.path("store")).unwrap())
}

pub(super) async fn bill_with(scene: &Scene, store: Arc<dyn Store>, cycle: CycleId) -> Result<Billed, Error> {
    bill(&scene.centre(), cycle, store, "GBP", &ProgressBar::hidden()).await
}

pub(super) async fn bill_all(scene: &Scene) -> Result<Billed, Error> {
    bill_with(scene, store(scene), 0).await
}

/// Fetches a home's bill as its user does.
pub(super) async fn fetch(scene: &Scene, home: &Home, cycle: CycleId) -> Report {
    let record: BillRecord = scene.grid.world().bills[&(cycle, home.bid)].clone();
    let sealed = store(scene).get(&Cid::from_bytes(&record.cid).unwrap()).await.unwrap();
    assert_eq!(gridveil_bills::hash(&sealed), record.hash);
    let report = envelope::open(&sealed, &home.identity).unwrap();
    for other in scene.homes.iter().filter(|other| other.bid != home.bid) {
        assert!(
            envelope::open(&sealed, &other.identity).is_err(),
            "{} opens it too",
            other.label
        );
    }
    report
}

/// Hundredths of the currency unit, half away from zero, from millionths per kWh times watt-hours.
fn rounded(sum: i128) -> i64 {
    let away = if sum < 0 { -5_000_000 } else { 5_000_000 };
    i64::try_from((sum + away) / 10_000_000).unwrap()
}

/// Every bill is what plain arithmetic over the readings makes of it.
pub(super) async fn check_bills(scene: &Scene) {
    for home in &scene.homes {
        let report = fetch(scene, home, 0).await;
        assert_eq!(
            (report.bid.as_str(), report.region),
            (hex::encode(home.bid).as_str(), home.region)
        );
        assert_eq!(
            (report.currency.as_str(), report.lines.len()),
            ("GBP", usize::from(PERIODS))
        );
        let (mut energy, mut cost) = (0i64, 0i128);
        for line in &report.lines {
            let key = home.key(0, line.period);
            let complete = plan(home, line.period).len() == 2;
            assert_eq!(
                line.energy,
                complete.then(|| home.reading(&key)),
                "{} {key:?}",
                home.label
            );
            let price = if (home.region, line.period) == (2, 2) {
                FALLBACK
            } else {
                PRICE
            };
            assert_eq!(line.price, Some(price));
            if complete {
                energy += home.reading(&key);
                cost += i128::from(home.reading(&key)) * i128::from(price);
            }
        }
        assert_eq!(
            (report.energy, report.amount),
            (energy, rounded(cost)),
            "{}",
            home.label
        );
    }
}

#[tokio::test]
async fn a_reading_that_no_home_can_have_is_not_billed_and_the_bill_says_so() {
    let mut scene = Scene::published().await;
    scene.home_mut(2).excess = 1 << 40;
    scene.play(0, all);
    scene.watch(0).await.unwrap();
    scene.price(Tariff::Flat(PRICE)).await.unwrap();
    bill_all(&scene).await.unwrap();
    let report = fetch(&scene, scene.home(2), 0).await;
    assert!(report.lines.iter().all(|line| line.energy.is_none()));
    assert_eq!((report.energy, report.amount), (0, 0));
    assert!(report.notes[0].contains("No complete and plausible reading arrived for 4 periods (0 to 3)"));
    let other = fetch(&scene, scene.home(3), 0).await;
    assert!(other.lines.iter().all(|line| line.energy.is_some()));
}

#[tokio::test]
async fn every_bill_is_what_plain_arithmetic_makes_of_the_readings() {
    let scene = priced().await;
    let billed = bill_all(&scene).await.unwrap();
    assert_eq!(
        billed,
        Billed {
            cycle: 0,
            made: 9,
            present: 0,
            published: 9
        }
    );
    check_bills(&scene).await;
    assert_eq!(scene.grid.world().finished, [0]);
}

#[tokio::test]
async fn missing_periods_and_fallback_prices_are_noted() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    let notes = |report: Report| report.notes.join("\n");
    let silent = notes(fetch(&scene, scene.home(2), 0).await);
    assert!(
        silent.contains("No complete and plausible reading arrived for 1 period (0)"),
        "{silent}"
    );
    let half = notes(fetch(&scene, scene.home(3), 0).await);
    assert!(
        half.contains("No complete and plausible reading arrived for 1 period (1)"),
        "{half}"
    );
    let alone = notes(fetch(&scene, scene.home(103), 0).await);
    assert!(
        alone.contains("fallback price") && alone.contains("1 period (2)"),
        "{alone}"
    );
    assert!(fetch(&scene, scene.home(1), 0).await.notes.is_empty());
}

#[tokio::test]
async fn a_death_at_any_step_bills_everyone_once() {
    // A call with bills and one that reconciles for each region, and one that finishes the cycle.
    for step in 0..5 {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost, Fate::NodeFails] {
            let scene = priced().await;
            scene.grid.plan(step, fate);
            let ended = scene.grid.until_death(bill_all(&scene)).await;
            assert_eq!(ended.is_none(), matches!(fate, Fate::DiesBefore | Fate::DiesAfter));
            let again = bill_all(&scene).await.unwrap();
            assert_eq!((again.made, again.present), (0, 9), "{step} {fate:?}");
            check_bills(&scene).await;
            let world = scene.grid.world();
            let count = |wanted: fn(&Order) -> bool| world.orders.iter().filter(|order| wanted(order)).count();
            let published = count(|order| matches!(order, Order::PublishBills(..)));
            let reconciled = count(|order| matches!(order, Order::Reconcile(..)));
            assert_eq!((published, reconciled, world.finished.clone()), (2, 2, vec![0]));
        }
    }
}

/// A store that fails from some bill on, until it is mended.
struct Failing {
    store: Arc<dyn Store>,
    left: AtomicUsize,
}

#[async_trait]
impl Store for Failing {
    async fn put(&self, bytes: &[u8]) -> Result<Cid, StoreError> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.store.put(bytes).await,
            Err(_) => Err(StoreError::Failed {
                store: "the test's store".into(),
                cause: "it is down".into(),
            }),
        }
    }

    async fn get(&self, cid: &Cid) -> Result<Vec<u8>, StoreError> {
        self.store.get(cid).await
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_reported_and_what_it_has_is_not_made_again() {
    for left in [0, 3, 8] {
        let scene = priced().await;
        let failing = Failing {
            store: store(&scene),
            left: AtomicUsize::new(left),
        };
        let error = bill_with(&scene, Arc::new(failing), 0).await.unwrap_err().to_string();
        assert!(error.contains("the test's store") && error.contains("home"), "{error}");
        assert_eq!(scene.grid.world().bills.len(), 0, "nothing is published half way");
        let again = bill_all(&scene).await.unwrap();
        assert_eq!(again.made + again.present, 9);
        assert_eq!(again.present, left, "{again:?}");
        check_bills(&scene).await;
    }
}

#[tokio::test]
async fn a_cycle_is_not_billed_before_it_is_closed_opened_and_priced() {
    let not_yet = |error: Error| match error {
        Error::NotYet { cycle: 0, problem } => problem,
        other => panic!("{other}"),
    };
    let scene = Scene::published().await;
    assert!(not_yet(bill_all(&scene).await.unwrap_err()).contains("has not closed"));
    scene.play(0, plan);
    assert!(not_yet(bill_all(&scene).await.unwrap_err()).contains("neither opened nor withheld"));
    scene.watch(0).await.unwrap();
    assert!(not_yet(bill_all(&scene).await.unwrap_err()).contains("has no price"));
    scene.price(Tariff::Flat(PRICE)).await.unwrap();
    bill_all(&scene).await.unwrap();
}

#[tokio::test]
async fn a_node_that_holds_a_share_back_gets_no_bill_made() {
    let scene = priced().await;
    let home = scene.home(5);
    scene.grid.world().hidden = Some(home.shares(&home.key(0, 3))[1].0);
    assert!(matches!(bill_all(&scene).await, Err(Error::SharesDisagree(_))));
    assert_eq!(scene.centre().ledger().bills(0).unwrap(), []);
}

#[tokio::test]
async fn the_next_cycle_runs_on_ratcheted_keys_and_is_billed_like_the_first() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    scene.schedule(1).await.unwrap();
    publish(&scene.centre(), 1, &[], None, &ProgressBar::hidden())
        .await
        .unwrap();
    scene.play(1, all);
    scene.watch(1).await.unwrap();
    let (grid, bar) = (scene.grid.seen_by(Some(CONTROL_CENTRE)), ProgressBar::hidden());
    run::run(
        &grid,
        Tariff::Flat(PRICE),
        Prices::in_memory(&GENESIS).unwrap(),
        Some(1),
        true,
        &bar,
        |_| (),
    )
    .await
    .unwrap();
    assert_eq!(bill_with(&scene, store(&scene), 1).await.unwrap().made, 9);
    for home in &scene.homes {
        let report = fetch(&scene, home, 1).await;
        let readings: Vec<_> = (0..PERIODS)
            .map(|period| Some(home.reading(&home.key(1, period))))
            .collect();
        assert_eq!(
            report.lines.iter().map(|line| line.energy).collect::<Vec<_>>(),
            readings
        );
    }
}

#[tokio::test]
async fn a_period_that_was_never_published_is_on_the_bill_without_a_price() {
    let mut scene = Scene::new();
    scene.enrol(1).await.unwrap();
    scene.enrol(2).await.unwrap();
    scene.accept();
    scene.schedule(0).await.unwrap();
    publish(&scene.centre(), 0, &[], Some(0..3), &ProgressBar::hidden())
        .await
        .unwrap();
    for home in &scene.homes {
        (0..3).for_each(|period| scene.send(home, 0, period, &Half::BOTH));
    }
    scene.grid.advance(scene.closes(0));
    scene.watch(0).await.unwrap();
    scene.price(Tariff::Flat(PRICE)).await.unwrap();
    bill_all(&scene).await.unwrap();
    let report = fetch(&scene, scene.home(1), 0).await;
    let last = report.lines.last().unwrap();
    assert_eq!((last.period, last.energy, last.price), (3, None, None));
    assert!(report.notes[0].contains("1 period (3)"), "{:?}", report.notes);
}

#[tokio::test]
async fn the_status_counts_what_has_been_done() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    let status = status(&scene.centre(), None).await.unwrap();
    assert_eq!((status.meters, status.registered), (9, 9));
    let cycle = status.cycle.unwrap();
    assert_eq!(
        (cycle.cycle, cycle.periods, cycle.bills_stored, cycle.bills_published),
        (0, PERIODS, 9, 9)
    );
    let counts: Vec<_> = cycle
        .regions
        .iter()
        .map(|one| {
            [
                one.meters,
                one.manifests,
                one.complete,
                one.faulty,
                one.opened,
                one.withheld,
                one.priced,
            ]
        })
        .collect();
    assert_eq!(counts, [[5, 4, 2, 2, 4, 0, 4], [4, 4, 3, 1, 3, 1, 4]]);
}
