//! Making manifests: for a span of periods, every member's pseudonyms and masks into filters, tallies and commitments.
//!
//! The paper's phase 3 (filter generation); DESIGN section 3. The trees of pseudonyms and masks are walked once for a
//! span, by as many threads as there are cores. [`span`] says how many periods a span may have so that the memory it takes is
//! the same for small regions and large ones, and for a day and a month.
//!
//! **Privacy.** What comes out is public; the masks and offsets that go in are wiped.

use gridveil_primitives::{
    commitment::Committer,
    filter::Builder,
    keys::RootKey,
    mask, pseudonym,
    tally::{self, Offset},
    Manifest, PeriodIndex, PeriodKey, Prid,
};
use zeroize::Zeroizing;

use super::roster::{Member, Roster};
use crate::{
    error::Error,
    ledger::Prepared,
    work::{on_all_cores, threads},
};

/// The memory for a span in the making, in bytes.
const SPAN_BYTES: usize = 24 << 20;
/// What a meter takes in each period of a span, in bytes: two pseudonyms, a sum of masks with its blinding, an offset, and a
/// little over 23 bytes of filter.
const METER_PERIOD_BYTES: usize = 64 + 48 + 32 + 24;
/// What a meter takes on each core that is at work on a period, in bytes: its masks again, and the halved point, the leaf and
/// the inner nodes of its commitment.
const METER_CORE_BYTES: usize = 512;

/// How many periods to make at a time for so many meters: at least one, and as many as the memory for a span holds.
pub fn span(meters: u32) -> PeriodIndex {
    let meters = usize::try_from(meters).unwrap_or(usize::MAX).max(1);
    let at_work = meters.saturating_mul(METER_CORE_BYTES).saturating_mul(threads());
    let periods = SPAN_BYTES.saturating_sub(at_work) / meters.saturating_mul(METER_PERIOD_BYTES);
    PeriodIndex::try_from(periods).unwrap_or(PeriodIndex::MAX).max(1)
}

/// What a member puts into each period of a span.
struct Column<'a> {
    member: &'a Member,
    pairs: Vec<[Prid; 2]>,
    offsets: Vec<Offset>,
    /// The sum of the two masks, and their blinding.
    masks: Zeroizing<Vec<(u128, [u8; 32])>>,
}

fn column(member: &Member, first: PeriodIndex, count: PeriodIndex) -> Column<'_> {
    // Room for all from the start: a vector that grows leaves copies behind that nobody wipes.
    let room = usize::from(count);
    let (mut pairs, mut offsets) = (Vec::with_capacity(room), Vec::with_capacity(room));
    for (_, pair, offset) in pseudonym::pairs(&member.spend, &member.keys, first, count) {
        pairs.push(pair);
        offsets.push(offset);
    }
    let mut masks = Zeroizing::new(Vec::with_capacity(room));
    masks.extend(mask::walk(&member.keys, first, count).map(|(_, masks)| (masks.sum(), masks.blinding)));
    Column {
        member,
        pairs,
        offsets,
        masks,
    }
}

/// A period, from its place in each column.
fn period(
    committer: &Committer,
    root: &RootKey,
    key: PeriodKey,
    place: usize,
    columns: &[Column<'_>],
) -> Option<Prepared> {
    let meters = u32::try_from(columns.len()).ok()?;
    let mut builder = Builder::period(&key, meters);
    let mut offsets = Vec::with_capacity(columns.len());
    let mut masks = Zeroizing::new(Vec::with_capacity(columns.len()));
    for column in columns {
        column
            .pairs
            .get(place)?
            .iter()
            .for_each(|prid| builder.insert_prid(prid));
        offsets.push((&column.member.spend, column.offsets.get(place)?));
        masks.push(*column.masks.get(place)?);
    }
    let commitments = committer.build(&masks, &root.shuffle_seed(&key));
    let manifest = Manifest {
        meters,
        filter: builder.finish(),
        commitment: commitments.commitment(),
        root: commitments.root(),
    };
    Some(Prepared {
        period: key.period,
        tally: tally::from_offsets(offsets.into_iter()),
        manifest,
    })
}

/// The manifests and tallies of `count` periods from `first` on.
pub fn prepare(
    root: &RootKey,
    roster: &Roster,
    first: PeriodIndex,
    count: PeriodIndex,
) -> Result<Vec<Prepared>, Error> {
    let committer = Committer::default();
    let columns = on_all_cores(&roster.members, |member| column(member, first, count));
    let periods: Vec<_> = (first..first.saturating_add(count)).collect();
    let prepared = on_all_cores(&periods, |&k| {
        let key = PeriodKey {
            region: roster.region,
            cycle: roster.cycle,
            period: k,
        };
        period(&committer, root, key, usize::from(k.saturating_sub(first)), &columns)
    });
    prepared
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::Worker("a period lies beyond the last one that can be numbered".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_take_the_same_memory_for_small_regions_and_large_ones() {
        for meters in [100u32, 1_000, 5_000] {
            let count = usize::try_from(meters).unwrap();
            let bytes = |periods: usize| count * (periods * METER_PERIOD_BYTES + threads() * METER_CORE_BYTES);
            let periods = usize::from(span(meters));
            assert!(
                bytes(periods) <= SPAN_BYTES && bytes(periods + 1) > SPAN_BYTES,
                "{meters}: {periods}"
            );
        }
    }

    #[test]
    fn a_span_has_a_period_for_any_number_of_meters() {
        assert_eq!(span(u32::MAX), 1);
        assert_eq!(span(gridveil_primitives::MAX_METERS), 1);
        assert!(span(0) > 1_000 && span(1) > 1_000);
    }
}
