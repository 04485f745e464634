//! Finding faults: which meters of a closed period sent nothing, half a pair, or a reading that no home can have, which
//! shares are nobody's, and what is to become of the period's mask sum.
//!
//! The paper's phase of finding faulty meters, and its opening of Z; DESIGN section 4, steps 5 and 6. Works on the
//! shares that a period was closed with and decides nothing else than the chain will check.
//!
//! **Privacy.** Names meters to the key centre alone. Each reading is in memory for one comparison, as it will be for its
//! bill. The opening holds the mask sum of the pairs that count and nothing about any single mask.

use std::collections::BTreeMap;

use gridveil_primitives::{
    commitment::PeriodCommitments, keys::RootKey, mask, share, Half, PeriodKey, PeriodView, Prid, Share,
};
use zeroize::Zeroizing;

use super::roster::Roster;
use crate::{
    error::Error,
    ledger::{Decision, Fault, FaultKind},
    limits,
};

/// What a period's shares turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// How many pairs count: those that are complete and plausible.
    pub pairs: usize,
    /// The members without a pair that counts, by their place in the roster.
    pub left_out: Vec<usize>,
    /// The shares that belong to no pair that counts, ascending.
    pub excluded: Vec<Prid>,
    /// What is wrong, member by member, then the alien shares.
    pub faults: Vec<Fault>,
}

/// Refuses shares that are not those of the view: a node that is behind, or lies, must not move the key centre to open
/// a mask sum for other pairs than the chain will count.
pub fn check_shares(key: &PeriodKey, view: &PeriodView, shares: &[Share]) -> Result<(), Error> {
    let sum = shares.iter().fold(0u64, |sum, share| sum.wrapping_add(share.value));
    let ascending = shares.windows(2).all(|pair| pair[0].prid < pair[1].prid);
    if ascending && u32::try_from(shares.len()) == Ok(view.count) && sum == view.sum {
        return Ok(());
    }
    Err(Error::SharesDisagree(*key))
}

/// Sorts a period's shares into pairs that count and faults.
pub fn audit(roster: &Roster, key: &PeriodKey, shares: &[Share]) -> Audit {
    // What is still in here at the end is nobody's.
    let mut rest: BTreeMap<Prid, u64> = shares.iter().map(|share| (share.prid, share.value)).collect();
    let (mut pairs, mut left_out, mut excluded, mut faults) = (0usize, Vec::new(), Vec::new(), Vec::new());
    for (place, member) in roster.members.iter().enumerate() {
        let pair = member.pair(key.period);
        let there = pair.map(|prid| rest.remove(&prid));
        let (kind, prid) = match there {
            [Some(first), Some(second)] => {
                if share::is_plausible(share::unmask(first, second, &member.keys, key.period)) {
                    pairs = pairs.saturating_add(1);
                    continue;
                }
                (FaultKind::Implausible, Some(pair[0]))
            }
            [Some(_), None] => (FaultKind::FirstOnly, Some(pair[0])),
            [None, Some(_)] => (FaultKind::SecondOnly, Some(pair[1])),
            [None, None] => (FaultKind::Silent, None),
        };
        left_out.push(place);
        excluded.extend(
            pair.into_iter()
                .zip(there)
                .filter_map(|(prid, value)| value.map(|_| prid)),
        );
        let (bid, label) = (Some(member.meter.bid), Some(member.meter.label.clone()));
        faults.push(Fault {
            key: *key,
            kind,
            bid,
            label,
            prid,
        });
    }
    for prid in rest.into_keys() {
        excluded.push(prid);
        faults.push(Fault {
            key: *key,
            kind: FaultKind::Alien,
            bid: None,
            label: None,
            prid: Some(prid),
        });
    }
    excluded.sort_unstable();
    Audit {
        pairs,
        left_out,
        excluded,
        faults,
    }
}

/// What is to become of the mask sum: it is opened for the pairs that count if there are at least `minimum` of them and
/// the chain can take the rest out, and withheld otherwise.
pub fn decide(root: &RootKey, roster: &Roster, key: &PeriodKey, minimum: u32, audit: &Audit) -> Decision {
    let enough = u32::try_from(audit.pairs).is_ok_and(|pairs| pairs >= minimum);
    if !enough || audit.left_out.len() > limits::LEFT_OUT || audit.excluded.len() > limits::EXCLUDED {
        // The chain counts what is left: with these taken out, it too finds too few meters or too many missing.
        let excluded = audit.excluded.iter().take(limits::EXCLUDED).copied().collect();
        return Decision::Withhold(excluded);
    }
    let mut masks = Zeroizing::new(Vec::with_capacity(roster.members.len()));
    for member in &roster.members {
        let [first, second] = Half::BOTH.map(|half| u128::from(mask::mask(&member.keys, half, key.period)));
        masks.push((first.saturating_add(second), mask::blinding(&member.keys, key.period)));
    }
    let commitments = PeriodCommitments::build(&masks, &root.shuffle_seed(key));
    Decision::Open(commitments.open(&audit.left_out, audit.excluded.clone()))
}
