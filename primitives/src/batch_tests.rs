//! That the check of many shares together says what the check of each says, on everything that could part them.

use super::*;
use crate::{
    filter::Builder,
    keys::{MeterSecret, SpendKey},
    pseudonym::{Half, OneTimeKey},
};
use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::CompressedRistretto, scalar::Scalar};
use proptest::prelude::*;
use rand_core::RngCore;
use schnorrkel::{signing_context, verify_batch_deterministic};

const GENESIS: [u8; 32] = [7; 32];
const KEY: PeriodKey = PeriodKey {
    region: 1,
    cycle: 2,
    period: 3,
};

/// q, the order of the group, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn key_of(number: u32) -> OneTimeKey {
    let mut seed = [1u8; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    let keys = MeterSecret::from_bytes([2; 32]).cycle_keys();
    OneTimeKey::derive(&SpendKey::from_seed(&seed), &keys, Half::First, KEY.period)
}

/// As many signed shares, ascending.
fn batch(count: u32) -> Vec<SignedShare> {
    let mut shares: Vec<_> = (0..count)
        .map(|number| key_of(number).sign_share(&GENESIS, &KEY, u64::from(number) << 32))
        .collect();
    shares.sort_by_key(|share| share.prid);
    shares
}

/// A filter over the pseudonyms of these shares.
fn filter_of(shares: &[SignedShare]) -> Vec<u8> {
    let mut filter = Builder::period(&KEY, 64);
    shares.iter().for_each(|share| filter.insert_prid(&share.prid));
    filter.finish()
}

/// Both answers, which have to be one.
fn answer(filter: &[u8], shares: &[SignedShare]) -> Result<PointBytes, BadShare> {
    let each = check_each(&GENESIS, &KEY, filter, shares);
    assert_eq!(check(&GENESIS, &KEY, filter, shares), each);
    // `check` falls back on `check_each`, so that this is what the two have to agree on.
    assert_eq!(check_together(&GENESIS, &KEY, filter, shares), each.ok());
    each
}

/// The answer with a filter that lets these very shares in.
fn answer_in_filter(shares: &[SignedShare]) -> Result<PointBytes, BadShare> {
    answer(&filter_of(shares), shares)
}

fn bad(index: u32, fault: Fault) -> Result<PointBytes, BadShare> {
    Err(BadShare { index, fault })
}

#[test]
fn a_batch_in_order_gives_the_sum_of_its_pseudonyms() {
    for count in [0, 1, 2, 3, 40] {
        let shares = batch(count);
        let prids: Vec<_> = shares.iter().map(|share| share.prid).collect();
        assert_eq!(
            answer_in_filter(&shares).ok(),
            crate::tally::sum(prids.iter()),
            "{count}"
        );
        assert!(shares.iter().all(|share| verify_share(&GENESIS, &KEY, share)));
    }
}

#[test]
fn a_share_signed_for_another_chain_period_or_value_is_refused() {
    let shares = batch(3);
    let filter = filter_of(&shares);
    let other = PeriodKey { cycle: 3, ..KEY };
    let mut others = Builder::period(&other, 64);
    shares.iter().for_each(|share| others.insert_prid(&share.prid));
    let others = others.finish();
    for check in [check, check_each] {
        assert_eq!(check(&[8; 32], &KEY, &filter, &shares), bad(0, Fault::BadSignature));
        assert_eq!(check(&GENESIS, &other, &others, &shares), bad(0, Fault::BadSignature));
    }
    let mut altered = shares;
    altered[1].value ^= 1;
    assert_eq!(answer_in_filter(&altered), bad(1, Fault::BadSignature));
    assert!(!verify_share(&GENESIS, &KEY, &altered[1]));
}

