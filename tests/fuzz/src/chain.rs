//! Extrinsics, and what the runtime makes of those of meters.

use codec::{DecodeAll, Encode};
use gridveil_primitives::{pseudonym::OneTimeKey, CycleSchedule, Half, PeriodIndex, Refusal};
use gridveil_runtime::{Runtime, RuntimeCall, UncheckedExtrinsic};
use sp_runtime::transaction_validity::InvalidTransaction;
use std::{cell::RefCell, collections::BTreeSet};

use crate::{
    grid::{schedule, submit, Region},
    harness::{Chain, Signer},
};

const PERIODS: PeriodIndex = 3;
const HOMES: u8 = 3;

/// A chain with two regions of which everything is published, and their schedule; period 0 has just ended.
fn scene() -> (Chain, [Region; 2], CycleSchedule) {
    let mut chain = Chain::new("local_testnet");
    let schedule = schedule(&mut chain, PERIODS);
    let regions = [1, 2].map(|id| Region::new(id, HOMES));
    regions.iter().for_each(|region| region.publish(&mut chain, PERIODS));
    chain.block_at(schedule.ends(0).expect("the first period ends"), vec![]);
    (chain, regions, schedule)
}

thread_local! {
    /// A chain that is only asked, never gone on with.
    static ASKED: RefCell<Chain> = RefCell::new(scene().0);
}

/// Takes an extrinsic as it comes to a node's pool.
pub fn extrinsic(input: &[u8]) {
    let Ok(extrinsic) = UncheckedExtrinsic::decode_all(&mut &input[..]) else {
        return;
    };
    assert_eq!(extrinsic.encode(), input, "two encodings of one extrinsic");
    ASKED.with_borrow_mut(|chain| drop(chain.validate(extrinsic)));
}

/// Calls of meters and of others, as they are signed.
pub fn extrinsics() -> Vec<(&'static str, Vec<u8>)> {
    let (mut chain, [region, _], _) = scene();
    let [(signer, share), _] = region.shares(0, 0, 120);
    let one = chain.sign(&signer, submit(region.key(0), share));
    let mut shares: Vec<_> = region.homes[..2]
        .iter()
        .map(|home| OneTimeKey::derive(&home.spend, &home.keys, Half::First, 0).sign_share(&[7; 32], &region.key(0), 1))
        .collect();
    shares.sort_unstable_by_key(|share| share.prid);
    let of_batch = pallet_readings::Call::<Runtime>::submit_batch {
        region: region.id,
        cycle: 0,
        period: 0,
        shares: shares.try_into().expect("two are few"),
    };
    let batch = chain.sign(&Signer::uri("//Alice"), of_batch);
    let of_manifests = pallet_masks::Call::<Runtime>::publish_manifests {
        region: region.id,
        cycle: 0,
        first: 0,
        manifests: vec![region.manifest(0).try_into().expect("within bounds")]
            .try_into()
            .expect("one is few"),
    };
    let manifests = chain.sign(&crate::harness::key_centre(), of_manifests.clone());
    let bare = UncheckedExtrinsic::new_bare(RuntimeCall::from(of_manifests));
    vec![
        ("share", one.encode()),
        ("batch", batch.encode()),
        ("manifests", manifests.encode()),
        ("bare", bare.encode()),
    ]
}

/// A meter's attempt to get a share in.
#[derive(Clone, Copy)]
struct Attempt {
    /// Whose key signs: a home of the first region, or with the last number nobody's.
    home: u8,
    half: Half,
    /// The period that the key is of.
    key_of: PeriodIndex,
    /// What the share says that it is for.
    region: u32,
    cycle: u32,
    period: PeriodIndex,
}

