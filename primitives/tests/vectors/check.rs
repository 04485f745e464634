//! Reads each file and holds it against the crate and against the naive implementation.

use super::{load, naive};
use gridveil_primitives::{
    batch::{self, SignedShare},
    commitment::{commit, verify_opening, PeriodCommitments},
    filter, hash,
    keys::{CycleKeys, MeterSecret, RootKey, SpendKey, SpendPublic, SplitKey},
    mask, money,
    prf::Seed,
    pseudonym::{prid, prids, verify, OneTimeKey},
    share, tally, Half, LeftOut, Opening, PeriodKey,
};
use serde_json::Value;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap_or_else(|error| panic!("{value}: {error}"))
}

pub(super) fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value)
        .try_into()
        .unwrap_or_else(|_| panic!("{value} is not {N} bytes long"))
}

pub(super) fn number<T: std::str::FromStr>(value: &Value) -> T {
    let digits = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{value} is no number of its kind"))
}

pub(super) fn list(value: &Value) -> &[Value] {
    match value.as_array() {
        Some(list) if !list.is_empty() => list,
        _ => panic!("{value} is no list, or empty"),
    }
}

fn half(value: &Value) -> Half {
    match text(value) {
        "first" => Half::First,
        "second" => Half::Second,
        other => panic!("{other} is no half"),
    }
}

/// Holds that `check` is true of all good cases and false of all tampered ones.
pub(super) fn hold(file: &Value, check: impl Fn(&Value) -> bool) {
    list(&file["good"])
        .iter()
        .for_each(|case| assert!(check(case), "a good case fails: {case}"));
    list(&file["tampered"])
        .iter()
        .for_each(|case| assert!(!check(case), "a tampered case passes: {case}"));
}

#[test]
fn hashes_separate_domains_and_parts() {
    let file = load("hash");
    hold(&file, |case| {
        let parts: Vec<Vec<u8>> = case["parts"].as_array().expect("a list").iter().map(bytes).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let hash = hash::tagged(text(&case["domain"]), &parts);
        assert_eq!(hash.to_vec(), naive::h(text(&case["domain"]), &parts));
        hash == fixed(&case["hash"])
    });
    // BLAKE2b-256 of nothing and of "abc", from other software.
    for (parts, expected) in [
        (
            &[b"".as_slice()] as &[&[u8]],
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
        ),
        (
            &[b"a", b"bc"],
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        ),
    ] {
        assert_eq!(hex::encode(hash::blake2b_256(parts)), expected);
    }
}

#[test]
fn leaves_are_those_of_the_tree_walked_by_hand() {
    hold(&load("prf"), |case| {
        let (seed, k) = (fixed(&case["seed"]), number(&case["period"]));
        let leaf = *Seed::from_bytes(seed).leaf(k);
        assert_eq!(leaf.to_vec(), naive::leaf(&seed, k));
        let walked: Vec<_> = Seed::from_bytes(seed)
            .leaves(k, 1)
            .map(|(k, leaf)| (k, *leaf))
            .collect();
        assert_eq!(walked, [(k, leaf)]);
        leaf == fixed(&case["leaf"])
    });
}

#[test]
fn meter_secrets_ratchet_into_the_next_cycle_and_give_their_seeds() {
    let file = load("keys");
    let check = |case: &Value| {
        let (root, bid) = (fixed(&case["root"]), fixed(&case["bid"]));
        list(&case["cycles"]).iter().all(|cycle| {
            let mut secret = RootKey::from_bytes(root).meter_secret(&bid);
            let mut plain = naive::hkdf(&root, "meter", &bid);
            for _ in 0..number(&cycle["cycles_after_enrolment"]) {
                secret = secret.ratchet();
                plain = naive::hkdf(&plain, "ratchet", &[]);
            }
            assert_eq!(secret.to_bytes().to_vec(), plain);
            let keys = secret.cycle_keys();
            let found = |label: &str, seeds: &[Seed; 2]| {
                (0u8..)
                    .zip(seeds)
                    .zip(list(&cycle[label]))
                    .all(|((half, seed), expected)| {
                        assert_eq!(seed.to_bytes().to_vec(), naive::hkdf(&plain, label, &[half]));
                        seed.to_bytes().to_vec() == bytes(expected)
                    })
            };
            plain == bytes(&cycle["meter_secret"]) && found("pseudonym", &keys.pseudonym) && found("mask", &keys.mask)
        })
    };
    list(&file["good"]["meters"])
        .iter()
        .for_each(|case| assert!(check(case), "{case}"));
    list(&file["tampered"]["meters"])
        .iter()
        .for_each(|case| assert!(!check(case), "{case}"));
}