#[test]
fn the_first_wrong_share_is_named_with_its_first_fault() {
    let shares = batch(4);
    let filter = filter_of(&shares[..3]);
    assert_eq!(answer(&filter, &shares), bad(3, Fault::NotInFilter));
    let swapped = [shares[0], shares[2], shares[1]];
    assert_eq!(answer_in_filter(&swapped), bad(2, Fault::Unordered));
    let twice = [shares[0], shares[0]];
    assert_eq!(answer_in_filter(&twice), bad(1, Fault::Unordered));
    let mut forged = shares.clone();
    forged[0].signature[3] ^= 1;
    assert_eq!(answer(&filter, &forged), bad(0, Fault::BadSignature));
}

#[test]
fn two_values_under_one_pseudonym_do_not_share_a_batch() {
    let key = key_of(1);
    let shares = [1, 2].map(|value| key.sign_share(&GENESIS, &KEY, value));
    assert_eq!(answer_in_filter(&shares), bad(1, Fault::Unordered));
}

#[test]
fn a_signature_for_a_batch_is_none_of_a_transaction_and_the_other_way_round() {
    let key = key_of(1);
    let message = share_message(&GENESIS, &KEY, 5);
    let mut share = key.sign_share(&GENESIS, &KEY, 5);
    assert!(!crate::pseudonym::verify(&share.prid, &message, &share.signature));
    share.signature = key.sign(&message);
    assert_eq!(answer_in_filter(&[share]), bad(0, Fault::BadSignature));
}

#[test]
fn signatures_without_the_mark_or_with_a_scalar_that_is_not_reduced_are_refused() {
    let shares = batch(2);
    let mut unmarked = shares.clone();
    unmarked[1].signature[63] &= 0x7f;
    assert_eq!(answer_in_filter(&unmarked), bad(1, Fault::BadSignature));

    // s + q is the same scalar in a form that is not canonical.
    let mut carry = 0u16;
    let mut above = shares.clone();
    above[1].signature[63] &= 0x7f;
    for (byte, order) in above[1].signature[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = (carry & 0xff) as u8;
        carry >>= 8;
    }
    above[1].signature[63] |= 0x80;
    assert_eq!(answer_in_filter(&above), bad(1, Fault::BadSignature));
}

/// Encodings that are no canonical ones of a point: above p, negative, no square, and p itself, which would be zero.
fn no_points() -> Vec<[u8; 32]> {
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let mut p_and_two = p;
    p_and_two[0] = 0xef;
    let mut negative = [0; 32];
    negative[0] = 1;
    let mut high_bit = key_of(1).prid();
    high_bit[31] |= 0x80;
    let mut odd = key_of(1).prid();
    odd[0] |= 1;
    vec![[0xff; 32], p, p_and_two, negative, high_bit, odd]
}

#[test]
fn points_in_other_than_their_canonical_form_are_refused_as_pseudonym_and_as_commitment() {
    for bytes in no_points() {
        assert_eq!(CompressedRistretto(bytes).decompress(), None, "{bytes:?}");
        let mut share = key_of(1).sign_share(&GENESIS, &KEY, 5);
        share.prid = bytes;
        assert_eq!(answer_in_filter(&[share]), bad(0, Fault::NotAPoint));

        let mut share = key_of(1).sign_share(&GENESIS, &KEY, 5);
        share.signature[..32].copy_from_slice(&bytes);
        assert_eq!(answer_in_filter(&[share]), bad(0, Fault::BadSignature));
    }
}

#[test]
fn nobody_signs_for_the_identity() {
    // With A = 0 the equation R = s·B holds for anyone's R, s; with s = 0 and R = 0 even of nothing.
    let s = Scalar::from(5u8);
    for (commitment, s) in [
        (&s * RISTRETTO_BASEPOINT_TABLE, s),
        (RistrettoPoint::identity(), Scalar::ZERO),
    ] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(commitment.compress().as_bytes());
        signature[32..].copy_from_slice(s.as_bytes());
        signature[63] |= 0x80;
        let share = SignedShare {
            prid: [0; 32],
            value: 5,
            signature,
        };
        assert!(verify_share(&GENESIS, &KEY, &share));
        assert_eq!(answer_in_filter(&[share]), bad(0, Fault::NotAPoint));
    }
}

