//! A whole cycle on the real runtime, small: two regions of four homes, two periods, from users to bills.
//!
//! In region 1 everyone sends in the first period, and one meter sends only half of its pair in the second. In region 2 one
//! meter is silent in the first period, and two are in the second, which leaves too few to open.

use gridveil_primitives::{
    bill::{self, BillSecret, Figures},
    commitment::OpeningError,
    keys::RootKey,
    Bid, BillRecord, CycleSchedule, Outcome, PeriodIndex, PeriodStatus, PeriodView, Price, RegionBills, Share, Total,
};
use gridveil_runtime::{Runtime, RuntimeEvent, UncheckedExtrinsic};
use pallet_billing::Cid;
use pallet_readings::Event::AggregationFault;

use crate::{
    grid::{schedule, submit, Region},
    harness::{control_centre, key_centre, Chain},
};

const PERIODS: PeriodIndex = 2;
const FALLBACK: Price = 200_000;

/// The watt-hours of a home in a period; one home feeds in.
fn reading(region: &Region, home: usize, period: PeriodIndex) -> i64 {
    let reading = 100 + 10 * i64::from(region.id) + 7 * home as i64 + i64::from(period);
    if home == 1 {
        -reading
    } else {
        reading
    }
}

/// How many of its two shares a home sends.
fn sent(region: &Region, home: usize, period: PeriodIndex) -> usize {
    match (region.id, period, home) {
        (1, 1, 3) => 1,
        (2, 0, 0) | (2, 1, 1 | 2) => 0,
        _ => 2,
    }
}

/// The homes whose pairs are whole.
fn complete(region: &Region, period: PeriodIndex) -> Vec<usize> {
    (0..region.homes.len())
        .filter(|&home| sent(region, home, period) == 2)
        .collect()
}

fn left_out(region: &Region, period: PeriodIndex) -> Vec<usize> {
    (0..region.homes.len())
        .filter(|&home| sent(region, home, period) < 2)
        .collect()
}

/// Everything that the homes of a region send in a period, in one block.
fn send(chain: &mut Chain, region: &Region, period: PeriodIndex) {
    let extrinsics: Vec<UncheckedExtrinsic> = (0..region.homes.len())
        .flat_map(|home| {
            let shares = region.shares(home, period, reading(region, home, period));
            shares.into_iter().take(sent(region, home, period))
        })
        .map(|(signer, share)| chain.sign(&signer, submit(region.key(period), share)))
        .collect();
    assert!(chain.block(extrinsics).into_iter().all(|result| result == Ok(Ok(()))));
}

fn view(chain: &mut Chain, region: &Region, period: PeriodIndex) -> PeriodView {
    chain
        .call::<Option<PeriodView>>("GridApi_period", region.key(period))
        .expect("it has a manifest")
}

/// A cycle that has run to the close of its last period.
fn a_closed_cycle() -> (Chain, [Region; 2], CycleSchedule) {
    let mut chain = Chain::new("local_testnet");
    let regions = [Region::new(1, 4), Region::new(2, 4)];
    let users: Vec<(Bid, [u8; 32])> = regions
        .iter()
        .flat_map(|region| &region.homes)
        .map(|home| (home.bid, [9; 32]))
        .collect();
    chain.must(
        &key_centre(),
        pallet_registry::Call::<Runtime>::register_users {
            users: users.try_into().unwrap(),
        },
    );
    let schedule = schedule(&mut chain, PERIODS);
    for region in &regions {
        region.publish(&mut chain, PERIODS);
        assert_eq!(view(&mut chain, region, 0).status, PeriodStatus::Open);
    }
    for period in 0..PERIODS {
        chain.block_at(schedule.ends(period).unwrap(), vec![]);
        for region in &regions {
            send(&mut chain, region, period);
        }
        // The block that comes first after the window still sees the time before it; the one after closes.
        chain.block_at(schedule.closes(period).unwrap(), vec![]);
        chain.block(vec![]);
    }
    (chain, regions, schedule)
}

/// The call that opens a period, for what its homes sent.
fn open(region: &Region, period: PeriodIndex) -> pallet_masks::Call<Runtime> {
    let left_out = left_out(region, period);
    let halves = left_out.iter().flat_map(|&home| {
        let shares = region.shares(home, period, reading(region, home, period));
        shares
            .into_iter()
            .take(sent(region, home, period))
            .map(|(signer, _)| signer.account().into())
    });
    let opening = region.commitments(period).open(&left_out, halves.collect());
    pallet_masks::Call::open {
        key: region.key(period),
        opening: opening.try_into().expect("within bounds"),
    }
}

