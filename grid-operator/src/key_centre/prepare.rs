//! Making manifests: for a span of periods, every member's pseudonyms and masks into filters, tallies and commitments.
//!
//! The paper's phase 3 (filter generation); DESIGN section 3. The trees of pseudonyms and masks are walked once for a
//! span, by as many threads as there are cores; a span's size is for the caller to bound.
//!
//! **Privacy.** What comes out is public; the masks that go in are wiped.

use gridveil_primitives::{
    commitment::PeriodCommitments, filter::Builder, keys::RootKey, mask, pseudonym, tally, Half, Manifest, PeriodIndex,
    PeriodKey, Prid,
};
use zeroize::Zeroizing;

use super::roster::{Member, Roster};
use crate::{error::Error, ledger::Prepared, work::on_all_cores};

/// What a member puts into each period of a span.
struct Column {
    pairs: Vec<[Prid; 2]>,
    /// The sum of the two masks, and their blinding.
    masks: Zeroizing<Vec<(u128, [u8; 32])>>,
}

fn column(member: &Member, first: PeriodIndex, count: PeriodIndex) -> Column {
    let [firsts, seconds] =
        Half::BOTH.map(|half| pseudonym::prids(&member.spend, &member.keys, half, first, count).map(|(_, prid)| prid));
    let pairs = firsts.zip(seconds).map(|(one, other)| [one, other]).collect();
    // Room for all from the start: a vector that grows leaves copies behind that nobody wipes.
    let mut masks = Zeroizing::new(Vec::with_capacity(usize::from(count)));
    masks.extend(mask::walk(&member.keys, first, count).map(|(_, masks)| (masks.sum(), masks.blinding)));
    Column { pairs, masks }
}

fn period(root: &RootKey, key: PeriodKey, meters: u32, offset: usize, columns: &[Column]) -> Option<Prepared> {
    let mut builder = Builder::period(&key, meters);
    let mut prids = Vec::with_capacity(columns.len().saturating_mul(2));
    let mut masks = Zeroizing::new(Vec::with_capacity(columns.len()));
    for column in columns {
        let pair = column.pairs.get(offset)?;
        pair.iter().for_each(|prid| builder.insert_prid(prid));
        prids.extend_from_slice(pair);
        masks.push(*column.masks.get(offset)?);
    }
    let commitments = PeriodCommitments::build(&masks, &root.shuffle_seed(&key));
    let manifest = Manifest {
        meters,
        filter: builder.finish(),
        commitment: commitments.commitment(),
        root: commitments.root(),
    };
    Some(Prepared {
        period: key.period,
        tally: tally::sum(prids.iter())?,
        manifest,
    })
}

/// The manifests and tallies of `count` periods from `first` on. Memory: about 112 bytes for each member and period,
/// and the manifests themselves.
pub fn prepare(
    root: &RootKey,
    roster: &Roster,
    first: PeriodIndex,
    count: PeriodIndex,
) -> Result<Vec<Prepared>, Error> {
    let columns = on_all_cores(&roster.members, |member| column(member, first, count));
    let periods: Vec<_> = (first..first.saturating_add(count)).collect();
    let prepared = on_all_cores(&periods, |&k| {
        let key = PeriodKey {
            region: roster.region,
            cycle: roster.cycle,
            period: k,
        };
        period(
            root,
            key,
            roster.meters(),
            usize::from(k.saturating_sub(first)),
            &columns,
        )
    });
    prepared
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::Worker("a pseudonym of the region's is not a point".into()))
}
