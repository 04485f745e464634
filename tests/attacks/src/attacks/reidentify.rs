//! Somebody who knows how homes live looks for them in an export of the whole chain.
//!
//! The two known attacks on pseudonymous readings: linking by behaviour (a home's usual day, known from one half of a month,
//! is looked for in the other half) and linking by anomaly (its most unusual day is looked for). They are run with real
//! readings of real homes on three exports: one with plain readings under lasting pseudonyms, for which they were made and
//! which shows that they work, the paper's and gridveil's. The latter two have no traces, only shares of each period under
//! pseudonyms of their own; the attacker makes traces by the pseudonyms' order.

use std::io::Read;

use flate2::read::GzDecoder;
use gridveil_primitives::{hash::blake2b_256, share::split_and_mask};
use rand::{rngs::StdRng, seq::SliceRandom, Rng};

use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{seen, Row, Seen},
};

/// Real half-hourly readings of 21 homes over 30 days; see demo/data/README.md.
const READINGS: &[u8] = include_bytes!("../../../../demo/data/readings.csv.gz");
const HALF_HOURS: usize = 48;
const DAYS: usize = 30;
/// How many exports of shares are searched.
const EXPORTS: usize = 12;

/// A month of one home, or what is taken for it.
type Trace = Vec<f64>;
/// Traces, each with the home that it is of.
type Export = Vec<(usize, Trace)>;

fn homes() -> Vec<Vec<i64>> {
    let mut text = String::new();
    GzDecoder::new(READINGS)
        .read_to_string(&mut text)
        .expect("it is packed text");
    let mut homes: Vec<(&str, Vec<i64>)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let meter = fields.next().expect("a meter comes first");
        let reading = fields
            .nth(1)
            .and_then(|wh| wh.parse().ok())
            .expect("watt-hours come third");
        match homes.last_mut() {
            Some((last, readings)) if *last == meter => readings.push(reading),
            _ => homes.push((meter, vec![reading])),
        }
    }
    homes.into_iter().map(|(_, readings)| readings).collect()
}

/// A trace with mean 0 and length 1.
fn normed(values: impl Iterator<Item = f64>) -> Trace {
    let values: Trace = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let length = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE);
    values.into_iter().map(|value| (value - mean) / length).collect()
}

