//! A meter that is taken out of its region in the middle of a cycle.

use gridveil_primitives::{Outcome, PeriodIndex, PeriodStatus, PeriodView, Refusal, Revision, Total, PERIODS_PER_DAY};
use gridveil_runtime::UncheckedExtrinsic;
use sp_runtime::transaction_validity::InvalidTransaction;

use crate::{
    grid::{schedule, submit, Region},
    harness::{key_centre, Chain},
};

/// The first period of the second day.
const DAY: PeriodIndex = PERIODS_PER_DAY;
/// A day and two periods.
const PERIODS: PeriodIndex = DAY + 2;
const READING: i64 = 250;

/// The pairs of a region's homes for a period, signed.
fn pairs(chain: &mut Chain, region: &Region, period: PeriodIndex) -> Vec<UncheckedExtrinsic> {
    let homes = 0..region.homes.len();
    let shares = homes.flat_map(|home| region.shares(home, period, READING));
    let shares: Vec<_> = shares.collect();
    let sign = |(signer, share): &_| chain.sign(signer, submit(region.key(period), *share));
    shares.iter().map(sign).collect()
}

fn view(chain: &mut Chain, region: &Region, period: PeriodIndex) -> Option<PeriodView> {
    chain.call("GridApi_period", region.key(period))
}

#[test]
fn a_meter_is_out_from_a_days_start_on_and_the_total_is_that_of_the_others() {
    let mut chain = Chain::new("local_testnet");
    let (region, rest) = (Region::new(1, 4), Region::new(1, 3));
    let schedule = schedule(&mut chain, PERIODS);
    region.publish(&mut chain, PERIODS);
    chain.must(&key_centre(), rest.revise(DAY, PERIODS));

    let revisions: Vec<Revision> = chain.call("GridApi_revisions", (1u32, 0u32));
    assert_eq!(revisions, [Revision { from: DAY, meters: 3 }]);
    assert_eq!(view(&mut chain, &region, DAY - 1).unwrap().meters, 4);
    assert_eq!(view(&mut chain, &region, DAY), None);
    chain.must(&key_centre(), rest.publish_manifests(DAY..PERIODS));
    assert_eq!(view(&mut chain, &region, DAY).unwrap().meters, 3);

    // The day before, the meter still counts.
    chain.block_at(schedule.ends(DAY - 1).unwrap(), vec![]);
    let all = pairs(&mut chain, &region, DAY - 1);
    assert!(chain.block(all).into_iter().all(|result| result == Ok(Ok(()))));
    chain.block_at(schedule.ends(DAY).unwrap(), vec![]);
    let [(thief, share), _] = region.shares(3, DAY, READING);
    let stolen = chain.sign(&thief, submit(region.key(DAY), share));
    chain.must_refuse(stolen, InvalidTransaction::Custom(Refusal::NotInFilter.code()));
    let others = pairs(&mut chain, &rest, DAY);
    assert!(chain.block(others).into_iter().all(|result| result == Ok(Ok(()))));
    chain.block_at(schedule.closes(DAY).unwrap(), vec![]);
    // A block closes a few of the periods that nobody sent anything in.
    chain.blocks(usize::from(PERIODS));

    for (period, meters, count) in [(DAY - 1, 4, 8), (DAY, 3, 6)] {
        let found = view(&mut chain, &region, period).unwrap();
        assert_eq!(
            (found.status, found.meters, found.count),
            (PeriodStatus::Complete, meters, count),
            "{period}"
        );
    }
    let opening = rest.commitments(DAY).open(&[], vec![]);
    let open = pallet_masks::Call::open {
        key: region.key(DAY),
        opening: opening.try_into().unwrap(),
    };
    chain.must(&key_centre(), open);
    let total = Total {
        meters: 3,
        energy: 3 * READING,
    };
    assert_eq!(
        view(&mut chain, &region, DAY).unwrap().outcome,
        Some(Outcome::Opened(total))
    );
}
