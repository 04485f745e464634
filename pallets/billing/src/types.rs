//! A bill's place, within bounds.
//!
//! **Privacy.** A CID and a hash are of a ciphertext, and commitments hide what they are to.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridveil_primitives::{Bid, BillCommitments, BillRecord, RegionId};
use scale_info::TypeInfo;

/// A binary CID.
pub type Cid = BoundedVec<u8, ConstU32<64>>;

/// What a CID of version 1 (0x01) starts with whose content is raw bytes (0x55) named by their SHA2-256 (0x12) of 32 bytes.
const RAW_SHA2_256: [u8; 4] = [0x01, 0x55, 0x12, 0x20];

/// Whether `cid` is of version 1, raw, sha2-256: the one form that the same bytes have in every content store.
pub(crate) fn is_raw_sha2_256(cid: &[u8]) -> bool {
    cid.strip_prefix(&RAW_SHA2_256).is_some_and(|digest| digest.len() == 32)
}

/// A bill as it is published: whose it is, its CID, its hash, and what it comes to, hidden.
pub type Entry = (Bid, Cid, [u8; 32], BillCommitments);

/// A [`BillRecord`] as the chain keeps it; the encoding is the same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Bill {
    /// The binary CID (version 1, raw, sha2-256) under which the encrypted bill is stored.
    pub cid: Cid,
    /// BLAKE2b-256 of the encrypted bill.
    pub hash: [u8; 32],
    /// The region whose bills it is added to.
    pub region: RegionId,
    /// What it comes to, hidden.
    pub commitments: BillCommitments,
}

impl From<Bill> for BillRecord {
    fn from(bill: Bill) -> Self {
        Self {
            cid: bill.cid.into_inner(),
            hash: bill.hash,
            region: bill.region,
            commitments: bill.commitments,
        }
    }
}
