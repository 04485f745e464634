//! Computes the vectors. Inputs are hashes of what they are for; 64-bit and larger integers are decimal strings.

use super::bills;
use gridveil_primitives::{
    batch::{self, SignedShare},
    commitment::{commit, PeriodCommitments},
    filter, hash,
    keys::{CycleKeys, MeterSecret, RootKey, SpendKey, SplitKey},
    mask, money,
    prf::Seed,
    pseudonym::{prid, OneTimeKey},
    share, tally, Half, Opening, PeriodKey, Prid,
};
use serde_json::{json, Value};

/// Every file by its name.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("hash", hashes()),
        ("prf", prf()),
        ("keys", keys()),
        ("pseudonyms", pseudonyms()),
        ("masks", masks()),
        ("shares", shares()),
        ("signatures", signatures()),
        ("batches", batches()),
        ("filters", filters()),
        ("tally", tallies()),
        ("commitments", commitments()),
        ("money", moneys()),
        ("bills", bills::make()),
    ]
}

/// Input bytes that say what they are for.
pub(super) fn input(label: &str) -> [u8; 32] {
    hash::blake2b_256(&[b"gridveil test vector: ", label.as_bytes()])
}

pub(super) fn flip<const N: usize>(mut bytes: [u8; N], bit: usize) -> [u8; N] {
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

const HALVES: [(&str, Half); 2] = [("first", Half::First), ("second", Half::Second)];

/// Batches of shares of one period, with the filter over the pseudonyms of the good ones.
fn batches() -> Value {
    let (genesis, key) = (
        input("genesis"),
        PeriodKey {
            region: 1,
            cycle: 2,
            period: 3,
        },
    );
    let mut filter = filter::Builder::period(&key, 3);
    let mut shares = vec![];
    for name in ["meter 1", "meter 2", "meter 3"] {
        let (spend, keys, _) = meter(name);
        for (half, value) in [(Half::First, 1), (Half::Second, u64::MAX)] {
            let share = OneTimeKey::derive(&spend, &keys, half, key.period).sign_share(&genesis, &key, value);
            filter.insert_prid(&share.prid);
            shares.push(share);
        }
    }
    shares.sort_by_key(|share| share.prid);
    let filter = filter.finish();
    let case = |shares: &[SignedShare]| {
        let tally = batch::check_each(&genesis, &key, &filter, shares).ok().map(hex::encode);
        json!({ "genesis": hex::encode(genesis), "region": key.region, "cycle": key.cycle, "period": key.period,
                "filter": hex::encode(&filter), "tally": tally,
                "shares": shares.iter().map(|share| json!({ "prid": hex::encode(share.prid),
                    "value": share.value.to_string(), "signature": hex::encode(share.signature) })).collect::<Vec<_>>() })
    };
    let changed = |what: &str, change: &dyn Fn(&mut Vec<SignedShare>)| {
        let mut shares = shares.clone();
        change(&mut shares);
        with(case(&shares), json!({ "what": what }))
    };
    json!({ "version": 1, "good": [case(&shares), case(&shares[..1]), case(&[])], "tampered": [
        changed("another value", &|shares| shares[2].value ^= 1),
        changed("another's signature", &|shares| shares[4].signature = shares[3].signature),
        changed("a signature without its mark", &|shares| shares[5].signature[63] &= 0x7f),
        changed("not ascending", &|shares| shares.swap(0, 1)),
        changed("one share twice", &|shares| shares.insert(1, shares[0])),
        changed("a pseudonym that is not in the filter", &|shares| shares[5].prid = [0xff; 32]),
        changed("two signatures with a bit of their scalars changed", &|shares| {
            shares[0].signature[32] ^= 1;
            shares[1].signature[32] ^= 1;
        }),
    ] })
}

fn hashes() -> Value {
    let case = |domain: &str, parts: &[&[u8]]| {
        json!({ "domain": domain, "parts": parts.iter().map(hex::encode).collect::<Vec<_>>(),
                "hash": hex::encode(hash::tagged(domain, parts)) })
    };
    let good = [
        case("ggm", &[&input("node")]),
        case("test", &[]),
        case("test", &[b""]),
        case("test", &[b"ab", b"c"]),
        case("test", &[b"a", b"bc"]),
        case("test", &[&[0; 300]]),
    ];
    let mut other_parts = case("test", &[b"ab", b"c"]);
    other_parts["parts"] = json!([hex::encode(b"abc")]);
    let mut other_domain = case("ggm", &[&input("node")]);
    other_domain["domain"] = json!("mask");
    json!({ "version": 1, "good": good, "tampered": [other_parts, other_domain] })
}

fn prf() -> Value {
    let case = |seed: [u8; 32], k: u16| json!({ "seed": hex::encode(seed), "period": k, "leaf": hex::encode(*Seed::from_bytes(seed).leaf(k)) });
    let mut good = vec![];
    for seed in [[0; 32], input("seed")] {
        good.extend([0, 1, 2, 719, 1_439, 1_487, 32_768, 65_535].map(|k| case(seed, k)));
    }
    let changed = |key: &str, to: Value| {
        let mut case = case(input("seed"), 719);
        case[key] = to;
        case
    };
    let leaf = *Seed::from_bytes(input("seed")).leaf(719);
    json!({ "version": 1, "good": good, "tampered": [
        changed("period", json!(720)),
        changed("seed", json!(hex::encode(flip(input("seed"), 0)))),
        changed("leaf", json!(hex::encode(flip(leaf, 255)))),
    ] })
}

fn keys() -> Value {
    let (root, bid) = (input("root"), input("bid"));
    let key = RootKey::from_bytes(root);
    let mut secret = key.meter_secret(&bid);
    let mut cycles = vec![];
    for cycle in 0..3 {
        let CycleKeys { pseudonym, mask } = secret.cycle_keys();
        cycles.push(json!({
            "cycles_after_enrolment": cycle,
            "meter_secret": hex::encode(*secret.to_bytes()),
            "pseudonym": pseudonym.map(|seed| hex::encode(*seed.to_bytes())),
            "mask": mask.map(|seed| hex::encode(*seed.to_bytes())),
        }));
        secret = secret.ratchet();
    }
    let shuffle = |region, cycle, period| {
        let seed = key.shuffle_seed(&PeriodKey { region, cycle, period });
        json!({ "root": hex::encode(root), "region": region, "cycle": cycle, "period": period, "shuffle_seed": hex::encode(seed) })
    };
    let spend = |label: &str| {
        let spend = SpendKey::from_seed(&input(label));
        json!({ "seed": hex::encode(input(label)), "spend": hex::encode(*spend.to_bytes()), "spend_public": hex::encode(spend.public().to_bytes()) })
    };
    let split = |cycle, period| {
        let share = SplitKey::from_bytes(input("split")).share(cycle, period);
        json!({ "key": hex::encode(input("split")), "cycle": cycle, "period": period, "share": share.to_string() })
    };
    let mut next = cycles[1].clone();
    next["cycles_after_enrolment"] = json!(2);
    // q itself, q + 1, and a point's coordinate that is negative or no square.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let above = "eed3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    json!({ "version": 1,
        "good": {
            "meters": [{ "root": hex::encode(root), "bid": hex::encode(bid), "cycles": cycles }],
            "shuffles": [shuffle(0, 0, 0), shuffle(1, 2, 3), shuffle(u32::MAX, u32::MAX, u16::MAX)],
            "spends": [spend("spend"), spend("another spend")],
            "splits": [split(0, 0), split(0, 1), split(1, 0), split(u32::MAX, u16::MAX)],
        },
        "tampered": {
            "meters": [
                { "root": hex::encode(root), "bid": hex::encode(flip(bid, 7)), "cycles": [cycles[0]] },
                { "root": hex::encode(flip(root, 0)), "bid": hex::encode(bid), "cycles": [cycles[0]] },
                { "root": hex::encode(root), "bid": hex::encode(bid), "cycles": [next] },
            ],
            "spends": [order, above, "00".repeat(32), "ff".repeat(32)],
            "spend_publics": ["00".repeat(32), "ff".repeat(32), format!("01{}", "00".repeat(31)), order],
        },
    })
}

