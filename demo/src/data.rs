//! The readings that the demo replays, and what it expects of them.
//!
//! Promises the plain truth that every total and every bill is compared with: read from the CSV by this module alone, not
//! by the meter's own reader, so that one mistake in both is unlikely. Leaves to others what is done with it.
//!
//! **Privacy.** Holds every home's plain readings; only the demo may.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Duration, Utc};
use flate2::read::MultiGzDecoder;
use gridveil_primitives::{PeriodIndex, RegionId, MAX_PERIODS};
use rand::{rngs::StdRng, seq::SliceRandom};

/// Half hours in a day.
pub const PERIODS_PER_DAY: PeriodIndex = 48;
const PERIOD_MINUTES: i64 = 30;
/// The fewest meters of a region of a development chain: a total over fewer is never opened.
pub const MINIMUM_METERS: usize = 3;
/// The columns of a file of readings.
const COLUMNS: [&str; 3] = ["meter", "timestamp_utc", "wh"];
/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What is wrong with a readings file.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no CSV of readings.
    #[error("{path} is not a CSV of meter,timestamp_utc,wh: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The packaged readings can't be written.
    #[error("can't write the packaged readings to {path}: {source}")]
    NotUnpacked {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds nothing of that day.
    #[error("{path} has readings from {first} to {last}, and none from {start} on: choose another --day")]
    AnotherTime {
        /// The file.
        path: PathBuf,
        /// Its first label.
        first: DateTime<Utc>,
        /// Its last label.
        last: DateTime<Utc>,
        /// The first half hour that is replayed.
        start: DateTime<Utc>,
    },
    /// A region would have too few meters for its totals ever to be opened.
    #[error(
        "{meters} meters in {regions} regions leave {least} in one, and the total of fewer than {MINIMUM_METERS} is never \
         opened: choose more --meters or fewer --regions"
    )]
    SmallRegion {
        /// How many meters are wanted.
        meters: usize,
        /// In how many regions.
        regions: u32,
        /// The meters of the smallest region.
        least: usize,
    },
    /// There are not enough meters with readings on that day.
    #[error("the files hold {found} meters for {start}, {wanted} are wanted: choose another --day or fewer --meters")]
    TooFewMeters {
        /// The first half hour that is replayed.
        start: DateTime<Utc>,
        /// How many were found.
        found: usize,
        /// How many are wanted.
        wanted: usize,
    },
}

/// One meter of the demo.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its name in the CSV.
    pub meter: String,
    /// The file that its readings are in.
    pub file: PathBuf,
    /// The region that it is enrolled in.
    pub region: RegionId,
    /// Its readings by period, in watt-hours; `None` where it stays silent.
    pub readings: Vec<Option<i64>>,
}

impl Home {
    /// The periods in which it stays silent.
    pub fn silent(&self) -> impl Iterator<Item = PeriodIndex> + '_ {
        (0..)
            .zip(&self.readings)
            .filter(|(_, reading)| reading.is_none())
            .map(|(period, _)| period)
    }
}

/// What to take of the files.
pub struct Selection<'a> {
    /// Readings without gaps.
    pub readings: &'a Path,
    /// Readings of meters with gaps.
    pub gaps: &'a Path,
    /// The label of the first half hour.
    pub start: DateTime<Utc>,
    /// How many half hours.
    pub periods: PeriodIndex,
    /// How many meters, of which one in eight is silent at some time, if the files have as many.
    pub meters: usize,
    /// How many regions they are spread over.
    pub regions: u32,
}

/// Writes the packaged readings into a folder; returns the file without gaps and the file with gaps.
pub fn unpack(dir: &Path) -> Result<(PathBuf, PathBuf), DataError> {
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        match std::fs::write(&path, bytes) {
            Ok(()) => Ok(path),
            Err(source) => Err(DataError::NotUnpacked { path, source }),
        }
    };
    Ok((
        write("readings.csv.gz", include_bytes!("../data/readings.csv.gz"))?,
        write("gaps.csv.gz", include_bytes!("../data/gaps.csv.gz"))?,
    ))
}

