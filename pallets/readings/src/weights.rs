//! Weights of `pallet_readings`.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes. `benchmarking.rs` is what measures, and says what each figure is of.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};
use frame_system::Config;

/// What the calls and hooks of `pallet_readings` weigh.
pub trait WeightInfo {
    /// `submit`: a share stored and counted.
    fn submit() -> Weight;
    /// `AuthenticateMeter` on a `submit`, with a filter as long as may be.
    fn authenticate() -> Weight;
    /// The walk over what is due, of which `n` periods of one region close.
    fn close(n: u32) -> Weight;
    /// The part of the walk over `n` regions that have nothing to close.
    fn pass(n: u32) -> Weight;
    /// `n` shares of one region and cycle forgotten.
    fn prune(n: u32) -> Weight;
}

/// The weights on a Substrate node.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> WeightInfo for SubstrateWeight<T> {
    fn submit() -> Weight {
        Weight::from_parts(130_000_000, 3_600)
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }

    fn authenticate() -> Weight {
        Weight::from_parts(120_000_000, 4_000_000).saturating_add(T::DbWeight::get().reads(4_u64))
    }

    fn close(n: u32) -> Weight {
        Weight::from_parts(20_000_000, 40_000)
            .saturating_add(Weight::from_parts(130_000_000, 36_000).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(3_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
            .saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }

    fn pass(n: u32) -> Weight {
        Weight::from_parts(6_000_000, 3_500)
            .saturating_add(Weight::from_parts(5_000_000, 2_550).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(n.into())))
    }

    fn prune(n: u32) -> Weight {
        Weight::from_parts(35_000_000, 40_000)
            .saturating_add(Weight::from_parts(2_000_000, 2_550).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }
}

/// The same with the database's default weights, for tests.
impl WeightInfo for () {
    fn submit() -> Weight {
        Weight::from_parts(130_000_000, 3_600)
            .saturating_add(RocksDbWeight::get().reads(1_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
    }

    fn authenticate() -> Weight {
        Weight::from_parts(120_000_000, 4_000_000).saturating_add(RocksDbWeight::get().reads(4_u64))
    }

    fn close(n: u32) -> Weight {
        Weight::from_parts(20_000_000, 40_000)
            .saturating_add(Weight::from_parts(130_000_000, 36_000).saturating_mul(n.into()))
            .saturating_add(RocksDbWeight::get().reads(3_u64))
            .saturating_add(RocksDbWeight::get().writes(1_u64))
            .saturating_add(RocksDbWeight::get().reads((3_u64).saturating_mul(n.into())))
            .saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }

    fn pass(n: u32) -> Weight {
        Weight::from_parts(6_000_000, 3_500)
            .saturating_add(Weight::from_parts(5_000_000, 2_550).saturating_mul(n.into()))
            .saturating_add(RocksDbWeight::get().reads((2_u64).saturating_mul(n.into())))
    }

    fn prune(n: u32) -> Weight {
        Weight::from_parts(35_000_000, 40_000)
            .saturating_add(Weight::from_parts(2_000_000, 2_550).saturating_mul(n.into()))
            .saturating_add(RocksDbWeight::get().reads(5_u64))
            .saturating_add(RocksDbWeight::get().writes(2_u64))
            .saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }
}
