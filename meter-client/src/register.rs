//! From registers that only count up to what was used in each period.
//!
//! A period's consumption is the register at its end minus the register at its start, where the register at a moment is
//! the last one heard at or before it, not older than a minute. So consumptions add up to the register's difference, however
//! often the program is restarted: what was heard at each boundary is kept in `registers.json` until it is no longer needed.
//! A boundary at which nothing was heard leaves the periods on both its sides without a reading; nothing is shared out over a
//! gap. A register that rolls over is followed; one that goes back otherwise, rises by more than a home can use, or belongs
//! to another meter is an error for its period, and the next period starts from what is there then.
//!
//! **Privacy.** Holds the home's registers, in memory and in a file of mode 0600; no error and no log has one in it.

use crate::{
    source::{Source, SourceError},
    state::{read_secret, write_atomically, StateDir, StateError},
    telegram::{Registers, Telegram},
};
use gridveil_primitives::{share::LARGEST_READING, CycleSchedule, Moment, PeriodIndex};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The file in the state directory.
const FILE: &str = "registers.json";
/// How old a register may be at a boundary, in milliseconds; at most half of a period.
const FRESH: u64 = 60_000;
/// How many boundaries are kept: more than a month of half hours.
const KEPT: usize = 2_000;

/// What can be wrong between two registers. None of it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Another meter's number.
    #[error("another meter answers than at the period's start; if the meter was replaced, nothing is to be done: readings go on with the next period; if not, check --source")]
    Replaced,
    /// Other registers of the same meter.
    #[error("the meter sends other registers than at the period's start; if it was set up anew, nothing is to be done: readings go on with the next period")]
    OtherRegisters,
    /// A register fell, and not by rolling over.
    #[error("a register went back; if the meter was replaced, nothing is to be done: readings go on with the next period; if it rolled over, set --register-digits to the digits before its point")]
    WentBack,
    /// A register rose too far.
    #[error("a register rose by more than 100 kWh in the period, which no home can use; check that --source is this home's meter, and --register-digits; readings go on with the next period")]
    Jumped,
}

/// What was heard at one moment.
#[derive(Clone, Serialize, Deserialize)]
struct Sample {
    at: Moment,
    meter: String,
    registers: Registers,
}

/// The boundaries of periods, each `step` milliseconds after the one before; without an end, since a cycle mostly starts where
/// the last one ended.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Grid {
    pub(crate) start: Moment,
    pub(crate) step: u64,
}

impl Grid {
    /// The moment at which a period starts.
    pub(crate) fn at(&self, period: PeriodIndex) -> Moment {
        self.start.saturating_add(self.step.saturating_mul(period.into()))
    }

    /// The first boundary at or after `moment`.
    pub(crate) fn next(&self, moment: Moment) -> Moment {
        let since = moment.saturating_sub(self.start);
        self.start
            .saturating_add(since.div_ceil(self.step).saturating_mul(self.step))
    }
}

/// The registers that are needed to tell consumptions, now and later.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Book {
    grid: Option<Grid>,
    latest: Option<Sample>,
    boundaries: BTreeMap<Moment, Sample>,
}

impl Book {
    /// A book for these boundaries.
    pub(crate) fn new(grid: Grid) -> Self {
        Self {
            grid: Some(grid),
            ..Self::default()
        }
    }

    /// Enters what was heard; whether a boundary lies between it and what was heard before.
    pub(crate) fn enter(&mut self, telegram: Telegram, at: Moment) -> bool {
        let sample = Sample {
            at,
            meter: telegram.meter,
            registers: telegram.registers,
        };
        let passed = match (&self.latest, &self.grid) {
            (Some(latest), Some(grid)) => Some(grid.next(latest.at)).filter(|boundary| *boundary < at),
            _ => None,
        };
        let kept = passed.is_some_and(|boundary| self.heard_at(boundary).is_some());
        self.latest = Some(sample);
        kept
    }

    /// The last sample at or before a boundary that has passed, if it is fresh. Once told, it stays: a period's end is the
    /// next one's start.
    fn heard_at(&mut self, boundary: Moment) -> Option<&Sample> {
        let fresh = self.grid.map_or(0, |grid| FRESH.min(grid.step / 2));
        let latest = self.latest.as_ref();
        let latest = latest.filter(|latest| latest.at <= boundary && boundary - latest.at <= fresh);
        if let (Some(latest), false) = (latest, self.boundaries.contains_key(&boundary)) {
            self.boundaries.insert(boundary, latest.clone());
            if self.boundaries.len() > KEPT {
                self.boundaries.pop_first();
            }
        }
        self.boundaries.get(&boundary)
    }

