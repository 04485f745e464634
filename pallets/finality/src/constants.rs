//! The pallet's own constants, and what the runtime's have to fulfil.
//!
//! **Privacy.** They reveal nothing.

use crate::{Config, Pallet};
use frame_support::traits::Get;

/// The length of a slot where genesis does not say, in milliseconds.
pub const DEFAULT_SLOT_MS: u64 = 3_000;
/// The shortest slot that genesis may ask for, in milliseconds.
pub const SHORTEST_SLOT_MS: u64 = 100;
/// The blocks of a term where genesis does not say: half an hour of slots of three seconds.
pub const DEFAULT_TERM_BLOCKS: u32 = 600;
/// The shortest term that genesis may ask for, in blocks: one of a single block has no votes.
pub const SHORTEST_TERM_BLOCKS: u32 = 2;
/// How many terms end at once after a removal: the one in which it was decided and the one that was planned already.
pub const ROTATIONS_OF_A_REMOVAL: u8 = 2;

impl<T: Config> Pallet<T> {
    /// Panics where the runtime's constants do not go together; for the integrity test.
    pub(crate) fn check_constants() {
        let members = T::MaxMembers::get();
        assert!(members > 0, "a consortium needs room for a member");
        assert!(
            (1..=members).contains(&T::MinMembers::get()),
            "the floor is between one and the most members"
        );
        assert!(
            T::MaxMissedSlots::get() > 0,
            "a leader owns a slot before it loses the term"
        );
        assert!(
            T::HistoryDepth::get() > 0,
            "a report is made at the earliest in the session after"
        );
        let longest_schedule = members.max(members.saturating_sub(1).saturating_mul(2));
        assert!(
            <T as pallet_aura::Config>::MaxAuthorities::get() >= longest_schedule,
            "a leader comes up in Aura's schedule as often as all others together"
        );
        assert!(
            <T as pallet_grandpa::Config>::MaxAuthorities::get() >= members,
            "every member can finalise"
        );
        assert!(
            <T as pallet_grandpa::Config>::MaxSetIdSessionEntries::get() >= T::HistoryDepth::get().into(),
            "GRANDPA remembers its sets for as long as votes can be reported"
        );
    }
}
