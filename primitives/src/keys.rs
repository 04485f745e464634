//! The keys that last longer than a period, and how each is derived from the one before.
//!
//! The key centre keeps one [`RootKey`]; a meter keeps its [`MeterSecret`] of the month, its [`SpendKey`] and its
//! [`SplitKey`]. Everything else follows from these. All of them are wiped when dropped, print only their name, and are
//! written out by `to_bytes` alone, into memory that is wiped too. Where they are kept is left to the clients, and so is
//! erasing a month's secret once it has been ratcheted.
//!
//! **Privacy.** A meter secret gives all pseudonyms and masks of its month and of later months, of earlier ones nothing.
//! The spend key never leaves the meter: without it nobody signs as the meter, the key centre included. The split key
//! never leaves the meter either.

use core::fmt;

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    bill::BillSecret,
    hash::{derive, tagged, tagged_u64},
    prf::Seed,
    types::{Bid, CycleId, PeriodIndex, PeriodKey},
};

/// A secret of 32 bytes: wiped when dropped, printed by name only.
macro_rules! secret_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The secret with these bytes; all 32-byte strings are valid.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The secret's bytes, to be stored where only its owner reads.
            pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
                zeroize::Zeroizing::new(self.0)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}
pub(crate) use secret_bytes;

secret_bytes! {
    /// The key centre's one key, from which every meter's secrets follow.
    RootKey
}

impl RootKey {
    /// The secret of the meter with this BID for its first cycle: `HKDF(root, "meter", bid)`.
    pub fn meter_secret(&self, bid: &Bid) -> MeterSecret {
        MeterSecret(*derive(&self.0, "meter", bid))
    }

    /// What the blindings of the commitments to a bill follow from: `HKDF(root, "bill", bid ‖ cycle)`, little endian.
    pub fn bill_secret(&self, bid: &Bid, cycle: CycleId) -> BillSecret {
        let mut context = [0u8; 36];
        for (to, from) in context.iter_mut().zip(bid.iter().copied().chain(cycle.to_le_bytes())) {
            *to = from;
        }
        BillSecret::from_bytes(*derive(&self.0, "bill", &context))
    }

    /// The seed of the order in which a period's commitments stand in the Merkle tree:
    /// `HKDF(root, "shuffle", region ‖ cycle ‖ period)`, little endian.
    ///
    /// Whoever knows it can tell which meter a left-out commitment belongs to.
    pub fn shuffle_seed(&self, key: &PeriodKey) -> [u8; 32] {
        *derive(&self.0, "shuffle", &period_bytes(key))
    }
}

secret_bytes! {
    /// What a meter and the key centre share for one cycle.
    MeterSecret
}

impl MeterSecret {
    /// The secret of the next cycle, `HKDF(secret, "ratchet")`. Does not erase this one: drop it.
    #[must_use]
    pub fn ratchet(&self) -> Self {
        Self(*derive(&self.0, "ratchet", &[]))
    }

    /// The seeds of this cycle: `HKDF(secret, "pseudonym", half)` and `HKDF(secret, "mask", half)`, half being the byte 0
    /// or 1.
    pub fn cycle_keys(&self) -> CycleKeys {
        let seed = |label: &str, half: u8| Seed::from_bytes(*derive(&self.0, label, &[half]));
        CycleKeys {
            pseudonym: [seed("pseudonym", 0), seed("pseudonym", 1)],
            mask: [seed("mask", 0), seed("mask", 1)],
        }
    }
}

/// The four seeds of one meter and cycle (key generation in the paper).
#[derive(Clone, Debug)]
pub struct CycleKeys {
    /// s and s', the seeds of the two series of pseudonyms.
    pub pseudonym: [Seed; 2],
    /// r and r', the seeds of the two series of masks.
    pub mask: [Seed; 2],
}

/// p0, the meter's own part of all its one-time secrets.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SpendKey(Scalar);

impl SpendKey {
    /// The spend key of a seed of 32 secret, uniform bytes: `H("spend", seed)` reduced modulo q.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Scalar::from_bytes_mod_order_wide(&Zeroizing::new(tagged(
            "spend",
            &[seed],
        ))))
    }

    /// A new spend key.
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key with these bytes; `None` if they are not the canonical form of a scalar other than zero.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes))
            .filter(|scalar| *scalar != Scalar::ZERO)
            .map(Self)
    }

    /// The key's bytes, to be stored in the meter and nowhere else.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// P0 = p0·B, which the meter gives to the key centre at enrolment.
    pub fn public(&self) -> SpendPublic {
        SpendPublic(&self.0 * RISTRETTO_BASEPOINT_TABLE)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0
    }
}

impl fmt::Debug for SpendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpendKey(..)")
    }
}

/// P0. With it and the cycle's seeds the key centre lists a meter's pseudonyms, and can sign for none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendPublic(RistrettoPoint);

impl SpendPublic {
    /// The point, compressed.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// The point with these bytes; `None` if they are not canonical, or if it is the identity, whose secret everybody
    /// knows.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        CompressedRistretto(bytes)
            .decompress()
            .filter(|point| !point.is_identity())
            .map(Self)
    }

    pub(crate) fn point(&self) -> &RistrettoPoint {
        &self.0
    }
}

secret_bytes! {
    /// What only the meter knows about how it splits its readings.
    SplitKey
}

impl SplitKey {
    /// c', the first share of the reading of a period, uniform in 64 bits: the first 8 bytes, little endian, of
    /// `H("split", key ‖ cycle ‖ period)`.
    pub fn share(&self, cycle: CycleId, k: PeriodIndex) -> u64 {
        tagged_u64("split", &[&self.0, &cycle.to_le_bytes(), &k.to_le_bytes()])
    }
}

/// A period's key in 10 bytes: region, cycle, period, each little endian.
pub(crate) fn period_bytes(key: &PeriodKey) -> [u8; 10] {
    let (region, cycle, period) = (
        key.region.to_le_bytes(),
        key.cycle.to_le_bytes(),
        key.period.to_le_bytes(),
    );
    let mut out = [0u8; 10];
    for (to, from) in out.iter_mut().zip(region.into_iter().chain(cycle).chain(period)) {
        *to = from;
    }
    out
}
