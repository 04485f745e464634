//! Weights of `pallet_pricing`.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes. `benchmarking.rs` is what measures, and says what each figure is of.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use frame_system::Config;

/// What the calls and hooks of `pallet_pricing` weigh.
pub trait WeightInfo {
    /// `set_price`.
    fn set_price() -> Weight;
}

/// The weights on a Substrate node.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> WeightInfo for SubstrateWeight<T> {
    fn set_price() -> Weight {
        Weight::from_parts(25_000_000, 3_600)
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
}
