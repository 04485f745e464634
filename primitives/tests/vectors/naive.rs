//! The protocol once more, as plainly as it can be written: bytes put together by hand, no caching, no batches, integers
//! without tricks. Shares nothing with the crate but BLAKE2b and, for points, curve25519-dalek.

use blake2::{Blake2b512, Digest};
use curve25519_dalek::{RistrettoPoint, Scalar};

/// q, little endian.
const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000];

pub fn h(domain: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("gridveil/v1/{domain}\0").into_bytes();
    for part in parts {
        text.extend(u64::try_from(part.len()).expect("short").to_le_bytes());
        text.extend(*part);
    }
    Blake2b512::digest(text).to_vec()
}

/// HMAC of RFC 2104, the block of BLAKE2b being 128 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = key.to_vec();
    block.resize(128, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Blake2b512::digest([pad(0x36).as_slice(), text].concat());
    Blake2b512::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

/// HKDF of RFC 5869, its first block only.
pub fn hkdf(secret: &[u8], label: &str, context: &[u8]) -> Vec<u8> {
    let extracted = hmac(b"gridveil/v1/hkdf", secret);
    let info = [format!("gridveil/v1/{label}\0").as_bytes(), context, &[1]].concat();
    hmac(&extracted, &info)[..32].to_vec()
}

/// f, by walking from the seed to the leaf.
pub fn leaf(seed: &[u8], k: u16) -> Vec<u8> {
    format!("{k:016b}").chars().fold(seed.to_vec(), |node, bit| {
        let children = h("ggm", &[&node]);
        if bit == '0' {
            children[..32].to_vec()
        } else {
            children[32..].to_vec()
        }
    })
}

fn at_least_order(number: &[u64; 4]) -> bool {
    number.iter().rev().cmp(ORDER.iter().rev()).is_ge()
}

/// 2·number + bit modulo q, for a number below q.
fn step(number: [u64; 4], bit: u64) -> [u64; 4] {
    let mut out = [0; 4];
    let mut carry = bit;
    for (to, from) in out.iter_mut().zip(number) {
        *to = from << 1 | carry;
        carry = from >> 63;
    }
    if at_least_order(&out) {
        let mut borrow = false;
        for (limb, order) in out.iter_mut().zip(ORDER) {
            let (one, first) = limb.overflowing_sub(order);
            let (two, second) = one.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (two, first || second);
        }
    }
    out
}

/// Little-endian bytes of any length modulo q, a bit at a time.
pub fn reduce(bytes: &[u8]) -> [u8; 32] {
    let bits = bytes
        .iter()
        .rev()
        .flat_map(|byte| (0..8).rev().map(move |bit| u64::from(byte >> bit & 1)));
    let number = bits.fold([0; 4], step);
    let mut out = [0; 32];
    out.chunks_mut(8)
        .zip(number)
        .for_each(|(chunk, limb)| chunk.copy_from_slice(&limb.to_le_bytes()));
    out
}

/// The sum of two little-endian numbers of 32 bytes, with a byte for the carry.
pub fn add(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut out: Vec<u8> = one
        .iter()
        .zip(other)
        .map(|(one, other)| {
            let sum = u16::from(*one) + u16::from(*other) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    out.push(carry.to_le_bytes()[0]);
    out
}

/// The same scalar in a form that is not canonical; `mark` is the part of the last byte that is none of the scalar's.
pub fn add_order(scalar: &[u8], mark: u8) -> [u8; 32] {
    let mut plain: [u8; 32] = scalar.try_into().expect("a scalar has 32 bytes");
    plain[31] &= !mark;
    let order: Vec<u8> = ORDER.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    let mut out: [u8; 32] = add(&plain, &order)[..32].try_into().expect("32 bytes");
    out[31] |= mark;
    out
}

fn scalar(bytes: [u8; 32]) -> Scalar {
    Option::from(Scalar::from_canonical_bytes(bytes)).expect("a naive scalar is reduced")
}

/// A scalar times B, compressed.
pub fn times_base(bytes: [u8; 32]) -> Vec<u8> {
    RistrettoPoint::mul_base(&scalar(bytes)).compress().to_bytes().to_vec()
}

/// value·B + blinding·H, compressed.
pub fn commitment(value: [u8; 32], blinding: [u8; 32]) -> Vec<u8> {
    let digest: [u8; 64] = h("pedersen", &[]).try_into().expect("64 bytes");
    let generator = RistrettoPoint::from_uniform_bytes(&digest);
    (RistrettoPoint::mul_base(&scalar(value)) + generator * scalar(blinding))
        .compress()
        .to_bytes()
        .to_vec()
}

/// A number of either sign modulo q.
pub fn signed(number: i128) -> [u8; 32] {
    let size = scalar(reduce(&number.unsigned_abs().to_le_bytes()));
    (if number < 0 { Scalar::ZERO - size } else { size }).to_bytes()
}

/// The first `count` words of the hash stream.
pub fn words(domain: &str, parts: &[&[u8]], count: usize) -> Vec<u64> {
    let seed = h(domain, parts);
    let blocks = (0u64..).flat_map(|block| h("stream", &[&seed, &block.to_le_bytes()]));
    let bytes: Vec<u8> = blocks.take(8 * count).collect();
    bytes
        .chunks(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")))
        .collect()
}

/// A filter of `len` bytes with these entries.
pub fn filter(domain: &str, context: &[u8], entries: &[Vec<u8>], len: usize) -> Vec<u8> {
    let mut bits = vec![false; 8 * len];
    for entry in entries {
        for word in words(domain, &[context, entry], 64) {
            let place = u128::from(word) * u128::try_from(bits.len()).expect("short") / (1 << 64);
            bits[usize::try_from(place).expect("short")] = true;
        }
    }
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |sum, bit| sum * 2 + u8::from(*bit)))
        .collect()
}

/// The uppermost node over these leaves, level by level from the leaves.
pub fn merkle_root(commitments: &[Vec<u8>]) -> Vec<u8> {
    let mut level: Vec<Vec<u8>> = commitments
        .iter()
        .map(|one| h("merkle/leaf", &[one])[..32].to_vec())
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| {
                if pair.len() == 2 {
                    h("merkle/node", &[&pair[0], &pair[1]])[..32].to_vec()
                } else {
                    pair[0].clone()
                }
            })
            .collect();
    }
    let count = u32::try_from(commitments.len()).expect("few").to_le_bytes();
    h("merkle/root", &[&count, &level[0]])[..32].to_vec()
}

/// The order in which a seed puts `count` commitments. The numbers being small, no word of a vector is passed over.
pub fn shuffled(count: usize, seed: &[u8]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for (last, word) in (1..count).rev().zip(words("shuffle", &[seed], count)) {
        order.swap(
            last,
            usize::try_from(word % (u64::try_from(last).expect("few") + 1)).expect("few"),
        );
    }
    order
}
