//! What a sound state is.
//!
//! **Privacy.** The check reads what is public and says which rule is broken.

use crate::{Batches, Config, NextClose, NextPrune, Pallet, Shares, Statuses, Tallies, Tally};
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{
    ensure,
    traits::{Contains, Get},
};
use gridveil_primitives::{tally, PeriodKey, PeriodStatus, Prid};
use sp_runtime::TryRuntimeError;

/// What the shares of a period add up to, as they are found.
#[derive(Default)]
struct Found {
    tally: Tally,
    prids: BTreeSet<Prid>,
}

impl Found {
    fn add(&mut self, prid: Prid, value: u64) -> Result<(), TryRuntimeError> {
        ensure!(self.prids.insert(prid), "a pseudonym has two shares");
        self.tally.count = self.tally.count.saturating_add(1);
        self.tally.sum = self.tally.sum.wrapping_add(value);
        self.tally.point = tally::add(&self.tally.point, &prid).ok_or("a share's pseudonym is not a point")?;
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// The invariants: only a period with a manifest has shares or a tally; no pseudonym has two shares, in whichever ways
    /// they came; the tally is that of the shares, unless they are expired; batches ascend and are numbered without gaps;
    /// exactly the periods with a manifest that the walk has passed are closed, as complete only with all their shares;
    /// and no share of a cycle that is pruned is left.
    pub(crate) fn check_state() -> Result<(), TryRuntimeError> {
        let pruned = NextPrune::<T>::get().cycle;
        let stored = Self::found(pruned)?;
        for (key, found) in &stored {
            ensure!(
                pallet_masks::Pallet::<T>::is_published(key),
                "a period without a manifest has shares"
            );
            let expired = T::SharesExpired::contains(&key.cycle);
            ensure!(
                expired || Tallies::<T>::get(key) == found.tally,
                "a tally is not that of its shares"
            );
        }
        for (key, tally) in Tallies::<T>::iter() {
            ensure!(
                pallet_masks::Pallet::<T>::is_published(&key),
                "a period without a manifest has a tally"
            );
            ensure!(tally.batches <= T::MaxBatches::get(), "a period has too many batches");
            let gone = key.cycle < pruned || T::SharesExpired::contains(&key.cycle);
            let found = stored.get(&key).map(|found| found.tally).unwrap_or_default();
            ensure!(gone || tally == found, "a tally is not that of its shares");
        }
        Self::check_closes()
    }

    /// The shares of all periods, from `pruned` on.
    fn found(pruned: u32) -> Result<BTreeMap<PeriodKey, Found>, TryRuntimeError> {
        let mut stored = BTreeMap::<PeriodKey, Found>::new();
        for ((cycle, region, period, prid), value) in Shares::<T>::iter() {
            ensure!(cycle >= pruned, "a share of a pruned cycle is left");
            let found = stored.entry(PeriodKey { region, cycle, period }).or_default();
            found.add(prid, value)?;
            found.tally.singles = found.tally.singles.saturating_add(1);
        }
        for ((cycle, region, period, number), batch) in Batches::<T>::iter() {
            ensure!(cycle >= pruned, "a share of a pruned cycle is left");
            let key = PeriodKey { region, cycle, period };
            ensure!(number < Tallies::<T>::get(key).batches, "a batch is not counted");
            ensure!(!batch.is_empty(), "a batch is empty");
            let ascending = batch
                .iter()
                .zip(batch.iter().skip(1))
                .all(|(one, next)| one.prid < next.prid);
            ensure!(ascending, "a batch does not ascend");
            let found = stored.entry(key).or_default();
            for share in batch {
                found.add(share.prid, share.value)?;
            }
            found.tally.batches = found.tally.batches.saturating_add(1);
        }
        Ok(stored)
    }

    fn check_closes() -> Result<(), TryRuntimeError> {
        let next = NextClose::<T>::get();
        let passed = |key: &PeriodKey| {
            let at = (key.cycle, key.period);
            at < (next.cycle, next.period) || (at == (next.cycle, next.period) && Some(key.region) <= next.after)
        };
        for (key, status) in Statuses::<T>::iter() {
            ensure!(passed(&key), "a period has closed before its turn");
            let manifest = pallet_masks::Pallet::<T>::manifest(&key).ok_or("a closed period has no manifest")?;
            let expected = manifest.meters.saturating_mul(2);
            match status {
                PeriodStatus::Open => return Err("a closed period is kept as open".into()),
                PeriodStatus::Complete => {
                    ensure!(
                        Tallies::<T>::get(key).count == expected,
                        "a complete period lacks shares"
                    )
                }
                PeriodStatus::Faulty => (),
            }
        }
        for key in pallet_masks::Manifests::<T>::iter_keys() {
            let counts = pallet_masks::Pallet::<T>::is_published(&key);
            ensure!(
                !counts || !passed(&key) || Statuses::<T>::contains_key(key),
                "a period was passed and has not closed"
            );
        }
        Ok(())
    }
}
