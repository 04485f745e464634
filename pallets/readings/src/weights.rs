//! The weights of `pallet_readings`, as `scripts/benchmark-weights` measured them and wrote them here.
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

/// What the calls, hooks and extensions of `pallet_readings` weigh.
pub trait WeightInfo {
    /// `submit`.
    fn submit() -> Weight;
    /// `submit_batch`, with `n` from 1 to 2_048.
    fn submit_batch(n: u32) -> Weight;
    /// `authenticate_batch`, with `n` from 1 to 2_048, `b` from 0 to 31.
    fn authenticate_batch(n: u32, b: u32) -> Weight;
    /// `look_at_singles`, with `s` from 0 to 2_048.
    fn look_at_singles(s: u32) -> Weight;
    /// `authenticate`, with `b` from 0 to 32.
    fn authenticate(b: u32) -> Weight;
    /// `close`, with `n` from 0 to 32.
    fn close(n: u32) -> Weight;
    /// `pass`, with `n` from 0 to 32.
    fn pass(n: u32) -> Weight;
    /// `prune`, with `n` from 0 to 1_000.
    fn prune(n: u32) -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Readings::Shares: 0 read, 1 written
    // Readings::Tallies: 1 read, 1 written
    fn submit() -> Weight {
        Weight::from_parts(66_425_000, 0).saturating_add(T::DbWeight::get().reads_writes(1, 2))
    }

    // Readings::Batches: 0 read, 1 written
    // Readings::Tallies: 1 read, 1 written
    fn submit_batch(n: u32) -> Weight {
        Weight::from_parts(162_704_924, 0)
            .saturating_add(T::DbWeight::get().reads_writes(1, 2))
            .saturating_add(Weight::from_parts(172_193, 0).saturating_mul(n.into()))
    }

    // Finality::SlotMs: 1 read, 0 written
    // Masks::MadeFor: 1 read, 0 written
    // Masks::Manifests: 1 read, 0 written
    // Masks::Revisions: 1 read, 0 written
    // Readings::Batches: 31 read, 0 written
    // Readings::Shares: 1 read, 0 written
    // Readings::Tallies: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // System::BlockHash: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn authenticate_batch(n: u32, b: u32) -> Weight {
        Weight::from_parts(1_759_315_000, 0)
            .saturating_add(T::DbWeight::get().reads_writes(10, 0))
            .saturating_add(Weight::from_parts(39_747_478, 0).saturating_mul(n.into()))
            .saturating_add(
                Weight::from_parts(23_652_530, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 0))
                    .saturating_mul(b.into()),
            )
    }

    // Readings::Shares: 2049 read, 0 written
    fn look_at_singles(s: u32) -> Weight {
        Weight::from_parts(1_368_145_163, 0)
            .saturating_add(T::DbWeight::get().reads_writes(1, 0))
            .saturating_add(
                Weight::from_parts(3_376_390, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 0))
                    .saturating_mul(s.into()),
            )
    }

    // Finality::SlotMs: 1 read, 0 written
    // Masks::MadeFor: 1 read, 0 written
    // Masks::Manifests: 1 read, 0 written
    // Masks::Revisions: 1 read, 0 written
    // Readings::Batches: 32 read, 0 written
    // Readings::Shares: 1 read, 0 written
    // Readings::Tallies: 1 read, 0 written
    // Registry::Cycles: 1 read, 0 written
    // Registry::Regions: 1 read, 0 written
    // Timestamp::Now: 1 read, 0 written
    fn authenticate(b: u32) -> Weight {
        Weight::from_parts(405_475_888, 0)
            .saturating_add(T::DbWeight::get().reads_writes(9, 0))
            .saturating_add(
                Weight::from_parts(43_411_914, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 0))
                    .saturating_mul(b.into()),
            )
    }

    // Masks::MadeFor: 32 read, 0 written
    // Masks::Manifests: 32 read, 0 written
    // Masks::RevisedFilters: 32 read, 0 written
    // Masks::Revisions: 32 read, 0 written
    // Readings::NextClose: 1 read, 1 written
    // Readings::Statuses: 0 read, 32 written
    // Readings::Tallies: 32 read, 0 written
    // Registry::Cycles: 33 read, 0 written
    // Registry::Regions: 2 read, 0 written
    fn close(n: u32) -> Weight {
        Weight::from_parts(32_633_639, 0)
            .saturating_add(T::DbWeight::get().reads_writes(4, 1))
            .saturating_add(
                Weight::from_parts(109_016_353, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(6, 1))
                    .saturating_mul(n.into()),
            )
    }

    // Masks::Manifests: 32 read, 0 written
    // Masks::Revisions: 32 read, 0 written
    // Readings::NextClose: 1 read, 1 written
    // Registry::Cycles: 2 read, 0 written
    // Registry::Regions: 33 read, 0 written
    fn pass(n: u32) -> Weight {
        Weight::from_parts(11_716_558, 0)
            .saturating_add(T::DbWeight::get().reads_writes(4, 1))
            .saturating_add(
                Weight::from_parts(25_357_942, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(3, 0))
                    .saturating_mul(n.into()),
            )
    }

    // Masks::CycleFilters: 1 read, 0 written
    // Readings::Batches: 1000 read, 1000 written
    // Readings::NextPrune: 1 read, 1 written
    // Registry::Regions: 1001 read, 0 written
    fn prune(n: u32) -> Weight {
        Weight::from_parts(3_382_354_892, 0)
            .saturating_add(T::DbWeight::get().reads_writes(1003, 1))
            .saturating_add(
                Weight::from_parts(6_227_822, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 1))
                    .saturating_mul(n.into()),
            )
    }
}
