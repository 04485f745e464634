//! Made-up meters: as the key centre knows them, and as they send.
//!
//! **Privacy.** Every secret follows from a number.

use gridveil_grid_operator::{
    key_centre::roster::{Member, Roster},
    ledger::Meter as Enrolled,
    work::on_all_cores,
};
use gridveil_primitives::{
    batch::SignedShare,
    keys::{RootKey, SpendKey, SplitKey},
    meter::Meter,
    Bid, CycleId, PeriodIndex, PeriodKey, RegionId,
};

/// The cycle that everything is in.
pub const CYCLE: CycleId = 0;
/// A reading, in watt-hours.
pub const READING: i64 = 412;

/// The key centre's root key.
pub fn root() -> RootKey {
    RootKey::from_bytes([1; 32])
}

/// A region's period.
pub fn key(region: RegionId, period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region,
        cycle: CYCLE,
        period,
    }
}

/// The bill identifier of a region's meter.
pub fn bid(region: RegionId, number: u32) -> Bid {
    let mut bid = [0; 32];
    for (to, from) in bid.iter_mut().zip([region, number].map(u32::to_be_bytes).concat()) {
        *to = from;
    }
    bid
}

/// The meter's own secret.
pub fn spend(bid: &Bid) -> SpendKey {
    SpendKey::from_seed(bid)
}

/// The meter proper.
pub fn meter(bid: &Bid) -> Meter {
    let keys = root().meter_secret(bid).cycle_keys();
    Meter::new(spend(bid), SplitKey::from_bytes([4; 32]), keys)
}

/// A region's meters as the key centre knows them.
pub fn roster(region: RegionId, meters: u32) -> Roster {
    let members = (0..meters).map(|number| {
        let bid = bid(region, number);
        let spend = spend(&bid).public();
        Member {
            meter: Enrolled {
                bid,
                label: format!("meter {number}"),
                region,
                first_cycle: CYCLE,
                first_period: None,
                left: None,
                spend_public: spend.to_bytes(),
                recipient: [2; 32],
            },
            spend,
            keys: root().meter_secret(&bid).cycle_keys(),
        }
    });
    Roster {
        region,
        cycle: CYCLE,
        members: members.collect(),
        revisions: Vec::new(),
    }
}

/// What a region's meters send for each of its first periods, ascending by pseudonym.
pub fn shares(genesis: &[u8; 32], roster: &Roster, periods: PeriodIndex) -> Vec<Vec<SignedShare>> {
    let sent = on_all_cores(&roster.members, |member| {
        let mut meter = meter(&member.meter.bid);
        let of = |period| meter.shares(genesis, &key(roster.region, period), READING);
        (0..periods).map(of).collect::<Vec<_>>()
    });
    let of = |period: usize| {
        let mut shares: Vec<_> = sent
            .iter()
            .filter_map(|meter| meter.get(period))
            .flatten()
            .copied()
            .collect();
        shares.sort_unstable_by_key(|share| share.prid);
        shares
    };
    (0..usize::from(periods)).map(of).collect()
}
