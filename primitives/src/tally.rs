//! T: the sum of a period's pseudonyms (the paper's product).
//!
//! The chain adds each pseudonym it accepts; the key centre sums all of them beforehand, and puts (k, T) into BF2. The
//! order of adding does not matter.
//!
//! **Privacy.** A tally is computed from pseudonyms that are public.

use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    traits::Identity,
};

use crate::types::{PointBytes, Prid};

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
