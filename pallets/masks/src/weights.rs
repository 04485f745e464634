//! The weights of the calls of masks, in the form that `frame-omni-bencher` writes.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes.
//!
//! **Privacy.** They reveal nothing.

#![allow(unused_parens, unused_imports, missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weights that `pallet_masks` needs.
pub trait WeightInfo {
    fn publish_cycle_filter() -> Weight;
    fn publish_manifests(m: u32) -> Weight;
    fn open(e: u32, l: u32) -> Weight;
    fn withhold(e: u32) -> Weight;
}

/// The weights of `pallet_masks` with the database weights of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::Regions` (r:1 w:0)
    /// Storage: `Registry::Cycles` (r:1 w:0)
    /// Storage: `Masks::CycleFilters` (r:1 w:1)
    fn publish_cycle_filter() -> Weight {
        Weight::from_parts(120_000_000, 235976)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::Regions` (r:1 w:0)
    /// Storage: `Registry::Cycles` (r:1 w:0)
    /// Storage: `Masks::CycleFilters` (r:1 w:0)
    /// Storage: `Timestamp::Now` (r:1 w:0)
    /// Storage: `Masks::Manifests` (r:1 w:1)
    /// The range of component `m` is `[1, MaxMeters]`.
    fn publish_manifests(m: u32) -> Weight {
        Weight::from_parts(150_000_000, 236045)
            .saturating_add(Weight::from_parts(60_000, 0).saturating_mul(m.into()))
            .saturating_add(T::DbWeight::get().reads(6_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::Regions` (r:1 w:0)
    /// Storage: `Registry::Cycles` (r:1 w:0)
    /// Storage: `Masks::Outcomes` (r:1 w:1)
    /// Storage: `Masks::Manifests` (r:1 w:0)
    /// Storage: `Readings::Statuses` (r:1 w:0)
    /// Storage: `Readings::Tallies` (r:1 w:0)
    /// Storage: `Readings::Shares` (r:e w:0)
    /// The range of component `e` is `[0, MaxExcluded]`.
    /// The range of component `l` is `[0, MaxLeftOut]`.
    fn open(e: u32, l: u32) -> Weight {
        Weight::from_parts(1_000_000_000, 236045)
            .saturating_add(Weight::from_parts(8_000_000, 2541).saturating_mul(e.into()))
            .saturating_add(Weight::from_parts(60_000_000, 0).saturating_mul(l.into()))
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(e.into())))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Registry::Roles` (r:1 w:0)
    /// Storage: `Registry::Regions` (r:1 w:0)
    /// Storage: `Registry::Cycles` (r:1 w:0)
    /// Storage: `Masks::Outcomes` (r:1 w:1)
    /// Storage: `Masks::Manifests` (r:1 w:0)
    /// Storage: `Readings::Statuses` (r:1 w:0)
    /// Storage: `Readings::Tallies` (r:1 w:0)
    /// Storage: `Readings::Shares` (r:e w:0)
    /// Storage: `Pricing::Prices` (r:1 w:1)
    /// The range of component `e` is `[0, MaxExcluded]`.
    fn withhold(e: u32) -> Weight {
        Weight::from_parts(250_000_000, 236045)
            .saturating_add(Weight::from_parts(8_000_000, 2541).saturating_mul(e.into()))
            .saturating_add(T::DbWeight::get().reads(8_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(e.into())))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
}
