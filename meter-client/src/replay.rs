//! The replay of a CSV file of published half-hourly readings.
//!
//! The file has the columns `meter`, `timestamp_utc` (ISO 8601, on a half hour) and `wh` (whole watt-hours, not negative)
//! in any order, its rows sorted by meter and then time; it may be gzipped. The whole file is checked before the first
//! reading is given, also the rows of other meters, and the first fault found is an error with the number of its line.
//! Period k of a cycle is the k-th half-hour label from a given one on, whatever the chain's clock says; a label that is not
//! in the file is a period in which the meter is silent.
//!
//! **Privacy.** Keeps the readings of one meter in memory and writes none.

use crate::source::{Source, SourceError};
use chrono::{DateTime, SecondsFormat, Utc};
use csv::{ErrorKind, Position, StringRecord};
use flate2::read::MultiGzDecoder;
use gridveil_primitives::PeriodIndex;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// The seconds between two labels.
const STEP: i64 = 1_800;
/// What a gzip file starts with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The columns, in the order in which a row is taken apart here.
const COLUMNS: [&str; 3] = ["meter", "timestamp_utc", "wh"];

/// What can be wrong with a file of readings. Lines count from 1, the header's being the first.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {reason}; check the path and the permissions", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The file should be gzipped, and cannot be unpacked.
    #[error("{}: cannot be unpacked as gzip: {reason}; fetch the file again", file.display())]
    UnreadableGz {
        /// The file.
        file: PathBuf,
        /// The unpacker's reason.
        reason: String,
    },
    /// The header lacks a column.
    #[error("{}, line 1: there is no column `{column}`; the header must name meter, timestamp_utc and wh", file.display())]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A row that is not CSV, not UTF-8, or has another number of fields than the header.
    #[error("{}, line {line}: not a row of this file: {reason}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The parser's reason.
        reason: String,
    },
    /// Something else than a whole number of watt-hours.
    #[error("{}, line {line}: `{value}` in column wh is not a whole number of watt-hours", file.display())]
    NotANumber {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is there.
        value: String,
    },
    /// A negative reading, which this form of file cannot have.
    #[error("{}, line {line}: {value} Wh is negative; a file of consumption has none", file.display())]
    Negative {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is there.
        value: i64,
    },
    /// A timestamp that is no ISO 8601 moment on a half hour.
    #[error("{}, line {line}: `{value}` is not an ISO 8601 timestamp on a half hour, such as 2013-01-01T00:30:00Z", file.display())]
    BadTimestamp {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is there.
        value: String,
    },
    /// A second row for one meter and time.
    #[error("{}, line {line}: a second row for {meter} at {timestamp}; leave one of the two out", file.display())]
    Duplicate {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The meter.
        meter: String,
        /// The time.
        timestamp: String,
    },
    /// A row that comes after one that it should precede.
    #[error("{}, line {line}: the row for {meter} at {timestamp} comes too late; sort by meter, then time", file.display())]
    Unordered {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// The meter.
        meter: String,
        /// The time.
        timestamp: String,
    },
    /// The meter has no row in the file.
    #[error("{}: has no row for the meter {meter}", file.display())]
    NoSuchMeter {
        /// The file.
        file: PathBuf,
        /// The meter.
        meter: String,
    },
    /// The start is not on a half hour.
    #[error("{start} is not on a half hour; start a replay at a label of the file")]
    StartOffTheHalfHour {
        /// The start asked for.
        start: DateTime<Utc>,
    },
    /// The start lies outside what the file covers.
    #[error("{}: covers {first} to {last}, and {start} is outside", file.display())]
    StartOutside {
        /// The file.
        file: PathBuf,
        /// The start asked for.
        start: DateTime<Utc>,
        /// The file's first label, of any meter.
        first: String,
        /// The file's last label, of any meter.
        last: String,
    },
}

/// One meter's readings from a label on.
pub struct CsvReplay {
    readings: HashMap<PeriodIndex, i64>,
}

impl Source for CsvReplay {
    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
        Ok(self.readings.get(&period).copied())
    }
}

/// A row, taken apart and found good.
struct Row<'a> {
    meter: &'a str,
    seconds: i64,
    wh: i64,
}

impl CsvReplay {
    /// Reads and checks the whole of `file`, and keeps the readings of `meter` from the label `start` on; without one,
    /// from the meter's first row on.
    ///
    /// # Errors
    ///
    /// A [`ReplayError`] for the first fault in the file.
    pub fn open(file: &Path, meter: &str, start: Option<DateTime<Utc>>) -> Result<Self, ReplayError> {
        if let Some(start) = start.filter(|start| start.timestamp().rem_euclid(STEP) != 0) {
            return Err(ReplayError::StartOffTheHalfHour { start });
        }
        let (input, packed) = unpacked(file)?;
        let mut csv = csv::Reader::from_reader(input);
        let wrong = |error: csv::Error| fault(file, packed, error);
        let header = csv.headers().map_err(wrong)?.clone();
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            *place = header
                .iter()
                .position(|name| name == column)
                .ok_or(ReplayError::MissingColumn {
                    file: file.to_owned(),
                    column,
                })?;
        }

