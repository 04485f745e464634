//! The weights of `pallet_masks`, as `scripts/benchmark-weights` measured them and wrote them here.
//!
//! Each function is what the benchmark of its name in `benchmarking.rs` came to: the time of one core, without other
//! programs' time, and the entries of the state that are read and written, which the runtime adds its own weights for.
//! Nobody executes blocks on proofs of the state, so there are no sizes of proofs.
//!
//! 20 steps of each component, 10 repeats; 2026-11-23 on one core of Intel(R) Xeon(R) Processor @ 2.50GHz.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// What the calls, hooks and extensions of `pallet_masks` weigh.
pub trait WeightInfo {
    /// `publish_cycle_filter`.
    fn publish_cycle_filter() -> Weight;
    /// `publish_manifests`, with `m` from 1 to 10_000.
    fn publish_manifests(m: u32) -> Weight;
    /// `open`, with `e` from 0 to 2_000, `l` from 0 to 1_000.
    fn open(e: u32, l: u32) -> Weight;
    /// `revise_cycle`.
    fn revise_cycle() -> Weight;
    /// `withhold`, with `e` from 0 to 2_000.
    fn withhold(e: u32) -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Masks::CycleFilters: 1 read, 1 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    fn publish_cycle_filter() -> Weight {
        Weight::from_parts(116_675_000, 0).saturating_add(T::DbWeight::get().reads_writes(4, 1))
    }

    // Masks::CycleFilters: 1 read, 0 written
    // Masks::MadeFor: 1 read, 1 written
    // Masks::Manifests: 0 read, 1 written
    // Masks::Revisions: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn publish_manifests(m: u32) -> Weight {
        Weight::from_parts(146_256_174, 0)
            .saturating_add(T::DbWeight::get().reads_writes(7, 2))
            .saturating_add(Weight::from_parts(63_284, 0).saturating_mul(m.into()))
    }

    // Masks::MadeFor: 1 read, 0 written
    // Masks::Manifests: 1 read, 0 written
    // Masks::Outcomes: 1 read, 1 written
    // Masks::Revisions: 1 read, 0 written
    // Readings::Batches: 32 read, 0 written
    // Readings::Shares: 2000 read, 0 written
    // Readings::Statuses: 1 read, 0 written
    // Readings::Tallies: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    fn open(e: u32, l: u32) -> Weight {
        Weight::from_parts(24_301_471_000, 0)
            .saturating_add(T::DbWeight::get().reads_writes(31, 1))
            .saturating_add(
                Weight::from_parts(13_383_565, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 0))
                    .saturating_mul(e.into()),
            )
            .saturating_add(Weight::from_parts(11_874_758, 0).saturating_mul(l.into()))
    }

    // Masks::CycleFilters: 1 read, 0 written
    // Masks::RevisedFilters: 0 read, 1 written
    // Masks::Revisions: 1 read, 1 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn revise_cycle() -> Weight {
        Weight::from_parts(138_508_000, 0).saturating_add(T::DbWeight::get().reads_writes(6, 2))
    }

    // Masks::MadeFor: 1 read, 0 written
    // Masks::Manifests: 1 read, 0 written
    // Masks::Outcomes: 1 read, 1 written
    // Masks::Revisions: 1 read, 0 written
    // Pricing::Prices: 0 read, 1 written
    // Readings::Batches: 32 read, 0 written
    // Readings::Shares: 2000 read, 0 written
    // Readings::Statuses: 1 read, 0 written
    // Readings::Tallies: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    fn withhold(e: u32) -> Weight {
        Weight::from_parts(384_993_000, 0)
            .saturating_add(T::DbWeight::get().reads_writes(34, 2))
            .saturating_add(
                Weight::from_parts(20_467_665, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 0))
                    .saturating_mul(e.into()),
            )
    }
}