#[test]
fn shuffle_seeds_spend_keys_and_split_keys_are_as_written() {
    let file = load("keys");
    for case in list(&file["good"]["shuffles"]) {
        let key = PeriodKey {
            region: number(&case["region"]),
            cycle: number(&case["cycle"]),
            period: number(&case["period"]),
        };
        let context = [
            &key.region.to_le_bytes()[..],
            &key.cycle.to_le_bytes(),
            &key.period.to_le_bytes(),
        ]
        .concat();
        let seed = RootKey::from_bytes(fixed(&case["root"])).shuffle_seed(&key);
        assert_eq!(seed.to_vec(), naive::hkdf(&bytes(&case["root"]), "shuffle", &context));
        assert_eq!(seed, fixed(&case["shuffle_seed"]));
    }
    for case in list(&file["good"]["spends"]) {
        let spend = SpendKey::from_seed(&fixed(&case["seed"]));
        assert_eq!(
            *spend.to_bytes(),
            naive::reduce(&naive::h("spend", &[&bytes(&case["seed"])]))
        );
        assert_eq!(*spend.to_bytes(), fixed(&case["spend"]));
        let read = SpendKey::from_bytes(fixed(&case["spend"])).expect("a good spend key");
        assert_eq!(read.public().to_bytes(), fixed(&case["spend_public"]));
        assert_eq!(
            SpendPublic::from_bytes(fixed(&case["spend_public"])),
            Some(spend.public())
        );
    }
    for case in list(&file["good"]["splits"]) {
        let (cycle, k) = (number::<u32>(&case["cycle"]), number::<u16>(&case["period"]));
        let share = SplitKey::from_bytes(fixed(&case["key"])).share(cycle, k);
        let hash = naive::h("split", &[&bytes(&case["key"]), &cycle.to_le_bytes(), &k.to_le_bytes()]);
        assert_eq!(share.to_le_bytes(), hash[..8]);
        assert_eq!(share, number::<u64>(&case["share"]));
    }
    for case in list(&file["tampered"]["spends"]) {
        assert!(SpendKey::from_bytes(fixed(case)).is_none(), "{case}");
    }
    for case in list(&file["tampered"]["spend_publics"]) {
        assert!(SpendPublic::from_bytes(fixed(case)).is_none(), "{case}");
    }
}

/// The spend key and cycle keys of a case.
fn meter(case: &Value) -> (SpendKey, CycleKeys) {
    (
        SpendKey::from_seed(&fixed(&case["spend_seed"])),
        MeterSecret::from_bytes(fixed(&case["meter_secret"])).cycle_keys(),
    )
}

#[test]
fn meter_and_key_centre_find_the_same_pseudonyms() {
    hold(&load("pseudonyms"), |case| {
        let (spend, keys) = meter(case);
        let (half, k) = (half(&case["half"]), number(&case["period"]));
        let found = prid(&spend.public(), &keys, half, k);
        assert_eq!(OneTimeKey::derive(&spend, &keys, half, k).prid(), found);
        assert_eq!(
            prids(&spend.public(), &keys, half, k, 1).collect::<Vec<_>>(),
            [(k, found)]
        );
        let seed = naive::hkdf(
            &bytes(&case["meter_secret"]),
            "pseudonym",
            &[if half == Half::First { 0 } else { 1 }],
        );
        let offset = naive::reduce(&naive::h("pseudonym", &[&naive::leaf(&seed, k)]));
        let secret = naive::reduce(&naive::add(&*spend.to_bytes(), &offset));
        assert_eq!(found.to_vec(), naive::times_base(secret));
        found == fixed(&case["prid"])
    });
}

