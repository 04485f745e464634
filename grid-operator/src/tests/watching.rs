//! Finding faults, opening and withholding.

use gridveil_primitives::{pseudonym::OneTimeKey, Outcome, Total};

use super::*;
use crate::{
    fake::Fate,
    grid::Order,
    key_centre::faults::faults,
    ledger::{Decision, FaultKind},
};

const FIRST_ONLY: &[Half] = &[Half::First];
const SECOND_ONLY: &[Half] = &[Half::Second];
const SILENT: &[Half] = &[];

/// What a home sends in a period, by the home's number.
pub(super) type Plan = fn(u8, PeriodIndex) -> &'static [Half];

pub(super) fn play(scene: &Scene, plan: Plan) {
    scene.play(0, |home, period| plan(home.bid[0], period));
}

/// Homes 1 to 5 are in region 1, homes 100 to 103 in region 2; the minimum of both is three.
pub(super) fn some_faults(home: u8, period: PeriodIndex) -> &'static [Half] {
    match (home, period) {
        (2, 0) => SILENT,
        (3, 1) => FIRST_ONLY,
        (4, 1) => SECOND_ONLY,
        (100, 1) => SECOND_ONLY,
        (101..=102, 2) => SILENT,
        (103, 2) => FIRST_ONLY,
        (1..=5, 3) => SILENT,
        _ => &Half::BOTH,
    }
}

/// The totals of plain addition over the homes that sent both halves.
fn plain_total(scene: &Scene, plan: Plan, key: &PeriodKey) -> Option<Total> {
    let homes = scene.homes.iter().filter(|home| home.region == key.region);
    let complete: Vec<_> = homes.filter(|home| plan(home.bid[0], key.period).len() == 2).collect();
    let energy = complete.iter().map(|home| home.reading(key)).sum();
    (complete.len() >= 3).then_some(Total {
        meters: complete.len() as u32,
        energy,
    })
}

pub(super) fn check_totals(scene: &Scene, plan: Plan) {
    let world = scene.grid.world();
    for region in [1, 2] {
        for period in 0..PERIODS {
            let key = PeriodKey {
                region,
                cycle: 0,
                period,
            };
            let expected = plain_total(scene, plan, &key).map_or(Outcome::Withheld, Outcome::Opened);
            assert_eq!(world.outcomes.get(&key), Some(&expected), "{key:?}");
        }
    }
}

pub(super) fn found(scene: &Scene) -> Vec<(RegionId, PeriodIndex, Option<String>, FaultKind)> {
    let lines = faults(scene.centre().ledger(), Some(0)).unwrap();
    lines
        .into_iter()
        .map(|line| (line.region, line.period, line.label, line.kind))
        .collect()
}

pub(super) fn expected_faults() -> Vec<(RegionId, PeriodIndex, Option<String>, FaultKind)> {
    let named = |region, period, home: u8, kind| (region, period, Some(format!("home {home}")), kind);
    vec![
        named(1, 0, 2, FaultKind::Silent),
        named(1, 1, 3, FaultKind::FirstOnly),
        named(1, 1, 4, FaultKind::SecondOnly),
        named(1, 3, 1, FaultKind::Silent),
        named(1, 3, 2, FaultKind::Silent),
        named(1, 3, 3, FaultKind::Silent),
        named(1, 3, 4, FaultKind::Silent),
        named(1, 3, 5, FaultKind::Silent),
        named(2, 1, 100, FaultKind::SecondOnly),
        named(2, 2, 101, FaultKind::Silent),
        named(2, 2, 102, FaultKind::Silent),
        named(2, 2, 103, FaultKind::FirstOnly),
    ]
}

#[tokio::test]
async fn without_a_fault_every_period_opens_to_the_plain_sum() {
    let scene = Scene::published().await;
    scene.play(0, all);
    let settled = scene.watch(0).await.unwrap();
    assert_eq!(settled.len(), 8);
    assert!(settled
        .iter()
        .all(|one| one.event == "opened" && one.left_out == 0 && one.excluded == 0));
    check_totals(&scene, |_, _| &Half::BOTH);
    assert_eq!(found(&scene), []);
}