#[test]
fn a_cycle_goes_from_users_to_bills() {
    let (mut chain, regions, schedule) = a_closed_cycle();
    let [first, second] = &regions;
    assert_eq!(
        chain.call::<Option<CycleSchedule>>("GridApi_cycle", 0u32),
        Some(schedule)
    );
    assert_eq!(chain.call::<Option<u32>>("GridApi_latest_cycle", ()), Some(0));

    // Closed: what is there is counted, and the tally is that of the manifest only where all is there.
    for (region, period, count) in [(first, 0, 8), (first, 1, 7), (second, 0, 6), (second, 1, 4)] {
        let view = view(&mut chain, region, period);
        let status = if count == 8 {
            PeriodStatus::Complete
        } else {
            PeriodStatus::Faulty
        };
        assert_eq!((view.status, view.meters, view.count), (status, 4, count));
        assert_eq!(view.tally == region.tally(period), count == 8);
        let shares: Vec<Share> = chain.call("GridApi_shares", region.key(period));
        assert!(shares.windows(2).all(|pair| pair[0].prid < pair[1].prid));
        assert_eq!(
            view.sum,
            shares.iter().fold(0u64, |sum, share| sum.wrapping_add(share.value))
        );
        // No share is a reading, and every whole pair is one to whoever has the seeds.
        for home in complete(region, period) {
            let wh = reading(region, home, period);
            let of = |half: usize| {
                let prid = region.shares(home, period, wh)[half].0.account();
                shares
                    .iter()
                    .find(|share| share.prid == <[u8; 32]>::from(prid.clone()))
                    .unwrap()
                    .value
            };
            assert_eq!(region.unmask(home, period, of(0), of(1)), wh);
            assert!(of(0) != wh as u64 && of(1) != wh as u64);
        }
    }

    // Opened: the totals are the plain sums of the complete pairs; too few are withheld.
    for (region, period) in [(first, 0), (first, 1), (second, 0)] {
        chain.must(&key_centre(), open(region, period));
        let homes = complete(region, period);
        let energy = homes.iter().map(|&home| reading(region, home, period)).sum();
        let total = Total {
            meters: homes.len() as u32,
            energy,
        };
        assert_eq!(view(&mut chain, region, period).outcome, Some(Outcome::Opened(total)));
    }
    let refused = chain
        .submit(&key_centre(), open(second, 1))
        .expect("it gets into a block");
    assert_eq!(refused, Err(pallet_masks::Error::<Runtime>::TooFewMeters.into()));
    let excluded = Default::default();
    chain.must(
        &key_centre(),
        pallet_masks::Call::<Runtime>::withhold {
            key: second.key(1),
            excluded,
        },
    );
    assert_eq!(view(&mut chain, second, 1).outcome, Some(Outcome::Withheld));
    assert_eq!(view(&mut chain, second, 1).price, Some(FALLBACK));

    // Priced, once.
    for (region, period, price) in [(first, 0, 250_000), (first, 1, 310_000), (second, 0, 190_000)] {
        let key = region.key(period);
        chain.must(
            &control_centre(),
            pallet_pricing::Call::<Runtime>::set_price { key, price },
        );
        assert_eq!(view(&mut chain, region, period).price, Some(price));
        let again = chain.submit(
            &control_centre(),
            pallet_pricing::Call::<Runtime>::set_price { key, price: 1 },
        );
        assert_eq!(
            again.unwrap(),
            Err(pallet_pricing::Error::<Runtime>::AlreadyPriced.into())
        );
    }
    let views: Vec<(PeriodIndex, PeriodView)> = chain.call("GridApi_cycle_view", (first.id, 0u32));
    assert_eq!(
        views,
        vec![(0, view(&mut chain, first, 0)), (1, view(&mut chain, first, 1))]
    );

    // Billed: every complete pair at its period's price, which for the withheld one is the fallback price.
    for region in &regions {
        let views = views_of(&mut chain, region);
        let bill = |home: usize| {
            let lines = complete_periods(region, home).map(|period| {
                let view = views[usize::from(period)];
                let opened = matches!(view.outcome, Some(Outcome::Opened(_)));
                (reading(region, home, period), view.price.unwrap(), opened)
            });
            Figures::of(lines)
        };
        let figures: Vec<_> = (0..region.homes.len()).map(bill).collect();
        publish_and_reconcile(&mut chain, region, &figures);
    }
    chain.must(
        &key_centre(),
        pallet_billing::Call::<Runtime>::finish_cycle { cycle: 0 },
    );
}

fn complete_periods(region: &Region, home: usize) -> impl Iterator<Item = PeriodIndex> + '_ {
    (0..PERIODS).filter(move |&period| sent(region, home, period) == 2)
}

fn views_of(chain: &mut Chain, region: &Region) -> Vec<PeriodView> {
    (0..PERIODS).map(|period| view(chain, region, period)).collect()
}

fn secret(bid: &Bid) -> BillSecret {
    RootKey::from_bytes([1; 32]).bill_secret(bid, 0)
}

