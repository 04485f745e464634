//! A bill's place, within bounds.
//!
//! **Privacy.** A CID and a hash are of a ciphertext.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use gridveil_primitives::BillRecord;
use scale_info::TypeInfo;

/// A binary CID.
pub type Cid = BoundedVec<u8, ConstU32<64>>;

/// What a CID of version 1 (0x01) starts with whose content is raw bytes (0x55) named by their SHA2-256 (0x12) of 32 bytes.
const RAW_SHA2_256: [u8; 4] = [0x01, 0x55, 0x12, 0x20];

/// Whether `cid` is of version 1, raw, sha2-256: the one form that the same bytes have in every content store.
pub(crate) fn is_raw_sha2_256(cid: &[u8]) -> bool {
    cid.strip_prefix(&RAW_SHA2_256).is_some_and(|digest| digest.len() == 32)
}

/// A [`BillRecord`] as the chain keeps it; the encoding is the same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Bill {
    /// The binary CID (version 1, raw, sha2-256) under which the encrypted bill is stored.
    pub cid: Cid,
    /// BLAKE2b-256 of the encrypted bill.
    pub hash: [u8; 32],
}

impl From<Bill> for BillRecord {
    fn from(Bill { cid, hash }: Bill) -> Self {
        Self {
            cid: cid.into_inner(),
            hash,
        }
    }
}
