//! What a sound state is.
//!
//! **Privacy.** The check reads what is public and says which rule is broken.

use crate::{ClosedPeriods, Config, CycleFilters, MadeFor, Manifests, Outcomes, Pallet, RevisedFilters, Revisions};
use frame_support::{ensure, traits::Get};
use gridveil_primitives::{Outcome, Revision, PERIODS_PER_DAY};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
    /// The invariants: a cycle filter belongs to a known region and cycle and is well formed; revisions begin at a day's
    /// start, ascend, never have more meters than before, and each has its filter; a manifest belongs to a period of its
    /// cycle, has the count of meters of the revision that it was published for and is well formed; an outcome belongs to
    /// a closed period with a manifest that counts, and an opened one has at least the minimum of meters and at most the
    /// manifest's.
    pub(crate) fn check_state() -> Result<(), TryRuntimeError> {
        for ((region, cycle), published) in CycleFilters::<T>::iter() {
            let (_, schedule) = Self::known(region, cycle)?;
            ensure!(
                (1..=T::MaxMeters::get()).contains(&published.meters),
                "a cycle filter's meters are out of range"
            );
            Self::check_cycle_filter(&published.filter, schedule.periods)?;
        }
        Self::check_revisions()?;
        for (key, manifest) in Manifests::<T>::iter() {
            let (_, schedule) = Self::known(key.region, key.cycle)?;
            ensure!(
                key.period < schedule.periods,
                "a manifest is for a period that its cycle does not have"
            );
            let published = Self::cycle_filter(key.region, key.cycle).ok_or("a manifest has no cycle filter")?;
            let meters = match MadeFor::<T>::get(key) {
                None => published.meters,
                Some(from) => {
                    let revisions = Revisions::<T>::get((key.region, key.cycle));
                    let revision = revisions.iter().find(|revision| revision.from == from);
                    let revision = revision.filter(|revision| revision.from <= key.period);
                    revision.ok_or("a manifest is for a revision that is not there")?.meters
                }
            };
            Self::check_manifest(&manifest, meters)?;
        }
        for key in MadeFor::<T>::iter_keys() {
            ensure!(
                Manifests::<T>::contains_key(key),
                "a manifest is for a revision and not there"
            );
        }
        for (key, outcome) in Outcomes::<T>::iter() {
            let (region, _) = Self::known(key.region, key.cycle)?;
            let manifest = Self::manifest(&key).ok_or("an outcome has no manifest")?;
            ensure!(
                T::ClosedPeriods::closed(&key).is_some(),
                "an outcome is for a period that has not closed"
            );
            if let Outcome::Opened(total) = outcome {
                let allowed = region.minimum_meters..=manifest.meters;
                ensure!(
                    allowed.contains(&total.meters),
                    "a total is over too few or too many meters"
                );
            }
        }
        Ok(())
    }

    fn check_revisions() -> Result<(), TryRuntimeError> {
        for ((region, cycle), revisions) in Revisions::<T>::iter() {
            let (_, schedule) = Self::known(region, cycle)?;
            let published = Self::cycle_filter(region, cycle).ok_or("a revision is of a cycle without a filter")?;
            let (mut latest, mut before) = (None, published.meters);
            for Revision { from, meters } in revisions {
                ensure!(
                    from.is_multiple_of(PERIODS_PER_DAY) && from < schedule.periods && latest < Some(from),
                    "a revision is not at a day's start, or not behind the one before"
                );
                ensure!(
                    (1..=before).contains(&meters),
                    "a revision has no meters, or more than before"
                );
                let filter = RevisedFilters::<T>::get((region, cycle, from)).ok_or("a revision has no filter")?;
                Self::check_cycle_filter(&filter, schedule.periods.saturating_sub(from))?;
                (latest, before) = (Some(from), meters);
            }
        }
        for (region, cycle, from) in RevisedFilters::<T>::iter_keys() {
            let revisions = Revisions::<T>::get((region, cycle));
            ensure!(
                revisions.iter().any(|revision| revision.from == from),
                "a filter is of a revision that is not there"
            );
        }
        Ok(())
    }
}