#[test]
fn two_signatures_shifted_against_each_other_fail_though_their_sum_is_right() {
    let shares = batch(2);
    let filter = filter_of(&shares);
    let decode = |share: &SignedShare| Signature::from_bytes(&share.signature).unwrap();
    let scalar = |share: &SignedShare| {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&share.signature[32..]);
        bytes[31] &= 0x7f;
        Scalar::from_canonical_bytes(bytes).unwrap()
    };
    let with = |share: &SignedShare, s: Scalar| {
        let mut signature = share.signature;
        signature[32..].copy_from_slice(s.as_bytes());
        signature[63] |= 0x80;
        SignedShare { signature, ..*share }
    };
    let shifted = |by: [Scalar; 2]| {
        [
            with(&shares[0], scalar(&shares[0]) + by[0]),
            with(&shares[1], scalar(&shares[1]) + by[1]),
        ]
    };

    // With equal weights any shift and its opposite would do.
    let one = Scalar::ONE;
    assert_eq!(answer(&filter, &shifted([one, -one])), bad(0, Fault::BadSignature));

    // Weights that don't depend on s can be computed before s is chosen, as these are.
    let publics: Vec<_> = shares
        .iter()
        .map(|share| PublicKey::from_bytes(&share.prid).unwrap())
        .collect();
    let transcripts = || {
        let context = signing_context(SHARE_CONTEXT);
        shares
            .iter()
            .map(move |share| context.bytes(&share_message(&GENESIS, &KEY, share.value)))
    };
    let [first, second] = weights_without_s(&shares);
    let pair = shifted([first.invert(), -second.invert()]);
    let signatures: Vec<_> = pair.iter().map(decode).collect();
    assert!(verify_batch_deterministic(transcripts(), &signatures, &publics, false).is_ok());
    assert_eq!(answer(&filter, &pair), bad(0, Fault::BadSignature));
}

/// The weights that `verify_batch_deterministic` gives two shares, found from outside as schnorrkel computes them.
fn weights_without_s(shares: &[SignedShare]) -> [Scalar; 2] {
    use schnorrkel::context::SigningTranscript;
    struct Zeros;
    impl RngCore for Zeros {
        fn next_u32(&mut self) -> u32 {
            0
        }
        fn next_u64(&mut self) -> u64 {
            0
        }
        fn fill_bytes(&mut self, dest: &mut [u8]) {
            dest.fill(0);
        }
        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
            dest.fill(0);
            Ok(())
        }
    }
    impl CryptoRng for Zeros {}

    let point = |bytes: &[u8]| CompressedRistretto::from_slice(bytes).unwrap();
    let mut all = merlin::Transcript::new(b"V-RNG");
    shares
        .iter()
        .for_each(|share| all.commit_point(b"", &point(&share.prid)));
    shares
        .iter()
        .for_each(|share| all.commit_point(b"", &point(&share.signature[..32])));
    for share in shares {
        let transcript = signing_context(SHARE_CONTEXT).bytes(&share_message(&GENESIS, &KEY, share.value));
        let mut digest = [0; 16];
        transcript.witness_bytes_rng(b"", &mut digest, &[&[]], Zeros);
        all.append_message(b"", &digest);
    }
    let mut stream = all.build_rng().finalize(&mut Zeros);
    [(); 2].map(|()| {
        let mut weight = [0; 16];
        stream.fill_bytes(&mut weight);
        Scalar::from(u128::from_le_bytes(weight))
    })
}

/// What is done to a batch: to which share, and what.
#[derive(Clone, Debug)]
enum Damage {
    Flip { share: usize, bit: usize },
    Signature { from: usize, to: usize },
    Prid { share: usize, bytes: [u8; 32] },
    Commitment { share: usize, bytes: [u8; 32] },
    Swap { one: usize, other: usize },
    Repeat { share: usize },
}

fn special_bytes() -> impl Strategy<Value = [u8; 32]> {
    let canonical = vec![
        [0; 32],
        key_of(1).prid(),
        RISTRETTO_BASEPOINT_TABLE.basepoint().compress().to_bytes(),
    ];
    prop::sample::select([no_points(), canonical].concat())
}

