//! Batches: many shares of a period in one call, and in one value of the state.
//!
//! A batch is kept as it came, ascending by pseudonym, without the signatures: 40 bytes a share. To find out whether a
//! pseudonym is used, all batches of its period are looked through, which is why a period has at most
//! [`Config::MaxBatches`] of them; a share that came on its own has an entry of its own. Where a share of a batch has come
//! on its own before, or in an earlier batch, the earlier one stands and the batch is taken without it: nobody can spoil
//! another's batch by being faster.
//!
//! **Privacy.** The order of a batch is that of its pseudonyms. Which shares came in one batch is public, and so is which
//! came without their aggregator's help.

use crate::{Batches, Config, Event, Pallet, Shares, Tallies, Tally};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::{Compact, Decode};
use frame_support::{ensure, storage::unhashed, traits::Get, BoundedVec};
use gridveil_host_functions::{points, shares};
use gridveil_primitives::{
    batch::{Fault, SignedShare},
    Moment, PeriodKey, PointBytes, Prid, Refusal, Share,
};
use sp_runtime::traits::Zero;

/// The length of a stored share.
const SHARE: usize = 40;

/// A batch that the extension lets through.
pub(crate) struct Admitted {
    /// When the period's window closes.
    pub closes: Moment,
    /// T of the shares that are new.
    pub tally: PointBytes,
    /// The places of those that are not, ascending.
    pub used: Vec<u16>,
    /// How many batches were looked through.
    pub batches: u32,
    /// How many entries of single shares were looked at.
    pub singles: u32,
}

/// A batch as it is stored.
struct Stored(Vec<u8>);

impl Stored {
    fn read<T: Config>(key: &PeriodKey, number: u32) -> Self {
        let place = Batches::<T>::hashed_key_for((key.cycle, key.region, key.period, number));
        Self(unhashed::get_raw(&place).unwrap_or_default())
    }

    /// The shares, each as its bytes.
    fn shares(&self) -> &[[u8; SHARE]] {
        let mut rest = &self.0[..];
        if Compact::<u32>::decode(&mut rest).is_err() {
            return &[];
        }
        let (shares, _) = rest.as_chunks();
        shares
    }

    /// The value from `prid`.
    fn value_of(&self, prid: &Prid) -> Option<u64> {
        let shares = self.shares();
        let at = shares
            .binary_search_by(|share| share.first_chunk::<32>().cmp(&Some(prid)))
            .ok()?;
        Some(u64::from_le_bytes(*shares.get(at)?.last_chunk()?))
    }
}

impl<T: Config> Pallet<T> {
    /// The masked share accepted from `prid`, `batches` being how many the period has.
    pub(crate) fn accepted(key: &PeriodKey, batches: u32, prid: &Prid) -> Option<u64> {
        Shares::<T>::get((key.cycle, key.region, key.period, prid))
            .or_else(|| (0..batches).find_map(|number| Stored::read::<T>(key, number).value_of(prid)))
    }

    /// The sum of the shares accepted from all of these, in one pass over the period's batches.
    pub(crate) fn accepted_sum(key: &PeriodKey, prids: &[Prid]) -> Option<u64> {
        let mut sum = 0u64;
        let mut sought: Vec<_> = prids
            .iter()
            .filter(|prid| {
                let single = Shares::<T>::get((key.cycle, key.region, key.period, *prid));
                sum = sum.wrapping_add(single.unwrap_or_default());
                single.is_none()
            })
            .collect();
        for number in 0..Tallies::<T>::get(key).batches {
            if sought.is_empty() {
                break;
            }
            let batch = Stored::read::<T>(key, number);
            sought.retain(|prid| {
                let found = batch.value_of(prid);
                sum = sum.wrapping_add(found.unwrap_or_default());
                found.is_none()
            });
        }
        sought.is_empty().then_some(sum)
    }

    /// The places of those shares that are on chain already, ascending, and how many entries of single shares were looked
    /// at to find out: all of the period's, or one for each share of the batch, whichever are fewer.
    pub(crate) fn used(key: &PeriodKey, tally: &Tally, shares: &[SignedShare]) -> (Vec<u16>, u32) {
        let place = (key.cycle, key.region, key.period);
        let few = u64::from(tally.singles) <= u64::try_from(shares.len()).unwrap_or(u64::MAX);
        let (singles, looks): (BTreeSet<Prid>, u32) = if few {
            (Shares::<T>::iter_key_prefix(place).collect(), tally.singles)
        } else {
            let there = |prid: &Prid| Shares::<T>::contains_key((key.cycle, key.region, key.period, prid));
            let singles = shares.iter().map(|share| share.prid).filter(there).collect();
            (singles, u32::try_from(shares.len()).unwrap_or(u32::MAX))
        };
        let batches: Vec<_> = (0..tally.batches)
            .map(|number| Stored::read::<T>(key, number))
            .collect();
        let used = (0..)
            .zip(shares)
            .filter(|(_, share)| {
                singles.contains(&share.prid) || batches.iter().any(|batch| batch.value_of(&share.prid).is_some())
            })
            .map(|(index, _)| index)
            .collect();
        (used, looks)
    }

