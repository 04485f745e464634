//! Regions of homes with meters, and the key centre's side of them.

use gridveil_primitives::{
    commitment::PeriodCommitments,
    filter, hash,
    keys::{CycleKeys, RootKey, SpendKey, SplitKey},
    mask,
    pseudonym::{self, OneTimeKey},
    share, tally, Bid, CycleSchedule, Half, Manifest, PeriodIndex, PeriodKey, PointBytes, Prid, RegionId,
};
use gridveil_runtime::{Runtime, RuntimeCall};

use crate::harness::{key_centre, Chain, Signer};

/// A home with its meter's keys for the first cycle.
pub struct Home {
    pub bid: Bid,
    pub spend: SpendKey,
    pub split: SplitKey,
    pub keys: CycleKeys,
}

/// A region's homes and the key centre's root key.
pub struct Region {
    pub id: RegionId,
    pub homes: Vec<Home>,
    pub root: RootKey,
}

impl Region {
    /// A region of as many homes; every key follows from the region's number and the home's place.
    pub fn new(id: RegionId, homes: u8) -> Self {
        Self::seeded(id, homes, [42; 32])
    }

    /// The same for another key centre and other homes.
    pub fn seeded(id: RegionId, homes: u8, seed: [u8; 32]) -> Self {
        let root = RootKey::from_bytes(seed);
        let homes = (0..homes)
            .map(|home| {
                let tag = |what: u8| hash::blake2b_256(&[&seed, &id.to_le_bytes(), &[home, what]]);
                Home {
                    bid: tag(1),
                    spend: SpendKey::from_seed(&tag(2)),
                    split: SplitKey::from_bytes(tag(3)),
                    keys: root.meter_secret(&tag(1)).cycle_keys(),
                }
            })
            .collect();
        Self { id, homes, root }
    }

    pub fn key(&self, period: PeriodIndex) -> PeriodKey {
        PeriodKey {
            region: self.id,
            cycle: 0,
            period,
        }
    }

    fn meters(&self) -> u32 {
        self.homes.len().try_into().expect("few homes")
    }

    /// All pseudonyms of a period, pair by pair.
    pub fn prids(&self, period: PeriodIndex) -> Vec<Prid> {
        let both = |home: &Home| Half::BOTH.map(|half| pseudonym::prid(&home.spend.public(), &home.keys, half, period));
        self.homes.iter().flat_map(both).collect()
    }

    pub fn tally(&self, period: PeriodIndex) -> PointBytes {
        tally::sum(self.prids(period).iter()).expect("pseudonyms are points")
    }

    /// BF2 of the first cycle.
    pub fn cycle_filter(&self, periods: PeriodIndex) -> Vec<u8> {
        self.filter_from(0, periods)
    }

    /// BF2 of the first cycle's periods from one on.
    pub fn filter_from(&self, from: PeriodIndex, periods: PeriodIndex) -> Vec<u8> {
        let mut builder = filter::Builder::cycle(self.id, 0, periods - from);
        for period in from..periods {
            builder.insert_tally(period, &self.tally(period));
        }
        builder.finish()
    }

    /// The call that gives the region these homes from a period of the first cycle on.
    pub fn revise(&self, from: PeriodIndex, periods: PeriodIndex) -> pallet_masks::Call<Runtime> {
        pallet_masks::Call::revise_cycle {
            region: self.id,
            cycle: 0,
            from,
            meters: self.meters(),
            filter: self.filter_from(from, periods).try_into().expect("within bounds"),
        }
    }

    /// The call that publishes manifests of the first cycle.
    pub fn publish_manifests(&self, periods: std::ops::Range<PeriodIndex>) -> pallet_masks::Call<Runtime> {
        let first = periods.start;
        let bounded = |period| self.manifest(period).try_into().expect("within bounds");
        let manifests: Vec<_> = periods.map(bounded).collect();
        pallet_masks::Call::publish_manifests {
            region: self.id,
            cycle: 0,
            first,
            manifests: manifests.try_into().expect("within bounds"),
        }
    }

    /// The commitments to a period's masks, from which it is opened.
    pub fn commitments(&self, period: PeriodIndex) -> PeriodCommitments {
        let masks: Vec<_> = self
            .homes
            .iter()
            .map(|home| {
                let sum = Half::BOTH
                    .map(|half| u128::from(mask::mask(&home.keys, half, period)))
                    .iter()
                    .sum();
                (sum, mask::blinding(&home.keys, period))
            })
            .collect();
        PeriodCommitments::build(&masks, &self.root.shuffle_seed(&self.key(period)))
    }

    pub fn manifest(&self, period: PeriodIndex) -> Manifest {
        let mut builder = filter::Builder::period(&self.key(period), self.meters());
        for prid in self.prids(period) {
            builder.insert_prid(&prid);
        }
        let commitments = self.commitments(period);
        Manifest {
            meters: self.meters(),
            filter: builder.finish(),
            commitment: commitments.commitment(),
            root: commitments.root(),
        }
    }

    /// A home's two shares of a reading, each with the key that signs it.
    pub fn shares(&self, home: usize, period: PeriodIndex, reading: i64) -> [(Signer, u64); 2] {
        let Home { spend, split, keys, .. } = &self.homes[home];
        let pair = share::split_and_mask(reading, split, keys, 0, period);
        let signer = |half| Signer::meter(OneTimeKey::derive(spend, keys, half, period));
        [(signer(Half::First), pair.first), (signer(Half::Second), pair.second)]
    }

    /// What a home's two shares say to whoever has its seeds.
    pub fn unmask(&self, home: usize, period: PeriodIndex, first: u64, second: u64) -> i64 {
        share::unmask(first, second, &self.homes[home].keys, period)
    }

    /// Publishes the filter and all manifests of the first cycle.
    pub fn publish(&self, chain: &mut Chain, periods: PeriodIndex) {
        let filter = self.cycle_filter(periods).try_into().expect("within bounds");
        let (region, cycle, meters) = (self.id, 0, self.meters());
        chain.must(
            &key_centre(),
            pallet_masks::Call::<Runtime>::publish_cycle_filter {
                region,
                cycle,
                meters,
                filter,
            },
        );
        chain.must(&key_centre(), self.publish_manifests(0..periods));
    }
}

/// The call that a meter makes.
pub fn submit(key: PeriodKey, share: u64) -> RuntimeCall {
    let PeriodKey { region, cycle, period } = key;
    RuntimeCall::Readings(pallet_readings::Call::submit {
        region,
        cycle,
        period,
        share,
    })
}

/// Schedules the first cycle: as many periods of a minute, with windows of half a minute, a minute from now.
pub fn schedule(chain: &mut Chain, periods: PeriodIndex) -> CycleSchedule {
    let schedule = CycleSchedule {
        start: chain.now() + 60_000,
        period_ms: 60_000,
        window_ms: 30_000,
        periods,
    };
    chain.must(
        &key_centre(),
        pallet_registry::Call::<Runtime>::schedule_cycle { cycle: 0, schedule },
    );
    schedule
}
