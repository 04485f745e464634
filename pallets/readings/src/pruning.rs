//! Shares are forgotten once their cycle is billed and the runtime's retention is over.
//!
//! A block forgets entries of one region and cycle, as many as its remaining weight pays for: first the shares that came on
//! their own, then whole batches; cycles go in their order. What was computed from the shares stays: tallies, statuses, outcomes, prices, bills. Nobody calls this.
//!
//! **Privacy.** Pruned shares are gone from the state of later blocks; whoever kept the earlier blocks has them still.

use crate::{Batches, Config, Event, NextPrune, Pallet, Progress, Shares, WeightInfo};
use frame_support::{
    traits::{Contains, Get},
    weights::{Weight, WeightMeter},
};

impl<T: Config> Pallet<T> {
    /// Forgets expired shares as far as `remaining` goes, and says what that weighs.
    pub(crate) fn prune(remaining: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(remaining);
        // The cycle whose turn it is, when it was finished, and the clock.
        if meter.try_consume(T::DbWeight::get().reads(3)).is_err() {
            return meter.consumed();
        }
        if !T::SharesExpired::contains(&NextPrune::<T>::get().cycle) {
            return meter.consumed();
        }

        let base = <T as Config>::WeightInfo::prune(0);
        let each = <T as Config>::WeightInfo::prune(1).saturating_sub(base);
        let room = meter
            .remaining()
            .checked_sub(&base)
            .and_then(|rest| rest.checked_div_per_component(&each));
        let limit = u32::try_from(room.unwrap_or_default()).unwrap_or(u32::MAX);
        if limit > 0 {
            let removed = Self::prune_next(limit);
            meter.consume(base.saturating_add(each.saturating_mul(removed.into())));
        }
        meter.consumed()
    }

    /// Forgets at most `limit` entries of the region whose turn it is, or goes on to the next cycle if every region has had
    /// its turn; how many entries went.
    pub(crate) fn prune_next(limit: u32) -> u32 {
        let Progress { cycle, after, .. } = NextPrune::<T>::get();
        let Some(region) = Self::ascending_regions()
            .into_iter()
            .find(|region| after < Some(*region))
        else {
            NextPrune::<T>::put(Progress {
                cycle: cycle.saturating_add(1),
                ..Progress::default()
            });
            return 0;
        };
        let single = Shares::<T>::clear_prefix((cycle, region), limit, None);
        let mut removed = single.loops;
        let mut done = single.maybe_cursor.is_none();
        let limit = limit.saturating_sub(removed);
        if done && limit > 0 {
            let batches = Batches::<T>::clear_prefix((cycle, region), limit, None);
            removed = removed.saturating_add(batches.loops);
            done = batches.maybe_cursor.is_none();
        } else {
            // Whether there are batches is for the next block to see.
            done = false;
        }
        if done {
            NextPrune::<T>::put(Progress {
                cycle,
                period: 0,
                after: Some(region),
            });
            // A region that was not metered in this cycle had no shares to forget.
            if pallet_masks::CycleFilters::<T>::contains_key((region, cycle)) {
                Self::deposit_event(Event::SharesPruned { region, cycle });
            }
        }
        removed
    }
}
