//! H: BLAKE2b-512 with a domain, and the key derivation on top of it.
//!
//! Every hash of the protocol is [`tagged`]: two uses never share a domain, and no two lists of parts have the same
//! encoding, so an output for one purpose says nothing about an output for another. [`blake2b_256`] is the one exception,
//! for hashes that other software computes too. Anyone may call both.
//!
//! **Privacy.** An output reveals no more of a secret part than a guess at that part can be checked with.

use blake2::{
    digest::{consts::U32, Digest},
    Blake2b, Blake2b512,
};
use hkdf::SimpleHkdf;
use zeroize::{Zeroize, Zeroizing};

/// What every domain string starts with.
pub const DOMAIN_PREFIX: &str = "gridveil/v1/";

/// The plain BLAKE2b-256 of the parts, one after the other: what Substrate calls `blake2_256`.
pub fn blake2b_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Blake2b::<U32>::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// H: BLAKE2b-512 of `"gridveil/v1/" ‖ domain ‖ 0x00`, followed by every part behind its length in bytes (8 bytes, little
/// endian). `domain` holds no zero byte.
pub fn tagged(domain: &str, parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Blake2b512::new();
    hasher.update(DOMAIN_PREFIX);
    hasher.update(domain);
    hasher.update([0]);
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first 32 bytes of [`tagged`].
pub(crate) fn tagged_32(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let [head, _] = *halves(&Zeroizing::new(tagged(domain, parts)));
    head
}

/// The first 8 bytes of [`tagged`], little endian.
pub(crate) fn tagged_u64(domain: &str, parts: &[&[u8]]) -> u64 {
    let digest = Zeroizing::new(tagged(domain, parts));
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The two halves of a digest.
pub(crate) fn halves(digest: &[u8; 64]) -> Zeroizing<[[u8; 32]; 2]> {
    let mut out = Zeroizing::new([[0u8; 32]; 2]);
    for (half, bytes) in out.iter_mut().zip(digest.chunks_exact(32)) {
        half.copy_from_slice(bytes);
    }
    out
}

/// HKDF (RFC 5869) over BLAKE2b-512: 32 bytes from `secret`, with salt `gridveil/v1/hkdf` and info
/// `"gridveil/v1/" ‖ label ‖ 0x00 ‖ context`. A label always goes with contexts of one length.
pub(crate) fn derive(secret: &[u8; 32], label: &str, context: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0u8; 32]);
    let hkdf = SimpleHkdf::<Blake2b512>::new(Some(b"gridveil/v1/hkdf"), secret);
    // This fails for outputs of more than 255 blocks of 64 bytes only.
    let _ = hkdf.expand_multi_info(&[DOMAIN_PREFIX.as_bytes(), label.as_bytes(), &[0], context], &mut *out);
    out
}

/// An endless stream of 64-bit words: block i, from 0, is `H("stream", seed ‖ i)` with `seed = H(domain, parts)`, read as
/// eight little-endian words.
pub(crate) struct Words {
    seed: [u8; 64],
    counter: u64,
    block: [u8; 64],
    used: usize,
}

impl Words {
    pub(crate) fn new(domain: &str, parts: &[&[u8]]) -> Self {
        Self {
            seed: tagged(domain, parts),
            counter: 0,
            block: [0; 64],
            used: 64,
        }
    }
}

impl Iterator for Words {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.used >= self.block.len() {
            self.block = tagged("stream", &[&self.seed, &self.counter.to_le_bytes()]);
            self.counter = self.counter.checked_add(1)?;
            self.used = 0;
        }
        let word = self.block.get(self.used..)?.first_chunk()?;
        self.used = self.used.saturating_add(8);
        Some(u64::from_le_bytes(*word))
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.block.zeroize();
    }
}
