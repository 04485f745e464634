//! One-time pseudonyms, and the signatures made under them.
//!
//! In every period a meter has two one-time secrets, `x = p0 + H2(f_s(k))` and the same with s', and signs each of its two
//! shares under one of the pseudonyms x·B. A pseudonym is an sr25519 public key like any other, and [`verify`] accepts what
//! Substrate accepts. The meter derives [`OneTimeKey`]s; the key centre, which lacks p0, lists pseudonyms by [`prid`] or,
//! many at a time, by [`prids`]. That a secret signs one share only is left to the meter.
//!
//! **Privacy.** To whoever lacks the cycle's seeds, a meter's pseudonyms are unrelated points. A one-time secret must not
//! leave the meter: with it and the seeds p0 follows.

use alloc::vec::{self, Vec};
use core::fmt;

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::RistrettoPoint, scalar::Scalar};
use rand_core::{CryptoRng, RngCore};
use schnorrkel::{context::attach_rng, signing_context, PublicKey, SecretKey, Signature};
use zeroize::Zeroizing;

use crate::{
    batch::{share_message, SignedShare, SHARE_CONTEXT},
    hash::{tagged, tagged_32},
    keys::{CycleKeys, SpendKey, SpendPublic},
    prf::Leaves,
    tally::Offset,
    types::{PeriodIndex, PeriodKey, Prid},
};

/// The context in which Substrate signs.
const CONTEXT: &[u8] = b"substrate";

/// How many pseudonyms are compressed at a time: enough to make the one inversion of a batch cheap.
const BATCH: usize = 128;

/// Which half of a pair: the values without or with a dash in the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// s, r, c', PRID.
    First,
    /// s', r', c'', PRID'.
    Second,
}

impl Half {
    /// Both halves, in order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// 0 or 1.
    pub const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }

    /// This half of a pair.
    pub(crate) fn of<T>(self, pair: &[T; 2]) -> &T {
        let [first, second] = pair;
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}

/// H2 of a leaf: `H("pseudonym", leaf)` reduced modulo q.
fn offset(leaf: &[u8; 32]) -> Zeroizing<Scalar> {
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&Zeroizing::new(tagged(
        "pseudonym",
        &[leaf],
    ))))
}

/// x and PRID, the key of one half of one period. Wiped when dropped.
#[derive(Clone)]
pub struct OneTimeKey {
    /// x and the seed of its nonces, as schnorrkel lays out a secret key.
    secret: Zeroizing<[u8; 64]>,
    public: PublicKey,
}

impl OneTimeKey {
    /// The key of a meter for one half of period `k`.
    pub fn derive(spend: &SpendKey, keys: &CycleKeys, half: Half, k: PeriodIndex) -> Self {
        Self::of_leaf(spend, &half.of(&keys.pseudonym).leaf(k))
    }

    /// The key of a meter for the half and period that the leaf belongs to.
    pub(crate) fn of_leaf(spend: &SpendKey, leaf: &[u8; 32]) -> Self {
        let x = Zeroizing::new(spend.scalar() + *offset(leaf));
        let bytes = Zeroizing::new(x.to_bytes());
        // Nonces come from x and not from the leaf: the key centre knows the leaf, and a nonce known is x known.
        let nonce = Zeroizing::new(tagged_32("nonce", &[bytes.as_slice()]));
        let mut secret = Zeroizing::new([0u8; 64]);
        for (to, from) in secret.iter_mut().zip(bytes.iter().chain(nonce.iter())) {
            *to = *from;
        }
        Self {
            secret,
            public: PublicKey::from_point(&*x * RISTRETTO_BASEPOINT_TABLE),
        }
    }

    /// The pseudonym.
    pub fn prid(&self) -> Prid {
        self.public.to_bytes()
    }

    /// An sr25519 signature of `message` in Substrate's context. The same message always gets the same signature, so the
    /// meter needs no randomness to send.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.sign_in(CONTEXT, message)
    }

    /// This share as an aggregator takes it. The same arguments always give the same bytes.
    pub fn sign_share(&self, genesis: &[u8; 32], key: &PeriodKey, value: u64) -> SignedShare {
        SignedShare {
            prid: self.prid(),
            value,
            signature: self.sign_in(SHARE_CONTEXT, &share_message(genesis, key, value)),
        }
    }

    /// A signature in a context. The nonce depends on the context, too.
    fn sign_in(&self, context: &[u8], message: &[u8]) -> [u8; 64] {
        // x is canonical, so this always holds; zeros would be a signature that no one accepts.
        let Ok(secret) = SecretKey::from_bytes(&*self.secret) else {
            return [0; 64];
        };
        let transcript = attach_rng(signing_context(context).bytes(message), NoEntropy);
        secret.sign(transcript, &self.public).to_bytes()
    }
}

