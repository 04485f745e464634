//! The weights of `pallet_finality`, as `scripts/benchmark-weights` measured them and wrote them here.
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

/// What the calls, hooks and extensions of `pallet_finality` weigh.
pub trait WeightInfo {
    /// `vote_leader`.
    fn vote_leader() -> Weight;
    /// `add_member`.
    fn add_member() -> Weight;
    /// `remove_member`.
    fn remove_member() -> Weight;
    /// `leave`.
    fn leave() -> Weight;
    /// `rejoin`.
    fn rejoin() -> Weight;
    /// `set_keys`.
    fn set_keys() -> Weight;
    /// `report_block_equivocation`.
    fn report_block_equivocation() -> Weight;
    /// `note_stalled`.
    fn note_stalled() -> Weight;
    /// `authorize_upgrade`.
    fn authorize_upgrade() -> Weight;
    /// `set_nodes`, with `n` from 0 to 8.
    fn set_nodes(n: u32) -> Weight;
    /// `on_initialize`, with `n` from 4 to 100.
    fn on_initialize(n: u32) -> Weight;
}

/// The weights as measured, with the runtime's weights of reads and writes.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    // Finality::Members: 1 read, 0 written
    // Finality::Votes: 1 read, 1 written
    // Session::Validators: 1 read, 0 written
    fn vote_leader() -> Weight {
        Weight::from_parts(100_293_000, 0).saturating_add(T::DbWeight::get().reads_writes(3, 1))
    }

    // Consortium::Members: 0 read, 1 written
    // Consortium::Prime: 0 read, 1 written
    // Consortium::Proposals: 1 read, 0 written
    // Finality::Members: 1 read, 1 written
    // System::Account: 1 read, 1 written
    fn add_member() -> Weight {
        Weight::from_parts(127_334_000, 0).saturating_add(T::DbWeight::get().reads_writes(3, 4))
    }

    // Consortium::Members: 0 read, 1 written
    // Consortium::Prime: 0 read, 1 written
    // Consortium::Proposals: 1 read, 0 written
    // Finality::Away: 1 read, 1 written
    // Finality::KeysSetAt: 0 read, 1 written
    // Finality::LeftAt: 0 read, 1 written
    // Finality::Members: 1 read, 1 written
    // Finality::Nodes: 0 read, 1 written
    // Finality::Records: 0 read, 1 written
    // Finality::RotationsDue: 0 read, 1 written
    // Finality::Votes: 1 read, 1 written
    // Session::ExternallySetKeys: 1 read, 0 written
    // Session::KeyOwner: 0 read, 2 written
    // Session::NextKeys: 100 read, 1 written
    // Session::QueuedKeys: 1 read, 0 written
    // Session::Validators: 1 read, 0 written
    // System::Account: 1 read, 1 written
    fn remove_member() -> Weight {
        Weight::from_parts(1_945_643_000, 0).saturating_add(T::DbWeight::get().reads_writes(108, 14))
    }

    // Finality::Away: 1 read, 1 written
    // Finality::LeftAt: 1 read, 1 written
    // Finality::Members: 1 read, 0 written
    // Finality::RotationsDue: 0 read, 1 written
    // Session::NextKeys: 100 read, 0 written
    // Session::QueuedKeys: 1 read, 0 written
    // Session::Validators: 1 read, 0 written
    fn leave() -> Weight {
        Weight::from_parts(1_057_733_000, 0).saturating_add(T::DbWeight::get().reads_writes(105, 3))
    }

    // Finality::Away: 1 read, 1 written
    // Finality::Members: 1 read, 0 written
    fn rejoin() -> Weight {
        Weight::from_parts(71_353_000, 0).saturating_add(T::DbWeight::get().reads_writes(2, 1))
    }

    // Finality::KeysSetAt: 1 read, 1 written
    // Finality::Members: 1 read, 0 written
    // Session::ExternallySetKeys: 1 read, 0 written
    // Session::KeyOwner: 2 read, 4 written
    // Session::NextKeys: 1 read, 1 written
    fn set_keys() -> Weight {
        Weight::from_parts(593_329_000, 0).saturating_add(T::DbWeight::get().reads_writes(6, 6))
    }

    // Consortium::Members: 0 read, 1 written
    // Consortium::Prime: 0 read, 1 written
    // Consortium::Proposals: 1 read, 0 written
    // Finality::Away: 1 read, 1 written
    // Finality::Evidence: 1 read, 1 written
    // Finality::KeysSetAt: 0 read, 1 written
    // Finality::LeftAt: 0 read, 1 written
    // Finality::Members: 1 read, 1 written
    // Finality::Nodes: 0 read, 1 written
    // Finality::Records: 0 read, 1 written
    // Finality::RotationsDue: 0 read, 1 written
    // Finality::TermBlocks: 1 read, 0 written
    // Finality::TermSlots: 3 read, 0 written
    // Finality::Votes: 1 read, 1 written
    // Historical::HistoricalSessions: 1 read, 0 written
    // Session::ExternallySetKeys: 1 read, 0 written
    // Session::KeyOwner: 0 read, 2 written
    // Session::NextKeys: 100 read, 1 written
    // Session::QueuedKeys: 1 read, 0 written
    // Session::Validators: 1 read, 0 written
    // System::Account: 1 read, 1 written
    fn report_block_equivocation() -> Weight {
        Weight::from_parts(3_266_746_000, 0).saturating_add(T::DbWeight::get().reads_writes(114, 15))
    }

    // Finality::FinalityBehind: 1 read, 0 written
    // Finality::RotationsDue: 1 read, 1 written
    // Grandpa::NextForced: 1 read, 0 written
    // Grandpa::PendingChange: 1 read, 0 written
    // Grandpa::Stalled: 0 read, 1 written
    // Session::QueuedChanged: 1 read, 0 written
    fn note_stalled() -> Weight {
        Weight::from_parts(145_644_000, 0).saturating_add(T::DbWeight::get().reads_writes(5, 2))
    }

    // System::AuthorizedUpgrade: 0 read, 1 written
    fn authorize_upgrade() -> Weight {
        Weight::from_parts(68_339_000, 0).saturating_add(T::DbWeight::get().reads_writes(0, 1))
    }

    // Finality::Members: 1 read, 0 written
    // Finality::Nodes: 0 read, 1 written
    fn set_nodes(n: u32) -> Weight {
        Weight::from_parts(104_026_718, 0)
            .saturating_add(T::DbWeight::get().reads_writes(1, 1))
            .saturating_add(Weight::from_parts(6_745_894, 0).saturating_mul(n.into()))
    }

    // Aura::Authorities: 1 read, 0 written
    // Finality::FinalityBehind: 1 read, 0 written
    // Finality::KeysInForce: 1 read, 0 written
    // Finality::LastSlot: 1 read, 1 written
    // Finality::Leader: 1 read, 1 written
    // Finality::LeaderMissed: 1 read, 1 written
    // Finality::Members: 1 read, 0 written
    // Finality::Records: 100 read, 100 written
    // Finality::RotationsDue: 1 read, 0 written
    // Finality::TermBlocks: 1 read, 0 written
    // Finality::TermStarted: 1 read, 0 written
    // Session::Validators: 1 read, 0 written
    fn on_initialize(n: u32) -> Weight {
        Weight::from_parts(267_301_827, 0)
            .saturating_add(T::DbWeight::get().reads_writes(11, 3))
            .saturating_add(
                Weight::from_parts(10_084_741, 0)
                    .saturating_add(T::DbWeight::get().reads_writes(1, 1))
                    .saturating_mul(n.into()),
            )
    }
}