    /// The consumption between two boundaries, in watt-hours; `None` where nothing was heard at one of them.
    pub(crate) fn between(&mut self, from: Moment, to: Moment, digits: u32) -> Result<Option<i64>, RegisterError> {
        let Some(end) = self.heard_at(to).cloned() else {
            return Ok(None);
        };
        let Some(start) = self.heard_at(from) else {
            return Ok(None);
        };
        difference(start, &end, digits).map(Some)
    }
}

/// What was drawn less what was fed in from one sample to the next, of registers with so many digits of kilowatt-hours.
fn difference(from: &Sample, to: &Sample, digits: u32) -> Result<i64, RegisterError> {
    if from.meter != to.meter {
        return Err(RegisterError::Replaced);
    }
    if !from.registers.keys().eq(to.registers.keys()) {
        return Err(RegisterError::OtherRegisters);
    }
    let turn = 10_u64.checked_pow(digits.saturating_add(3));
    let (mut drawn, mut fed) = (0_u64, 0_u64);
    for ((name, old), new) in from.registers.iter().zip(to.registers.values()) {
        let rise = match new.checked_sub(*old) {
            Some(rise) if rise <= LARGEST_READING => rise,
            Some(_) => return Err(RegisterError::Jumped),
            None => turn
                .and_then(|turn| turn.checked_sub(*old)?.checked_add(*new))
                .filter(|rise| *rise <= LARGEST_READING)
                .ok_or(RegisterError::WentBack)?,
        };
        *(if name.starts_with('1') { &mut drawn } else { &mut fed }) += rise;
    }
    if drawn.max(fed) > LARGEST_READING {
        return Err(RegisterError::Jumped);
    }
    Ok(drawn.cast_signed() - fed.cast_signed())
}

/// The book that whoever listens writes and the period loop reads.
pub(crate) struct Shared {
    book: Mutex<Option<Book>>,
    file: PathBuf,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Book>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what was heard, and keeps it where a boundary was passed; false once the source is gone.
    pub(crate) fn enter(&self, telegram: Telegram, at: Moment) -> bool {
        let mut book = self.lock();
        let Some(book) = book.as_mut() else {
            return false;
        };
        if book.enter(telegram, at) {
            self.save(book);
        }
        true
    }

    /// Whether the source is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    /// Writes the book. Where that fails, readings go on; what is lost is lost only with the next restart.
    fn save(&self, book: &Book) {
        let saved = serde_json::to_vec(book)
            .map_err(|error| error.to_string())
            .and_then(|json| write_atomically(&self.file, &json).map_err(|error| error.to_string()));
        if let Err(error) = saved {
            tracing::warn!(
                error,
                "the registers were not kept; a restart would leave a period without reading"
            );
        }
    }
}

/// A meter that is listened to.
pub struct Metered {
    shared: Arc<Shared>,
    grid: Option<Grid>,
    digits: u32,
}

impl Metered {
    /// Takes up what was kept in the state directory. The caller holds its lock; the registers have so many `digits` of
    /// kilowatt-hours.
    ///
    /// # Errors
    ///
    /// [`StateError::Exposed`], [`StateError::Io`], [`StateError::Registers`].
    pub fn open(state: &StateDir, digits: u32) -> Result<Self, StateError> {
        let file = state.path().join(FILE);
        let book = match read_secret(&file)? {
            None => Book::default(),
            Some(json) => serde_json::from_slice(&json).map_err(|_| StateError::Registers { path: file.clone() })?,
        };
        let shared = Arc::new(Shared {
            book: Mutex::new(Some(book)),
            file,
        });
        Ok(Self {
            shared,
            grid: None,
            digits,
        })
    }

    /// Where to enter what is heard.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }
}

impl Source for Metered {
    fn begin(&mut self, schedule: &CycleSchedule) {
        let grid = Grid {
            start: schedule.start,
            step: schedule.period_ms,
        };
        self.grid = Some(grid);
        if let Some(book) = self.shared.lock().as_mut() {
            book.grid = Some(grid);
            self.shared.save(book);
        }
    }

    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
        let mut book = self.shared.lock();
        let (Some(grid), Some(book)) = (self.grid, book.as_mut()) else {
            return Ok(None);
        };
        let (from, to) = (grid.at(period), grid.at(period.saturating_add(1)));
        // Periods are asked for in order, and the same one again after a restart.
        book.boundaries = book.boundaries.split_off(&from);
        let reading = book.between(from, to, self.digits);
        self.shared.save(book);
        reading.map_err(|error| SourceError {
            period,
            reason: error.to_string(),
        })
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        // The last sample may be the one that a boundary needs which passes during a restart.
        if let Some(book) = self.shared.lock().take() {
            self.shared.save(&book);
        }
    }
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
