//! Meters that leave within a cycle, and new ones in their places.

use gridveil_primitives::{filter, PeriodStatus, Revision, PERIODS_PER_DAY};

use super::{
    billing::{bill_with, fetch, store, PRICE},
    *,
};
use crate::{
    audit::audit,
    fake::Fate,
    grid::Order,
    key_centre::{
        publish::Published,
        revise::{eliminate, replace, Revised},
        status::status,
    },
    ledger::LedgerError,
};

/// The first period of the second day.
const DAY: PeriodIndex = PERIODS_PER_DAY;
/// A cycle of a day and two periods.
const CYCLE: PeriodIndex = DAY + 2;

/// Region 1 with its five homes, and cycle 0 of so many periods, published.
async fn running(periods: PeriodIndex) -> Scene {
    let mut scene = Scene::new();
    scene.homes.truncate(FIRST);
    scene.enrol(1).await.unwrap();
    scene.accept();
    schedule(&scene.centre(), 0, Start::In(60), 10 * SECOND, 5 * SECOND, periods)
        .await
        .unwrap();
    publish_all(&scene, 0).await;
    scene
}

async fn publish_all(scene: &Scene, cycle: CycleId) -> Published {
    let published = publish(&scene.centre(), cycle, &[], None, &ProgressBar::hidden()).await;
    published.unwrap().remove(0)
}

async fn take_out(scene: &Scene, labels: &[&str], cycle: CycleId, day: Option<PeriodIndex>) -> Result<Revised, Error> {
    let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
    eliminate(&scene.centre(), &labels, cycle, day, &ProgressBar::hidden()).await
}

/// Replaces home 5's meter by that of `home` on the second day.
async fn put_in(scene: &Scene, home: &Home) -> Result<Revised, Error> {
    let (request, responses) = (scene.path("new.json"), scene.path("responses"));
    std::fs::write(&request, home.request().to_json()).unwrap();
    let bar = ProgressBar::hidden();
    replace(&scene.centre(), "home 5", &request, 0, 1, &responses, &bar).await
}

/// Home 9, which has taken up its response.
fn accepted(scene: &Scene, mut home: Home) -> Home {
    let response = read_response(&scene.path("responses"), &home);
    assert_eq!((response.region, response.first_cycle), (1, 0));
    home.secret = Some(*response.meter_secret);
    home
}

fn revised(scene: &Scene) -> Vec<(PeriodIndex, u32)> {
    let revisions = scene.grid.world().revised(1, 0);
    revisions
        .iter()
        .map(|Revision { from, meters }| (*from, *meters))
        .collect()
}

/// Whether the pseudonyms of a home are in the filter of a period.
fn is_in(scene: &Scene, home: &Home, period: PeriodIndex) -> bool {
    let key = home.key(0, period);
    let filter = &scene.grid.world().manifests[&key].filter;
    let there = home
        .shares(&key)
        .map(|(prid, _)| filter::contains_prid(filter, &key, &prid));
    assert_eq!(there[0], there[1]);
    there[0]
}

/// The homes send in their periods, the cycle closes, and everyone is billed.
async fn play_and_bill(scene: &Scene, senders: &[(&Home, std::ops::Range<PeriodIndex>)]) {
    for (home, periods) in senders {
        periods
            .clone()
            .for_each(|period| scene.send(home, 0, period, &Half::BOTH));
    }
    let closes = scene.grid.world().cycles[0].closes(CYCLE - 1).unwrap();
    scene.grid.advance(closes);
    let complete = |status: &PeriodStatus| *status == PeriodStatus::Complete;
    assert!(scene.grid.world().closed.values().all(complete));
    assert_eq!(scene.watch(0).await.unwrap().len(), usize::from(CYCLE));
    scene.price(Tariff::Flat(PRICE)).await.unwrap();
    bill_with(scene, store(scene), 0).await.unwrap();
    let audit = audit(&scene.grid.seen_by(None), 0).await.unwrap();
    assert!(audit.adds_up, "{}", audit.words());
}

/// Whether a home's bill has its readings of these periods, and nothing else.
async fn is_billed(scene: &Scene, home: &Home, periods: std::ops::Range<PeriodIndex>) -> Vec<String> {
    let report = fetch(scene, home, 0).await;
    let expected = (0..CYCLE).map(|period| periods.contains(&period).then(|| home.reading(&home.key(0, period))));
    assert!(report.lines.iter().map(|line| line.energy).eq(expected));
    assert_eq!(report.check(), Ok(()));
    report.notes
}

