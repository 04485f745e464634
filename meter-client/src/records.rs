//! The meter's own record of its periods, in SQLite.
//!
//! Promises that what a method wrote is on disk when it returns (`synchronous=FULL`), that the shares of a period never
//! change once they are fixed ([`Records::fix`] returns what stands there, whoever wrote it first), and that erased rows
//! are overwritten: a period's shares once it is settled, all of a cycle after the next one. The period loop writes; `status`
//! and `bill verify` read, also while it runs.
//!
//! **Privacy.** Holds the plain readings of two cycles, and no pseudonym under which they went out but while a period is on
//! its way: the file is 0600, and of its rows only counts and times are ever shown.

pub use crate::period::{Counts, PeriodState, StoredPeriod, StoredShare};
use gridveil_primitives::{CycleId, CycleSchedule, Half, Moment, PeriodIndex, Prid};
use rusqlite::{params, Connection, OptionalExtension, Row};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// The version of the tables, kept in `user_version`.
const VERSION: i64 = 1;
/// The tables.
const TABLES: &str = "
    CREATE TABLE cycles (
        cycle INTEGER PRIMARY KEY,
        start INTEGER NOT NULL, period_ms INTEGER NOT NULL, window_ms INTEGER NOT NULL, periods INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE periods (
        cycle INTEGER NOT NULL, period INTEGER NOT NULL,
        state TEXT NOT NULL, reading INTEGER, note TEXT NOT NULL DEFAULT '', recorded INTEGER NOT NULL,
        PRIMARY KEY (cycle, period)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE shares (
        cycle INTEGER NOT NULL, period INTEGER NOT NULL, half INTEGER NOT NULL,
        prid BLOB NOT NULL, value INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, last_sent INTEGER, landed INTEGER NOT NULL DEFAULT 0, block INTEGER,
        PRIMARY KEY (cycle, period, half)
    ) STRICT, WITHOUT ROWID;
";
/// A table that came later, beside those of the version.
const RECEIPTS: &str = "
    CREATE TABLE IF NOT EXISTS receipts (
        cycle INTEGER NOT NULL, period INTEGER NOT NULL, half INTEGER NOT NULL, receipt BLOB NOT NULL,
        PRIMARY KEY (cycle, period, half)
    ) STRICT, WITHOUT ROWID;
";

/// What can go wrong with the record.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The database could not be used.
    #[error("{}: {what} failed: {cause}; check the disk and the permissions", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What was being done.
        what: &'static str,
        /// SQLite's words.
        cause: String,
    },
    /// The file was written by another release.
    #[error("{}: has version {found}, and this program reads {VERSION}; use the release that wrote it", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
    },
    /// The chain's schedule of a cycle is not the one recorded.
    #[error("cycle {cycle} is recorded with another schedule than the chain has now; is this the chain that the meter was enrolled on?")]
    OtherSchedule {
        /// The cycle.
        cycle: CycleId,
    },
}

/// The record of a meter's periods.
pub struct Records {
    file: PathBuf,
    database: Connection,
}

impl Records {
    /// Opens the database in `file`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Database`], [`RecordsError::Version`].
    pub fn open(file: &Path) -> Result<Self, RecordsError> {
        let fault = |what, cause: String| RecordsError::Database {
            file: file.to_owned(),
            what,
            cause,
        };
        // SQLite would make it readable by others; its companions copy the mode of the file.
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(file)
            .map_err(|error| fault("opening it", error.to_string()))?;
        let database = Connection::open(file).map_err(|error| fault("opening it", error.to_string()))?;
        let mut records = Self {
            file: file.to_owned(),
            database,
        };
        records.prepare()?;
        Ok(records)
    }

    fn prepare(&mut self) -> Result<(), RecordsError> {
        let what = "preparing it";
        let done = self.database.busy_timeout(Duration::from_secs(10)).and_then(|()| {
            self.database.pragma_update(None, "journal_mode", "WAL")?;
            self.database.pragma_update(None, "synchronous", "FULL")?;
            self.database.pragma_update(None, "secure_delete", "ON")?;
            self.database.pragma_query_value(None, "user_version", |row| row.get(0))
        });
        match self.checked(what, done)? {
            0 => {
                let made = self
                    .database
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                    .and_then(|transaction| {
                        // Another process may have made them since the version was read.
                        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
                        if found == 0 {
                            transaction.execute_batch(TABLES)?;
                            transaction.pragma_update(None, "user_version", VERSION)?;
                        }
                        transaction.commit()
                    });
                self.checked(what, made)?;
            }
            VERSION => {}
            found => {
                return Err(RecordsError::Version {
                    file: self.file.clone(),
                    found,
                })
            }
        }
        self.checked(what, self.database.execute_batch(RECEIPTS))
    }