impl Attempt {
    /// Mostly as it should be: each bit that is set makes one thing another.
    fn read([who, what]: [u8; 2]) -> Self {
        let bit = |place: u8| what >> place & 1;
        Self {
            home: who % (HOMES + 1),
            half: Half::BOTH[usize::from(who >> 7)],
            key_of: bit(0).into(),
            region: 1 + u32::from(bit(1)) + 5 * u32::from(bit(2)),
            cycle: bit(3).into(),
            period: u16::from(bit(4)) + PERIODS * u16::from(bit(5)),
        }
    }

    /// What the chain must answer where these are used.
    fn expected(self, used: &BTreeSet<(u8, usize, PeriodIndex)>) -> Result<(), Refusal> {
        match self {
            Self { region: 3.., .. } => Err(Refusal::UnknownRegion),
            Self { cycle: 1.., .. } => Err(Refusal::UnknownCycle),
            Self { period, .. } if period >= PERIODS => Err(Refusal::UnknownPeriod),
            Self { period: 1.., .. } => Err(Refusal::TooEarly),
            Self { home: HOMES, .. } | Self { key_of: 1.., .. } | Self { region: 2, .. } => Err(Refusal::NotInFilter),
            _ if used.contains(&self.place()) => Err(Refusal::AlreadyUsed),
            _ => Ok(()),
        }
    }

    /// What is used once it was taken.
    fn place(self) -> (u8, usize, PeriodIndex) {
        (self.home, self.half.index(), self.key_of)
    }
}

/// Takes attempts, two bytes each, signs them, and compares what pool and block say with what must be said.
pub fn meter(input: &[u8]) {
    let attempts: Vec<_> = input
        .as_chunks()
        .0
        .iter()
        .take(12)
        .copied()
        .map(Attempt::read)
        .collect();
    let (mut chain, [region, _], _) = scene();
    let stranger = Region::seeded(1, 1, [9; 32]);
    let mut sign = |attempt: &Attempt| {
        let home = region
            .homes
            .get(usize::from(attempt.home))
            .unwrap_or(&stranger.homes[0]);
        let key = OneTimeKey::derive(&home.spend, &home.keys, attempt.half, attempt.key_of);
        let mut at = region.key(attempt.period);
        (at.region, at.cycle) = (attempt.region, attempt.cycle);
        chain.sign(&Signer::meter(key), submit(at, u64::from(attempt.home)))
    };
    let signed: Vec<_> = attempts.iter().map(&mut sign).collect();

    let invalid = |refusal: Refusal| InvalidTransaction::Custom(refusal.code()).into();
    let mut used = BTreeSet::new();
    for (attempt, extrinsic) in attempts.iter().zip(&signed) {
        let said = chain.validate(extrinsic.clone()).map(drop);
        assert_eq!(said, attempt.expected(&used).map_err(invalid), "in the pool");
    }
    let results = chain.block(signed);
    for (attempt, result) in attempts.iter().zip(results) {
        let expected = attempt.expected(&used);
        // What is taken does not fail afterwards.
        assert_eq!(result, expected.map(Ok).map_err(invalid), "in a block");
        if expected.is_ok() {
            used.insert(attempt.place());
        }
    }
}

/// All of a region's shares, and each way to go wrong.
pub fn attempts() -> Vec<(&'static str, Vec<u8>)> {
    let all = [0, 1, 2].map(|home| [home, 0, 0x80 + home, 0]).concat();
    vec![
        ("all", all),
        ("twice", vec![0, 0, 0, 0, 1, 0, 0, 0]),
        ("each-wrong", (0..6).flat_map(|place| [1, 1 << place]).collect()),
        ("stranger", vec![3, 0, 3, 0x10]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_meter_client::receipt::storage;

    #[test]
    fn a_receipt_looks_for_bills_and_the_genesis_hash_where_the_runtime_has_them() {
        let (bid, cycle) = ([5; 32], 6);
        let [genesis, bill] = storage::keys(&bid, cycle);
        assert_eq!(genesis, frame_system::BlockHash::<Runtime>::hashed_key_for(0));
        assert_eq!(bill, pallet_billing::Bills::<Runtime>::hashed_key_for(bid, cycle));
    }
}