#[tokio::test]
async fn a_meter_that_is_eliminated_is_out_from_the_day_on_and_billed_until_then() {
    let scene = running(CYCLE).await;
    let done = take_out(&scene, &["home 5"], 0, Some(1)).await.unwrap();
    let expected = Revised {
        region: 1,
        cycle: 0,
        from: Some(DAY),
        meters: 4,
        left: vec!["home 5".into()],
        joined: None,
        new: true,
    };
    assert_eq!(done, expected);
    assert_eq!(revised(&scene), [(DAY, 4)]);

    // What was published of that day is gone, and is published anew without the meter.
    assert_eq!(scene.grid.world().manifests.len(), usize::from(DAY));
    let published = publish_all(&scene, 0).await;
    assert_eq!(
        (published.meters, published.manifests, published.present),
        (4, 2, usize::from(DAY))
    );
    assert!(scene.homes.iter().all(|home| is_in(&scene, home, DAY - 1)));
    for home in &scene.homes {
        assert_eq!(is_in(&scene, home, DAY), home.bid[0] != 5);
    }

    let all = scene.homes.iter().map(|home| match home.bid[0] {
        5 => (home, 0..DAY),
        _ => (home, 0..CYCLE),
    });
    let all: Vec<_> = all.collect();
    play_and_bill(&scene, &all).await;
    for (home, periods) in all {
        let notes = is_billed(&scene, home, periods).await;
        assert_eq!(notes.len(), usize::from(home.bid[0] == 5), "{notes:?}");
        assert!(notes
            .iter()
            .all(|note| note.contains("not in service in 2 periods (48 to 49)")));
    }

    // And it takes no part in the next month.
    schedule(&scene.centre(), 1, Start::In(60), SECOND, SECOND, 2)
        .await
        .unwrap();
    assert_eq!(publish_all(&scene, 1).await.meters, 4);
    let status = status(&scene.centre(), Some(0)).await.unwrap();
    assert_eq!(status.cycle.unwrap().regions[0].meters, 4);
}

#[tokio::test]
async fn a_lost_meter_is_replaced_by_one_with_keys_of_its_own_and_each_is_billed_for_its_days() {
    let scene = running(CYCLE).await;
    let new = Home::new(9, 1);
    let done = put_in(&scene, &new).await.unwrap();
    assert_eq!((done.meters, done.new), (5, true));
    assert_eq!(revised(&scene), [(DAY, 5)]);
    assert_eq!(publish_all(&scene, 0).await.manifests, 2);

    let (lost, new) = (scene.home(5), accepted(&scene, new));
    assert_ne!(lost.secret, new.secret);
    for (home, before, after) in [(lost, true, false), (&new, false, true)] {
        assert_eq!(
            (is_in(&scene, home, DAY - 1), is_in(&scene, home, DAY)),
            (before, after)
        );
    }
    let mut all: Vec<_> = scene.homes[..4].iter().map(|home| (home, 0..CYCLE)).collect();
    all.extend([(lost, 0..DAY), (&new, DAY..CYCLE)]);
    play_and_bill(&scene, &all).await;
    for (home, periods) in all {
        is_billed(&scene, home, periods).await;
    }
    schedule(&scene.centre(), 1, Start::In(60), SECOND, SECOND, 2)
        .await
        .unwrap();
    assert_eq!(publish_all(&scene, 1).await.meters, 5);
}

#[tokio::test]
async fn a_death_at_any_step_of_a_replacement_leads_to_one_replacement() {
    for step in 0..2 {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost, Fate::NodeFails] {
            let scene = running(CYCLE).await;
            let before = scene.grid.world().orders.len();
            let home = Home::new(9, 1);
            scene.grid.plan(step, fate);
            let ended = scene.grid.until_death(put_in(&scene, &home)).await;
            assert_eq!(ended.is_none(), matches!(fate, Fate::DiesBefore | Fate::DiesAfter));
            let again = put_in(&scene, &home).await.unwrap();
            assert!(!again.new && again.meters == 5, "{step} {fate:?}");
            assert_eq!(revised(&scene), [(DAY, 5)], "{step} {fate:?}");
            assert_eq!(scene.grid.world().orders.len(), before + 2, "{step} {fate:?}");
            publish_all(&scene, 0).await;
            assert!(is_in(&scene, &accepted(&scene, home), DAY), "{step} {fate:?}");
        }
    }
}

