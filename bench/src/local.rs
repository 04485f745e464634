//! What is measured in this process, on made-up meters: the meter, batches, the key centre's filters, and bills.

use std::{hint::black_box, process::Command, time::Instant};

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, scalar::Scalar};
use gridveil_bills::{
    cid, envelope,
    report::{Line, Report},
};
use gridveil_grid_operator::{
    key_centre::prepare::{prepare, span},
    work::on_all_cores,
};
use gridveil_primitives::{
    batch::{check, check_each, SIGNED_SHARE_LEN},
    bill::BillSecret,
    filter,
    meter::Meter,
    pseudonym::OneTimeKey,
    tally, CycleSchedule, Half, PeriodIndex, PERIODS_PER_CYCLE,
};

use crate::{
    figure::{by_turns, median, seconds, BenchError, Figure, Goal},
    meters::{self, bid, key, root, roster, spend, CYCLE, READING},
};

const GENESIS: [u8; 32] = [7; 32];
const REGION: u32 = 1;
/// How many multiplications of the base point the filters take for a meter and period: two pseudonyms, and a commitment to two
/// generators.
const MULTIPLICATIONS: f64 = 4.0;
/// The most state that a meter may have, in bytes.
const STATE: f64 = 1_024.0;
/// The fewest bills a second and core.
const BILLS: f64 = 50.0;

/// How much is measured.
struct Scale {
    rounds: usize,
    /// How many calls make a round of what takes microseconds.
    calls: u32,
    /// How many meters.
    meters: u32,
    /// How many periods of filters.
    periods: PeriodIndex,
    /// How many shares in a batch.
    batch: u32,
}

/// Measures everything.
pub fn measure(quick: bool) -> Result<Vec<Figure>, BenchError> {
    let scale = match quick {
        true => Scale {
            rounds: 5,
            calls: 200,
            meters: 200,
            periods: 12,
            batch: 500,
        },
        false => Scale {
            rounds: 9,
            calls: 2_000,
            meters: 1_000,
            periods: 48,
            batch: 1_000,
        },
    };
    let mut figures = meter(&scale);
    figures.push(batches(&scale)?);
    figures.push(filters(&scale)?);
    figures.push(memory(quick)?);
    if !quick {
        figures.push(bills(&scale)?);
    }
    Ok(figures)
}

fn scalar() -> Scalar {
    Scalar::from_bytes_mod_order(black_box([0x5a; 32]))
}

fn meter(scale: &Scale) -> Vec<Figure> {
    let bid = bid(REGION, 0);
    let signer = OneTimeKey::derive(&spend(&bid), &root().meter_secret(&bid).cycle_keys(), Half::First, 0);
    let mut meter = meters::meter(&bid);
    let mut period: PeriodIndex = 0;
    let (value, limit) = by_turns(
        scale.rounds,
        || {
            seconds(scale.calls, || {
                period = (period + 1) % PERIODS_PER_CYCLE;
                meter.shares(&GENESIS, &key(REGION, period), black_box(READING))
            })
        },
        || {
            seconds(scale.calls, || {
                for message in [[1u8; 50], [2; 50]] {
                    black_box((&scalar() * RISTRETTO_BASEPOINT_TABLE).compress());
                    black_box(signer.sign(black_box(&message)));
                }
            })
        },
    );
    let sent = 2.0 * SIGNED_SHARE_LEN as f64;
    vec![
        Figure {
            name: "meter: one period, against two multiplications and two signatures",
            value: value * 1e6,
            unit: "µs",
            limit: limit * 1e6,
            goal: Goal::AtMost(1.1),
        },
        Figure {
            name: "meter: state in a cycle, against a KiB",
            value: size_of::<Meter>() as f64,
            unit: "bytes",
            limit: STATE,
            goal: Goal::AtMost(1.0),
        },
        Figure {
            name: "meter: sent in a period, against two pseudonyms, values and signatures",
            value: sent,
            unit: "bytes",
            limit: 2.0 * (32.0 + 8.0 + 64.0),
            goal: Goal::AtMost(1.0),
        },
    ]
}

fn batches(scale: &Scale) -> Result<Figure, BenchError> {
    let (key, roster) = (key(REGION, 0), roster(REGION, scale.batch / 2));
    let mut builder = filter::Builder::period(&key, roster.meters());
    let shares = meters::shares(&GENESIS, &roster, 1).concat();
    shares.iter().for_each(|share| builder.insert_prid(&share.prid));
    let filter = builder.finish();
    let (value, limit) = by_turns(
        scale.rounds,
        || seconds(1, || check(&GENESIS, &key, &filter, black_box(&shares))),
        || seconds(1, || check_each(&GENESIS, &key, &filter, black_box(&shares))),
    );
    if check(&GENESIS, &key, &filter, &shares).ok() != tally::sum(shares.iter().map(|share| &share.prid)) {
        return Err(BenchError::Wrong("a good batch was refused".into()));
    }
    let rate = |seconds: f64| shares.len() as f64 / seconds;
    Ok(Figure {
        name: "batch: shares checked together, against one by one",
        value: rate(value),
        unit: "per second and core",
        limit: rate(limit),
        goal: Goal::AtLeast(1.0),
    })
}

