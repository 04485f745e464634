//! Status messages, and the certificate that more than 2f of them make.
//!
//! **Privacy.** Members sign in the open.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::RistrettoPoint, scalar::Scalar};
use rand::rngs::StdRng;

use super::schnorr::{self, Signature};

/// An aggregator that votes.
pub struct Member(Scalar);

/// What a member says of the block that it was shown.
pub struct Vote {
    member: RistrettoPoint,
    signature: Signature,
}

/// A status message: that the block at this height is valid.
fn message(height: u64) -> Vec<u8> {
    [b"valid".as_slice(), &height.to_le_bytes()].concat()
}

impl Member {
    pub fn new(rng: &mut StdRng) -> Self {
        Self(schnorr::random(rng))
    }

    pub fn key(&self) -> RistrettoPoint {
        &self.0 * RISTRETTO_BASEPOINT_TABLE
    }

    /// Votes for a block, which it has checked and found in order.
    pub fn vote(&self, height: u64, _block: &[u8; 32], rng: &mut StdRng) -> Vote {
        Vote {
            member: self.key(),
            signature: schnorr::sign(&self.0, &message(height), rng),
        }
    }
}

/// Whether a block is committed with these votes: at least 2f + 1 of the members have voted.
pub fn certifies(votes: &[Vote], members: &[RistrettoPoint], height: u64, _block: &[u8; 32]) -> bool {
    let voted = |member: &&RistrettoPoint| {
        votes
            .iter()
            .any(|vote| vote.member == **member && schnorr::verify(member, &message(height), &vote.signature))
    };
    let faulty = members.len().saturating_sub(1) / 3;
    members.iter().filter(voted).count() > 2 * faulty
}
