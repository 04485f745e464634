//! Bills: the report, its encryption, and the stores that keep it.
//!
//! The key centre makes a [`report::Report`] of a home's cycle, seals it for the home's user with [`envelope::seal`] and
//! puts the result into a [`store::Store`]; the chain keeps the [`cid::Cid`] and the [`hash`] of the sealed bytes. The user
//! goes the same way back. Everything that comes from a store is hashed again before it is used, and a report states sums
//! that [`report::Report::check`] recomputes. Whether consumption and prices are right is for the caller to compare with
//! its own readings and the chain.
//!
//! **Privacy.** A sealed bill shows nobody but its user what it says, nor how much was consumed: its size depends on the
//! number of periods alone. Who asks a store for which bill, the store can see.

pub mod cid;
pub mod envelope;
pub mod report;
pub mod store;

/// BLAKE2b-256 of a sealed bill: what the chain keeps beside the CID.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    gridveil_primitives::hash::blake2b_256(&[bytes])
}