fn filters(scale: &Scale) -> Result<Figure, BenchError> {
    let (root, roster) = (root(), roster(REGION, scale.meters));
    let mut failed = None;
    let done = f64::from(scale.meters) * f64::from(scale.periods) * MULTIPLICATIONS;
    // On all cores at once, as the filters are made: two cores may be less than twice one.
    let bare: Vec<_> = (0..scale.meters).collect();
    let each = f64::from(scale.periods) * MULTIPLICATIONS;
    let (value, limit) = by_turns(
        scale.rounds,
        || {
            let begun = Instant::now();
            if let Err(error) = prepare(&root, &roster, 0, scale.periods) {
                failed = Some(error);
            }
            done / begun.elapsed().as_secs_f64()
        },
        || {
            let begun = Instant::now();
            on_all_cores(&bare, |_| {
                for _ in 0..each as u32 {
                    black_box(&scalar() * RISTRETTO_BASEPOINT_TABLE);
                }
            });
            done / begun.elapsed().as_secs_f64()
        },
    );
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(Figure {
        name: "filters: multiplications done, against bare ones times cores",
        value,
        unit: "per second",
        limit,
        goal: Goal::AtLeast(0.8),
    })
}

/// Makes two spans of filters, and says what memory this process has had at most, in bytes.
pub fn filter_memory(meters: u32) -> Result<u64, BenchError> {
    let (root, roster) = (root(), roster(REGION, meters));
    let count = span(meters).min(PERIODS_PER_CYCLE);
    for first in [0, count] {
        prepare(&root, &roster, first, count)?;
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let kibibytes: u64 =
        peak.ok_or_else(|| BenchError::Wrong("the kernel does not tell this process's memory".into()))?;
    Ok(kibibytes * 1_024)
}

/// In processes of their own, because a peak never falls.
fn memory(quick: bool) -> Result<Figure, BenchError> {
    let peak = |meters: u32| -> Result<f64, BenchError> {
        let output = Command::new(std::env::current_exe()?)
            .args(["filter-memory", &meters.to_string()])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let bytes: u64 = text
            .trim()
            .parse()
            .map_err(|_| BenchError::Wrong(format!("no filters for {meters} meters: {text}")))?;
        Ok(bytes as f64 / f64::from(1 << 20))
    };
    let most = if quick { 2_000 } else { 10_000 };
    Ok(Figure {
        name: match quick {
            true => "filters: memory for 2,000 meters, against 100",
            false => "filters: memory for 10,000 meters, against 100",
        },
        value: peak(most)?,
        unit: "MiB",
        limit: peak(100)?,
        goal: Goal::AtMost(1.25),
    })
}

fn bills(scale: &Scale) -> Result<Figure, BenchError> {
    let recipient = envelope::Identity::generate().recipient();
    let schedule = CycleSchedule {
        start: 1_356_998_400_000,
        period_ms: 1_800_000,
        window_ms: 900_000,
        periods: PERIODS_PER_CYCLE,
    };
    let lines: Vec<Line> = (0..PERIODS_PER_CYCLE)
        .map(|period| Line {
            period,
            energy: Some(i64::from(period) * 37 % 900),
            price: Some(u64::from(period) * 1_009 % 672_000),
        })
        .collect();
    let mut failed = None;
    let one = || {
        seconds(scale.calls / 40, || {
            let secret = BillSecret::from_bytes([5; 32]);
            let report = Report::new(&bid(REGION, 0), CYCLE, REGION, "£", &schedule, lines.clone(), &secret);
            let told = envelope::seal(&report, &recipient)
                .map_err(|error| error.to_string())
                .and_then(|sealed| cid::of(&sealed).map_err(|error| error.to_string()));
            told.map_err(|problem| failed = Some(problem))
        })
    };
    let times: Vec<f64> = std::iter::repeat_with(one).take(scale.rounds).collect();
    if let Some(problem) = failed {
        return Err(BenchError::Wrong(format!("a bill could not be made: {problem}")));
    }
    Ok(Figure {
        name: "bills of 1,440 periods, sealed and with their CIDs, against fifty",
        value: 1.0 / median(&times),
        unit: "per second and core",
        limit: BILLS,
        goal: Goal::AtLeast(1.0),
    })
}