/// The keys of the meter of the next vectors, and the inputs that make them.
fn meter(label: &str) -> (SpendKey, CycleKeys, Value) {
    let (seed, secret) = (
        input(&format!("spend of {label}")),
        input(&format!("secret of {label}")),
    );
    let inputs = json!({ "spend_seed": hex::encode(seed), "meter_secret": hex::encode(secret) });
    (
        SpendKey::from_seed(&seed),
        MeterSecret::from_bytes(secret).cycle_keys(),
        inputs,
    )
}

fn with(mut base: Value, fields: Value) -> Value {
    let fields = fields.as_object().expect("fields are an object").clone();
    base.as_object_mut().expect("a case is an object").extend(fields);
    base
}

fn pseudonyms() -> Value {
    let mut good = vec![];
    for name in ["meter 1", "meter 2"] {
        let (spend, keys, inputs) = meter(name);
        for (label, half) in HALVES {
            for k in [0, 1, 1_439] {
                let prid = hex::encode(prid(&spend.public(), &keys, half, k));
                good.push(with(
                    inputs.clone(),
                    json!({ "half": label, "period": k, "prid": prid }),
                ));
            }
        }
    }
    let other = &meter("meter 2").2;
    let tampered = [
        with(good[0].clone(), json!({ "half": "second" })),
        with(good[0].clone(), json!({ "period": 1 })),
        with(good[0].clone(), json!({ "spend_seed": other["spend_seed"] })),
        with(good[0].clone(), json!({ "meter_secret": other["meter_secret"] })),
    ];
    json!({ "version": 1, "good": good, "tampered": tampered })
}

