//! Where a meter's readings come from.
//!
//! One trait, so that the period loop does not know whether it is fed by a replayed file or by a meter. The loop tells of
//! each cycle and then asks once for each of its periods, after the period's end and in order of the periods; it may skip
//! periods whose window had closed, and after a restart it may ask again for the one period whose answer it had not yet
//! fixed on disk.
//!
//! **Privacy.** A reading is the home's own; it leaves this process only split in two and masked.

use gridveil_primitives::{CycleSchedule, PeriodIndex};

/// A reading that could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("the reading of period {period} could not be taken: {reason}")]
pub struct SourceError {
    /// The period.
    pub period: PeriodIndex,
    /// What went wrong, and what to do about it.
    pub reason: String,
}

/// A supplier of readings.
pub trait Source: Send {
    /// Tells of the cycle whose periods are asked for from now on. A source that goes by a calendar of its own needs none.
    fn begin(&mut self, _schedule: &CycleSchedule) {}

    /// The consumption in `period`, in watt-hours, negative for feed-in; `None` where there is none, and the meter stays
    /// silent for the period.
    ///
    /// # Errors
    ///
    /// [`SourceError`] where the reading cannot be had any more. A source that can try again does so by itself: after an
    /// error the meter stays silent for the period.
    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError>;
}