    /// Whether a batch of the region's aggregator may be taken at `now`, and without which of its shares. The cheapest
    /// checks come first; the signatures, the filter and T come last, all in one.
    pub(crate) fn check_batch(
        key: &PeriodKey,
        aggregator: &[u8; 32],
        shares: &[SignedShare],
        now: Moment,
    ) -> Result<Admitted, Refusal> {
        let region = pallet_registry::Pallet::<T>::region(key.region).ok_or(Refusal::UnknownRegion)?;
        ensure!(region.aggregator == *aggregator, Refusal::NotTheAggregator);
        let closes = Self::open_until(key, now)?;
        let ascending = shares
            .iter()
            .zip(shares.iter().skip(1))
            .all(|(one, next)| one.prid < next.prid);
        ensure!(ascending && !shares.is_empty(), Refusal::BadOrder);
        let tally = Tallies::<T>::get(key);
        ensure!(tally.batches < T::MaxBatches::get(), Refusal::TooManyBatches);
        let manifest = pallet_masks::Pallet::<T>::manifest(key).ok_or(Refusal::NoManifest)?;
        let (used, singles) = Self::used(key, &tally, shares);
        let fresh = without(shares, &used);
        ensure!(!fresh.is_empty(), Refusal::AlreadyUsed);
        let point = shares::check(Self::genesis(), *key, &manifest.filter, &fresh).map_err(|bad| match bad.fault {
            Fault::Unordered => Refusal::BadOrder,
            Fault::NotInFilter => Refusal::NotInFilter,
            Fault::NotAPoint => Refusal::NotAPoint,
            Fault::BadSignature => Refusal::BadSignature,
        })?;
        Ok(Admitted {
            closes,
            tally: point,
            used,
            batches: tally.batches,
            singles,
        })
    }

    /// When the period's window closes, if it is open at `now`. The region is known.
    pub(crate) fn open_until(key: &PeriodKey, now: Moment) -> Result<Moment, Refusal> {
        let schedule = pallet_registry::Pallet::<T>::schedule(key.cycle).ok_or(Refusal::UnknownCycle)?;
        let ends = schedule.ends(key.period).ok_or(Refusal::UnknownPeriod)?;
        let closes = schedule.closes(key.period).ok_or(Refusal::UnknownPeriod)?;
        ensure!(now >= ends, Refusal::TooEarly);
        ensure!(now < closes, Refusal::TooLate);
        Ok(closes)
    }

    /// The hash of the first block, which every signature names its chain by.
    pub fn genesis() -> [u8; 32] {
        let hash = frame_system::Pallet::<T>::block_hash(frame_system::pallet_prelude::BlockNumberFor::<T>::zero());
        <[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default()
    }

    /// Stores a batch that the extension has let through, without the shares at the places `used`; `point` is T of the
    /// others.
    pub(crate) fn admit_batch(key: PeriodKey, shares: &[SignedShare], used: &[u16], point: &PointBytes) {
        let fresh: Vec<_> = without(shares, used)
            .into_iter()
            .map(|SignedShare { prid, value, .. }| Share { prid, value })
            .collect();
        // No longer than the call's own list.
        let fresh = BoundedVec::<_, T::MaxBatchShares>::truncate_from(fresh);
        let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
        let number = Tallies::<T>::mutate(key, |so_far| {
            let number = so_far.batches;
            so_far.batches = number.saturating_add(1);
            so_far.count = so_far.count.saturating_add(count);
            so_far.sum = fresh
                .iter()
                .fold(so_far.sum, |sum, share| sum.wrapping_add(share.value));
            // Both are canonical; were one not, BF2 would not know T, and the period would close as faulty.
            if let Some(sum) = points::sum(&[so_far.point, *point]) {
                so_far.point = sum;
            }
            number
        });
        Batches::<T>::insert((key.cycle, key.region, key.period, number), fresh);
        Self::deposit_event(Event::BatchAccepted { key, number, count });
    }
}

/// The shares at other places than these, which ascend.
fn without(shares: &[SignedShare], places: &[u16]) -> Vec<SignedShare> {
    let mut places = places.iter().copied().map(usize::from).peekable();
    shares
        .iter()
        .enumerate()
        .filter(|(index, _)| places.next_if_eq(index).is_none())
        .map(|(_, share)| *share)
        .collect()
}