#[test]
fn masks_and_blindings_are_as_written() {
    hold(&load("masks"), |case| {
        let (_, keys) = meter(case);
        let k = number(&case["period"]);
        let leaves = [0u8, 1].map(|half| naive::leaf(&naive::hkdf(&bytes(&case["meter_secret"]), "mask", &[half]), k));
        let masks = Half::BOTH.map(|half| mask::mask(&keys, half, k));
        for (mask, leaf) in masks.iter().zip(&leaves) {
            assert_eq!(mask.to_le_bytes(), naive::h("mask", &[leaf])[..8]);
        }
        let blinding = mask::blinding(&keys, k);
        assert_eq!(
            blinding,
            naive::reduce(&naive::h("blinding", &[&leaves[0], &leaves[1]]))
        );
        masks.to_vec() == list(&case["masks"]).iter().map(number).collect::<Vec<u64>>()
            && blinding == fixed(&case["blinding"])
    });
}

#[test]
fn shares_come_back_as_the_reading_and_totals_as_the_sum() {
    let file = load("shares");
    let modulus = 1i128 << 64;
    hold(&file, |case| {
        let (_, keys) = meter(case);
        let (cycle, k, reading): (_, _, i64) = (
            number(&case["cycle"]),
            number(&case["period"]),
            number(&case["reading"]),
        );
        let split = SplitKey::from_bytes(fixed(&case["split_key"]));
        let pair = share::split_and_mask(reading, &split, &keys, cycle, k);
        let masks = Half::BOTH.map(|half| i128::from(mask::mask(&keys, half, k)));
        let first = i128::from(split.share(cycle, k));
        assert_eq!(i128::from(pair.first), (first + masks[0]).rem_euclid(modulus));
        assert_eq!(
            i128::from(pair.second),
            (i128::from(reading) - first + masks[1]).rem_euclid(modulus)
        );
        let (first, second) = (number(&case["first"]), number(&case["second"]));
        let same = (pair.first, pair.second) == (first, second);
        assert_eq!(share::unmask(first, second, &keys, k) == reading, same);
        same
    });
    for case in list(&file["totals"]) {
        let (sum, mask_sum): (u64, u128) = (number(&case["sum"]), number(&case["mask_sum"]));
        let total = share::total(sum, mask_sum);
        let low = i128::try_from(mask_sum % (1 << 64)).expect("64 bits");
        assert_eq!(
            i128::from(total).rem_euclid(modulus),
            (i128::from(sum) - low).rem_euclid(modulus)
        );
        assert_eq!(total, number::<i64>(&case["total"]));
    }
}

#[test]
fn signatures_are_accepted_and_tampered_ones_refused() {
    let file = load("signatures");
    for case in list(&file["good"]) {
        let (spend, keys) = meter(case);
        let key = OneTimeKey::derive(&spend, &keys, half(&case["half"]), number(&case["period"]));
        assert_eq!(key.prid(), fixed(&case["prid"]));
        assert_eq!(
            key.sign(&bytes(&case["message"])),
            fixed::<64>(&case["signature"]),
            "signing is deterministic"
        );
    }
    hold(&file, |case| {
        let accepted = verify(
            &fixed(&case["prid"]),
            &bytes(&case["message"]),
            &fixed(&case["signature"]),
        );
        // What Substrate's sr25519 does with the same three.
        let schnorrkel = schnorrkel::PublicKey::from_bytes(&bytes(&case["prid"])).and_then(|public| {
            let signature = schnorrkel::Signature::from_bytes(&bytes(&case["signature"]))?;
            public.verify_simple(b"substrate", &bytes(&case["message"]), &signature)
        });
        assert_eq!(accepted, schnorrkel.is_ok());
        accepted
    });
}