fn damage() -> impl Strategy<Value = Damage> {
    let share = || 0..64usize;
    prop_oneof![
        (share(), 0..SIGNED_SHARE_LEN * 8).prop_map(|(share, bit)| Damage::Flip { share, bit }),
        (share(), share()).prop_map(|(from, to)| Damage::Signature { from, to }),
        (share(), special_bytes()).prop_map(|(share, bytes)| Damage::Prid { share, bytes }),
        (share(), special_bytes()).prop_map(|(share, bytes)| Damage::Commitment { share, bytes }),
        (share(), share()).prop_map(|(one, other)| Damage::Swap { one, other }),
        share().prop_map(|share| Damage::Repeat { share }),
    ]
}

fn apply(shares: &mut Vec<SignedShare>, damage: Damage) {
    let count = shares.len();
    if count == 0 {
        return;
    }
    match damage {
        Damage::Flip { share, bit } => {
            let mut bytes = shares[share % count].encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            shares[share % count] = SignedShare::decode(&mut &bytes[..]).unwrap();
        }
        Damage::Signature { from, to } => shares[to % count].signature = shares[from % count].signature,
        Damage::Prid { share, bytes } => shares[share % count].prid = bytes,
        Damage::Commitment { share, bytes } => shares[share % count].signature[..32].copy_from_slice(&bytes),
        Damage::Swap { one, other } => shares.swap(one % count, other % count),
        Damage::Repeat { share } => shares.insert(share % count, shares[share % count]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn checked_together_and_each_by_itself_shares_get_the_same_answer(
        count in 0u32..12,
        damages in prop::collection::vec(damage(), 0..3),
        sorted: bool,
        in_filter: bool,
    ) {
        let mut shares = batch(count);
        let filter = filter_of(&shares);
        for damage in damages {
            apply(&mut shares, damage);
        }
        if sorted {
            // So that what is wrong is not always found by the order.
            shares.sort_by_key(|share| share.prid);
        }
        if in_filter {
            let _ = answer_in_filter(&shares);
        } else {
            let _ = answer(&filter, &shares);
        }
    }

    #[test]
    fn bytes_of_any_kind_get_the_same_answer(bytes in prop::collection::vec(prop::array::uniform32(any::<u8>()), 0..16)) {
        let shares: Vec<_> = bytes
            .chunks_exact(3)
            .map(|chunk| {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&chunk[1]);
                signature[32..].copy_from_slice(&chunk[2]);
                SignedShare { prid: chunk[0], value: 9, signature }
            })
            .collect();
        let _ = answer_in_filter(&shares);
    }
}

#[test]
fn the_encoding_of_a_signed_share_is_its_information() {
    assert_eq!(batch(1)[0].encode().len(), SIGNED_SHARE_LEN);
    assert_eq!(SignedShare::max_encoded_len(), SIGNED_SHARE_LEN);
}

#[test]
fn a_receipt_holds_for_its_chain_share_and_aggregator_only() {
    let aggregator = key_of(9);
    let (prid, value, closes) = (key_of(1).prid(), 5, 77);
    let receipt = Receipt {
        aggregator: aggregator.prid(),
        key: KEY,
        prid,
        value,
        closes,
        signature: aggregator.sign(&receipt_message(&GENESIS, &KEY, &prid, value, closes)),
    };
    assert!(receipt.is_signed(&GENESIS));
    assert!(!receipt.is_signed(&[8; 32]));
    let other_key = PeriodKey { period: 4, ..KEY };
    for altered in [
        Receipt {
            key: other_key,
            ..receipt
        },
        Receipt {
            prid: key_of(2).prid(),
            ..receipt
        },
        Receipt { value: 6, ..receipt },
        Receipt { closes: 78, ..receipt },
        Receipt {
            aggregator: key_of(8).prid(),
            ..receipt
        },
    ] {
        assert!(!altered.is_signed(&GENESIS), "{altered:?}");
    }
}
