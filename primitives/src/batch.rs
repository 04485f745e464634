//! Shares that travel together: their signatures, their check, and T.
//!
//! A meter hands its aggregator a [`SignedShare`]: pseudonym, value, and a signature by the pseudonym over the chain's
//! genesis, the period and the value, in a context of its own, so that it is never the signature of a transaction. The
//! period stands for the time too: its window follows from the cycle's schedule, which never changes, and a moment of the
//! meter's own would tell when it was awake. The aggregator checks each share when it comes ([`verify_share`]) and sends
//! many, ascending by pseudonym; the chain checks them together ([`check`]) and gets the sum of their pseudonyms.
//!
//! [`check_each`] is what a batch means: every share is looked at by itself. [`check`] gives the very same answer in about
//! half of the time: one equation over all signatures, each weighed with 128 bits that are drawn from a hash over the whole
//! batch, signatures included, and [`check_each`] for any batch that fails it. The weights are not random, so that all
//! nodes agree; and they bind the signatures' scalars, which the weights of schnorrkel's own `verify_batch_deterministic`
//! do not: there, two signatures can be shifted against each other so that both are wrong and their sum is right. That
//! a wrong batch passes has probability 2^-128 for each batch that somebody computes. Ristretto's group has prime order, so
//! that no cofactor can make the two ways differ.
//!
//! **Privacy.** A signed share shows no more than the transaction that it stands in for. In the batch's order nothing is
//! left of the order in which shares came.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use curve25519_dalek::{
    ristretto::RistrettoPoint,
    traits::{Identity, IsIdentity},
};
use rand_core::{CryptoRng, RngCore};
use scale_info::TypeInfo;
use schnorrkel::{context::SigningContext, verify_batch_rng, PublicKey, Signature};

use crate::{
    filter,
    hash::Words,
    keys::period_bytes,
    types::{Moment, PeriodKey, PointBytes, Prid},
};

/// The context in which pseudonyms sign shares for a batch.
pub const SHARE_CONTEXT: &[u8] = b"gridveil/v1/share";
/// What a receipt's text starts with.
pub const RECEIPT_PREFIX: &[u8] = b"gridveil/v1/receipt";
/// The length of an encoded [`SignedShare`].
pub const SIGNED_SHARE_LEN: usize = 104;

/// A share as a meter hands it to its aggregator, and as a batch carries it.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedShare {
    /// The pseudonym that signed it.
    pub prid: Prid,
    /// The masked share, modulo 2^64.
    pub value: u64,
    /// The signature of [`share_message`] in [`SHARE_CONTEXT`].
    pub signature: [u8; 64],
}

impl core::fmt::Debug for SignedShare {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SignedShare(..)")
    }
}

/// What an aggregator answers to a share that it has accepted: that it will be on the chain by the end of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Receipt {
    /// The account of the region's aggregator.
    pub aggregator: [u8; 32],
    /// The period that the share was accepted for.
    pub key: PeriodKey,
    /// The pseudonym.
    pub prid: Prid,
    /// The masked share.
    pub value: u64,
    /// When the period's window closes.
    pub closes: Moment,
    /// The signature of [`receipt_message`] by the aggregator, sr25519 in Substrate's context.
    pub signature: [u8; 64],
}

impl Receipt {
    /// Whether the account that the receipt names signed it, for this chain.
    pub fn is_signed(&self, genesis: &[u8; 32]) -> bool {
        let Self {
            aggregator,
            key,
            prid,
            value,
            closes,
            signature,
        } = self;
        let message = receipt_message(genesis, key, prid, *value, *closes);
        crate::pseudonym::verify(aggregator, &message, signature)
    }
}

/// What is wrong with a share of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Fault {
    /// Its pseudonym is not above the one before it.
    Unordered,
    /// Its pseudonym is not in the period's filter.
    NotInFilter,
    /// Its pseudonym is not the canonical form of a point.
    NotAPoint,
    /// Its signature is not its pseudonym's over this share, period and chain.
    BadSignature,
}

/// The first share of a batch that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BadShare {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What a pseudonym signs: the chain's genesis hash, region, cycle and period (little endian), and the value (little
/// endian); 50 bytes.
pub fn share_message(genesis: &[u8; 32], key: &PeriodKey, value: u64) -> [u8; 50] {
    let mut message = [0u8; 50];
    let parts = genesis
        .iter()
        .copied()
        .chain(period_bytes(key))
        .chain(value.to_le_bytes());
    for (to, from) in message.iter_mut().zip(parts) {
        *to = from;
    }
    message
}

