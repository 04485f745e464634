//! What the key centre publishes and opens: filters, manifests, openings.

use codec::{DecodeAll, Encode};
use gridveil_primitives::{
    commitment::{verify_opening, PeriodCommitments},
    filter::{contains_prid, contains_tally, period_filter_len, Builder, POSITIONS},
    Manifest, Opening, PeriodKey,
};

const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 2,
    period: 3,
};

/// Takes 32 bytes for an entry and the others for a filter, to which it then adds the entry as it may be added.
pub fn filter(input: &[u8]) {
    let Some((entry, filter)) = input.split_first_chunk::<32>() else {
        return;
    };
    let there = contains_prid(filter, &KEY, entry);
    assert!(
        !there || filter.iter().any(|byte| *byte != 0),
        "nothing is in an empty filter"
    );
    contains_tally(filter, KEY.region, KEY.cycle, KEY.period, entry);
    // More bits hold whatever fewer did.
    assert!(!there || contains_prid(&vec![0xff; filter.len()], &KEY, entry));

    let mut builder = Builder::period(&KEY, 1);
    let entries: Vec<[u8; 32]> = filter.as_chunks().0.iter().take(2).copied().collect();
    entries.iter().for_each(|entry| builder.insert_prid(entry));
    let made = builder.finish();
    assert_eq!(made.len(), period_filter_len(1));
    assert!(entries.iter().all(|entry| contains_prid(&made, &KEY, entry)));
    let bits: usize = made.iter().map(|byte| byte.count_ones() as usize).sum();
    assert!(bits <= POSITIONS * entries.len());
    assert!(entries.contains(entry) || !contains_prid(&made, &KEY, entry));
}

/// Two pseudonyms in their filter, the same filter for another entry, and one that holds everything.
pub fn filters() -> Vec<(&'static str, Vec<u8>)> {
    let mut builder = Builder::period(&KEY, 1);
    [[1; 32], [2; 32]].iter().for_each(|prid| builder.insert_prid(prid));
    let made = builder.finish();
    vec![
        ("held", [&[1; 32][..], &made].concat()),
        ("not-held", [&[3; 32][..], &made].concat()),
        ("full", [[1; 32], [0xff; 32]].concat()),
        ("none", vec![4; 32]),
    ]
}

/// Takes a manifest and an opening of it, SCALE-encoded one after the other.
pub fn manifest(input: &[u8]) {
    let Ok((manifest, opening)) = <(Manifest, Opening)>::decode_all(&mut &input[..]) else {
        return;
    };
    assert_eq!((&manifest, &opening).encode(), input, "two encodings of one manifest");
    let verify = |opening: &Opening| verify_opening(manifest.meters, &manifest.commitment, &manifest.root, opening);
    if verify(&opening).is_ok() {
        // A commitment is opened in one way only.
        for mask_sum in [opening.mask_sum.wrapping_add(1), opening.mask_sum.wrapping_sub(1)] {
            let opening = Opening {
                mask_sum,
                ..opening.clone()
            };
            assert!(verify(&opening).is_err());
        }
    }
}

/// A region of five with nobody, one and three left out.
pub fn manifests() -> Vec<(&'static str, Vec<u8>)> {
    let meters: Vec<_> = (1..=5).map(|meter| (u128::from(meter) << 60, [meter; 32])).collect();
    let commitments = PeriodCommitments::build(&meters, &[9; 32]);
    let manifest = Manifest {
        meters: 5,
        filter: vec![0x55; period_filter_len(5)],
        commitment: commitments.commitment(),
        root: commitments.root(),
    };
    let opened = |left_out: &[usize]| (&manifest, commitments.open(left_out, vec![[6; 32]])).encode();
    vec![
        ("all", opened(&[])),
        ("without-one", opened(&[2])),
        ("without-three", opened(&[0, 3, 4])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_that_the_corpus_begins_with_open() {
        for (name, bytes) in manifests() {
            let (manifest, opening) = <(Manifest, Opening)>::decode_all(&mut &bytes[..]).unwrap();
            let opens = verify_opening(manifest.meters, &manifest.commitment, &manifest.root, &opening);
            assert_eq!(opens, Ok(()), "{name}");
        }
    }
}
