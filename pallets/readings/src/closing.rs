//! The close of a period, and the walk over everything that is due.
//!
//! The walk goes by cycle, then by period, then by region, and remembers where it stopped. Every block looks at
//! [`Config::MaxClosesPerBlock`] periods of regions at most, so a chain that stood still for a month comes back with
//! ordinary blocks. Where the window of a cycle's last periods reaches into the next cycle, the next cycle's first periods
//! wait for them; that delays a close and changes nothing else, since admission keeps to the clock.
//!
//! **Privacy.** A close shows count and sum of a period, which are public as they grow.

use crate::{Config, Event, NextClose, Pallet, Progress, Statuses, Tallies, WeightInfo};
use alloc::vec::Vec;
use frame_support::{traits::Get, weights::Weight};
use gridveil_primitives::{filter, Moment, PeriodKey, PeriodStatus, RegionId};

impl<T: Config> Pallet<T> {
    /// Closes the periods whose windows are over at `now`, as many as one block may, and says what that weighs.
    pub(crate) fn close_due(now: Moment) -> Weight {
        let mut next = NextClose::<T>::get();
        let start = next;
        let mut left = T::MaxClosesPerBlock::get();
        let mut listed = None;
        let (mut closed, mut passed) = (0u32, 0u32);

        'walk: while let Some(schedule) = pallet_registry::Pallet::<T>::schedule(next.cycle) {
            while let Some(closes) = schedule.closes(next.period) {
                if now < closes {
                    break 'walk;
                }
                let regions = listed.get_or_insert_with(Self::ascending_regions);
                if regions.is_empty() {
                    // Passing by a period of no region is work too.
                    if left == 0 {
                        break 'walk;
                    }
                    left = left.saturating_sub(1);
                    passed = passed.saturating_add(1);
                }
                let after = next.after;
                for region in regions.iter().copied().filter(|region| after < Some(*region)) {
                    if left == 0 {
                        break 'walk;
                    }
                    left = left.saturating_sub(1);
                    if Self::close(PeriodKey {
                        region,
                        cycle: next.cycle,
                        period: next.period,
                    }) {
                        closed = closed.saturating_add(1);
                    } else {
                        passed = passed.saturating_add(1);
                    }
                    next.after = Some(region);
                }
                next = Progress {
                    cycle: next.cycle,
                    period: next.period.saturating_add(1),
                    after: None,
                };
            }
            next = Progress {
                cycle: next.cycle.saturating_add(1),
                period: 0,
                after: None,
            };
        }

        if next != start {
            NextClose::<T>::put(next);
        }
        let regions = listed.map_or(0, |regions| u32::try_from(regions.len()).unwrap_or(u32::MAX));
        <T as Config>::WeightInfo::close(closed)
            .saturating_add(<T as Config>::WeightInfo::pass(passed.saturating_add(regions)))
    }

    /// Closes one period; whether it had a manifest and so anything to close.
    fn close(key: PeriodKey) -> bool {
        if !pallet_masks::Pallet::<T>::is_published(&key) {
            return false;
        }
        // A manifest is only ever published after the filter in force in its period, whose count of meters it shares.
        let Some(promised) = pallet_masks::Pallet::<T>::filter(&key) else {
            return false;
        };
        let tally = Tallies::<T>::get(key);
        let expected = promised.meters.saturating_mul(2);
        let tally_known = filter::contains_tally(&promised.filter, key.region, key.cycle, key.period, &tally.point);
        let complete = tally.count == expected && tally_known;

        Statuses::<T>::insert(
            key,
            if complete {
                PeriodStatus::Complete
            } else {
                PeriodStatus::Faulty
            },
        );
        Self::deposit_event(Event::PeriodClosed {
            key,
            count: tally.count,
            sum: tally.sum,
        });
        if !complete {
            Self::deposit_event(Event::AggregationFault {
                key,
                expected,
                count: tally.count,
                tally_known,
            });
        }
        true
    }

    /// The registered regions. One that is registered while a period is closing has no manifest for it, wherever it comes
    /// in this order.
    pub(crate) fn ascending_regions() -> Vec<RegionId> {
        let mut regions: Vec<_> = pallet_registry::Regions::<T>::iter_keys().collect();
        regions.sort_unstable();
        regions
    }
}