/// What an aggregator signs, as an sr25519 signature in Substrate's context, for a share that it has accepted: the chain,
/// the period, the pseudonym and the value, and until when the period's window is open. Whoever holds such a receipt and
/// finds no share of the pseudonym in the finalised period shows that the aggregator has lost it.
pub fn receipt_message(genesis: &[u8; 32], key: &PeriodKey, prid: &Prid, value: u64, closes: Moment) -> Vec<u8> {
    [
        RECEIPT_PREFIX,
        &share_message(genesis, key, value),
        prid,
        &closes.to_le_bytes(),
    ]
    .concat()
}

/// Whether `share` is signed by its pseudonym, for this chain and period.
pub fn verify_share(genesis: &[u8; 32], key: &PeriodKey, share: &SignedShare) -> bool {
    PublicKey::from_bytes(&share.prid).is_ok_and(|public| verify(&public, genesis, key, share))
}

fn verify(public: &PublicKey, genesis: &[u8; 32], key: &PeriodKey, share: &SignedShare) -> bool {
    let message = share_message(genesis, key, share.value);
    Signature::from_bytes(&share.signature)
        .is_ok_and(|signature| public.verify_simple(SHARE_CONTEXT, &message, &signature).is_ok())
}

/// T of these shares, if each is in order: ascending by pseudonym, in the filter, a point, rightly signed. Otherwise the
/// first that is not, and the first of these reasons. The identity is not a pseudonym: anyone can sign for it.
pub fn check_each(
    genesis: &[u8; 32],
    key: &PeriodKey,
    filter: &[u8],
    shares: &[SignedShare],
) -> Result<PointBytes, BadShare> {
    let mut tally = RistrettoPoint::identity();
    let mut before = None;
    for (share, index) in shares.iter().zip(0..) {
        let point = admissible(key, filter, before, share)
            .and_then(|public| match verify(&public, genesis, key, share) {
                true => Ok(*public.as_point()),
                false => Err(Fault::BadSignature),
            })
            .map_err(|fault| BadShare { index, fault })?;
        tally += point;
        before = Some(share.prid);
    }
    Ok(tally.compress().to_bytes())
}

/// The public key of a share that may be where it is, whatever its signature.
fn admissible(key: &PeriodKey, filter: &[u8], before: Option<Prid>, share: &SignedShare) -> Result<PublicKey, Fault> {
    if before.is_some_and(|before| before >= share.prid) {
        return Err(Fault::Unordered);
    }
    if !filter::contains_prid(filter, key, &share.prid) {
        return Err(Fault::NotInFilter);
    }
    match PublicKey::from_bytes(&share.prid) {
        Ok(public) if !public.as_point().is_identity() => Ok(public),
        _ => Err(Fault::NotAPoint),
    }
}

/// The same answer as [`check_each`], in about half of the time.
pub fn check(
    genesis: &[u8; 32],
    key: &PeriodKey,
    filter: &[u8],
    shares: &[SignedShare],
) -> Result<PointBytes, BadShare> {
    match check_together(genesis, key, filter, shares) {
        Some(tally) => Ok(tally),
        None => check_each(genesis, key, filter, shares),
    }
}

/// T, if all shares are in order; `None` says that one is not, and not which.
fn check_together(genesis: &[u8; 32], key: &PeriodKey, filter: &[u8], shares: &[SignedShare]) -> Option<PointBytes> {
    let mut tally = RistrettoPoint::identity();
    let mut before = None;
    let mut publics = Vec::with_capacity(shares.len());
    let mut signatures = Vec::with_capacity(shares.len());
    for share in shares {
        let public = admissible(key, filter, before, share).ok()?;
        tally += public.as_point();
        publics.push(public);
        signatures.push(Signature::from_bytes(&share.signature).ok()?);
        before = Some(share.prid);
    }
    let context = SigningContext::new(SHARE_CONTEXT);
    let transcripts = shares
        .iter()
        .map(|share| context.bytes(&share_message(genesis, key, share.value)));
    verify_batch_rng(
        transcripts,
        &signatures,
        &publics,
        false,
        Weights::new(genesis, key, shares),
    )
    .ok()?;
    Some(tally.compress().to_bytes())
}

/// Where the weights of a batch come from: a hash stream over all that is in it.
struct Weights(Words);

impl Weights {
    fn new(genesis: &[u8; 32], key: &PeriodKey, shares: &[SignedShare]) -> Self {
        let shares = shares.encode();
        Self(Words::new("batch/weights", &[genesis, &period_bytes(key), &shares]))
    }
}

impl RngCore for Weights {
    fn next_u32(&mut self) -> u32 {
        // The lower half of a word.
        (self.next_u64() & u64::from(u32::MAX)) as u32
    }

    fn next_u64(&mut self) -> u64 {
        // The stream is endless.
        self.0.next().unwrap_or_default()
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Weights {}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
