//! The readings that the demo replays, and what it expects of them.
//!
//! Promises the plain truth that every total and every bill is compared with: read from the CSV by this module alone, not
//! by the meter's own reader, so that one mistake in both is unlikely. Leaves to others what is done with it.
//!
//! **Privacy.** Holds every home's plain readings; only the demo may.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Duration, Utc};
use flate2::read::GzDecoder;
use gridveil_primitives::{PeriodIndex, RegionId, MAX_PERIODS};
use rand::{rngs::StdRng, seq::SliceRandom};

/// Half hours in a day.
pub const PERIODS_PER_DAY: PeriodIndex = 48;
const PERIOD_MINUTES: i64 = 30;

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

fn read(path: &Path) -> Result<Readings, DataError> {
    let unreadable = |source| DataError::Unreadable {
        path: path.into(),
        source,
    };
    let malformed = |reason: String| DataError::Malformed {
        path: path.into(),
        reason,
    };
    let file = File::open(path).map_err(unreadable)?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut all = Readings::new();
    for row in csv::Reader::from_reader(reader).deserialize() {
        let (meter, label, wh): (String, DateTime<Utc>, i64) = row.map_err(|e| malformed(e.to_string()))?;
        if all.entry(meter.clone()).or_default().insert(label, wh).is_some() {
            return Err(malformed(format!("{meter} has two readings for {label}")));
        }
    }
    Ok(all)
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
    if let Some(label) = labels().find(|label| (**label - start).num_seconds() % (PERIOD_MINUTES * 60) != 0) {
        return Err(malformed(format!("{label} is not on a half hour as {start} is")));
    }
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
    let labels: Vec<_> = (0..i64::from(selection.periods))
        .map(|k| selection.start + Duration::minutes(k * PERIOD_MINUTES))
        .collect();
    let by_period = |readings: &BTreeMap<DateTime<Utc>, i64>| -> Vec<Option<i64>> {
        labels.iter().map(|label| readings.get(label).copied()).collect()
    };
    let candidates = |path: &Path, wants_gap: bool| -> Result<Vec<_>, DataError> {
        Ok(read(path)?
            .into_iter()
            .map(|(meter, readings)| (meter, path.to_path_buf(), by_period(&readings)))
            .filter(|(_, _, readings)| readings.iter().any(Option::is_none) == wants_gap)
            .collect())
    };
    let mut silent = candidates(selection.gaps, true)?;
    let mut steady = candidates(selection.readings, false)?;
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

    #[test]
    fn a_whole_file_has_every_meter_and_its_gaps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("readings.csv");
        let rows = "b,2013-01-01T00:30:00Z,5\nb,2013-01-01T01:30:00Z,6\na,2013-01-01T00:00:00Z,7\n";
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