type Readings = BTreeMap<String, BTreeMap<DateTime<Utc>, i64>>;

/// Reads a file that is what the meters' own reader takes: columns by name and in any order, rows by meter and then time,
/// whole watt-hours that are not negative. What is not is told here, before anything has been started.
fn read(path: &Path) -> Result<Readings, DataError> {
    let unreadable = |source| DataError::Unreadable {
        path: path.into(),
        source,
    };
    let malformed = |reason: String| DataError::Malformed {
        path: path.into(),
        reason,
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let packed = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
    let reader: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut csv = csv::Reader::from_reader(reader);
    let header = csv.headers().map_err(|e| malformed(e.to_string()))?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|name| name == column);
        *place = found.ok_or_else(|| malformed(format!("it has no column {column}")))?;
    }
    let mut all = Readings::new();
    let mut before = None;
    for row in csv.records() {
        let row = row.map_err(|e| malformed(e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let (meter, label, wh) =
            take_apart(&row, places).map_err(|reason| malformed(format!("line {line}: {reason}")))?;
        if before.as_ref() >= Some(&(meter.clone(), label)) {
            return Err(malformed(format!(
                "line {line}: {meter} at {label} is there twice or comes too late; sort by meter, then time"
            )));
        }
        all.entry(meter.clone()).or_default().insert(label, wh);
        before = Some((meter, label));
    }
    Ok(all)
}

/// The meter, the label and the reading of a row; or what is wrong with it.
fn take_apart(row: &csv::StringRecord, places: [usize; 3]) -> Result<(String, DateTime<Utc>, i64), String> {
    let [meter, label, wh] = places.map(|place| row.get(place).unwrap_or_default());
    // A meter's name is the name of its folder, too.
    if meter.is_empty() || meter.starts_with('.') || meter.contains(['/', '\\', '\0']) {
        return Err(format!("`{meter}` can't be a meter's name"));
    }
    let moment = label.parse::<DateTime<Utc>>().ok();
    let moment = moment.filter(|moment| moment.timestamp().rem_euclid(PERIOD_MINUTES * 60) == 0);
    let moment = moment.ok_or_else(|| format!("`{label}` is no ISO 8601 time on a half hour"))?;
    let wh = wh.parse::<i64>().ok().filter(|wh| *wh >= 0);
    let wh = wh.ok_or_else(|| format!("{meter} at {label} has no whole number of watt-hours from 0 on"))?;
    Ok((meter.into(), moment, wh))
}

/// That a file reaches over the half hours that are replayed.
fn covers(path: &Path, readings: &Readings, start: DateTime<Utc>) -> Result<(), DataError> {
    let labels = || readings.values().flat_map(BTreeMap::keys).copied();
    match labels().min().zip(labels().max()) {
        Some((first, last)) if start < first || start > last => Err(DataError::AnotherTime {
            path: path.into(),
            first,
            last,
            start,
        }),
        _ => Ok(()),
    }
}

/// All that a file holds: the label of its first half hour, and every meter from there to the last half hour of any, spread
/// over regions 1, 2, … in turn, in the order of their names.
pub fn whole(path: &Path, regions: u32) -> Result<(DateTime<Utc>, Vec<Home>), DataError> {
    let malformed = |reason: String| DataError::Malformed {
        path: path.into(),
        reason,
    };
    let all = read(path)?;
    let labels = || all.values().flat_map(BTreeMap::keys);
    let (Some(start), Some(last)) = (labels().min().copied(), labels().max()) else {
        return Err(malformed("it has no rows".into()));
    };
    let minutes = (*last - start).num_minutes();
    let periods = PeriodIndex::try_from(minutes / PERIOD_MINUTES + 1)
        .ok()
        .filter(|periods| *periods <= MAX_PERIODS)
        .ok_or_else(|| {
            malformed(format!(
                "{start} to {last} is longer than a cycle, which has {MAX_PERIODS} half hours"
            ))
        })?;
    let labels: Vec<_> = (0..i64::from(periods))
        .map(|k| start + Duration::minutes(k * PERIOD_MINUTES))
        .collect();
    let homes = all.into_iter().zip((1..=regions).cycle());
    let homes = homes.map(|((meter, readings), region)| Home {
        meter,
        file: path.into(),
        region,
        readings: labels.iter().map(|label| readings.get(label).copied()).collect(),
    });
    Ok((start, homes.collect()))
}

/// Chooses the meters and spreads them, those with gaps first, over regions 1, 2, … in turn.
///
/// The choice and the spread depend on `rng` and on nothing else but the files.
pub fn select(selection: &Selection, rng: &mut StdRng) -> Result<Vec<Home>, DataError> {
    let least = selection.meters / usize::try_from(selection.regions).unwrap_or(usize::MAX).max(1);
    if least < MINIMUM_METERS {
        return Err(DataError::SmallRegion {
            meters: selection.meters,
            regions: selection.regions,
            least,
        });
    }
    let labels: Vec<_> = (0..i64::from(selection.periods))
        .map(|k| selection.start + Duration::minutes(k * PERIOD_MINUTES))
        .collect();
    let by_period = |readings: &BTreeMap<DateTime<Utc>, i64>| -> Vec<Option<i64>> {
        labels.iter().map(|label| readings.get(label).copied()).collect()
    };
    let candidates = |path: &Path, wants_gap: bool| -> Result<Vec<_>, DataError> {
        let all = read(path)?;
        covers(path, &all, selection.start)?;
        Ok(all
            .into_iter()
            .map(|(meter, readings)| (meter, path.to_path_buf(), by_period(&readings)))
            .filter(|(_, _, readings)| readings.iter().any(Option::is_none) == wants_gap)
            .collect())
    };
    let mut silent = candidates(selection.gaps, true)?;
    let mut steady = candidates(selection.readings, false)?;
    // A meter that both files have is one meter.
    steady.retain(|(meter, _, _)| silent.iter().all(|(other, _, _)| other != meter));
    silent.shuffle(rng);
    steady.shuffle(rng);
    silent.truncate(selection.meters.div_ceil(8));
    steady.truncate(selection.meters - silent.len());
    let found = silent.len() + steady.len();
    if found < selection.meters {
        return Err(DataError::TooFewMeters {
            start: selection.start,
            found,
            wanted: selection.meters,
        });
    }
    let homes = silent.into_iter().chain(steady).zip((1..=selection.regions).cycle());
    Ok(homes
        .map(|((meter, file, readings), region)| Home {
            meter,
            file,
            region,
            readings,
        })
        .collect())
}

/// The plain sum of a region's readings in a period, over the meters that sent any, and how many these are.
pub fn region_total(homes: &[Home], region: RegionId, period: PeriodIndex) -> (u32, i64) {
    homes
        .iter()
        .filter(|home| home.region == region)
        .filter_map(|home| home.readings.get(usize::from(period)).copied().flatten())
        .fold((0, 0), |(meters, energy), reading| (meters + 1, energy + reading))
}

/// Every (meter, period) in which a meter stays silent.
pub fn silences(homes: &[Home]) -> BTreeSet<(String, PeriodIndex)> {
    homes
        .iter()
        .flat_map(|home| home.silent().map(|period| (home.meter.clone(), period)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn homes(seed: u64) -> Vec<Home> {
        let dir = tempfile::tempdir().unwrap();
        let (readings, gaps) = unpack(dir.path()).unwrap();
        let selection = Selection {
            readings: &readings,
            gaps: &gaps,
            start: "2013-01-18T00:00:00Z".parse().unwrap(),
            periods: PERIODS_PER_DAY,
            meters: 24,
            regions: 3,
        };
        select(&selection, &mut StdRng::seed_from_u64(seed)).unwrap()
    }

    #[test]
    fn the_packaged_day_has_24_meters_in_three_regions_and_one_with_gaps_in_each() {
        let homes = homes(1);
        for region in 1..=3 {
            let here: Vec<_> = homes.iter().filter(|home| home.region == region).collect();
            assert_eq!(here.len(), 8);
            assert_eq!(here.iter().filter(|home| home.silent().count() > 0).count(), 1);
        }
    }

    #[test]
    fn the_silences_are_those_that_the_publisher_left() {
        let mut expected: BTreeSet<_> = (0..48).map(|period| ("MAC000134".to_string(), period)).collect();
        expected.insert(("MAC000015".into(), 19));
        expected.insert(("MAC000025".into(), 19));
        assert_eq!(silences(&homes(7)), expected);
    }

    #[test]
    fn another_seed_spreads_the_meters_otherwise_and_the_same_seed_does_not() {
        let regions = |seed| -> BTreeMap<_, _> { homes(seed).into_iter().map(|h| (h.meter, h.region)).collect() };
        assert_eq!(regions(1), regions(1));
        assert_ne!(regions(1), regions(2));
    }

    /// What choosing `meters` in `regions` from a file with these bytes says, with the same file as the one with gaps.
    fn choose(bytes: &[u8], day: &str, meters: usize, regions: u32) -> Result<Vec<Home>, DataError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let selection = Selection {
            readings: file.path(),
            gaps: file.path(),
            start: format!("{day}T08:00:00Z").parse().unwrap(),
            periods: 2,
            meters,
            regions,
        };
        select(&selection, &mut StdRng::seed_from_u64(1))
    }

    /// Three meters with two readings each, in a file with its columns in another order; C misses the second one.
    const SMALL: &str = "wh,meter,timestamp_utc\n\
        1,A,2013-01-18T08:00:00Z\n2,A,2013-01-18T08:30:00Z\n\
        3,B,2013-01-18T08:00:00Z\n4,B,2013-01-18T08:30:00Z\n\
        5,C,2013-01-18T08:00:00Z\n";

    fn refusal(bytes: &[u8]) -> String {
        choose(bytes, "2013-01-18", 3, 1).unwrap_err().to_string()
    }

    #[test]
    fn any_file_of_that_form_will_do_packed_or_not_and_its_columns_in_any_order() {
        let packed = {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packer, SMALL.as_bytes()).unwrap();
            packer.finish().unwrap()
        };
        for bytes in [SMALL.as_bytes(), packed.as_slice()] {
            let homes = choose(bytes, "2013-01-18", 3, 1).unwrap();
            let readings: BTreeMap<_, _> = homes.into_iter().map(|home| (home.meter, home.readings)).collect();
            assert_eq!(readings["A"], [Some(1), Some(2)]);
            assert_eq!(readings["B"], [Some(3), Some(4)]);
            assert_eq!(readings["C"], [Some(5), None]);
        }
    }

    #[test]
    fn a_file_that_is_no_readings_is_refused_with_the_column_or_the_line() {
        let row = |row: &str| format!("meter,timestamp_utc,wh\nA,2013-01-18T07:00:00Z,1\n{row}\n");
        for (file, told) in [
            (String::new(), "no column meter"),
            ("meter,timestamp_utc\n".into(), "no column wh"),
            ("name,when,watt\nA,2013-01-18T08:00:00Z,1\n".into(), "no column meter"),
            (
                row("A,2013-01-18T08:00:00Z,ten"),
                "line 3: A at 2013-01-18T08:00:00Z has no whole",
            ),
            (
                row("A,2013-01-18T08:00:00Z,-1"),
                "line 3: A at 2013-01-18T08:00:00Z has no whole",
            ),
            (row("A,2013-01-18T08:10:00Z,1"), "line 3: `2013-01-18T08:10:00Z` is no"),
            (row("A,yesterday,1"), "line 3: `yesterday` is no"),
            (row("../A,2013-01-18T08:00:00Z,1"), "line 3: `../A` can't be"),
            (
                row("A,2013-01-18T07:00:00Z,1"),
                "line 3: A at 2013-01-18 07:00:00 UTC is there twice",
            ),
            (
                row("A,2013-01-18T06:30:00Z,1"),
                "line 3: A at 2013-01-18 06:30:00 UTC is there twice or comes too late",
            ),
            (row("A,2013-01-18T08:00:00Z"), "line: 3"),
        ] {
            let error = refusal(file.as_bytes());
            assert!(error.contains(told), "{error}, not: {told}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_or_no_file_or_breaks_off_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("missing.csv")] {
            assert!(matches!(read(&path), Err(DataError::Unreadable { path: told, .. }) if told == path));
        }
        assert!(refusal(&[0x1f, 0x8b, 8, 0, 1, 2, 3]).contains("is not a CSV"));
    }

    #[test]
    fn a_day_that_is_not_in_the_file_is_refused_with_those_that_are() {
        for day in ["2012-01-18", "2014-01-18"] {
            let error = choose(SMALL.as_bytes(), day, 3, 1).unwrap_err();
            assert!(matches!(error, DataError::AnotherTime { .. }), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("2013-01-18 08:00:00 UTC to 2013-01-18 08:30:00 UTC"),
                "{error}"
            );
        }
    }

    #[test]
    fn more_meters_than_there_are_and_regions_with_too_few_are_refused() {
        assert!(matches!(
            choose(SMALL.as_bytes(), "2013-01-18", 4, 1),
            Err(DataError::TooFewMeters {
                found: 3,
                wanted: 4,
                ..
            })
        ));
        for (meters, regions, expected) in [(5, 2, 2), (2, 3, 0), (2, 1, 2)] {
            let refused = choose(SMALL.as_bytes(), "2013-01-18", meters, regions);
            assert!(matches!(refused, Err(DataError::SmallRegion { least, .. }) if least == expected));
        }
    }

    #[test]
    fn a_meter_that_both_files_have_is_taken_once() {
        let with_gap = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            with_gap.path(),
            "meter,timestamp_utc,wh\nA,2013-01-18T08:00:00Z,1\nA,2013-01-18T09:00:00Z,1\n",
        )
        .unwrap();
        let without = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(without.path(), SMALL).unwrap();
        let selection = Selection {
            readings: without.path(),
            gaps: with_gap.path(),
            start: "2013-01-18T08:00:00Z".parse().unwrap(),
            periods: 2,
            meters: 3,
            regions: 1,
        };
        let refused = select(&selection, &mut StdRng::seed_from_u64(1));
        assert!(
            matches!(refused, Err(DataError::TooFewMeters { found: 2, .. })),
            "A and B are two"
        );
    }

    #[test]
    fn a_whole_file_has_every_meter_and_its_gaps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("readings.csv");
        let rows = "a,2013-01-01T00:00:00Z,7\nb,2013-01-01T00:30:00Z,5\nb,2013-01-01T01:30:00Z,6\n";
        std::fs::write(&path, format!("meter,timestamp_utc,wh\n{rows}")).unwrap();
        let (start, homes) = whole(&path, 2).unwrap();
        assert_eq!(start.to_rfc3339(), "2013-01-01T00:00:00+00:00");
        let found: Vec<_> = homes
            .iter()
            .map(|home| (home.meter.as_str(), home.region, &home.readings[..]))
            .collect();
        let expected: [(&str, RegionId, &[Option<i64>]); 2] = [
            ("a", 1, &[Some(7), None, None, None]),
            ("b", 2, &[None, Some(5), None, Some(6)]),
        ];
        assert_eq!(found, expected);
        for odd in [
            "",
            "a,2013-01-01T00:00:00Z,1\nb,2013-01-01T00:10:00Z,1\n",
            "a,2013-01-01T00:00:00Z,1\na,2013-03-01T00:00:00Z,1\n",
        ] {
            std::fs::write(&path, format!("meter,timestamp_utc,wh\n{odd}")).unwrap();
            assert!(matches!(whole(&path, 2), Err(DataError::Malformed { .. })), "{odd}");
        }
    }

    #[test]
    fn totals_add_only_the_meters_that_spoke() {
        let home = |region, readings: &[Option<i64>]| Home {
            meter: String::new(),
            file: PathBuf::new(),
            region,
            readings: readings.to_vec(),
        };
        let homes = [
            home(1, &[Some(5), None]),
            home(1, &[Some(7), Some(1)]),
            home(2, &[Some(100), Some(100)]),
        ];
        assert_eq!(region_total(&homes, 1, 0), (2, 12));
        assert_eq!(region_total(&homes, 1, 1), (1, 1));
    }
}
