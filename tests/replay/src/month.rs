//! What is replayed, and what must come out: the readings, who fails when, and which readings count.
//!
//! Promises the plain truth that everything is compared with, read from the CSV by the demo's reader and not by the meter's.
//!
//! **Privacy.** Holds every home's plain readings.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, Utc};
use gridveil_demo::data::{self, DataError, Home};
use gridveil_primitives::{Half, PeriodIndex, RegionId};
use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};

/// In one of how many periods of a region a meter fails that has a reading.
const FAILS_IN: u32 = 24;

/// What a meter sends for a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both shares of its pair.
    Both,
    /// One of the two, which does not count.
    Only(Half),
    /// Nothing.
    Silent,
}

/// What is taken of a file.
#[derive(Clone, Debug)]
pub struct Extract {
    /// How many regions the meters are spread over.
    pub regions: u32,
    /// At most so many meters.
    pub meters: Option<usize>,
    /// At most so many half hours.
    pub periods: Option<PeriodIndex>,
    /// Who fails when.
    pub seed: u64,
}

/// A month.
pub struct Month {
    /// The label of the first half hour.
    pub start: DateTime<Utc>,
    /// How many half hours.
    pub periods: PeriodIndex,
    /// The homes with their readings as the CSV has them.
    pub homes: Vec<Home>,
    /// The same homes with the readings that count: those of whole pairs.
    pub counted: Vec<Home>,
    /// Who sends less than both shares, by the home's place and the period.
    fates: BTreeMap<(usize, PeriodIndex), Fate>,
}

impl Month {
    /// Reads a file, and chooses who fails.
    pub fn read(path: &Path, extract: &Extract) -> Result<Month, DataError> {
        let (start, mut homes) = data::whole(path, extract.regions)?;
        homes.truncate(extract.meters.unwrap_or(usize::MAX));
        for home in &mut homes {
            home.readings.truncate(extract.periods.map_or(usize::MAX, usize::from));
        }
        Ok(Self::new(start, homes, extract))
    }

    fn new(start: DateTime<Utc>, homes: Vec<Home>, extract: &Extract) -> Month {
        let length = homes.iter().map(|home| home.readings.len()).max().unwrap_or(0);
        let periods = PeriodIndex::try_from(length).unwrap_or(PeriodIndex::MAX);
        let mut fates = BTreeMap::new();
        for (place, home) in homes.iter().enumerate() {
            fates.extend(home.silent().map(|period| ((place, period), Fate::Silent)));
        }
        let mut rng = StdRng::seed_from_u64(extract.seed);
        for region in 1..=extract.regions {
            let here: Vec<_> = (0..homes.len())
                .filter(|place| homes[*place].region == region)
                .collect();
            for period in 0..periods {
                if rng.gen_ratio(1, FAILS_IN) {
                    let fate = [Fate::Silent, Fate::Only(Half::First), Fate::Only(Half::Second)];
                    let chosen = here.choose(&mut rng).zip(fate.choose(&mut rng));
                    if let Some((place, fate)) = chosen {
                        fates.entry((*place, period)).or_insert(*fate);
                    }
                }
            }
        }
        let mut counted = homes.clone();
        for (place, period) in fates.keys() {
            if let Some(reading) = counted[*place].readings.get_mut(usize::from(*period)) {
                *reading = None;
            }
        }
        Month {
            start,
            periods,
            homes,
            counted,
            fates,
        }
    }

    /// What the home at this place sends.
    pub fn fate(&self, place: usize, period: PeriodIndex) -> Fate {
        self.fates.get(&(place, period)).copied().unwrap_or(Fate::Both)
    }

    /// Everyone who sends less than both shares: the meter's name, its region, the period, and what it sends.
    pub fn failures(&self) -> impl Iterator<Item = (&str, RegionId, PeriodIndex, Fate)> {
        self.fates.iter().map(|((place, period), fate)| {
            let home = &self.homes[*place];
            (home.meter.as_str(), home.region, *period, *fate)
        })
    }

    /// How many shares are sent.
    pub fn shares(&self) -> usize {
        let missing = |fate: &Fate| match fate {
            Fate::Both => 0,
            Fate::Only(_) => 1,
            Fate::Silent => 2,
        };
        2 * self.homes.len() * usize::from(self.periods) - self.fates.values().map(missing).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn month(seed: u64) -> Month {
        let home = |number: u32, gap: Option<usize>| Home {
            meter: format!("meter {number}"),
            file: PathBuf::new(),
            region: number % 2 + 1,
            readings: (0..480).map(|k| (Some(k) != gap).then_some(100)).collect(),
        };
        let homes = (0..6).map(|number| home(number, (number == 3).then_some(7))).collect();
        let extract = Extract {
            regions: 2,
            meters: None,
            periods: None,
            seed,
        };
        Month::new("2013-01-01T00:00:00Z".parse().unwrap(), homes, &extract)
    }

    #[test]
    fn gaps_are_silent_and_failures_do_not_count() {
        let month = month(1);
        assert_eq!(month.fate(3, 7), Fate::Silent);
        assert_eq!(month.periods, 480);
        for (place, home) in month.counted.iter().enumerate() {
            for period in 0..month.periods {
                let counts = home.readings[usize::from(period)].is_some();
                assert_eq!(counts, month.fate(place, period) == Fate::Both);
            }
        }
    }

    #[test]
    fn some_fall_silent_and_some_send_half_a_pair_and_the_seed_says_who() {
        let (one, other) = (month(1), month(2));
        let fates = |month: &Month| month.failures().map(|(.., fate)| fate).collect::<Vec<_>>();
        for fate in [Fate::Silent, Fate::Only(Half::First), Fate::Only(Half::Second)] {
            assert!(fates(&one).contains(&fate), "{fate:?}");
        }
        assert_eq!(one.fates, month(1).fates);
        assert_ne!(one.fates, other.fates);
        let sent: usize = (0..6)
            .flat_map(|place| (0..480).map(move |period| (place, period)))
            .map(|(place, period)| match one.fate(place, period) {
                Fate::Both => 2,
                Fate::Only(_) => 1,
                Fate::Silent => 0,
            })
            .sum();
        assert_eq!(one.shares(), sent);
    }
}
