//! T: the sum of a period's pseudonyms (the paper's product).
//!
//! The chain adds each pseudonym it accepts; the key centre sums all of them beforehand, and puts (k, T) into BF2. The
//! order of adding does not matter. The chain has the pseudonyms only ([`add`], [`sum`]); the key centre knows what they are
//! made of, and adds that up ([`from_offsets`]), which spares it a square root for each pseudonym.
//!
//! **Privacy.** A tally is computed from pseudonyms that are public. An [`Offset`] is the key centre's: with P0 it gives the sum
//! of a meter's two pseudonyms of a period, and so which two belong together.

use core::fmt;

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::Identity,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    keys::SpendPublic,
    types::{PointBytes, Prid},
};

/// The tally of no pseudonym: the identity, whose canonical form is 32 zero bytes.
pub const EMPTY: PointBytes = [0; 32];

/// The tally with one more pseudonym; `None` if either is not the canonical form of a point.
pub fn add(tally: &PointBytes, prid: &Prid) -> Option<PointBytes> {
    let tally = CompressedRistretto(*tally).decompress()?;
    let prid = CompressedRistretto(*prid).decompress()?;
    Some((tally + prid).compress().to_bytes())
}

/// The tally of all of these pseudonyms; `None` if one is not the canonical form of a point.
pub fn sum<'a>(prids: impl Iterator<Item = &'a Prid>) -> Option<PointBytes> {
    let mut tally = RistrettoPoint::identity();
    for prid in prids {
        tally += CompressedRistretto(*prid).decompress()?;
    }
    Some(tally.compress().to_bytes())
}

/// What a meter's pair of a period adds to the tally beside 2·P0: `H2(f_s(k)) + H2(f_s'(k))`, which is to be multiplied by B.
/// Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Offset(Scalar);

impl Offset {
    pub(crate) fn new(of_first: &Scalar, of_second: &Scalar) -> Self {
        Self(of_first + of_second)
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offset(..)")
    }
}

/// The tally of a period from the meters' spend keys and offsets (see [`crate::pseudonym::pairs`]): the same as [`sum`] of
/// all their pseudonyms, by one multiplication.
pub fn from_offsets<'a>(meters: impl Iterator<Item = (&'a SpendPublic, &'a Offset)>) -> PointBytes {
    let (mut spends, mut offsets) = (RistrettoPoint::identity(), Scalar::ZERO);
    for (spend, offset) in meters {
        spends += spend.point();
        offsets += offset.0;
    }
    let tally = spends + spends + &offsets * RISTRETTO_BASEPOINT_TABLE;
    offsets.zeroize();
    tally.compress().to_bytes()
}
