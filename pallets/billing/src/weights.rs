//! Weights of `pallet_billing`.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes. `benchmarking.rs` is what measures, and says what each figure is of.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use frame_system::Config;

/// What the calls and hooks of `pallet_billing` weigh.
pub trait WeightInfo {
    /// `publish_bills` with `n` bills.
    fn publish_bills(n: u32) -> Weight;
    /// `finish_cycle`.
    fn finish_cycle() -> Weight;
}

/// The weights on a Substrate node.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> WeightInfo for SubstrateWeight<T> {
    fn publish_bills(n: u32) -> Weight {
        Weight::from_parts(22_000_000, 3_600)
            .saturating_add(Weight::from_parts(16_000_000, 2_700).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }

    fn finish_cycle() -> Weight {
        Weight::from_parts(26_000_000, 3_600)
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