        let mut kept = Vec::new();
        let mut covered: Option<(i64, i64)> = None;
        let mut before: Option<(String, i64)> = None;
        let mut record = StringRecord::new();
        while csv.read_record(&mut record).map_err(wrong)? {
            let row = row(file, &record, places)?;
            if let Some((meter, seconds)) = &before {
                order(file, &record, (meter, *seconds), &row)?;
            }
            match &mut before {
                Some((meter, seconds)) if meter == row.meter => *seconds = row.seconds,
                other => *other = Some((row.meter.to_owned(), row.seconds)),
            }
            covered = Some(match covered {
                Some((first, last)) => (first.min(row.seconds), last.max(row.seconds)),
                None => (row.seconds, row.seconds),
            });
            if row.meter == meter {
                kept.push((row.seconds, row.wh));
            }
        }

        let (Some((first, last)), Some(first_row)) = (covered, kept.first()) else {
            return Err(ReplayError::NoSuchMeter {
                file: file.to_owned(),
                meter: meter.to_owned(),
            });
        };
        let from = start.map_or(first_row.0, |start| start.timestamp());
        if let Some(start) = start.filter(|_| from < first || from > last) {
            let (first, last) = (label(first), label(last));
            return Err(ReplayError::StartOutside {
                file: file.to_owned(),
                start,
                first,
                last,
            });
        }
        let readings = kept
            .into_iter()
            .filter_map(|(seconds, wh)| Some((PeriodIndex::try_from((seconds - from) / STEP).ok()?, wh)))
            .collect();
        Ok(Self { readings })
    }
}

/// A label as it is written.
fn label(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0)
        .map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Opens `file`, unpacked where it is gzipped, and says whether it was.
fn unpacked(file: &Path) -> Result<(Box<dyn Read>, bool), ReplayError> {
    let unreadable = |error: io::Error| ReplayError::Unreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut plain = File::open(file).map_err(unreadable)?;
    let mut magic = [0; 2];
    let mut filled = 0;
    while filled < magic.len() {
        match plain.read(&mut magic[filled..]).map_err(unreadable)? {
            0 => break,
            n => filled += n,
        }
    }
    plain.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    // A file that says `.gz` and is none fails in the unpacker, with its reason.
    let packed = magic == GZIP || file.extension().is_some_and(|extension| extension == "gz");
    let plain = BufReader::with_capacity(1 << 16, plain);
    Ok(if packed {
        (Box::new(MultiGzDecoder::new(plain)), true)
    } else {
        (Box::new(plain), false)
    })
}

/// The line on which a position is.
fn line(position: Option<&Position>) -> u64 {
    position.map_or(1, Position::line)
}

/// What the CSV parser found, as an error of ours.
fn fault(file: &Path, packed: bool, error: csv::Error) -> ReplayError {
    let file = file.to_owned();
    let (line, reason) = (line(error.position()), error.to_string());
    match error.into_kind() {
        ErrorKind::Io(io) if packed => ReplayError::UnreadableGz {
            file,
            reason: io.to_string(),
        },
        ErrorKind::Io(io) => ReplayError::Unreadable {
            file,
            reason: io.to_string(),
        },
        ErrorKind::UnequalLengths { expected_len, len, .. } => ReplayError::Malformed {
            file,
            line,
            reason: format!("{len} fields, and the header has {expected_len}"),
        },
        ErrorKind::Utf8 { err, .. } => ReplayError::Malformed {
            file,
            line,
            reason: err.to_string(),
        },
        _ => ReplayError::Malformed { file, line, reason },
    }
}

/// Takes one record apart.
fn row<'a>(file: &Path, record: &'a StringRecord, places: [usize; 3]) -> Result<Row<'a>, ReplayError> {
    let line = line(record.position());
    let field = |place: usize| record.get(place).unwrap_or_default();
    let (meter, timestamp, wh) = (field(places[0]), field(places[1]), field(places[2]));
    let seconds = DateTime::parse_from_rfc3339(timestamp)
        .ok()
        .filter(|time| time.timestamp_subsec_nanos() == 0)
        .map(|time| time.timestamp())
        .filter(|seconds| *seconds >= 0 && seconds.rem_euclid(STEP) == 0)
        .ok_or_else(|| ReplayError::BadTimestamp {
            file: file.to_owned(),
            line,
            value: timestamp.to_owned(),
        })?;
    let wh: i64 = wh.parse().map_err(|_| ReplayError::NotANumber {
        file: file.to_owned(),
        line,
        value: wh.to_owned(),
    })?;
    if wh < 0 {
        return Err(ReplayError::Negative {
            file: file.to_owned(),
            line,
            value: wh,
        });
    }
    Ok(Row { meter, seconds, wh })
}

/// Refuses a row that repeats the one before it or should have come earlier.
fn order(file: &Path, record: &StringRecord, before: (&str, i64), row: &Row) -> Result<(), ReplayError> {
    let (file, line, meter) = (file.to_owned(), line(record.position()), row.meter.to_owned());
    let timestamp = label(row.seconds);
    match (row.meter, row.seconds).cmp(&before) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal => Err(ReplayError::Duplicate {
            file,
            line,
            meter,
            timestamp,
        }),
        std::cmp::Ordering::Less => Err(ReplayError::Unordered {
            file,
            line,
            meter,
            timestamp,
        }),
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
