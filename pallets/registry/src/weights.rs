//! The weights of the registry's calls and of its extension, in the form that `frame-omni-bencher` writes.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes.
//!
//! **Privacy.** They reveal nothing.

#![allow(unused_parens, unused_imports, missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weights that `pallet_registry` needs.
pub trait WeightInfo {
    fn grant_role() -> Weight;
    fn revoke_role() -> Weight;
    fn register_region() -> Weight;
    fn register_users(n: u32) -> Weight;
    fn schedule_cycle() -> Weight;
    fn require_role() -> Weight;
}

/// The weights of `pallet_registry` with the database weights of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    /// Storage: `Registry::Roles` (r:1 w:1)
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `System::Account` (r:1 w:1)
    fn grant_role() -> Weight {
        Weight::from_parts(25_000_000, 3593)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:1)
    /// Storage: `System::Account` (r:1 w:1)
    fn revoke_role() -> Weight {
        Weight::from_parts(25_000_000, 3593)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    /// Storage: `Registry::Regions` (r:1 w:1)
    /// Storage: `Registry::CounterForRegions` (r:1 w:1)
    /// Storage: `Finality::Members` (r:1 w:0)
    fn register_region() -> Weight {
        Weight::from_parts(25_000_000, 3521)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::Users` (r:n w:n)
    /// The range of component `n` is `[1, MaxBatch]`.
    fn register_users(n: u32) -> Weight {
        Weight::from_parts(20_000_000, 3514)
            .saturating_add(Weight::from_parts(6_000_000, 2555).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::LatestCycle` (r:1 w:1)
    /// Storage: `Timestamp::Now` (r:1 w:0)
    /// Storage: `Registry::Cycles` (r:1 w:1)
    fn schedule_cycle() -> Weight {
        Weight::from_parts(25_000_000, 3514)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    fn require_role() -> Weight {
        Weight::from_parts(8_000_000, 3514).saturating_add(T::DbWeight::get().reads(1_u64))
    }
}