/// Publishes the bills of a region's homes, which come to these figures; the chain finds that they are what its totals are.
fn publish_and_reconcile(chain: &mut Chain, region: &Region, figures: &[Figures]) {
    let bids: Vec<Bid> = region.homes.iter().map(|home| home.bid).collect();
    let record = |bid: &Bid, figures: &Figures| BillRecord {
        cid: [&[1, 0x55, 0x12, 0x20], &bid[..]].concat(),
        hash: *bid,
        region: region.id,
        commitments: figures.commit(&secret(bid)),
    };
    let records: Vec<_> = bids
        .iter()
        .zip(figures)
        .map(|(bid, figures)| record(bid, figures))
        .collect();
    let entry = |(bid, record): (&Bid, &BillRecord)| {
        (
            *bid,
            Cid::try_from(record.cid.clone()).unwrap(),
            record.hash,
            record.commitments,
        )
    };
    let bills: Vec<_> = bids.iter().zip(&records).map(entry).collect();
    chain.must(
        &key_centre(),
        pallet_billing::Call::<Runtime>::publish_bills {
            region: region.id,
            cycle: 0,
            bills: bills.try_into().unwrap(),
        },
    );
    let sums = bill::of_totals(&views_of(chain, region));
    let opening = bill::open(sums, bids.iter().map(secret));
    chain.must(
        &key_centre(),
        pallet_billing::Call::<Runtime>::reconcile {
            region: region.id,
            cycle: 0,
            opening,
        },
    );
    let found = chain.call::<Option<RegionBills>>("GridApi_region_bills", (region.id, 0u32));
    let found = found.expect("it has bills");
    assert_eq!((found.bills, found.opened), (bids.len() as u32, Some(sums)));
    for (bid, record) in bids.iter().zip(records) {
        assert_eq!(chain.call::<Option<[u8; 32]>>("GridApi_user", bid), Some([9; 32]));
        assert_eq!(
            chain.call::<Option<BillRecord>>("GridApi_bill", (0u32, bid)),
            Some(record.clone())
        );
        assert_eq!(
            chain.call::<Vec<(u32, BillRecord)>>("GridApi_bills", bid),
            vec![(0, record)]
        );
    }
}

#[test]
fn a_fault_is_told_when_a_period_closes_with_shares_missing() {
    let (mut chain, [first, second], _) = a_closed_cycle();
    let faults: Vec<_> = chain
        .events()
        .into_iter()
        .filter_map(|event| match event {
            RuntimeEvent::Readings(AggregationFault {
                key,
                expected,
                count,
                tally_known,
            }) => Some((key, expected, count, tally_known)),
            _ => None,
        })
        .collect();
    assert_eq!(faults, vec![(first.key(1), 8, 7, false), (second.key(1), 8, 4, false)]);
}

#[test]
fn a_mask_sum_is_opened_only_once_and_only_as_committed() {
    let (mut chain, [first, _], _) = a_closed_cycle();
    let commitments = first.commitments(0);
    let mut forged = commitments.open(&[], vec![]);
    forged.mask_sum += 1;
    let manifest = first.manifest(0);
    let verdict =
        gridveil_primitives::commitment::verify_opening(4, &manifest.commitment, &manifest.root, &forged).unwrap_err();
    assert_eq!(verdict, OpeningError::DoesNotOpen);
    let forged = pallet_masks::Call::<Runtime>::open {
        key: first.key(0),
        opening: forged.try_into().unwrap(),
    };
    let result = chain.submit(&key_centre(), forged).expect("it gets into a block");
    assert_eq!(result, Err(pallet_masks::Error::<Runtime>::DoesNotOpen.into()));

    chain.must(&key_centre(), open(&first, 0));
    let again = chain
        .submit(&key_centre(), open(&first, 0))
        .expect("it gets into a block");
    assert_eq!(again, Err(pallet_masks::Error::<Runtime>::AlreadyDecided.into()));
}

#[test]
fn shares_stay_until_the_retention_is_over_and_then_go() {
    let (mut chain, [first, _], _) = a_closed_cycle();
    chain.must(
        &key_centre(),
        pallet_billing::Call::<Runtime>::finish_cycle { cycle: 0 },
    );
    let retention = gridveil_runtime::configs::grid::SHARE_RETENTION_MS;
    let over = chain.now() + retention;
    chain.block_at(over - 60_000, vec![]);
    chain.block(vec![]);
    assert_eq!(chain.call::<Vec<Share>>("GridApi_shares", first.key(0)).len(), 8);
    chain.block_at(over, vec![]);
    for _ in 0..8 {
        chain.block(vec![]);
    }
    assert_eq!(chain.call::<Vec<Share>>("GridApi_shares", first.key(0)), vec![]);
    assert_eq!(view(&mut chain, &first, 0).count, 8);
}