fn alike(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The usual day of some days.
fn usual_day(days: &[f64]) -> Trace {
    let at = |half_hour: usize| days.iter().skip(half_hour).step_by(HALF_HOURS).sum::<f64>();
    normed((0..HALF_HOURS).map(at))
}

/// What each day used.
fn days_used(days: &[f64]) -> Trace {
    normed(days.chunks(HALF_HOURS).map(|day| day.iter().sum()))
}

/// The trace that is most like a home whose readings are known: by behaviour, of which the first half of the month is known,
/// in the second half; or by anomaly, of which the days of much and of little use are known, in all of it.
fn find(known: &[f64], traces: &[Trace], by_anomaly: bool) -> usize {
    let half = DAYS / 2 * HALF_HOURS;
    let seen = |trace: &Trace| {
        if by_anomaly {
            alike(&days_used(known), &days_used(trace))
        } else {
            alike(&usual_day(&known[..half]), &usual_day(&trace[half..]))
        }
    };
    let alikeness: Vec<f64> = traces.iter().map(seen).collect();
    (0..traces.len())
        .max_by(|one, other| alikeness[*one].total_cmp(&alikeness[*other]))
        .unwrap_or_default()
}

/// How many homes are found in exports.
fn search(homes: &[Trace], by_anomaly: bool, exports: &[Export]) -> Rate {
    let mut found = Vec::new();
    for export in exports {
        let (names, traces): (Vec<usize>, Vec<Trace>) = export.iter().cloned().unzip();
        found.extend((0..homes.len()).map(|home| names[find(&homes[home], &traces, by_anomaly)] == home));
    }
    let mut found = found.into_iter();
    Rate::of(found.len() as u64, || found.next().unwrap_or_default())
}

/// Holds if the rate may be that of guessing among the homes.
fn baseline(rate: Rate, homes: usize) -> Seen {
    let (least, most) = rate.interval();
    let by_guessing = 1.0 / homes as f64;
    let text = format!(
        "{rate}, {:.1} to {:.1} %; by guessing {:.1} %",
        least * 100.0,
        most * 100.0,
        by_guessing * 100.0
    );
    seen(least <= by_guessing && by_guessing <= most && most < 0.15, text)
}

/// Traces of an export whose shares of a period come in the order of its pseudonyms. As the order of each period is another,
/// a trace is called by the home that its first share is of.
fn by_order(homes: usize, shares: impl Fn(usize, usize) -> f64, rng: &mut StdRng) -> Export {
    let mut traces = vec![(0, Vec::new()); homes];
    let mut order: Vec<usize> = (0..homes).collect();
    for k in 0..DAYS * HALF_HOURS {
        // Pseudonyms are new in each period, and their order says nothing of the last one's.
        order.shuffle(rng);
        for ((name, trace), home) in traces.iter_mut().zip(&order) {
            if k == 0 {
                *name = *home;
            }
            trace.push(shares(*home, k));
        }
    }
    traces
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let readings = homes();
    let known: Vec<Trace> = readings
        .iter()
        .map(|home| home.iter().map(|wh| *wh as f64).collect())
        .collect();
    assert!(
        readings.iter().all(|home| home.len() == DAYS * HALF_HOURS),
        "every home has a whole month"
    );

    let plain: Export = known.iter().cloned().enumerate().collect();
    let on_paper: Vec<Export> = (0..EXPORTS)
        .map(|_| {
            let meters: Vec<_> = known.iter().map(|_| paper::Meter::new(rng)).collect();
            let split: u64 = rng.gen();
            let share = |home: usize, k: usize| {
                let first = split.wrapping_mul(k as u64 + 1) % (readings[home][k] as u64 + 1);
                (first as i64 + meters[home].mask(0, k as u16)) as f64
            };
            by_order(known.len(), share, rng)
        })
        .collect();
    let on_gridveil: Vec<Export> = (0..EXPORTS)
        .map(|_| {
            let region = Region::seeded(1, known.len() as u8, rng.gen());
            let share = |home: usize, k: usize| {
                let keys = &region.homes[home];
                split_and_mask(readings[home][k], &keys.split, &keys.keys, 0, k as u16).first as f64
            };
            by_order(known.len(), share, rng)
        })
        .collect();
    for (by_anomaly, how) in [(false, "behaviour"), (true, "anomaly")] {
        row.paper(
            format!("by {how}, plain readings under lasting pseudonyms"),
            search(&known, by_anomaly, std::slice::from_ref(&plain)).at_least(0.25),
        );
        row.paper(
            format!("by {how}, the paper's shares, at baseline too"),
            baseline(search(&known, by_anomaly, &on_paper), known.len()),
        );
        row.gridveil(
            format!("homes found by {how}"),
            baseline(search(&known, by_anomaly, &on_gridveil), known.len()),
        );
    }

    // What is public on purpose: the totals. Which of three regions is a home in?
    let mut order: Vec<usize> = (0..known.len()).collect();
    order.sort_by_key(|home| blake2b_256(&[&home.to_le_bytes()]));
    let region_of = |home: usize| order.iter().position(|other| *other == home).unwrap_or_default() % 3;
    let totals: Vec<Trace> = (0..3)
        .map(|region| {
            let members: Vec<_> = (0..known.len()).filter(|home| region_of(*home) == region).collect();
            normed((0..DAYS * HALF_HOURS).map(|k| members.iter().map(|home| known[*home][k]).sum()))
        })
        .collect();
    let told = (0..known.len()).filter(|home| {
        let home_like = normed(known[*home].iter().copied());
        let alikeness: Vec<f64> = totals.iter().map(|total| alike(&home_like, total)).collect();
        (0..3).max_by(|one, other| alikeness[*one].total_cmp(&alikeness[*other])) == Some(region_of(*home))
    });
    row.note(format!(
        "Who has all true readings of a home tells from the totals alone in which of three regions of 7 homes it is: {} of {}.",
        told.count(),
        known.len()
    ));
    row
}
