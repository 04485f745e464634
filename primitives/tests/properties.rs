//! What holds for all inputs, tried on many.

use gridveil_primitives::{
    commitment::{commit, verify_opening, PeriodCommitments},
    filter,
    keys::{CycleKeys, MeterSecret, RootKey, SpendKey, SpendPublic, SplitKey},
    mask, money,
    prf::Seed,
    pseudonym::{pairs, prid, prids, verify, OneTimeKey},
    share, tally, CycleSchedule, Half, Opening, PeriodKey, Prid, MAX_PERIODS,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A meter as meter and key centre know it together.
struct Meter {
    spend: SpendKey,
    split: SplitKey,
    keys: CycleKeys,
}

fn meters(seed: [u8; 32], count: usize) -> Vec<Meter> {
    let root = RootKey::from_bytes(seed);
    (0..count)
        .map(|number| {
            let mut bid = [0; 32];
            bid[..8].copy_from_slice(&number.to_le_bytes());
            let secret = root.meter_secret(&bid);
            let own = |label: &[u8]| gridveil_primitives::hash::blake2b_256(&[label, &seed, &bid]);
            Meter {
                spend: SpendKey::from_seed(&own(b"spend")),
                split: SplitKey::from_bytes(own(b"split")),
                keys: secret.cycle_keys(),
            }
        })
        .collect()
}

/// A reading with one or two of its shares arriving, or none.
fn arrivals() -> impl Strategy<Value = Vec<(i64, [bool; 2])>> {
    prop::collection::vec((any::<i64>(), any::<[bool; 2]>()), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn for_any_arrivals_the_opened_total_is_the_sum_of_the_complete_pairs(
        seed: [u8; 32], k in 0..MAX_PERIODS, cycle: u32, arrivals in arrivals(), alien: Option<u64>,
    ) {
        let meters = meters(seed, arrivals.len());
        let key = PeriodKey { region: 7, cycle, period: k };

        // The meters send; whatever arrives is on chain under its pseudonym.
        let mut chain: BTreeMap<Prid, u64> = BTreeMap::new();
        for (meter, (reading, arrived)) in meters.iter().zip(&arrivals) {
            let pair = share::split_and_mask(*reading, &meter.split, &meter.keys, cycle, k);
            for ((half, value), arrived) in Half::BOTH.into_iter().zip([pair.first, pair.second]).zip(arrived) {
                if *arrived {
                    chain.insert(OneTimeKey::derive(&meter.spend, &meter.keys, half, k).prid(), value);
                }
            }
        }
        if let Some(value) = alien {
            chain.insert([0xee; 32], value);
        }
        let sum = chain.values().fold(0u64, |sum, value| sum.wrapping_add(*value));

        // The key centre committed before, and finds who is missing from the pseudonyms on chain.
        let masks: Vec<(u128, [u8; 32])> = meters
            .iter()
            .map(|meter| {
                let sum = Half::BOTH.into_iter().map(|half| u128::from(mask::mask(&meter.keys, half, k))).sum();
                (sum, mask::blinding(&meter.keys, k))
            })
            .collect();
        let commitments = PeriodCommitments::build(&masks, &RootKey::from_bytes(seed).shuffle_seed(&key));
        let mut counted = vec![];
        let mut left_out = vec![];
        for (number, meter) in meters.iter().enumerate() {
            let pair = Half::BOTH.map(|half| prid(&meter.spend.public(), &meter.keys, half, k));
            if pair.iter().all(|prid| chain.contains_key(prid)) {
                counted.extend(pair);
            } else {
                left_out.push(number);
            }
        }
        let excluded: Vec<Prid> = chain.keys().filter(|prid| !counted.contains(prid)).copied().collect();
        let opening = commitments.open(&left_out, excluded.clone());

        // The chain checks the opening and takes the total.
        let count = u32::try_from(meters.len()).unwrap();
        prop_assert_eq!(verify_opening(count, &commitments.commitment(), &commitments.root(), &opening), Ok(()));
        prop_assert_eq!(chain.len() - opening.excluded.len(), 2 * (meters.len() - opening.left_out.len()));
        let remaining = excluded.iter().fold(sum, |sum, prid| sum.wrapping_sub(chain[prid]));
        let expected = arrivals
            .iter()
            .filter(|(_, arrived)| arrived.iter().all(|half| *half))
            .fold(0i64, |sum, (reading, _)| sum.wrapping_add(*reading));
        prop_assert_eq!(share::total(remaining, opening.mask_sum), expected);
    }

    #[test]
    fn a_reading_comes_back_from_its_pair(
        secret: [u8; 32], split: [u8; 32], cycle: u32, k: u16, reading: i64,
    ) {
        let keys = MeterSecret::from_bytes(secret).cycle_keys();
        let split = SplitKey::from_bytes(split);
        let pair = share::split_and_mask(reading, &split, &keys, cycle, k);
        prop_assert_eq!(share::unmask(pair.first, pair.second, &keys, k), reading);
        prop_assert_eq!(share::split_and_mask(reading, &split, &keys, cycle, k), pair);
    }

    #[test]
    fn a_signature_with_any_single_bit_of_anything_changed_fails(
        spend: [u8; 32], secret: [u8; 32], k: u16, message in prop::collection::vec(any::<u8>(), 1..80), bit: prop::sample::Index,
    ) {
        let keys = MeterSecret::from_bytes(secret).cycle_keys();
        let key = OneTimeKey::derive(&SpendKey::from_seed(&spend), &keys, Half::Second, k);
        let (prid, signature) = (key.prid(), key.sign(&message));
        prop_assert!(verify(&prid, &message, &signature));
        let mut all = [&prid[..], &signature, &message].concat();
        let bit = bit.index(8 * all.len());
        all[bit / 8] ^= 1 << (bit % 8);
        let (prid, rest) = all.split_first_chunk().unwrap();
        let (signature, message) = rest.split_first_chunk().unwrap();
        prop_assert!(!verify(prid, message, signature));
    }

    #[test]
    fn a_signature_says_nothing_about_another_field(
        spend: [u8; 32], secret: [u8; 32], fields: ([u8; 32], u32, u32, u16, u64), which in 0..5usize, other: u64,
    ) {
        // What a share's signature covers: genesis hash, region, cycle, period and value.
        let encode = |(genesis, region, cycle, period, value): ([u8; 32], u32, u32, u16, u64)| {
            [&genesis[..], &region.to_le_bytes(), &cycle.to_le_bytes(), &period.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let mut changed = fields;
        let other_bytes = other.to_le_bytes();
        match which {
            0 => changed.0[..8].copy_from_slice(&other_bytes),
            1 => changed.1 = u32::from_le_bytes(*other_bytes.first_chunk().unwrap()),
            2 => changed.2 = u32::from_le_bytes(*other_bytes.first_chunk().unwrap()),
            3 => changed.3 = u16::from_le_bytes(*other_bytes.first_chunk().unwrap()),
            _ => changed.4 = other,
        }
        let keys = MeterSecret::from_bytes(secret).cycle_keys();
        let key = OneTimeKey::derive(&SpendKey::from_seed(&spend), &keys, Half::First, fields.3);
        let signature = key.sign(&encode(fields));
        prop_assert_eq!(verify(&key.prid(), &encode(changed), &signature), changed == fields);
        let other_key = OneTimeKey::derive(&SpendKey::from_seed(&spend), &keys, Half::Second, fields.3);
        prop_assert!(!verify(&other_key.prid(), &encode(fields), &signature));
    }

    #[test]
    fn meter_and_key_centre_agree_on_every_pseudonym_one_by_one_and_in_batches(
        spend: [u8; 32], secret: [u8; 32], from: u16, count in 0..300u16,
    ) {
        let (spend, keys) = (SpendKey::from_seed(&spend), MeterSecret::from_bytes(secret).cycle_keys());
        let public = SpendPublic::from_bytes(spend.public().to_bytes()).unwrap();
        for half in Half::BOTH {
            let batch: Vec<_> = prids(&public, &keys, half, from, count).collect();
            let expected = (u32::from(from)..(u32::from(from) + u32::from(count)).min(1 << 16))
                .map(|k| u16::try_from(k).unwrap())
                .map(|k| (k, prid(&public, &keys, half, k)))
                .collect::<Vec<_>>();
            prop_assert_eq!(&batch, &expected);
            if let Some((k, prid)) = batch.last() {
                prop_assert_eq!(&OneTimeKey::derive(&spend, &keys, half, *k).prid(), prid);
            }
        }
    }

    #[test]
    fn a_walk_finds_the_leaves_that_single_steps_find(seed: [u8; 32], from: u16, count in 0..200u16) {
        let seed = Seed::from_bytes(seed);
        let walked: Vec<_> = seed.leaves(from, count).map(|(k, leaf)| (k, *leaf)).collect();
        let end = (u32::from(from) + u32::from(count)).min(1 << 16);
        let single: Vec<_> =
            (u32::from(from)..end).map(|k| u16::try_from(k).unwrap()).map(|k| (k, *seed.leaf(k))).collect();
        prop_assert_eq!(walked, single);
    }

    #[test]
    fn a_filter_holds_what_was_put_in_and_nothing_else(
        region: u32, cycle: u32, period: u16, prids in prop::collection::btree_set(any::<[u8; 32]>(), 1..40), other: [u8; 32],
    ) {
        let key = PeriodKey { region, cycle, period };
        let meters = u32::try_from(prids.len().div_ceil(2)).unwrap();
        let mut builder = filter::Builder::period(&key, meters);
        prids.iter().for_each(|prid| builder.insert_prid(prid));
        builder.insert_tally(period, &other);
        let bytes = builder.finish();
        prop_assert_eq!(bytes.len(), filter::period_filter_len(meters));
        prop_assert!(prids.iter().all(|prid| filter::contains_prid(&bytes, &key, prid)));
        prop_assert_eq!(filter::contains_prid(&bytes, &key, &other), prids.contains(&other));
        for elsewhere in [
            PeriodKey { region: region ^ 1, ..key }, PeriodKey { cycle: cycle ^ 1, ..key }, PeriodKey { period: period ^ 1, ..key },
        ] {
            prop_assert!(!prids.iter().any(|prid| filter::contains_prid(&bytes, &elsewhere, prid)));
        }
    }

    #[test]
    fn the_key_centre_lists_the_pairs_and_the_tallies_that_the_chain_will_see(
        seed: [u8; 32], count in 1..6usize, from: u16, periods in 1..150u16,
    ) {
        let spends: Vec<_> = meters(seed, count).iter().map(|meter| (meter.spend.public(), meter.keys.clone())).collect();
        let walks: Vec<Vec<_>> = spends.iter().map(|(spend, keys)| pairs(spend, keys, from, periods).collect()).collect();
        for (place, k) in (u32::from(from)..(u32::from(from) + u32::from(periods)).min(1 << 16)).enumerate() {
            let k = u16::try_from(k).unwrap();
            let mut all = vec![];
            for ((spend, keys), walk) in spends.iter().zip(&walks) {
                let (period, pair, _) = &walk[place];
                prop_assert_eq!((*period, *pair), (k, Half::BOTH.map(|half| prid(spend, keys, half, k))));
                all.extend(pair);
            }
            let offsets = spends.iter().zip(&walks).map(|((spend, _), walk)| (spend, &walk[place].2));
            prop_assert_eq!(Some(tally::from_offsets(offsets)), tally::sum(all.iter()));
        }
        prop_assert_eq!(tally::from_offsets(std::iter::empty()), tally::EMPTY);
    }

    #[test]
    fn a_tally_does_not_depend_on_the_order_and_changes_with_every_pseudonym(
        secret: [u8; 32], spend: [u8; 32], count in 1..20u16, turn: prop::sample::Index,
    ) {
        let (spend, keys) = (SpendKey::from_seed(&spend), MeterSecret::from_bytes(secret).cycle_keys());
        let mut all: Vec<Prid> = prids(&spend.public(), &keys, Half::First, 0, count).map(|(_, prid)| prid).collect();
        let sum = tally::sum(all.iter()).unwrap();
        let turn = turn.index(all.len());
        all.rotate_left(turn);
        prop_assert_eq!(all.iter().try_fold(tally::EMPTY, |tally, prid| tally::add(&tally, prid)), Some(sum));
        prop_assert_ne!(tally::sum(all.iter().skip(1)), Some(sum));
    }

    #[test]
    fn an_opening_with_anything_altered_fails(
        masks in prop::collection::vec((any::<[u64; 2]>(), any::<[u8; 32]>()), 2..20), seed: [u8; 32],
        left_out in any::<u32>(), alter in 0..7usize, bit: prop::sample::Index, which: prop::sample::Index,
    ) {
        let meters: Vec<(u128, [u8; 32])> =
            masks.iter().map(|([one, other], blinding)| (u128::from(*one) + u128::from(*other), *blinding)).collect();
        let built = PeriodCommitments::build(&meters, &seed);
        let count = u32::try_from(meters.len()).unwrap();
        let mut left_out: Vec<usize> = (0..meters.len()).filter(|meter| left_out >> meter & 1 == 1).collect();
        if left_out.is_empty() {
            left_out.push(which.index(meters.len()));
        }
        let good = built.open(&left_out, vec![]);
        prop_assert_eq!(verify_opening(count, &built.commitment(), &built.root(), &good), Ok(()));
        prop_assert_eq!(good.left_out.len(), left_out.len());

        let flip = |bytes: &mut [u8]| {
            let bit = bit.index(8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
        };
        let (mut opening, mut commitment, mut root) = (good.clone(), built.commitment(), built.root());
        let which = which.index(opening.left_out.len());
        match alter {
            0 => opening.mask_sum ^= 1 << bit.index(128),
            1 => flip(&mut opening.blinding),
            2 => flip(&mut opening.left_out[which].commitment),
            3 => opening.left_out[which].index ^= 1 << bit.index(32),
            4 => opening.left_out[which].proof.iter_mut().next().map_or_else(|| opening.mask_sum += 1, |hash| flip(hash)),
            5 => drop(opening.left_out.remove(which)),
            6 => flip(&mut commitment),
            _ => unreachable!(),
        }
        prop_assert!(verify_opening(count, &commitment, &root, &opening).is_err());
        flip(&mut root);
        prop_assert!(verify_opening(count, &built.commitment(), &root, &good).is_err());
        prop_assert!(verify_opening(count + 1, &built.commitment(), &built.root(), &good).is_err());
    }

    #[test]
    fn nothing_panics_on_bytes_from_outside(
        bytes: [u8; 32], other: [u8; 32], signature in prop::array::uniform32(any::<[u8; 2]>()),
        long in prop::collection::vec(any::<u8>(), 0..300), key: (u32, u32, u16), mask_sum: u128, meters: u32, k: u16,
    ) {
        let key = PeriodKey { region: key.0, cycle: key.1, period: key.2 };
        let mut flat = [0; 64];
        flat.iter_mut().zip(signature.as_flattened()).for_each(|(to, from)| *to = *from);
        prop_assert!(!verify(&bytes, &long, &flat));
        prop_assert!(!filter::contains_prid(&long[..long.len().min(200)], &key, &bytes));
        prop_assert!(filter::contains_prid(&[0xff; 9], &key, &bytes));
        prop_assert!(filter::contains_tally(&[0xff], key.region, key.cycle, k, &bytes));
        let _ = (tally::add(&bytes, &other), commit(mask_sum, &bytes), SpendPublic::from_bytes(bytes), SpendKey::from_bytes(other));
        let _ = (filter::len_for(meters), filter::period_filter_len(meters), share::total(key.region.into(), mask_sum));
        let left_out = gridveil_primitives::LeftOut { commitment: other, index: meters, proof: vec![bytes, other] };
        let opening = Opening { excluded: vec![bytes], left_out: vec![left_out], mask_sum, blinding: other };
        prop_assert!(verify_opening(meters, &bytes, &other, &opening).is_err());
        // The caller's own numbers may be wrong, too.
        let built = PeriodCommitments::build(&[(mask_sum, bytes), (u128::MAX, other)], &bytes);
        let opening = built.open(&[usize::MAX, 1, 1, 0, 5], vec![other, bytes, other]);
        prop_assert!(opening.excluded.is_sorted() && opening.excluded.len() <= 2 && opening.left_out.len() == 2);
        prop_assert_eq!(verify_opening(2, &built.commitment(), &built.root(), &opening), Ok(()));
    }

    #[test]
    fn money_never_strays_more_than_half_a_hundredth_from_the_exact_sum(
        lines in prop::collection::vec((any::<i32>(), 0..10_000_000u64), 0..50),
    ) {
        let exact: i128 = lines.iter().map(|(energy, price)| money::line(i64::from(*energy), *price)).sum();
        let error = i128::from(money::amount(exact)) * 10_000_000 - exact;
        prop_assert!(error.abs() <= 5_000_000);
        prop_assert_eq!(money::amount(-exact), -money::amount(exact));
    }

    #[test]
    fn a_valid_schedule_has_all_the_moments_of_all_its_periods_in_order(
        start: u64, period_ms: u64, window_ms: u64, periods: u16, small: bool,
    ) {
        let bound = if small { 1 << 40 } else { u64::MAX };
        let schedule = CycleSchedule { start: start % bound, period_ms: period_ms % bound, window_ms: window_ms % bound, periods: periods % 2_000 };
        if !schedule.is_valid() {
            return Ok(());
        }
        for k in [0, schedule.periods / 2, schedule.periods - 1] {
            let (opens, ends, closes) = (schedule.opens(k).unwrap(), schedule.ends(k).unwrap(), schedule.closes(k).unwrap());
            prop_assert!(opens < ends && ends < closes);
        }
        prop_assert_eq!(schedule.closes(schedule.periods), None);
        prop_assert_eq!(schedule.end(), schedule.ends(schedule.periods - 1));
    }
}