#[tokio::test]
async fn periods_that_closed_while_nobody_watched_are_all_opened_however_many() {
    const MANY: PeriodIndex = 100;
    let mut scene = Scene::new();
    scene.homes = (1..=3).map(|number| Home::new(number, 1)).collect();
    scene.enrol(1).await.unwrap();
    scene.accept();
    schedule(&scene.centre(), 0, Start::In(60), SECOND, SECOND, MANY)
        .await
        .unwrap();
    publish(&scene.centre(), 0, &[], None, &ProgressBar::hidden())
        .await
        .unwrap();
    for home in &scene.homes {
        for period in 0..MANY {
            scene.send(home, 0, period, &Half::BOTH);
        }
    }
    let closes = scene.grid.world().cycles[0].closes(MANY - 1).unwrap();
    scene.grid.advance(closes);
    assert_eq!(scene.watch(0).await.unwrap().len(), usize::from(MANY));
    let world = scene.grid.world();
    for period in 0..MANY {
        let key = PeriodKey {
            region: 1,
            cycle: 0,
            period,
        };
        let energy = scene.homes.iter().map(|home| home.reading(&key)).sum();
        assert_eq!(
            world.outcomes.get(&key),
            Some(&Outcome::Opened(Total { meters: 3, energy }))
        );
    }
}

#[tokio::test]
async fn each_kind_of_fault_is_named_and_the_complete_pairs_open_to_their_plain_sum() {
    let scene = Scene::published().await;
    play(&scene, some_faults);
    let settled = scene.watch(0).await.unwrap();
    check_totals(&scene, some_faults);
    assert_eq!(found(&scene), expected_faults());
    let counts: Vec<_> = settled
        .iter()
        .map(|one| (one.event, one.meters, one.left_out, one.excluded))
        .collect();
    let expected = [
        ("opened", 4, 1, 0),
        ("opened", 3, 2, 2),
        ("opened", 5, 0, 0),
        ("withheld", 0, 0, 0),
        ("opened", 4, 0, 0),
        ("opened", 3, 1, 1),
        ("withheld", 0, 0, 1),
        ("opened", 4, 0, 0),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn each_single_fault_of_each_home_is_found() {
    for (halves, kind) in [
        (SILENT, FaultKind::Silent),
        (FIRST_ONLY, FaultKind::FirstOnly),
        (SECOND_ONLY, FaultKind::SecondOnly),
    ] {
        let scene = Scene::published().await;
        // In period k the home k + 1 of the first region fails, and home 100 + k of the second.
        let fails = |home: &Home, period| home.bid[0] == period as u8 + if home.region == 1 { 1 } else { 100 };
        scene.play(0, |home, period| if fails(home, period) { halves } else { &Half::BOTH });
        scene.watch(0).await.unwrap();
        let expected: Vec<_> = [(1, 1), (2, 100)]
            .into_iter()
            .flat_map(|(region, first)| (0..PERIODS).map(move |period| (region, period, first + period)))
            .map(|(region, period, home)| (region, period, Some(format!("home {home}")), kind))
            .collect();
        assert_eq!(found(&scene), expected);
    }
}

#[tokio::test]
async fn a_period_in_which_all_are_silent_is_withheld() {
    let scene = Scene::published().await;
    play(&scene, |_, _| SILENT);
    scene.watch(0).await.unwrap();
    let world = scene.grid.world();
    assert!(world.outcomes.values().all(|outcome| *outcome == Outcome::Withheld));
    assert_eq!(world.outcomes.len(), 8);
    drop(world);
    assert_eq!(found(&scene).len(), 9 * usize::from(PERIODS));
}

#[tokio::test]
async fn a_reading_that_no_home_can_have_is_left_out_before_the_total_is_opened() {
    for excess in [1 << 40, i64::MIN + 1_000, 101_000, -101_000] {
        let mut scene = Scene::published().await;
        scene.home_mut(2).excess = excess;
        scene.play(0, all);
        scene.watch(0).await.unwrap();
        check_totals(&scene, |home, _| if home == 2 { SILENT } else { &Half::BOTH });
        let found = found(&scene);
        assert_eq!(found.len(), usize::from(PERIODS));
        assert!(found
            .iter()
            .all(|(_, _, label, kind)| (label.as_deref(), *kind) == (Some("home 2"), FaultKind::Implausible)));
    }
}

#[tokio::test]
async fn a_large_reading_that_a_home_can_have_counts() {
    let mut scene = Scene::published().await;
    scene.home_mut(2).excess = 99_000;
    scene.play(0, all);
    scene.watch(0).await.unwrap();
    assert_eq!(found(&scene), []);
}

#[tokio::test]
async fn an_alien_share_is_excluded_and_recorded_by_its_pseudonym() {
    let scene = Scene::published().await;
    // A pseudonym of a home of region 2 that slipped through region 1's filter.
    let stranger = scene.home(100);
    let alien = OneTimeKey::derive(&stranger.spend, &stranger.keys(0), Half::First, 1).prid();
    let key = PeriodKey {
        region: 1,
        cycle: 0,
        period: 1,
    };
    scene.grid.world().send_alien(key, alien, 12_345);
    scene.play(0, all);
    scene.watch(0).await.unwrap();
    check_totals(&scene, |_, _| &Half::BOTH);
    let lines = faults(scene.centre().ledger(), None).unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].kind, lines[0].period, &lines[0].label, &lines[0].bid),
        (FaultKind::Alien, 1, &None, &None)
    );
    assert_eq!(lines[0].prid, Some(hex::encode(alien)));
}

