//! Publishing filters and manifests.

use gridveil_primitives::filter;

use super::*;
use crate::{
    fake::Fate,
    grid::Order,
    key_centre::publish::{publish, Published},
    ledger::Prepared,
};

/// Everything up to the scheduled cycle 0, with a root key that is the same each time.
async fn scheduled() -> Scene {
    let mut scene = Scene::new();
    let key = scene.state().join(crate::root_key::ROOT_KEY_FILE);
    for file in std::fs::read_dir(scene.state()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    crate::state::write_atomically(&key, "5a".repeat(32).as_bytes()).unwrap();
    crate::root_key::protect_root_key(&scene.state(), &scene.lock).unwrap();
    init(&scene.state(), &scene.lock).unwrap();
    scene.enrol(1).await.unwrap();
    scene.enrol(2).await.unwrap();
    scene.accept();
    scene.schedule(0).await.unwrap();
    scene
}

async fn publish_all(scene: &Scene) -> Result<Vec<Published>, Error> {
    publish(&scene.centre(), 0, &[], None, &ProgressBar::hidden()).await
}

#[tokio::test]
async fn every_pseudonym_is_in_the_filter_of_its_period_and_no_other() {
    let scene = scheduled().await;
    publish_all(&scene).await.unwrap();
    let world = scene.grid.world();
    assert_eq!(world.manifests.len(), usize::from(PERIODS) * 2);
    for home in &scene.homes {
        for period in 0..PERIODS {
            for (prid, _) in home.shares(&home.key(0, period)) {
                for (key, manifest) in &world.manifests {
                    let there = *key == home.key(0, period);
                    assert_eq!(filter::contains_prid(&manifest.filter, key, &prid), there);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_full_set_of_shares_closes_each_period_as_complete() {
    let scene = scheduled().await;
    publish_all(&scene).await.unwrap();
    scene.play(0, all);
    let world = scene.grid.world();
    assert_eq!(world.closed.len(), usize::from(PERIODS) * 2);
    assert!(world
        .closed
        .values()
        .all(|status| *status == gridveil_primitives::PeriodStatus::Complete));
}

#[tokio::test]
async fn what_was_published_is_reported_and_publishing_again_sends_nothing() {
    let scene = scheduled().await;
    let first = publish_all(&scene).await.unwrap();
    let expected = |region, meters, filter, manifests, present| Published {
        region,
        cycle: 0,
        meters,
        filter,
        manifests,
        present,
        missed: vec![],
    };
    assert_eq!(first, [expected(1, 5, true, 4, 0), expected(2, 4, true, 4, 0)]);
    let orders = scene.grid.world().orders.len();
    assert_eq!(
        publish_all(&scene).await.unwrap(),
        [expected(1, 5, false, 0, 4), expected(2, 4, false, 0, 4)]
    );
    assert_eq!(scene.grid.world().orders.len(), orders);
}

#[tokio::test]
async fn a_death_at_any_step_leads_to_the_same_manifests() {
    let undisturbed = scheduled().await;
    publish_all(&undisturbed).await.unwrap();
    // Two filters and two calls with manifests.
    for step in 0..4 {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost, Fate::NodeFails] {
            let scene = scheduled().await;
            scene.grid.plan(step, fate);
            let ended = scene.grid.until_death(publish_all(&scene)).await;
            assert_eq!(ended.is_none(), matches!(fate, Fate::DiesBefore | Fate::DiesAfter));
            publish_all(&scene).await.unwrap();
            let (one, other) = (scene.grid.world(), undisturbed.grid.world());
            assert_eq!(one.filters, other.filters, "{step} {fate:?}");
            assert_eq!(one.manifests, other.manifests, "{step} {fate:?}");
            assert_eq!(one.orders.len(), other.orders.len(), "{step} {fate:?}");
        }
    }
}

#[tokio::test]
async fn what_a_run_had_made_before_it_was_killed_is_sent_and_not_made_again() {
    let scene = scheduled().await;
    scene.grid.plan(0, Fate::DiesBefore);
    assert!(scene.grid.until_death(publish_all(&scene)).await.is_none());
    // Marks on what the ledger has, which making it again would wipe out.
    let (mark, mut marked) = ([0x77; 32], Vec::new());
    for region in [1, 2] {
        let (centre, period) = (scene.centre(), 1);
        let key = PeriodKey {
            region,
            cycle: 0,
            period,
        };
        if let Some(mut manifest) = centre.ledger().manifest(&key, None).unwrap() {
            manifest.root = mark;
            let prepared = Prepared {
                period,
                tally: mark,
                manifest,
            };
            centre
                .ledger()
                .keep_prepared(region, 0, None, &[prepared], |_| true)
                .unwrap();
            marked.push(key);
        }
    }
    assert!(!marked.is_empty());
    publish_all(&scene).await.unwrap();
    let world = scene.grid.world();
    for key in marked {
        assert_eq!(world.manifests[&key].root, mark);
        let (_, filter) = &world.filters[&(key.region, 0)];
        assert!(filter::contains_tally(filter, key.region, 0, key.period, &mark));
    }
    assert_eq!(world.manifests.len(), usize::from(PERIODS) * 2);
}

#[tokio::test]
async fn some_regions_and_some_periods_can_be_published_first() {
    let scene = scheduled().await;
    let bar = ProgressBar::hidden();
    let some = publish(&scene.centre(), 0, &[2], Some(1..3), &bar).await.unwrap();
    assert_eq!((some.len(), some[0].region, some[0].manifests), (1, 2, 2));
    let published: Vec<_> = scene
        .grid
        .world()
        .manifests
        .keys()
        .map(|key| (key.region, key.period))
        .collect();
    assert_eq!(published, [(2, 1), (2, 2)]);
    let rest = publish_all(&scene).await.unwrap();
    assert_eq!(
        rest.iter().map(|one| (one.manifests, one.present)).collect::<Vec<_>>(),
        [(4, 0), (2, 2)]
    );
    scene.play(0, all);
    assert_eq!(scene.watch(0).await.unwrap().len(), 8);
}

#[tokio::test]
async fn periods_that_have_opened_are_passed_over_and_reported() {
    let scene = scheduled().await;
    let start = scene.grid.world().cycles[0].start;
    scene.grid.advance(start + 10 * SECOND);
    let late = publish_all(&scene).await.unwrap();
    assert!(
        late.iter().all(|one| one.missed == [0, 1] && one.manifests == 2),
        "{late:?}"
    );
    assert_eq!(scene.grid.world().manifests.len(), 4);
}

#[tokio::test]
async fn regions_and_periods_that_are_not_there_are_refused() {
    let scene = scheduled().await;
    let bar = ProgressBar::hidden();
    let centre = scene.centre();
    assert!(matches!(
        publish(&centre, 1, &[], None, &bar).await,
        Err(Error::UnknownCycle(1))
    ));
    let elsewhere = publish(&centre, 0, &[3], None, &bar).await;
    assert!(matches!(
        elsewhere,
        Err(Error::NoMeters {
            cycle: 0,
            region: Some(3)
        })
    ));
    let beyond = publish(&centre, 0, &[], Some(2..5), &bar).await;
    assert!(matches!(beyond, Err(Error::Flag { flag: "--periods", .. })));
    scene.grid.world().regions.remove(&2);
    assert!(matches!(
        publish(&centre, 0, &[], None, &bar).await,
        Err(Error::UnknownRegion(2))
    ));
}

#[tokio::test]
async fn a_filter_made_from_other_meters_is_not_built_upon() {
    let scene = scheduled().await;
    scene.grid.world().filters.insert((1, 0), (6, vec![]));
    let refused = publish_all(&scene).await;
    assert!(matches!(
        refused,
        Err(Error::MetersDiffer {
            region: 1,
            cycle: 0,
            ledger: 5,
            chain: 6
        })
    ));
}

#[tokio::test]
async fn a_long_cycle_goes_out_in_several_bounded_calls() {
    let mut scene = Scene::new();
    scene.homes = (1..=120).map(|number| Home::new(number, 1)).collect();
    scene.enrol(1).await.unwrap();
    // The chain in memory refuses a call above the bound.
    schedule(&scene.centre(), 0, Start::In(60), SECOND, SECOND, 400)
        .await
        .unwrap();
    let published = publish_all(&scene).await.unwrap();
    assert_eq!((published[0].manifests, published[0].meters), (400, 120));
    let world = scene.grid.world();
    let calls = world
        .orders
        .iter()
        .filter(|order| matches!(order, Order::PublishManifests { .. }))
        .count();
    assert_eq!(calls, 2);
    assert_eq!(world.manifests.len(), 400);
}
