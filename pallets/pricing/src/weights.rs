//! The weights of `pallet_pricing`, as `scripts/benchmark-weights` measured them and wrote them here.
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

/// What the calls, hooks and extensions of `pallet_pricing` weigh.
pub trait WeightInfo {
    /// `set_price`.
    fn set_price() -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Masks::Outcomes: 1 read, 0 written
    // Pricing::Prices: 1 read, 1 written
    // Registry::Roles: 1 read, 0 written
    fn set_price() -> Weight {
        Weight::from_parts(71_532_000, 0).saturating_add(T::DbWeight::get().reads_writes(3, 1))
    }
}