#[test]
fn filters_hold_their_entries_and_nothing_else() {
    let file = load("filters");
    for case in list(&file["good"]["periods"]) {
        let key = PeriodKey {
            region: number(&case["region"]),
            cycle: number(&case["cycle"]),
            period: number(&case["period"]),
        };
        let (published, entries) = (bytes(&case["filter"]), list(&case["prids"]));
        let context = [
            &key.region.to_le_bytes()[..],
            &key.cycle.to_le_bytes(),
            &key.period.to_le_bytes(),
        ]
        .concat();
        let naive = naive::filter(
            "filter/period",
            &context,
            &entries.iter().map(bytes).collect::<Vec<_>>(),
            published.len(),
        );
        assert_eq!(published, naive);
        assert_eq!(published.len(), (entries.len() * 93).div_ceil(8));
        assert!(entries
            .iter()
            .all(|prid| filter::contains_prid(&published, &key, &fixed(prid))));
    }
    for case in list(&file["good"]["cycles"]) {
        let (region, cycle) = (number::<u32>(&case["region"]), number::<u32>(&case["cycle"]));
        let (published, tallies) = (bytes(&case["filter"]), list(&case["tallies"]));
        let context = [region.to_le_bytes(), cycle.to_le_bytes()].concat();
        let entries: Vec<_> = (0u16..)
            .zip(tallies)
            .map(|(k, tally)| [&k.to_le_bytes()[..], &bytes(tally)].concat())
            .collect();
        assert_eq!(
            published,
            naive::filter("filter/cycle", &context, &entries, published.len())
        );
        assert_eq!(published.len(), (tallies.len() * 93).div_ceil(8));
        assert!((0..).zip(tallies).all(|(k, tally)| filter::contains_tally(
            &published,
            region,
            cycle,
            k,
            &fixed(tally)
        )));
    }
    for case in list(&file["tampered"]["prids"]) {
        let key = PeriodKey {
            region: number(&case["region"]),
            cycle: number(&case["cycle"]),
            period: number(&case["period"]),
        };
        assert!(
            !filter::contains_prid(&bytes(&case["filter"]), &key, &fixed(&case["prid"])),
            "{case}"
        );
    }
    for case in list(&file["tampered"]["tallies"]) {
        let (region, cycle, k) = (number(&case["region"]), number(&case["cycle"]), number(&case["period"]));
        assert!(
            !filter::contains_tally(&bytes(&case["filter"]), region, cycle, k, &fixed(&case["tally"])),
            "{case}"
        );
    }
}

#[test]
fn tallies_are_sums_whatever_the_order_and_refuse_what_is_no_point() {
    let file = load("tally");
    hold(&file, |case| {
        let prids: Vec<[u8; 32]> = case["prids"].as_array().expect("a list").iter().map(fixed).collect();
        let sum = tally::sum(prids.iter()).expect("pseudonyms are points");
        let backwards = prids
            .iter()
            .rev()
            .try_fold(tally::EMPTY, |tally, prid| tally::add(&tally, prid));
        assert_eq!(backwards, Some(sum));
        sum == fixed(&case["tally"])
    });
    for case in list(&file["not_points"]) {
        assert_eq!(tally::add(&tally::EMPTY, &fixed(case)), None);
        assert_eq!(tally::add(&fixed(case), &tally::EMPTY), None);
        assert_eq!(tally::sum([fixed(case)].iter()), None);
    }
}

fn opening(case: &Value) -> Opening {
    let left_out = case["left_out"].as_array().expect("a list").iter().map(|one| LeftOut {
        commitment: fixed(&one["commitment"]),
        index: number(&one["index"]),
        proof: one["proof"].as_array().expect("a list").iter().map(fixed).collect(),
    });
    Opening {
        excluded: vec![],
        left_out: left_out.collect(),
        mask_sum: number(&case["mask_sum"]),
        blinding: fixed(&case["blinding"]),
    }
}

#[test]
fn commitments_are_those_of_the_formula() {
    for case in list(&load("commitments")["commitments"]) {
        let (mask_sum, blinding) = (number::<u128>(&case["mask_sum"]), fixed(&case["blinding"]));
        let made = commit(mask_sum, &blinding);
        assert_eq!(made.is_none(), case["commitment"].is_null());
        if let Some(made) = made {
            assert_eq!(made, fixed(&case["commitment"]));
            assert_eq!(
                made.to_vec(),
                naive::commitment(naive::reduce(&mask_sum.to_le_bytes()), blinding)
            );
        }
    }
}

