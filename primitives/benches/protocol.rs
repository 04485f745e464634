//! What each part of the protocol costs, natively and on one core: `cargo bench -p gridveil-primitives`.

use criterion::{criterion_group, criterion_main, BatchSize, Criterion, Throughput};
use gridveil_primitives::{
    batch,
    commitment::{commit, verify_opening, Committer, PeriodCommitments},
    filter,
    keys::{CycleKeys, RootKey, SpendKey, SplitKey},
    mask,
    prf::Seed,
    pseudonym::{prid, prids, verify, OneTimeKey},
    share, tally, Half, PeriodKey, Prid, PERIODS_PER_CYCLE,
};
use std::hint::black_box;

/// The meters of the larger benches.
const METERS: u32 = 1_000;

fn keys(number: u32) -> CycleKeys {
    let mut bid = [0; 32];
    bid[..4].copy_from_slice(&number.to_le_bytes());
    RootKey::from_bytes([1; 32]).meter_secret(&bid).cycle_keys()
}

/// The mask sums and blindings of all meters in period 0.
fn masks() -> Vec<(u128, [u8; 32])> {
    let of = |number| {
        let keys = keys(number);
        let sum = Half::BOTH
            .into_iter()
            .map(|half| u128::from(mask::mask(&keys, half, 0)))
            .sum();
        (sum, mask::blinding(&keys, 0))
    };
    (0..METERS).map(of).collect()
}

fn prf(criterion: &mut Criterion) {
    let seed = Seed::from_bytes([2; 32]);
    let secret = RootKey::from_bytes([1; 32]).meter_secret(&[0; 32]);
    let mut group = criterion.benchmark_group("prf");
    group.bench_function("leaf", |bench| bench.iter(|| seed.leaf(black_box(719))));
    group.bench_function("ratchet", |bench| bench.iter(|| secret.ratchet()));
    group.bench_function("cycle keys", |bench| bench.iter(|| secret.cycle_keys()));
    group.throughput(Throughput::Elements(u64::from(PERIODS_PER_CYCLE)));
    group.bench_function("leaves of a month", |bench| {
        bench.iter(|| seed.leaves(0, PERIODS_PER_CYCLE).count())
    });
}

/// Shares of one period in the largest batch that the runtime takes.
fn batches(criterion: &mut Criterion) {
    const SHARES: u32 = 2_048;
    let key = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    let mut shares: Vec<_> = (0..SHARES)
        .map(|number| {
            OneTimeKey::derive(&SpendKey::from_seed(&[3; 32]), &keys(number), Half::First, 0).sign_share(
                &[7; 32],
                &key,
                u64::from(number),
            )
        })
        .collect();
    shares.sort_by_key(|share| share.prid);
    let mut filter = filter::Builder::period(&key, SHARES);
    shares.iter().for_each(|share| filter.insert_prid(&share.prid));
    let filter = filter.finish();
    let mut group = criterion.benchmark_group("batch");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(SHARES)));
    group.bench_function("check together", |bench| {
        bench.iter(|| batch::check(&[7; 32], &key, &filter, black_box(&shares)));
    });
    group.bench_function("check each", |bench| {
        bench.iter(|| batch::check_each(&[7; 32], &key, &filter, black_box(&shares)));
    });
}

fn pseudonyms(criterion: &mut Criterion) {
    let (spend, keys) = (SpendKey::from_seed(&[3; 32]), keys(0));
    let public = spend.public();
    let key = OneTimeKey::derive(&spend, &keys, Half::First, 0);
    let message = [7; 120];
    let (name, signature) = (key.prid(), key.sign(&message));
    let mut group = criterion.benchmark_group("pseudonym");
    group.bench_function("derive", |bench| {
        bench.iter(|| OneTimeKey::derive(&spend, &keys, Half::First, black_box(719)));
    });
    group.bench_function("prid", |bench| {
        bench.iter(|| prid(&public, &keys, Half::First, black_box(719)))
    });
    group.bench_function("sign", |bench| bench.iter(|| key.sign(black_box(&message))));
    group.bench_function("verify", |bench| {
        bench.iter(|| verify(&name, black_box(&message), &signature))
    });
    group.throughput(Throughput::Elements(u64::from(PERIODS_PER_CYCLE)));
    group.bench_function("prids of a month", |bench| {
        bench.iter(|| prids(&public, &keys, Half::First, 0, PERIODS_PER_CYCLE).count());
    });
}