#[tokio::test]
async fn a_change_that_never_reached_the_chain_changes_nothing_and_is_taken_back() {
    let scene = running(2 * DAY + 1).await;
    let new = Home::new(9, 1);
    scene.grid.plan(0, Fate::DiesBefore);
    let ended = scene.grid.until_death(put_in(&scene, &new)).await;
    assert!(ended.is_none());
    // Meanwhile no other change can be decided on.
    let other = take_out(&scene, &["home 1"], 0, Some(2)).await;
    assert!(matches!(other, Err(Error::Revised { from: DAY, .. })));

    // The day begins, and is like the one before.
    for period in 0..=DAY {
        scene
            .homes
            .iter()
            .for_each(|home| scene.send(home, 0, period, &Half::BOTH));
    }
    let closes = scene.grid.world().cycles[0].closes(DAY).unwrap();
    scene.grid.advance(closes);
    let late = put_in(&scene, &new).await;
    assert!(matches!(late, Err(Error::TooLate { cycle: 0, from: DAY })));
    let done = take_out(&scene, &["home 5"], 0, Some(2)).await.unwrap();
    assert_eq!((done.from, done.meters), (Some(2 * DAY), 4));
    publish_all(&scene, 0).await;
    for home in &scene.homes {
        for period in DAY + 1..2 * DAY {
            scene.send(home, 0, period, &Half::BOTH);
        }
    }
    scene.homes[..4]
        .iter()
        .for_each(|home| scene.send(home, 0, 2 * DAY, &Half::BOTH));
    let closes = scene.grid.world().cycles[0].closes(2 * DAY).unwrap();
    scene.grid.advance(closes);
    let settled = scene.watch(0).await.unwrap();
    assert!(settled
        .iter()
        .all(|one| one.meters == if one.period < 2 * DAY { 5 } else { 4 }));
    assert_eq!(settled.len(), usize::from(2 * DAY + 1));
}

#[tokio::test]
async fn a_day_that_has_begun_or_is_not_there_or_was_revised_is_refused() {
    let scene = running(2 * DAY + 1).await;
    let beyond = take_out(&scene, &["home 5"], 0, Some(3)).await;
    assert!(matches!(beyond, Err(Error::Flag { flag: "--from-day", .. })));
    let nobody = take_out(&scene, &["home 77"], 0, Some(1)).await;
    assert!(matches!(nobody, Err(Error::UnknownMeter(label)) if label == "home 77"));
    let unscheduled = take_out(&scene, &["home 5"], 1, Some(0)).await;
    assert!(matches!(unscheduled, Err(Error::UnknownCycle(1))));

    let names: Vec<_> = scene.homes.iter().map(|home| home.label.as_str()).collect();
    let everyone = take_out(&scene, &names, 0, Some(1)).await;
    assert!(matches!(everyone, Err(Error::Flag { flag: "--meter", .. })));
    take_out(&scene, &["home 5", "home 4"], 0, Some(1)).await.unwrap();
    assert!(!take_out(&scene, &["home 5", "home 4"], 0, Some(1)).await.unwrap().new);
    for day in [0, 1] {
        let taken = take_out(&scene, &["home 3"], 0, Some(day)).await;
        assert!(matches!(taken, Err(Error::Revised { from: DAY, .. })), "{day}");
    }
    let twice = take_out(&scene, &["home 5"], 0, Some(2)).await;
    assert!(matches!(twice, Err(Error::Ledger(LedgerError::Gone))));
    let opens = scene.grid.world().cycles[0].opens(2 * DAY).unwrap();
    scene.grid.advance(opens);
    let begun = take_out(&scene, &["home 3"], 0, Some(2)).await;
    assert!(matches!(begun, Err(Error::TooLate { .. })));
    assert_eq!(revised(&scene), [(DAY, 3)]);
}

#[tokio::test]
async fn a_meter_leaves_with_a_month_that_is_not_published_yet() {
    let scene = running(2).await;
    let published = take_out(&scene, &["home 5"], 0, None).await;
    assert!(matches!(
        published,
        Err(Error::Ledger(LedgerError::NotTheLatest { fixed: Some(0), .. }))
    ));
    let start = scene.grid.world().cycles[0].end().unwrap();
    schedule(&scene.centre(), 1, Start::At(start), SECOND, SECOND, 2)
        .await
        .unwrap();
    let unpublished = take_out(&scene, &["home 5"], 1, Some(0)).await;
    assert!(matches!(unpublished, Err(Error::Flag { flag: "--from-day", .. })));
    let orders = scene.grid.world().orders.len();
    let done = take_out(&scene, &["home 5"], 1, None).await.unwrap();
    assert_eq!((done.from, done.meters, done.new), (None, 4, true));
    assert!(!take_out(&scene, &["home 5"], 1, None).await.unwrap().new);
    assert_eq!(scene.grid.world().orders.len(), orders);
    assert_eq!(publish_all(&scene, 1).await.meters, 4);
}

#[tokio::test]
async fn nobody_takes_a_place_under_a_name_or_key_that_is_known() {
    let scene = running(CYCLE).await;
    let again = put_in(&scene, scene.home(5)).await;
    assert!(matches!(again, Err(Error::Requests(_))));
    let label = Home {
        label: "home 1".into(),
        ..Home::new(9, 1)
    };
    assert!(matches!(put_in(&scene, &label).await, Err(Error::Requests(_))));
    assert!(revised(&scene).is_empty());
    let revisions = |order: &Order| matches!(order, Order::ReviseCycle { .. });
    assert!(!scene.grid.world().orders.iter().any(revisions));
}