    fn checked<T>(&self, what: &'static str, result: rusqlite::Result<T>) -> Result<T, RecordsError> {
        result.map_err(|error| RecordsError::Database {
            file: self.file.clone(),
            what,
            cause: error.to_string(),
        })
    }

    /// Records the schedule of a cycle.
    ///
    /// # Errors
    ///
    /// [`RecordsError::OtherSchedule`] where another one is recorded.
    pub fn remember_cycle(&self, cycle: CycleId, schedule: &CycleSchedule) -> Result<(), RecordsError> {
        let done = self.database.execute(
            "INSERT INTO cycles VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![
                cycle,
                schedule.start.cast_signed(),
                schedule.period_ms.cast_signed(),
                schedule.window_ms.cast_signed(),
                schedule.periods
            ],
        );
        self.checked("recording a cycle", done)?;
        if self.schedule(cycle)? == Some(*schedule) {
            Ok(())
        } else {
            Err(RecordsError::OtherSchedule { cycle })
        }
    }

    /// The recorded schedule of a cycle.
    ///
    /// # Errors
    ///
    /// [`RecordsError::Database`]; so have all the methods below.
    pub fn schedule(&self, cycle: CycleId) -> Result<Option<CycleSchedule>, RecordsError> {
        let found = self.database.query_row(
            "SELECT start, period_ms, window_ms, periods FROM cycles WHERE cycle = ?1",
            [cycle],
            |row| {
                Ok(CycleSchedule {
                    start: moment(row, 0)?,
                    period_ms: moment(row, 1)?,
                    window_ms: moment(row, 2)?,
                    periods: row.get(3)?,
                })
            },
        );
        self.checked("reading a cycle", found.optional())
    }

    /// Fixes the reading and both shares of a period, unless something is recorded for it, and returns what is recorded
    /// then. What is returned may be sent; nothing else may.
    pub fn fix(
        &mut self,
        cycle: CycleId,
        period: PeriodIndex,
        reading: i64,
        shares: [(Prid, u64); 2],
        now: Moment,
    ) -> Result<StoredPeriod, RecordsError> {
        let done = self
            .database
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let new = transaction.execute(
                    "INSERT INTO periods (cycle, period, state, reading, recorded) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO NOTHING",
                    params![cycle, period, PeriodState::Pending.word(), reading, now.cast_signed()],
                )?;
                if new == 1 {
                    for (half, (prid, value)) in Half::BOTH.into_iter().zip(shares) {
                        transaction.execute(
                            "INSERT INTO shares (cycle, period, half, prid, value) VALUES (?1, ?2, ?3, ?4, ?5)",
                            params![cycle, period, number(half), prid, value.cast_signed()],
                        )?;
                    }
                }
                transaction.commit()
            });
        self.checked("fixing the shares of a period", done)?;
        self.period(cycle, period)?.ok_or_else(|| RecordsError::Database {
            file: self.file.clone(),
            what: "fixing the shares of a period",
            cause: "the row is gone".into(),
        })
    }

    /// Records a period for which nothing is sent, with the reason, unless something is recorded for it.
    pub fn pass(
        &self,
        cycle: CycleId,
        period: PeriodIndex,
        state: PeriodState,
        note: &str,
        now: Moment,
    ) -> Result<(), RecordsError> {
        let done = self.database.execute(
            "INSERT INTO periods (cycle, period, state, note, recorded) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            params![cycle, period, state.word(), note, now.cast_signed()],
        );
        self.checked("recording a period", done).map(drop)
    }

    /// What is recorded about a period.
    pub fn period(&self, cycle: CycleId, period: PeriodIndex) -> Result<Option<StoredPeriod>, RecordsError> {
        let found = self
            .database
            .query_row(
                "SELECT state, reading FROM periods WHERE cycle = ?1 AND period = ?2",
                params![cycle, period],
                |row| Ok((state(row, 0)?, row.get(1)?)),
            )
            .optional();
        let Some((state, reading)) = self.checked("reading a period", found)? else {
            return Ok(None);
        };
        let shares = self
            .database
            .prepare_cached(
                "SELECT prid, value, attempts, landed FROM shares WHERE cycle = ?1 AND period = ?2 ORDER BY half",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![cycle, period], share)?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
        let shares = self.checked("reading the shares of a period", shares)?;
        Ok(Some(StoredPeriod {
            state,
            reading,
            shares: shares.try_into().ok(),
        }))
    }

    /// The periods whose shares are fixed and not settled, in order.
    pub fn pending(&self) -> Result<Vec<(CycleId, PeriodIndex)>, RecordsError> {
        let found = self
            .database
            .prepare_cached("SELECT cycle, period FROM periods WHERE state = ?1 ORDER BY cycle, period")
            .and_then(|mut statement| {
                statement
                    .query_map([PeriodState::Pending.word()], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
        self.checked("reading the periods", found)
    }

    /// Records that a share is about to be sent; returns how often it will have been, and `None` where the share is erased.
    pub fn attempt(
        &self,
        cycle: CycleId,
        period: PeriodIndex,
        half: Half,
        now: Moment,
    ) -> Result<Option<u32>, RecordsError> {
        let attempts = self.database.query_row(
            "UPDATE shares SET attempts = attempts + 1, last_sent = ?4
             WHERE cycle = ?1 AND period = ?2 AND half = ?3 RETURNING attempts",
            params![cycle, period, number(half), now.cast_signed()],
            |row| row.get(0),
        );
        self.checked("recording that a share is sent", attempts.optional())
    }

    /// Records that a share is on the finalised chain, in `block` where that is known.
    pub fn landed(
        &self,
        cycle: CycleId,
        period: PeriodIndex,
        half: Half,
        block: Option<u32>,
    ) -> Result<(), RecordsError> {
        let done = self.database.execute(
            "UPDATE shares SET landed = 1, block = ?4 WHERE cycle = ?1 AND period = ?2 AND half = ?3",
            params![cycle, period, number(half), block],
        );
        self.checked("recording that a share is finalised", done).map(drop)
    }

    /// Keeps an aggregator's receipt for a share, encoded; a later one takes its place.
    pub fn keep_receipt(
        &self,
        cycle: CycleId,
        period: PeriodIndex,
        half: Half,
        receipt: &[u8],
    ) -> Result<(), RecordsError> {
        let done = self.database.execute(
            "INSERT OR REPLACE INTO receipts VALUES (?1, ?2, ?3, ?4)",
            params![cycle, period, number(half), receipt],
        );
        self.checked("keeping a receipt", done).map(drop)
    }

    /// The receipt for a share.
    pub fn receipt(&self, cycle: CycleId, period: PeriodIndex, half: Half) -> Result<Option<Vec<u8>>, RecordsError> {
        let found = self.database.query_row(
            "SELECT receipt FROM receipts WHERE cycle = ?1 AND period = ?2 AND half = ?3",
            params![cycle, period, number(half)],
            |row| row.get(0),
        );
        self.checked("reading a receipt", found.optional())
    }

    /// Settles a pending period by which of its shares landed, with a note on what went wrong; returns its state. Its shares are
    /// erased, and so is the receipt of one that landed.
    pub fn settle(&mut self, cycle: CycleId, period: PeriodIndex, note: &str) -> Result<PeriodState, RecordsError> {
        let done = self
            .database
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let key = params![cycle, period];
                let landed: u32 = transaction.query_row(
                    "SELECT COUNT(*) FROM shares WHERE cycle = ?1 AND period = ?2 AND landed = 1",
                    key,
                    |row| row.get(0),
                )?;
                let state = match landed {
                    0 => PeriodState::Lost,
                    1 => PeriodState::Partial,
                    _ => PeriodState::Finalised,
                };
                transaction.execute(
                    "UPDATE periods SET state = ?3, note = ?4 WHERE cycle = ?1 AND period = ?2 AND state = ?5",
                    params![cycle, period, state.word(), note, PeriodState::Pending.word()],
                )?;
                transaction.execute(
                    "DELETE FROM receipts WHERE (cycle, period, half) IN
                     (SELECT cycle, period, half FROM shares WHERE cycle = ?1 AND period = ?2 AND landed = 1)",
                    key,
                )?;
                transaction.execute("DELETE FROM shares WHERE cycle = ?1 AND period = ?2", key)?;
                transaction.commit()?;
                Ok(state)
            });
        let state = self.checked("settling a period", done)?;
        self.empty_log("settling a period")?;
        Ok(state)
    }

    /// The first period of a cycle that is pending.
    pub fn first_pending(&self, cycle: CycleId) -> Result<Option<PeriodIndex>, RecordsError> {
        let found = self.database.query_row(
            "SELECT MIN(period) FROM periods WHERE cycle = ?1 AND state = ?2",
            params![cycle, PeriodState::Pending.word()],
            |row| row.get(0),
        );
        self.checked("reading the periods", found)
    }

    /// The first period of a cycle after all that are recorded.
    pub fn next(&self, cycle: CycleId) -> Result<PeriodIndex, RecordsError> {
        let found = self.database.query_row(
            "SELECT COALESCE(MAX(period) + 1, 0) FROM periods WHERE cycle = ?1",
            [cycle],
            |row| row.get(0),
        );
        self.checked("reading the periods", found)
    }

    /// How many periods of a cycle are in each state.
    pub fn counts(&self, cycle: CycleId) -> Result<Counts, RecordsError> {
        let mut counts = Counts::default();
        for (state, _) in self.readings(cycle)?.into_values() {
            let count = match state {
                PeriodState::Pending => &mut counts.pending,
                PeriodState::Finalised => &mut counts.finalised,
                PeriodState::Partial => &mut counts.partial,
                PeriodState::Lost => &mut counts.lost,
                PeriodState::Silent => &mut counts.silent,
                PeriodState::Missed => &mut counts.missed,
            };
            *count = count.saturating_add(1);
        }
        Ok(counts)
    }

    /// The state and the reading of every recorded period of a cycle.
    pub fn readings(&self, cycle: CycleId) -> Result<BTreeMap<PeriodIndex, (PeriodState, Option<i64>)>, RecordsError> {
        let found = self
            .database
            .prepare_cached("SELECT period, state, reading FROM periods WHERE cycle = ?1")
            .and_then(|mut statement| {
                statement
                    .query_map([cycle], |row| Ok((row.get(0)?, (state(row, 1)?, row.get(2)?))))?
                    .collect::<rusqlite::Result<BTreeMap<_, _>>>()
            });
        self.checked("reading the periods", found)
    }

    /// When a share was last sent; of a period that is settled, when it was recorded.
    pub fn last_sent(&self) -> Result<Option<Moment>, RecordsError> {
        let found = self
            .database
            .query_row(
                "SELECT MAX(at) FROM (SELECT last_sent AS at FROM shares
                 UNION ALL SELECT recorded FROM periods WHERE state IN (?1, ?2))",
                [PeriodState::Finalised, PeriodState::Partial].map(PeriodState::word),
                |row| row.get::<_, Option<i64>>(0),
            )
            .map(|found| found.map(i64::cast_unsigned));
        self.checked("reading the shares", found)
    }

    /// Erases all cycles before `cycle`.
    pub fn forget_before(&mut self, cycle: CycleId) -> Result<(), RecordsError> {
        let done = self.database.transaction().and_then(|transaction| {
            for table in ["receipts", "shares", "periods", "cycles"] {
                transaction.execute(&format!("DELETE FROM {table} WHERE cycle < ?1"), [cycle])?;
            }
            transaction.commit()
        });
        self.checked("erasing old cycles", done)?;
        self.empty_log("erasing old cycles")
    }

    /// The log of writes still holds what erased rows held.
    fn empty_log(&self, what: &'static str) -> Result<(), RecordsError> {
        let done = self
            .database
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.checked(what, done)
    }
}

/// The number of a half in the database.
fn number(half: Half) -> i64 {
    match half {
        Half::First => 1,
        Half::Second => 2,
    }
}

/// A moment, kept in the 64 bits of a signed integer.
fn moment(row: &Row, column: usize) -> rusqlite::Result<Moment> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn state(row: &Row, column: usize) -> rusqlite::Result<PeriodState> {
    let word: String = row.get(column)?;
    PeriodState::from_word(&word).ok_or(rusqlite::Error::InvalidQuery)
}

fn share(row: &Row) -> rusqlite::Result<StoredShare> {
    Ok(StoredShare {
        prid: row.get(0)?,
        value: row.get::<_, i64>(1)?.cast_unsigned(),
        attempts: row.get(2)?,
        landed: row.get(3)?,
    })
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
