//! Reconciliation and its audit: bills that add up, and each way in which they do not.

use gridveil_primitives::{
    bill::{BillSecret, Figures},
    keys::RootKey,
    BillRecord, Outcome,
};

use super::{
    billing::{bill_all, check_bills, priced},
    *,
};
use crate::{
    audit::{audit, Audit, Problem},
    root_key::load_root_key,
};

/// The audit of cycle 0, by somebody without a key.
async fn audited(scene: &Scene) -> Audit {
    audit(&scene.grid.seen_by(None), 0).await.unwrap()
}

fn problems(audit: &Audit) -> Vec<(RegionId, &Problem)> {
    let regions = audit.regions.iter();
    regions
        .flat_map(|one| one.problems.iter().map(|problem| (one.region, problem)))
        .collect()
}

/// The error of an order that the chain refused.
fn refused(error: Error) -> String {
    match error {
        Error::Chain(gridveil_chain_client::Error::Dispatch { error, .. }) => error,
        other => panic!("{other}"),
    }
}

fn root(scene: &Scene) -> RootKey {
    load_root_key(&scene.state(), &scene.lock).unwrap()
}

/// Sets the energy of an opened total on the chain.
fn shift_total(scene: &Scene, key: PeriodKey, by: i64) {
    match scene.grid.world().outcomes.get_mut(&key) {
        Some(Outcome::Opened(total)) => total.energy += by,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_bills_of_every_region_add_up_to_its_totals_at_their_prices() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    let audit = audited(&scene).await;
    assert_eq!((problems(&audit), audit.adds_up), (vec![], true));
    // By plain arithmetic over the readings that the totals are of.
    for one in &audit.regions {
        let (mut energy, mut amount) = (0i128, 0i128);
        let world = scene.grid.world();
        for (key, price) in world.prices.iter().filter(|(key, _)| key.region == one.region) {
            if let Outcome::Opened(total) = world.outcomes[key] {
                energy += i128::from(total.energy);
                amount += i128::from(total.energy) * i128::from(*price);
            }
        }
        assert!(energy != 0 && amount != 0);
        assert_eq!((one.energy_of_bills, one.energy_of_totals), (Some(energy), energy));
        assert_eq!((one.amount_of_bills, one.amount_of_totals), (Some(amount), amount));
    }
    let words = audit.words();
    assert!(words.contains("adds up") && !words.contains("does not"), "{words}");
}

#[tokio::test]
async fn what_is_billed_for_a_withheld_period_is_booked_apart() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    let audit = audited(&scene).await;
    let counts: Vec<_> = audit
        .regions
        .iter()
        .map(|one| (one.region, one.meters, one.bills, one.opened, one.withheld))
        .collect();
    assert_eq!(counts, [(1, 5, 5, 4, 0), (2, 4, 4, 3, 1)]);
    assert!(audit.words().contains("1 periods have no total"), "{}", audit.words());
    // Home 103 alone was read in that period; its bill alone has something apart.
    for home in &scene.homes {
        let nothing = Figures::default().commit(&root(&scene).bill_secret(&home.bid, 0)).apart;
        let apart = scene.grid.world().bills[&(0, home.bid)].commitments.apart;
        assert_eq!(apart != nothing, home.bid[0] == 103, "{}", home.label);
    }
}

#[tokio::test]
async fn a_total_that_is_not_the_bills_is_found_with_both_sums() {
    let scene = priced().await;
    let key = scene.home(1).key(0, 3);
    shift_total(&scene, key, 5);
    bill_all(&scene).await.unwrap();
    check_bills(&scene).await;
    let audit = audited(&scene).await;
    let [first, second] = &audit.regions[..] else {
        panic!("{audit:?}")
    };
    assert!(!audit.adds_up && second.problems.is_empty());
    let price = i128::from(scene.grid.world().prices[&key]);
    assert_eq!(first.energy_of_bills, Some(first.energy_of_totals - 5));
    assert_eq!(first.amount_of_bills, Some(first.amount_of_totals - 5 * price));
    let kinds: Vec<_> = first
        .problems
        .iter()
        .map(|problem| serde_json::to_value(problem).unwrap())
        .collect();
    assert_eq!([&kinds[0]["kind"], &kinds[1]["kind"]], ["energy", "amount"]);
    let words = audit.words();
    let said = format!(
        "region 1: the bills add up to {} Wh, the totals to {} Wh",
        first.energy_of_totals - 5,
        first.energy_of_totals
    );
    assert!(words.contains(&said), "{words}");
}

