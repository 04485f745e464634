//! What the meter keeps of a period.
//!
//! **Privacy.** Printed without readings, pseudonyms and shares.

use gridveil_primitives::Prid;
use std::fmt;

/// What became of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodState {
    /// Its shares are fixed, and not both are known to be on the chain.
    Pending,
    /// Both shares are on the finalised chain.
    Finalised,
    /// Its window ended with one share on the chain.
    Partial,
    /// Its window ended with no share on the chain.
    Lost,
    /// There was no reading.
    Silent,
    /// The meter was not running while its window was open.
    Missed,
}

impl PeriodState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Finalised,
        Self::Partial,
        Self::Lost,
        Self::Silent,
        Self::Missed,
    ];

    /// The word for it, in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Finalised => "finalised",
            Self::Partial => "partial",
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::Missed => "missed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A share as fixed, and how far it has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoredShare {
    /// The pseudonym that signs it.
    pub prid: Prid,
    /// The masked value.
    pub value: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// Whether it was seen on the finalised chain.
    pub landed: bool,
}

/// What is recorded about a period.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPeriod {
    /// What became of it.
    pub state: PeriodState,
    /// The reading, in watt-hours; there unless the meter was silent or missed the period.
    pub reading: Option<i64>,
    /// The two shares; there while the period is pending.
    pub shares: Option<[StoredShare; 2]>,
}

impl fmt::Debug for StoredShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredShare")
            .field("attempts", &self.attempts)
            .field("landed", &self.landed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPeriod")
            .field("state", &self.state)
            .field("shares", &self.shares)
            .finish_non_exhaustive()
    }
}

/// How many periods of a cycle are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// [`PeriodState::Pending`].
    pub pending: u32,
    /// [`PeriodState::Finalised`].
    pub finalised: u32,
    /// [`PeriodState::Partial`].
    pub partial: u32,
    /// [`PeriodState::Lost`].
    pub lost: u32,
    /// [`PeriodState::Silent`].
    pub silent: u32,
    /// [`PeriodState::Missed`].
    pub missed: u32,
}

impl Counts {
    /// All of them together.
    pub fn total(&self) -> u32 {
        [
            self.pending,
            self.finalised,
            self.partial,
            self.lost,
            self.silent,
            self.missed,
        ]
        .into_iter()
        .fold(0, u32::saturating_add)
    }
}