fn masks() -> Value {
    let (_, keys, inputs) = meter("meter 1");
    let good: Vec<_> = [0, 1, 1_439]
        .map(|k| {
            let masks = Half::BOTH.map(|half| mask::mask(&keys, half, k).to_string());
            let blinding = hex::encode(mask::blinding(&keys, k));
            with(
                inputs.clone(),
                json!({ "period": k, "masks": masks, "blinding": blinding }),
            )
        })
        .into();
    let swapped = json!([good[0]["masks"][1], good[0]["masks"][0]]);
    let tampered = [
        with(good[0].clone(), json!({ "period": 1 })),
        with(good[0].clone(), json!({ "masks": swapped })),
        with(good[0].clone(), json!({ "blinding": good[1]["blinding"] })),
    ];
    json!({ "version": 1, "good": good, "tampered": tampered })
}

fn shares() -> Value {
    let (_, keys, inputs) = meter("meter 1");
    let split = SplitKey::from_bytes(input("split"));
    let mut good = vec![];
    for (cycle, k, reading) in [
        (0, 0, 0),
        (0, 1, 1),
        (0, 2, -1),
        (3, 719, 412),
        (3, 1_439, i64::MAX),
        (3, 1_439, i64::MIN),
    ] {
        let pair = share::split_and_mask(reading, &split, &keys, cycle, k);
        good.push(with(
            inputs.clone(),
            json!({ "split_key": hex::encode(*split.to_bytes()), "cycle": cycle, "period": k, "reading": reading.to_string(),
                    "first": pair.first.to_string(), "second": pair.second.to_string() }),
        ));
    }
    let total = |sum: u64, mask_sum: u128| json!({ "sum": sum.to_string(), "mask_sum": mask_sum.to_string(), "total": share::total(sum, mask_sum).to_string() });
    let first: u64 = good[3]["first"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("it was written above");
    let tampered = [
        with(good[3].clone(), json!({ "first": first.wrapping_add(1).to_string() })),
        with(
            good[3].clone(),
            json!({ "first": good[3]["second"], "second": good[4]["first"] }),
        ),
        with(good[3].clone(), json!({ "period": 720 })),
        with(good[3].clone(), json!({ "reading": "413" })),
    ];
    let totals = [
        total(0, 0),
        total(5, 6),
        total(1, u128::from(u64::MAX) + 2),
        total(u64::MAX, 3 * u128::from(u64::MAX)),
        total(1 << 63, 0),
        total(0, u128::MAX),
    ];
    json!({ "version": 1, "good": good, "totals": totals, "tampered": tampered })
}

fn signatures() -> Value {
    let (spend, keys, inputs) = meter("meter 1");
    let mut good = vec![];
    for (message, (label, half), k) in [
        (b"".as_slice(), HALVES[0], 0),
        (b"a share", HALVES[0], 0),
        (b"a share", HALVES[1], 0),
        (&[0xa5; 256], HALVES[1], 1_439),
    ] {
        let key = OneTimeKey::derive(&spend, &keys, half, k);
        good.push(with(
            inputs.clone(),
            json!({ "half": label, "period": k, "message": hex::encode(message), "prid": hex::encode(key.prid()),
                    "signature": hex::encode(key.sign(message)) }),
        ));
    }
    let base = &good[1];
    let signature: [u8; 64] = hex::decode(base["signature"].as_str().expect("a string"))
        .expect("hex")
        .try_into()
        .expect("64");
    let prid: Prid = hex::decode(base["prid"].as_str().expect("a string"))
        .expect("hex")
        .try_into()
        .expect("32");
    let changed = |what: &str, fields: Value| {
        let mut case = with(base.clone(), fields);
        case.as_object_mut()
            .expect("a case is an object")
            .retain(|key, _| ["message", "prid", "signature"].contains(&key.as_str()));
        with(case, json!({ "what": what }))
    };
    let mut large = signature;
    large[32..].copy_from_slice(&super::naive::add_order(&signature[32..], 0x80));
    let tampered = [
        changed("another message", json!({ "message": hex::encode(b"a shard") })),
        changed("a longer message", json!({ "message": hex::encode(b"a share\0") })),
        changed("the other half's pseudonym", json!({ "prid": good[2]["prid"] })),
        changed(
            "the other half's signature",
            json!({ "signature": good[2]["signature"] }),
        ),
        changed("a bit of R", json!({ "signature": hex::encode(flip(signature, 3)) })),
        changed(
            "a bit of s",
            json!({ "signature": hex::encode(flip(signature, 256 + 9)) }),
        ),
        changed(
            "without schnorrkel's mark",
            json!({ "signature": hex::encode(flip(signature, 511)) }),
        ),
        changed("s not reduced", json!({ "signature": hex::encode(large) })),
        changed("a bit of the pseudonym", json!({ "prid": hex::encode(flip(prid, 17)) })),
        changed("a pseudonym that is no point", json!({ "prid": "ff".repeat(32) })),
        changed("zeros", json!({ "signature": "00".repeat(64) })),
    ];
    json!({ "version": 1, "good": good, "tampered": tampered })
}

/// The pseudonyms of both halves of this many meters.
fn prids_of(meters: u32, k: u16) -> Vec<Prid> {
    (0..meters)
        .flat_map(|number| {
            let (spend, keys, _) = meter(&format!("meter {number}"));
            Half::BOTH.map(|half| prid(&spend.public(), &keys, half, k))
        })
        .collect()
}

fn filters() -> Value {
    let key = PeriodKey {
        region: 1,
        cycle: 2,
        period: 3,
    };
    let prids = prids_of(3, key.period);
    let mut builder = filter::Builder::period(&key, 3);
    prids.iter().for_each(|prid| builder.insert_prid(prid));
    let bytes = builder.finish();

    let tallies: Vec<_> = (0..4)
        .map(|k| tally::sum(prids_of(3, k).iter()).expect("pseudonyms are points"))
        .collect();
    let mut builder = filter::Builder::cycle(1, 2, 4);
    (0..)
        .zip(&tallies)
        .for_each(|(k, tally)| builder.insert_tally(k, tally));
    let cycle_bytes = builder.finish();

    let period = json!({ "region": 1, "cycle": 2, "period": 3, "filter": hex::encode(&bytes), "prids": prids.iter().map(hex::encode).collect::<Vec<_>>() });
    let cycle = json!({ "region": 1, "cycle": 2, "filter": hex::encode(&cycle_bytes), "tallies": tallies.iter().map(hex::encode).collect::<Vec<_>>() });
    let prid_case = |what: &str, fields: Value| {
        with(
            json!({ "what": what, "region": 1, "cycle": 2, "period": 3, "prid": hex::encode(prids[0]), "filter": hex::encode(&bytes) }),
            fields,
        )
    };
    let tally_case = |what: &str, fields: Value| {
        with(
            json!({ "what": what, "region": 1, "cycle": 2, "period": 0, "tally": hex::encode(tallies[0]), "filter": hex::encode(&cycle_bytes) }),
            fields,
        )
    };
    let cleared: Vec<u8> = bytes
        .iter()
        .enumerate()
        .map(|(i, byte)| if i % 4 == 0 { 0 } else { *byte })
        .collect();
    json!({ "version": 1, "good": { "periods": [period], "cycles": [cycle] }, "tampered": {
        "prids": [
            prid_case("another pseudonym", json!({ "prid": hex::encode(flip(prids[0], 1)) })),
            prid_case("the same meter's pseudonym of another period", json!({ "prid": hex::encode(prids_of(1, 4)[0]) })),
            prid_case("another region", json!({ "region": 2 })),
            prid_case("another cycle", json!({ "cycle": 1 })),
            prid_case("another period", json!({ "period": 4 })),
            prid_case("bits cleared", json!({ "filter": hex::encode(&cleared) })),
            prid_case("a filter one byte short", json!({ "filter": hex::encode(&bytes[1..]) })),
            prid_case("an empty filter", json!({ "filter": "" })),
            prid_case("a cycle's filter", json!({ "filter": hex::encode(&cycle_bytes) })),
        ],
        "tallies": [
            tally_case("another tally", json!({ "tally": hex::encode(flip(tallies[0], 250)) })),
            tally_case("another period's tally", json!({ "tally": hex::encode(tallies[1]) })),
            tally_case("another period", json!({ "period": 1 })),
            tally_case("another region", json!({ "region": 2 })),
            tally_case("another cycle", json!({ "cycle": 3 })),
            tally_case("an empty filter", json!({ "filter": "" })),
        ],
    } })
}

fn tallies() -> Value {
    let case = |prids: &[Prid]| json!({ "prids": prids.iter().map(hex::encode).collect::<Vec<_>>(), "tally": tally::sum(prids.iter()).map(hex::encode) });
    let prids = prids_of(3, 0);
    let good = [case(&[]), case(&prids[..1]), case(&prids), case(&[prids[0], prids[0]])];
    let tampered = [
        with(case(&prids), json!({ "prids": case(&prids[1..])["prids"] })),
        with(
            case(&prids),
            json!({ "prids": case(&[&prids[..], &prids[..1]].concat())["prids"] }),
        ),
        with(case(&prids), json!({ "tally": hex::encode(tally::EMPTY) })),
    ];
    let invalid = [
        "ff".repeat(32),
        format!("01{}", "00".repeat(31)),
        hex::encode(flip(prids[0], 0)),
    ];
    json!({ "version": 1, "good": good, "tampered": tampered, "not_points": invalid })
}

/// An opening as the vectors have it.
fn opening(opening: &Opening) -> Value {
    let left_out: Vec<_> = opening
        .left_out
        .iter()
        .map(|one| json!({ "index": one.index, "commitment": hex::encode(one.commitment), "proof": one.proof.iter().map(hex::encode).collect::<Vec<_>>() }))
        .collect();
    json!({ "left_out": left_out, "mask_sum": opening.mask_sum.to_string(), "blinding": hex::encode(opening.blinding) })
}

fn commitments() -> Value {
    let k = 3;
    let meters: Vec<(u128, [u8; 32])> = (0..5)
        .map(|number| {
            let (_, keys, _) = meter(&format!("meter {number}"));
            let sum = Half::BOTH
                .into_iter()
                .map(|half| u128::from(mask::mask(&keys, half, k)))
                .sum();
            (sum, mask::blinding(&keys, k))
        })
        .collect();
    let seed = input("shuffle");
    let built = PeriodCommitments::build(&meters, &seed);
    let single = |mask_sum: u128, blinding: [u8; 32]| json!({ "mask_sum": mask_sum.to_string(), "blinding": hex::encode(blinding), "commitment": commit(mask_sum, &blinding).map(hex::encode) });
    let mut singles: Vec<_> = meters.iter().map(|(sum, blinding)| single(*sum, *blinding)).collect();
    singles.extend([
        single(0, [0; 32]),
        single(1, [0; 32]),
        single(u128::MAX, meters[0].1),
        single(0, [0xff; 32]),
    ]);

    let openings: Vec<_> = [vec![], vec![0], vec![3, 1], vec![0, 1, 2, 3, 4]]
        .into_iter()
        .map(|left_out: Vec<usize>| {
            with(
                opening(&built.open(&left_out, vec![])),
                json!({ "left_out_meters": left_out }),
            )
        })
        .collect();

    let partial = built.open(&[1, 3], vec![]);
    let changed = |error: &str, what: &str, change: &dyn Fn(&mut Opening)| {
        let mut changed = partial.clone();
        change(&mut changed);
        with(opening(&changed), json!({ "what": what, "error": error }))
    };
    let tampered = [
        changed("DoesNotOpen", "another mask sum", &|opening| opening.mask_sum += 1),
        changed("DoesNotOpen", "another blinding", &|opening| {
            opening.blinding = meters[0].1
        }),
        changed("DoesNotOpen", "a left-out meter not named", &|opening| {
            drop(opening.left_out.pop())
        }),
        changed("DoesNotOpen", "every left-out meter not named", &|opening| {
            opening.left_out.clear()
        }),
        changed("NotCanonical", "the blinding not reduced", &|opening| {
            opening.blinding = super::naive::add_order(&opening.blinding, 0)
        }),
        changed("SumTooLarge", "more than three meters' masks", &|opening| {
            opening.mask_sum = 6 * u128::from(u64::MAX) + 1
        }),
        changed("ProofInvalid", "a bit of a commitment", &|opening| {
            opening.left_out[0].commitment[0] ^= 2
        }),
        changed("ProofInvalid", "another meter's commitment", &|opening| {
            opening.left_out[0].commitment = opening.left_out[1].commitment
        }),
        changed("ProofInvalid", "a bit of a proof", &|opening| {
            opening.left_out[0].proof[0][0] ^= 1
        }),
        changed("ProofInvalid", "a proof one hash short", &|opening| {
            opening.left_out[0].proof.truncate(2)
        }),
        changed("ProofInvalid", "a proof one hash long", &|opening| {
            opening.left_out[0].proof.push([0; 32])
        }),
        changed("Unordered", "the same meter twice", &|opening| {
            opening.left_out[1] = opening.left_out[0].clone()
        }),
        changed("Unordered", "the wrong order", &|opening| opening.left_out.reverse()),
        changed("TooMany", "a place beyond the last", &|opening| {
            opening.left_out[1].index = 5
        }),
        changed("TooMany", "more left out than there are meters", &|opening| {
            opening.left_out = (0..6)
                .map(|index| gridveil_primitives::LeftOut {
                    index,
                    ..opening.left_out[0].clone()
                })
                .collect();
        }),
    ];
    json!({ "version": 1, "commitments": singles, "periods": [{
        "meters": meters.iter().map(|(sum, blinding)| json!({ "mask_sum": sum.to_string(), "blinding": hex::encode(blinding) })).collect::<Vec<_>>(),
        "shuffle_seed": hex::encode(seed),
        "commitment": hex::encode(built.commitment()),
        "root": hex::encode(built.root()),
        "good": openings,
        "tampered": tampered,
    }] })
}

fn moneys() -> Value {
    let line = |energy: i64, price: u64| json!({ "energy": energy.to_string(), "price": price.to_string(), "line": money::line(energy, price).to_string() });
    let amount = |sum: i128| json!({ "lines_sum": sum.to_string(), "amount": money::amount(sum).to_string() });
    let lines = [
        line(0, 1),
        line(412, 200_000),
        line(-412, 200_000),
        line(i64::MAX, u64::MAX),
        line(i64::MIN, u64::MAX),
    ];
    let amounts = [
        0,
        1,
        4_999_999,
        5_000_000,
        14_999_999,
        15_000_000,
        10_000_000,
        i128::MAX,
        i64::MAX as i128 * 10_000_000,
    ]
    .into_iter()
    .flat_map(|sum: i128| [amount(sum), amount(-sum)])
    .chain([amount(i128::MIN)])
    .collect::<Vec<_>>();
    let tampered = [
        with(line(412, 200_000), json!({ "energy": "413" })),
        with(line(412, 200_000), json!({ "price": "200001" })),
        with(line(412, 200_000), json!({ "line": "-82400000" })),
    ];
    let tampered_amounts = [
        with(amount(15_000_000), json!({ "amount": "1" })),
        with(amount(-5_000_000), json!({ "amount": "0" })),
    ];
    json!({ "version": 1, "lines": lines, "amounts": amounts, "tampered_lines": tampered, "tampered_amounts": tampered_amounts })
}
