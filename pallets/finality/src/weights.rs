//! The weights of the pallet's calls and of its hook, in the form that `frame-omni-bencher` writes.
//!
//! These are estimates, not measurements: what each call reads and writes with a hundred members and 32 open motions, and
//! the time that this and its signatures take. A report is checked twice, before and in its dispatch, and counted so.
//!
//! **Privacy.** They reveal nothing.

#![allow(unused_parens, unused_imports, missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// The weights that `pallet_finality` needs.
pub trait WeightInfo {
    fn vote_leader() -> Weight;
    fn add_member() -> Weight;
    fn remove_member() -> Weight;
    fn leave() -> Weight;
    fn rejoin() -> Weight;
    fn set_keys() -> Weight;
    fn report_block_equivocation() -> Weight;
    fn note_stalled() -> Weight;
    fn authorize_upgrade() -> Weight;
    fn set_nodes(n: u32) -> Weight;
    fn on_initialize(n: u32) -> Weight;
}

/// The weights of `pallet_finality` with the database weights of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    /// Storage: `Finality::Author` (r:1 w:0)
    /// Storage: `Session::Validators` (r:1 w:0)
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::Votes` (r:1 w:1)
    fn vote_leader() -> Weight {
        Weight::from_parts(20_000_000, 12000)
            .saturating_add(T::DbWeight::get().reads(4_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:1)
    /// Storage: `System::Account` (r:1 w:1)
    /// Storage: `Consortium::Proposals` (r:1 w:0)
    /// Storage: `Consortium::Voting` (r:32 w:32)
    /// Storage: `Consortium::Members` (r:0 w:1)
    /// Storage: `Consortium::Prime` (r:0 w:1)
    fn add_member() -> Weight {
        Weight::from_parts(60_000_000, 45000)
            .saturating_add(T::DbWeight::get().reads(35_u64))
            .saturating_add(T::DbWeight::get().writes(36_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:1)
    /// Storage: `Finality::Away` (r:1 w:1)
    /// Storage: `Session::NextKeys` (r:100 w:1)
    /// Storage: `Session::QueuedKeys` (r:1 w:0)
    /// Storage: `Session::Validators` (r:1 w:0)
    /// Storage: `Session::KeyOwner` (r:0 w:2)
    /// Storage: `Session::ExternallySetKeys` (r:1 w:1)
    /// Storage: `System::Account` (r:1 w:1)
    /// Storage: `Finality::Votes` (r:1 w:1)
    /// Storage: `Finality::RotationsDue` (r:0 w:1)
    /// Storage: `Finality::LeftAt` (r:0 w:1)
    /// Storage: `Finality::KeysSetAt` (r:0 w:1)
    /// Storage: `Finality::Records` (r:0 w:1)
    /// Storage: `Finality::Nodes` (r:0 w:1)
    /// Storage: `Consortium::Proposals` (r:1 w:0)
    /// Storage: `Consortium::Voting` (r:32 w:32)
    /// Storage: `Consortium::Members` (r:0 w:1)
    /// Storage: `Consortium::Prime` (r:0 w:1)
    fn remove_member() -> Weight {
        Weight::from_parts(350_000_000, 310000)
            .saturating_add(T::DbWeight::get().reads(140_u64))
            .saturating_add(T::DbWeight::get().writes(48_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::Away` (r:1 w:1)
    /// Storage: `Finality::LeftAt` (r:1 w:1)
    /// Storage: `Session::NextKeys` (r:100 w:0)
    /// Storage: `Session::QueuedKeys` (r:1 w:0)
    /// Storage: `Session::Validators` (r:1 w:0)
    /// Storage: `Finality::RotationsDue` (r:0 w:1)
    fn leave() -> Weight {
        Weight::from_parts(250_000_000, 290000)
            .saturating_add(T::DbWeight::get().reads(105_u64))
            .saturating_add(T::DbWeight::get().writes(3_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::Away` (r:1 w:1)
    fn rejoin() -> Weight {
        Weight::from_parts(15_000_000, 4700)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::KeysSetAt` (r:1 w:1)
    /// Storage: `Session::NextKeys` (r:1 w:1)
    /// Storage: `Session::KeyOwner` (r:2 w:4)
    /// Storage: `Session::ExternallySetKeys` (r:1 w:1)
    /// Storage: `System::Account` (r:1 w:1)
    fn set_keys() -> Weight {
        Weight::from_parts(180_000_000, 13000)
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().writes(8_u64))
    }
    /// Storage: `Finality::TermSlots` (r:4 w:0)
    /// Storage: `Historical::HistoricalSessions` (r:1 w:0)
    /// Storage: `Finality::Evidence` (r:1 w:1)
    /// Storage: and what `remove_member` touches.
    fn report_block_equivocation() -> Weight {
        Weight::from_parts(900_000_000, 340000)
            .saturating_add(T::DbWeight::get().reads(146_u64))
            .saturating_add(T::DbWeight::get().writes(49_u64))
    }
    /// Storage: `Finality::RotationsDue` (r:1 w:1)
    /// Storage: `Session::QueuedChanged` (r:1 w:0)
    /// Storage: `Grandpa::Stalled` (r:0 w:1)
    fn note_stalled() -> Weight {
        Weight::from_parts(12_000_000, 1500)
            .saturating_add(T::DbWeight::get().reads(2_u64))
            .saturating_add(T::DbWeight::get().writes(2_u64))
    }
    /// Storage: `System::AuthorizedUpgrade` (r:0 w:1)
    fn authorize_upgrade() -> Weight {
        Weight::from_parts(10_000_000, 0).saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::Nodes` (r:0 w:1)
    /// The range of component `n` is `[0, MaxNodes]`.
    fn set_nodes(n: u32) -> Weight {
        Weight::from_parts(15_000_000, 3200)
            .saturating_add(Weight::from_parts(300_000, 0).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(1_u64))
            .saturating_add(T::DbWeight::get().writes(1_u64))
    }
    /// Storage: `Session::Validators` (r:1 w:0)
    /// Storage: `Finality::Leader` (r:1 w:1)
    /// Storage: `Finality::LastSlot` (r:1 w:1)
    /// Storage: `Finality::LeaderMissed` (r:1 w:1)
    /// Storage: `Finality::Members` (r:1 w:0)
    /// Storage: `Finality::Records` (r:n w:n)
    /// Storage: `Finality::Author` (r:0 w:1)
    /// Storage: `Finality::KeysInForce` (r:1 w:0)
    /// Storage: `Aura::Authorities` (r:1 w:1)
    /// The range of component `n` is `[0, MaxMembers]`.
    fn on_initialize(n: u32) -> Weight {
        Weight::from_parts(30_000_000, 45000)
            .saturating_add(Weight::from_parts(5_000_000, 2531).saturating_mul(n.into()))
            .saturating_add(T::DbWeight::get().reads(7_u64))
            .saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(n.into())))
            .saturating_add(T::DbWeight::get().writes(4_u64))
            .saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
    }
}
