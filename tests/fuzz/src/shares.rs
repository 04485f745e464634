//! Batches: the check of all signatures at once, as the host function does it, never disagrees with one share after another.

use codec::{DecodeAll, Encode};
use curve25519_dalek::scalar::Scalar;
use gridveil_primitives::{
    batch::{check, check_each, SignedShare, SIGNED_SHARE_LEN},
    filter::Builder,
    keys::{MeterSecret, SpendKey},
    pseudonym::OneTimeKey,
    Half, PeriodKey,
};
use std::sync::LazyLock;

const GENESIS: [u8; 32] = [7; 32];
const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 0,
    period: 3,
};

/// The shares of four homes, ascending, and their filter.
static GOOD: LazyLock<(Vec<SignedShare>, Vec<u8>)> = LazyLock::new(|| {
    let mut filter = Builder::period(&KEY, 4);
    let mut shares = Vec::new();
    for home in 1..=4 {
        let (spend, keys) = (
            SpendKey::from_seed(&[home; 32]),
            MeterSecret::from_bytes([home; 32]).cycle_keys(),
        );
        for half in Half::BOTH {
            let key = OneTimeKey::derive(&spend, &keys, half, KEY.period);
            shares.push(key.sign_share(&GENESIS, &KEY, u64::from(home)));
        }
    }
    shares.sort_unstable_by_key(|share| share.prid);
    shares.iter().for_each(|share| filter.insert_prid(&share.prid));
    (shares, filter.finish())
});

/// Takes one byte for the kind of input: a batch as it is encoded, or changes to a good one, four bytes each.
pub fn batch(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let (good, filter) = &*GOOD;
    let (mut shares, mut filter) = (good.clone(), filter.clone());
    if kind % 2 == 0 {
        let Ok(read) = Vec::<SignedShare>::decode_all(&mut &rest[..]) else {
            return;
        };
        assert_eq!(read.encode(), rest, "two encodings of one batch");
        shares = read;
        // As many as a block could hold would make one input last for a second.
        shares.truncate(64);
    } else {
        for change in rest.as_chunks::<4>().0.iter().take(8) {
            alter(&mut shares, &mut filter, *change);
        }
    }
    let each = check_each(&GENESIS, &KEY, &filter, &shares);
    assert_eq!(check(&GENESIS, &KEY, &filter, &shares), each);
    #[cfg(feature = "runtime")]
    assert_eq!(
        gridveil_host_functions::shares::check(GENESIS, KEY, &filter, &shares),
        each
    );
    // Whatever passes is made of what was signed: who signs else has no key here.
    assert!(each.is_err() || shares.iter().all(|share| good.contains(share)));
}

/// One change to a batch or its filter.
fn alter(shares: &mut Vec<SignedShare>, filter: &mut [u8], [kind, place, at, by]: [u8; 4]) {
    if shares.is_empty() {
        return;
    }
    let place = usize::from(place) % shares.len();
    let next = (place + 1) % shares.len();
    match kind % 8 {
        0 => {
            let mut bytes = shares[place].encode();
            bytes[usize::from(at) % SIGNED_SHARE_LEN] ^= by;
            shares[place] = SignedShare::decode_all(&mut &bytes[..]).expect("all bytes of this length are a share");
        }
        1 => shares.swap(place, next),
        2 => shares.insert(next, shares[place]),
        3 => drop(shares.remove(place)),
        // Two responses moved against each other, so that their sum is as before.
        4 => {
            let by = Scalar::from(u64::from(by) + 1);
            shares[place].signature = moved(&shares[place].signature, by);
            shares[next].signature = moved(&shares[next].signature, -by);
        }
        5 => {
            let at = (usize::from(at) * 256 + usize::from(by)) % filter.len();
            filter[at] ^= by;
        }
        6 => shares[place].signature = shares[next].signature,
        _ => shares[place].value = shares[place].value.wrapping_add(u64::from(by) << (at % 64)),
    }
}

/// A signature with another response.
fn moved(signature: &[u8; 64], by: Scalar) -> [u8; 64] {
    let mut response: [u8; 32] = std::array::from_fn(|at| signature[32 + at]);
    // The highest bit says only that this is an sr25519 signature.
    response[31] &= 0x7f;
    let response = (Scalar::from_bytes_mod_order(response) + by).to_bytes();
    let mut signature = *signature;
    signature[32..].copy_from_slice(&response);
    signature[63] |= 0x80;
    signature
}

/// A batch as it is, and one with each kind of change.
pub fn batches() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("encoded", [&[0][..], &GOOD.0.encode()].concat()),
        ("unchanged", vec![1]),
        ("byte", vec![1, 0, 3, 101, 0x40]),
        ("swapped", vec![1, 1, 2, 0, 0]),
        ("twice", vec![1, 2, 5, 0, 0]),
        ("without-one", vec![1, 3, 0, 0, 0]),
        ("moved-against-each-other", vec![1, 4, 2, 0, 9, 4, 6, 0, 1]),
        ("filter", vec![1, 5, 0, 0, 0x10]),
        ("signature-of-another", vec![1, 6, 1, 0, 0]),
        ("value", vec![1, 7, 1, 8, 1, 3, 0, 0, 0]),
    ]
}