#[tokio::test]
async fn a_death_at_any_step_opens_each_period_once_and_the_same_way() {
    for step in 0..8 {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            let scene = Scene::published().await;
            play(&scene, some_faults);
            scene.grid.plan(step, fate);
            assert!(scene.grid.until_death(scene.watch(0)).await.is_none());
            scene.watch(0).await.unwrap();
            check_totals(&scene, some_faults);
            assert_eq!(found(&scene), expected_faults());
            let world = scene.grid.world();
            let decided = world
                .orders
                .iter()
                .filter(|order| matches!(order, Order::Open(..) | Order::Withhold(..)));
            assert_eq!(decided.count(), 8);
        }
    }
}

#[tokio::test]
async fn lost_answers_and_failing_nodes_open_nothing_twice() {
    for fate in [Fate::AnswerLost, Fate::NodeFails] {
        let scene = Scene::published().await;
        play(&scene, some_faults);
        scene.grid.plan(3, fate);
        scene.watch(0).await.unwrap();
        check_totals(&scene, some_faults);
        assert_eq!(found(&scene), expected_faults());
    }
}

#[tokio::test]
async fn watching_again_finds_nothing_to_do() {
    let scene = Scene::published().await;
    play(&scene, some_faults);
    scene.watch(0).await.unwrap();
    let orders = scene.grid.world().orders.len();
    assert_eq!(scene.watch(0).await.unwrap(), []);
    assert_eq!(scene.grid.world().orders.len(), orders);
}

#[tokio::test]
async fn a_node_that_holds_a_share_back_moves_the_key_centre_to_nothing() {
    let scene = Scene::published().await;
    scene.play(0, all);
    let home = scene.home(1);
    let [(hidden, _), _] = home.shares(&home.key(0, 2));
    scene.grid.world().hidden = Some(hidden);
    // All others get settled; this one is asked about at every head and must not be.
    let grid = scene.grid.clone();
    let watching = scene.watch(0);
    let others = async {
        while grid.world().outcomes.len() < 7 {
            tokio::task::yield_now().await;
        }
        for _ in 0..20 {
            grid.finalise();
            tokio::task::yield_now().await;
        }
        let key = PeriodKey {
            region: 1,
            cycle: 0,
            period: 2,
        };
        assert_eq!(grid.world().outcomes.get(&key), None);
        assert_eq!(scene.centre().ledger().decision(&key).unwrap(), None);
        // Another node shows it.
        grid.world().hidden = None;
        grid.finalise();
    };
    let (settled, ()) = tokio::join!(watching, others);
    settled.unwrap();
    check_totals(&scene, |_, _| &Half::BOTH);
    assert_eq!(found(&scene), []);
}

