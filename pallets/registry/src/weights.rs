//! The weights of `pallet_registry`, as `scripts/benchmark-weights` measured them and wrote them here.
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

/// What the calls, hooks and extensions of `pallet_registry` weigh.
pub trait WeightInfo {
    /// `grant_role`.
    fn grant_role() -> Weight;
    /// `revoke_role`.
    fn revoke_role() -> Weight;
    /// `register_region`.
    fn register_region() -> Weight;
    /// `register_users`, with `n` from 1 to 1_000.
    fn register_users(n: u32) -> Weight;
    /// `schedule_cycle`.
    fn schedule_cycle() -> Weight;
    /// `require_role`.
    fn require_role() -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Finality::Members: 1 read, 0 written
    // Registry::Roles: 1 read, 1 written
    // System::Account: 1 read, 1 written
    fn grant_role() -> Weight {
        Weight::from_parts(93_222_000, 0).saturating_add(T::DbWeight::get().reads_writes(3, 2))
    }

    // Registry::Roles: 1 read, 1 written
    // System::Account: 1 read, 1 written
    fn revoke_role() -> Weight {
        Weight::from_parts(93_088_000, 0).saturating_add(T::DbWeight::get().reads_writes(2, 2))
    }

    // Finality::Members: 1 read, 0 written
    // Registry::CounterForRegions: 1 read, 1 written
    // Registry::Regions: 1 read, 1 written
    fn register_region() -> Weight {
        Weight::from_parts(92_173_000, 0).saturating_add(T::DbWeight::get().reads_writes(3, 2))
    }

    // Registry::Roles: 1 read, 0 written
    // Registry::Users: 1000 read, 1000 written
    fn register_users(n: u32) -> Weight {
        Weight::from_parts(71_225_000, 0)
            .saturating_add(T::DbWeight::get().reads_writes(1, 0))
            .saturating_add(
                Weight::from_parts(18_352_908, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 1))
                    .saturating_mul(n.into()),
            )
    }

    // Registry::Cycles: 1 read, 1 written
    // Registry::LatestCycle: 1 read, 1 written
    // Registry::Roles: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn schedule_cycle() -> Weight {
        Weight::from_parts(113_511_000, 0).saturating_add(T::DbWeight::get().reads_writes(4, 2))
    }

    // Finality::Members: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    fn require_role() -> Weight {
        Weight::from_parts(40_719_000, 0).saturating_add(T::DbWeight::get().reads_writes(2, 0))
    }
}