impl fmt::Debug for OneTimeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeKey(..)")
    }
}

/// The constant that stands in for schnorrkel's randomness. The nonce is still secret and differs from message to message:
/// it is drawn from the transcript (context, message, public key) keyed with the nonce seed, as in RFC 8032.
struct NoEntropy;

impl RngCore for NoEntropy {
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

impl CryptoRng for NoEntropy {}

/// Whether `signature` is an sr25519 signature of `message` by `prid` in Substrate's context.
pub fn verify(prid: &Prid, message: &[u8], signature: &[u8; 64]) -> bool {
    let (Ok(public), Ok(signature)) = (PublicKey::from_bytes(prid), Signature::from_bytes(signature)) else {
        return false;
    };
    public.verify_simple(CONTEXT, message, &signature).is_ok()
}

/// The pseudonym of one half of period `k`, as the key centre computes it: P0 + H2(f_s(k))·B.
pub fn prid(spend: &SpendPublic, keys: &CycleKeys, half: Half, k: PeriodIndex) -> Prid {
    prid_of_leaf(spend, &half.of(&keys.pseudonym).leaf(k))
}

/// The pseudonym of the half and period that the leaf belongs to.
pub(crate) fn prid_of_leaf(spend: &SpendPublic, leaf: &[u8; 32]) -> Prid {
    (spend.point() + &*offset(leaf) * RISTRETTO_BASEPOINT_TABLE)
        .compress()
        .to_bytes()
}

/// The pseudonyms of one half of `count` periods from `from` on, in order, each with its period. The same as [`prid`] for
/// each, in about two thirds of the time. Ends after period 65,535.
pub fn prids(spend: &SpendPublic, keys: &CycleKeys, half: Half, from: PeriodIndex, count: PeriodIndex) -> Prids {
    let half_of_one = Scalar::from(2u8).invert();
    Prids {
        leaves: half.of(&keys.pseudonym).leaves(from, count),
        half_of_one,
        half_of_spend: spend.point() * half_of_one,
        ready: Vec::new().into_iter(),
    }
}

/// The pseudonyms of both halves of `count` periods from `from` on, in order, each pair with its period and with what it adds
/// to the tally. Ends after period 65,535.
pub fn pairs(
    spend: &SpendPublic,
    keys: &CycleKeys,
    from: PeriodIndex,
    count: PeriodIndex,
) -> impl Iterator<Item = (PeriodIndex, [Prid; 2], Offset)> {
    let [mut firsts, mut seconds] = Half::BOTH.map(|half| prids(spend, keys, half, from, count));
    core::iter::from_fn(move || {
        let ((k, first, of_first), (_, second, of_second)) = (firsts.step()?, seconds.step()?);
        Some((k, [first, second], Offset::new(&of_first, &of_second)))
    })
}

/// A walk over pseudonyms; see [`prids`].
pub struct Prids {
    leaves: Leaves,
    half_of_one: Scalar,
    /// P0 / 2. What can be compressed in a batch is the double of a point, so everything is halved before.
    half_of_spend: RistrettoPoint,
    ready: vec::IntoIter<Step>,
}

/// A period, its pseudonym, and the pseudonym's H2.
type Step = (PeriodIndex, Prid, Zeroizing<Scalar>);

impl Prids {
    fn step(&mut self) -> Option<Step> {
        if let Some(next) = self.ready.next() {
            return Some(next);
        }
        // Room for all from the start: a vector that grows leaves copies behind that nobody wipes.
        let mut offsets = Vec::with_capacity(BATCH);
        let mut halved = Vec::with_capacity(BATCH);
        for (k, leaf) in self.leaves.by_ref().take(BATCH) {
            let offset = offset(&leaf);
            let half = Zeroizing::new(*offset * self.half_of_one);
            halved.push(self.half_of_spend + &*half * RISTRETTO_BASEPOINT_TABLE);
            offsets.push((k, offset));
        }
        let compressed = RistrettoPoint::double_and_compress_batch(&halved);
        let ready: Vec<_> = offsets
            .into_iter()
            .zip(compressed)
            .map(|((k, offset), point)| (k, point.to_bytes(), offset))
            .collect();
        self.ready = ready.into_iter();
        self.ready.next()
    }
}

impl Iterator for Prids {
    type Item = (PeriodIndex, Prid);

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map(|(k, prid, _)| (k, prid))
    }
}

impl fmt::Debug for Prids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prids")
            .field("leaves", &self.leaves)
            .finish_non_exhaustive()
    }
}