#[tokio::test]
async fn a_total_changed_after_the_bills_is_found_too() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    shift_total(&scene, scene.home(101).key(0, 0), -1);
    let audit = audited(&scene).await;
    let found = problems(&audit);
    assert!(
        matches!(found[..], [(2, Problem::Energy { .. }), (2, Problem::Amount { .. })]),
        "{found:?}"
    );
}

/// A bill of home 1 that somebody else put on the chain, and what becomes of the billing.
async fn with_anothers_bill(figures: Figures, secret: impl Fn(&RootKey, &[u8; 32]) -> BillSecret) -> (Scene, Error) {
    let scene = priced().await;
    let bid = scene.home(1).bid;
    let record = BillRecord {
        cid: vec![1],
        hash: [1; 32],
        region: 1,
        commitments: figures.commit(&secret(&root(&scene), &bid)),
    };
    scene.grid.world().add_bill(0, bid, record.clone());
    let error = bill_all(&scene).await.unwrap_err();
    assert_eq!(scene.grid.world().bills[&(0, bid)], record);
    (scene, error)
}

#[tokio::test]
async fn a_bill_that_is_shifted_keeps_its_region_from_being_reconciled() {
    let figures = Figures::default();
    for secret in [
        |root: &RootKey, bid: &[u8; 32]| root.bill_secret(bid, 0),
        |_: &RootKey, _: &[u8; 32]| BillSecret::from_bytes([1; 32]),
    ] {
        let (scene, error) = with_anothers_bill(figures, secret).await;
        assert_eq!(refused(error), "DoesNotOpen");
        assert_eq!(scene.grid.world().bills.len(), 9, "all others are published");
        assert!(scene.grid.world().finished.is_empty());
        let audit = audited(&scene).await;
        assert_eq!(problems(&audit), [(1, &Problem::NotReconciled)]);
        assert_eq!(audit.regions[0].energy_of_bills, None);
        assert!(audit.words().contains("has not opened"), "{}", audit.words());
    }
}

#[tokio::test]
async fn a_bill_too_many_or_too_few_is_found() {
    let scene = priced().await;
    bill_all(&scene).await.unwrap();
    scene.grid.world().filters.get_mut(&(1, 0)).unwrap().0 = 6;
    scene.grid.world().filters.get_mut(&(2, 0)).unwrap().0 = 3;
    let audit = audited(&scene).await;
    assert_eq!(
        problems(&audit),
        [
            (1, &Problem::OtherBills { meters: 6, bills: 5 }),
            (2, &Problem::OtherBills { meters: 3, bills: 4 }),
        ]
    );
}

#[tokio::test]
async fn a_cycle_that_is_not_billed_or_not_priced_or_in_which_nobody_took_part_does_not_add_up() {
    let scene = priced().await;
    let audit = audited(&scene).await;
    let unbilled = Problem::OtherBills { meters: 5, bills: 0 };
    assert!(problems(&audit).contains(&(1, &unbilled)) && problems(&audit).contains(&(1, &Problem::NotReconciled)));
    bill_all(&scene).await.unwrap();
    scene.grid.world().prices.remove(&scene.home(1).key(0, 0));
    let audit = audited(&scene).await;
    assert!(problems(&audit).contains(&(1, &Problem::Unsettled { periods: 1 })));

    let empty = Scene::new();
    empty.schedule(0).await.unwrap();
    let audit = audited(&empty).await;
    assert!(!audit.adds_up && audit.words().contains("no region took part"));
    assert!(matches!(
        crate::audit::audit(&empty.grid, 7).await,
        Err(Error::UnknownCycle(7))
    ));
}

#[tokio::test]
async fn a_key_centre_that_lost_its_ledger_after_publishing_reconciles_from_its_root_key() {
    let scene = priced().await;
    let (state, backup) = (scene.state(), scene.path("backup"));
    std::fs::create_dir(&backup).unwrap();
    let copy = |from: &Path, to: &Path| {
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    copy(&state, &backup);
    // The bills get through, and nothing after them.
    scene.grid.plan(2, crate::fake::Fate::DiesBefore);
    assert!(scene.grid.until_death(bill_all(&scene)).await.is_none());
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&backup, &state).unwrap();
    let billed = bill_all(&scene).await.unwrap();
    assert_eq!((billed.made, billed.present, billed.published), (0, 9, 0));
    assert!(audited(&scene).await.adds_up);
}