#[tokio::test]
async fn a_decision_in_the_ledger_is_sent_as_it_stands() {
    let scene = Scene::published().await;
    scene.play(0, all);
    scene.grid.plan(0, Fate::DiesBefore);
    assert!(scene.grid.until_death(scene.watch(0)).await.is_none());
    // Regions are looked at side by side, so any period may have been the first.
    let keys = (1..=2).flat_map(|region| {
        (0..4).map(move |period| PeriodKey {
            region,
            cycle: 0,
            period,
        })
    });
    let decided: Vec<_> = keys
        .filter_map(|key| Some((key, scene.centre().ledger().decision(&key).unwrap()?)))
        .collect();
    assert!(!decided.is_empty(), "it was decided before it was sent");
    scene.watch(0).await.unwrap();
    for (key, decision) in decided {
        let Decision::Open(opening) = decision else {
            panic!("{key:?} had enough meters")
        };
        assert!(scene.grid.world().orders.contains(&Order::Open(key, opening)));
    }
}

#[tokio::test]
async fn a_period_that_cannot_be_opened_does_not_hold_up_the_others() {
    let scene = Scene::published().await;
    scene.play(0, all);
    let key = PeriodKey {
        region: 2,
        cycle: 0,
        period: 1,
    };
    scene.grid.world().manifests.get_mut(&key).unwrap().root = [0; 32];
    scene.grid.world().manifests.get_mut(&key).unwrap().commitment = [0; 32];
    let error = scene.watch(0).await.unwrap_err();
    assert!(
        matches!(error, Error::Unsettled { count: 1, first, .. } if first == key),
        "{error}"
    );
    assert!(error.to_string().contains("DoesNotOpen"), "{error}");
    assert_eq!(scene.grid.world().outcomes.len(), 7);
}

#[tokio::test]
async fn periods_are_opened_as_they_close() {
    let scene = Scene::published().await;
    for home in &scene.homes {
        (0..PERIODS).for_each(|period| scene.send(home, 0, period, &Half::BOTH));
    }
    let grid = scene.grid.clone();
    let clock = async {
        for period in 0..PERIODS {
            let closes = grid.world().cycles[0].closes(period).unwrap();
            grid.advance(closes - 1);
            assert_eq!(grid.world().outcomes.len(), usize::from(period) * 2);
            grid.advance(closes);
            while grid.world().outcomes.len() < usize::from(period + 1) * 2 {
                tokio::task::yield_now().await;
            }
        }
    };
    let (settled, ()) = tokio::join!(scene.watch(0), clock);
    assert_eq!(settled.unwrap().len(), 8);
    check_totals(&scene, |_, _| &Half::BOTH);
}

#[tokio::test]
async fn periods_without_a_manifest_are_waited_out_and_left_alone() {
    let mut scene = Scene::new();
    scene.enrol(1).await.unwrap();
    scene.enrol(2).await.unwrap();
    scene.accept();
    scene.schedule(0).await.unwrap();
    publish(&scene.centre(), 0, &[], Some(1..2), &ProgressBar::hidden())
        .await
        .unwrap();
    for home in &scene.homes {
        scene.send(home, 0, 1, &Half::BOTH);
    }
    scene.grid.advance(scene.closes(0));
    assert_eq!(scene.watch(0).await.unwrap().len(), 2);
    assert_eq!(scene.grid.world().outcomes.len(), 2);
}

#[tokio::test]
async fn a_ledger_that_lacks_a_meter_of_the_filter_opens_nothing() {
    let scene = Scene::published().await;
    scene.play(0, all);
    for manifest in scene.grid.world().manifests.values_mut() {
        manifest.meters += 1;
    }
    let refused = scene.watch(0).await;
    assert!(matches!(refused, Err(Error::MetersDiffer { .. })));
    assert_eq!(scene.grid.world().outcomes.len(), 0);
}

#[tokio::test]
async fn a_cycle_or_region_that_is_not_there_is_refused() {
    let scene = Scene::published().await;
    let bar = ProgressBar::hidden();
    assert!(matches!(
        watch(&scene.centre(), 1, &[], true, &bar, |_| ()).await,
        Err(Error::UnknownCycle(1))
    ));
    let elsewhere = watch(&scene.centre(), 0, &[7], true, &bar, |_| ()).await;
    assert!(matches!(elsewhere, Err(Error::NoMeters { region: Some(7), .. })));
    let other = KeyCentre::open(&scene.state(), &scene.lock, scene.grid.seen_by(Some([1; 32]))).unwrap();
    assert!(matches!(
        watch(&other, 0, &[], true, &bar, |_| ()).await,
        Err(Error::WithoutRole { .. })
    ));
}