#[test]
fn openings_open_and_tampered_ones_are_refused_by_name() {
    for period in list(&load("commitments")["periods"]) {
        let meters: Vec<(u128, [u8; 32])> = list(&period["meters"])
            .iter()
            .map(|meter| (number(&meter["mask_sum"]), fixed(&meter["blinding"])))
            .collect();
        let seed = fixed(&period["shuffle_seed"]);
        let (commitment, root) = (fixed(&period["commitment"]), fixed(&period["root"]));
        let count = u32::try_from(meters.len()).expect("few");

        let built = PeriodCommitments::build(&meters, &seed);
        assert_eq!((built.commitment(), built.root()), (commitment, root));
        let leaves: Vec<Vec<u8>> = naive::shuffled(meters.len(), &seed)
            .into_iter()
            .map(|meter| naive::commitment(naive::reduce(&meters[meter].0.to_le_bytes()), meters[meter].1))
            .collect();
        assert_eq!(naive::merkle_root(&leaves), root);
        let blindings = meters
            .iter()
            .fold([0; 32], |sum, (_, blinding)| naive::reduce(&naive::add(&sum, blinding)));
        let sum: u128 = meters.iter().map(|(mask_sum, _)| mask_sum).sum();
        assert_eq!(
            commitment.to_vec(),
            naive::commitment(naive::reduce(&sum.to_le_bytes()), blindings)
        );

        for case in list(&period["good"]) {
            let left_out: Vec<usize> = case["left_out_meters"]
                .as_array()
                .expect("a list")
                .iter()
                .map(number)
                .collect();
            assert_eq!(opening(case), built.open(&left_out, vec![]));
            assert_eq!(
                verify_opening(count, &commitment, &root, &opening(case)),
                Ok(()),
                "{case}"
            );
            let sum: u128 = (0..meters.len())
                .filter(|meter| !left_out.contains(meter))
                .map(|meter| meters[meter].0)
                .sum();
            assert_eq!(opening(case).mask_sum, sum);
        }
        for case in list(&period["tampered"]) {
            let error = verify_opening(count, &commitment, &root, &opening(case)).expect_err(text(&case["what"]));
            assert_eq!(format!("{error:?}"), text(&case["error"]), "{}", case["what"]);
        }
    }
}

#[test]
fn money_is_exact_and_rounds_once() {
    let file = load("money");
    let check = |case: &Value| money::line(number(&case["energy"]), number(&case["price"])) == number(&case["line"]);
    list(&file["lines"])
        .iter()
        .for_each(|case| assert!(check(case), "{case}"));
    list(&file["tampered_lines"])
        .iter()
        .for_each(|case| assert!(!check(case), "{case}"));

    let check = |case: &Value| {
        let sum: i128 = number(&case["lines_sum"]);
        let amount = money::amount(sum);
        // Half away from zero: the magnitude plus a half, cut.
        let magnitude = (sum.unsigned_abs() + 5_000_000) / 10_000_000;
        let signed = i128::try_from(magnitude).expect("a quotient is small") * sum.signum();
        assert_eq!(
            i128::from(amount),
            signed.clamp(i128::from(i64::MIN), i128::from(i64::MAX))
        );
        amount == number::<i64>(&case["amount"])
    };
    list(&file["amounts"])
        .iter()
        .for_each(|case| assert!(check(case), "{case}"));
    list(&file["tampered_amounts"])
        .iter()
        .for_each(|case| assert!(!check(case), "{case}"));
}

#[test]
fn batches_are_accepted_and_tampered_ones_refused_in_both_ways() {
    hold(&load("batches"), |case| {
        let (genesis, filter) = (fixed(&case["genesis"]), bytes(&case["filter"]));
        let key = PeriodKey {
            region: number(&case["region"]),
            cycle: number(&case["cycle"]),
            period: number(&case["period"]),
        };
        let shares: Vec<SignedShare> = case["shares"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|share| SignedShare {
                prid: fixed(&share["prid"]),
                value: number(&share["value"]),
                signature: fixed(&share["signature"]),
            })
            .collect();
        let answer = batch::check_each(&genesis, &key, &filter, &shares);
        assert_eq!(batch::check(&genesis, &key, &filter, &shares), answer);
        // What any implementation of sr25519 says to the signatures, and the plain sum.
        let signed = shares.iter().all(|share| {
            let (region, cycle) = (key.region.to_le_bytes(), key.cycle.to_le_bytes());
            let (period, value) = (key.period.to_le_bytes(), share.value.to_le_bytes());
            let message = [&genesis[..], &region, &cycle, &period, &value].concat();
            schnorrkel::PublicKey::from_bytes(&share.prid).is_ok_and(|public| {
                schnorrkel::Signature::from_bytes(&share.signature)
                    .is_ok_and(|signature| public.verify_simple(b"gridveil/v1/share", &message, &signature).is_ok())
            })
        });
        if let Ok(tally) = answer {
            assert!(signed);
            assert_eq!(tally, fixed(&case["tally"]));
            assert_eq!(Some(tally), tally::sum(shares.iter().map(|share| &share.prid)));
        }
        answer.is_ok()
    });
}