fn shares(criterion: &mut Criterion) {
    let (split, keys) = (SplitKey::from_bytes([4; 32]), keys(0));
    let pair = share::split_and_mask(412, &split, &keys, 0, 719);
    let mut group = criterion.benchmark_group("share");
    group.bench_function("mask", |bench| {
        bench.iter(|| mask::mask(&keys, Half::First, black_box(719)))
    });
    group.bench_function("blinding", |bench| bench.iter(|| mask::blinding(&keys, black_box(719))));
    group.bench_function("split and mask", |bench| {
        bench.iter(|| share::split_and_mask(black_box(412), &split, &keys, 0, 719));
    });
    group.bench_function("masks of a month", |bench| {
        bench.iter(|| mask::walk(&keys, 0, PERIODS_PER_CYCLE).count());
    });
    group.bench_function("unmask", |bench| {
        bench.iter(|| share::unmask(pair.first, black_box(pair.second), &keys, 719))
    });
}

fn filters(criterion: &mut Criterion) {
    let key = PeriodKey {
        region: 1,
        cycle: 0,
        period: 0,
    };
    let spend = SpendKey::from_seed(&[3; 32]).public();
    let names: Vec<Prid> = prids(&spend, &keys(0), Half::First, 0, 1_000)
        .chain(prids(&spend, &keys(0), Half::Second, 0, 1_000))
        .map(|(_, prid)| prid)
        .collect();
    let empty = filter::Builder::period(&key, METERS);
    let mut full = empty.clone();
    names.iter().for_each(|prid| full.insert_prid(prid));
    let bytes = full.finish();
    let mut group = criterion.benchmark_group("filter");
    group.bench_function("insert", |bench| {
        bench.iter_batched_ref(
            || empty.clone(),
            |builder| builder.insert_prid(black_box(&names[0])),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("contains", |bench| {
        bench.iter(|| filter::contains_prid(&bytes, &key, black_box(&names[7])))
    });
    group.bench_function("contains not", |bench| {
        bench.iter(|| filter::contains_prid(&bytes, &key, black_box(&[9; 32])))
    });
    group.bench_function("fill for 1,000 meters", |bench| {
        bench.iter_batched_ref(
            || empty.clone(),
            |builder| names.iter().for_each(|prid| builder.insert_prid(prid)),
            BatchSize::LargeInput,
        );
    });
    group.finish();

    let sum = tally::sum(names.iter()).expect("pseudonyms are points");
    let mut group = criterion.benchmark_group("tally");
    group.bench_function("add", |bench| bench.iter(|| tally::add(black_box(&sum), &names[0])));
    group.bench_function("sum of 2,000", |bench| {
        bench.iter(|| tally::sum(black_box(&names).iter()))
    });
}

fn commitments(criterion: &mut Criterion) {
    let (meters, seed) = (masks(), [5; 32]);
    let (mask_sum, blinding) = meters[0];
    let built = PeriodCommitments::build(&meters, &seed);
    let mut group = criterion.benchmark_group("commitment");
    group.bench_function("commit", |bench| bench.iter(|| commit(black_box(mask_sum), &blinding)));
    let committer = Committer::default();
    group.bench_function("make a committer", |bench| bench.iter(Committer::default));
    group.bench_function("build for 1,000 meters", |bench| {
        bench.iter(|| committer.build(&meters, &seed))
    });
    group.bench_function("open without 50 of 1,000", |bench| {
        let left_out: Vec<usize> = (0..50).map(|number| number * 20).collect();
        bench.iter(|| built.open(&left_out, vec![]));
    });
    for count in [0, 1, 50] {
        let opening = built.open(&(0..count).map(|number| number * 20).collect::<Vec<usize>>(), vec![]);
        let (commitment, root) = (built.commitment(), built.root());
        group.bench_function(format!("verify an opening without {count} of 1,000"), |bench| {
            bench.iter(|| verify_opening(METERS, &commitment, &root, black_box(&opening)));
        });
    }
}

criterion_group!(protocol, prf, pseudonyms, batches, shares, filters, commitments);
criterion_main!(protocol);
