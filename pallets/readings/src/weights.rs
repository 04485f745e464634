//! Weights of `pallet_readings`.
//!
//! The figures are estimates until somebody measures them on the machines that the chain runs on: what each call reads and
//! writes, and the time that this takes. `benchmarking.rs` is what measures, and says what each figure is of.
//!
//! **Privacy.** Weights depend on sizes only.

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use frame_system::Config;

/// What the calls and hooks of `pallet_readings` weigh.
pub trait WeightInfo {
    /// `submit`: a share stored and counted.
    fn submit() -> Weight;
    /// `AuthenticateMeter` on a `submit`, with a filter as long as may be and `b` batches in the period, which hold all of
    /// a region's shares.
    fn authenticate(b: u32) -> Weight;
    /// `submit_batch`: `n` shares stored and counted.
    fn submit_batch(n: u32) -> Weight;
    /// `AuthenticateMeter` on a `submit_batch` of `n` shares, with a filter as long as may be, `b` batches in the period,
    /// and a look at the entries of `s` single shares.
    fn authenticate_batch(n: u32, b: u32) -> Weight;
    /// more.
    fn look_at_singles(s: u32) -> Weight;
    /// The walk over what is due, of which `n` periods of one region close.
    fn close(n: u32) -> Weight;
    /// The part of the walk over `n` regions that have nothing to close.
    fn pass(n: u32) -> Weight;
    /// `n` batches of one region and cycle forgotten; a share that came on its own counts as one.
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

    fn authenticate(b: u32) -> Weight {
        Weight::from_parts(140_000_000, 4_000_000)
            .saturating_add(Weight::from_parts(8_000_000, 26_000).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(b.into())))
    }

    fn submit_batch(n: u32) -> Weight {
        Weight::from_parts(60_000_000, 3_600)
            .saturating_add(Weight::from_parts(300_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }

    fn authenticate_batch(n: u32, b: u32) -> Weight {
        Weight::from_parts(200_000_000, 4_000_000)
            .saturating_add(Weight::from_parts(20_000_000, 0).saturating_mul(n.into()))
            .saturating_add(Weight::from_parts(20_000_000, 26_000).saturating_mul(b.into()))
            .saturating_add(T::DbWeight::get().reads(5_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(b.into())))
    }

    fn look_at_singles(s: u32) -> Weight {
        Weight::from_parts(3_000_000, 2_550).saturating_mul(s.into())
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
