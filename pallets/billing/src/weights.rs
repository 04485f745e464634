//! The weights of `pallet_billing`, as `scripts/benchmark-weights` measured them and wrote them here.
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

/// What the calls, hooks and extensions of `pallet_billing` weigh.
pub trait WeightInfo {
    /// `publish_bills`, with `n` from 1 to 1_000.
    fn publish_bills(n: u32) -> Weight;
    /// `finish_cycle`.
    fn finish_cycle() -> Weight;
    /// `reconcile`.
    fn reconcile() -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Billing::Bills: 1000 read, 1000 written
    // Billing::Finished: 1 read, 0 written
    // Billing::Sums: 1 read, 1 written
    // Readings::NextClose: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    // Registry::Users: 1000 read, 0 written
    fn publish_bills(n: u32) -> Weight {
        Weight::from_parts(1_026_724_369, 0)
            .saturating_add(T::DbWeight::get().reads_writes(6, 1))
            .saturating_add(
                Weight::from_parts(70_738_017, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(2, 1))
                    .saturating_mul(n.into()),
            )
    }

    // Billing::Finished: 1 read, 1 written
    // Readings::NextClose: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn finish_cycle() -> Weight {
        Weight::from_parts(66_743_000, 0).saturating_add(T::DbWeight::get().reads_writes(5, 1))
    }

    // Billing::Finished: 1 read, 0 written
    // Billing::Sums: 1 read, 1 written
    // Readings::NextClose: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Roles: 1 read, 0 written
    fn reconcile() -> Weight {
        Weight::from_parts(526_439_000, 0).saturating_add(T::DbWeight::get().reads_writes(5, 1))
    }
}
