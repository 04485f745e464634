//! What is measured in this process, on made-up meters: the meter, the key centre's filters, openings and bills.

use std::{hint::black_box, process::Command, thread, time::Instant};

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, scalar::Scalar};
use gridveil_bills::{
    cid, envelope,
    report::{Line, Report},
};
use gridveil_grid_operator::{
    key_centre::{
        audit::{audit, check_shares, decide},
        prepare::{prepare, span},
        roster::{Member, Roster},
    },
    ledger::{Decision, Ledger, Meter as Enrolled},
};
use gridveil_primitives::{
    batch::{check, check_each, SignedShare, SIGNED_SHARE_LEN},
    filter,
    keys::{RootKey, SpendKey, SplitKey},
    meter::Meter,
    pseudonym::OneTimeKey,
    tally, CycleSchedule, Half, PeriodIndex, PeriodKey, PeriodStatus, PeriodView, Prid, Share, PERIODS_PER_CYCLE,
};

use crate::figure::{by_turns, median, seconds, BenchError, Figure, Goal};

const GENESIS: [u8; 32] = [7; 32];
const ROOT: [u8; 32] = [1; 32];
const REGION: u32 = 1;
const CYCLE: u32 = 0;
/// How many multiplications of the base point the filters take for a meter and period: two pseudonyms, and a commitment to two
/// generators.
const MULTIPLICATIONS: f64 = 4.0;
/// The most state that a meter may have, in bytes.
const STATE: f64 = 1_024.0;
/// The time from the close of a period to its opening, in seconds.
const OPENING: f64 = 2.0;
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
    batch: u16,
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
    figures.push(opening(&scale)?);
    figures.push(bills(&scale)?);
    Ok(figures)
}

fn key(period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region: REGION,
        cycle: CYCLE,
        period,
    }
}

fn bid(number: u32) -> [u8; 32] {
    let mut bid = [0; 32];
    bid[..4].copy_from_slice(&number.to_le_bytes());
    bid
}

fn scalar() -> Scalar {
    Scalar::from_bytes_mod_order(black_box([0x5a; 32]))
}

/// The meters as the key centre knows them.
fn roster(meters: u32) -> Roster {
    let root = RootKey::from_bytes(ROOT);
    let members = (0..meters).map(|number| {
        let (bid, spend) = (bid(number), SpendKey::from_seed(&bid(number)).public());
        Member {
            meter: Enrolled {
                bid,
                label: format!("meter {number}"),
                region: REGION,
                first_cycle: CYCLE,
                spend_public: spend.to_bytes(),
                recipient: [2; 32],
            },
            spend,
            keys: root.meter_secret(&bid).cycle_keys(),
        }
    });
    Roster {
        region: REGION,
        cycle: CYCLE,
        members: members.collect(),
    }
}

fn meter(scale: &Scale) -> Vec<Figure> {
    let keys = RootKey::from_bytes(ROOT).meter_secret(&bid(0)).cycle_keys();
    let (spend, split) = (SpendKey::from_seed(&bid(0)), SplitKey::from_bytes([4; 32]));
    let signer = OneTimeKey::derive(&spend, &keys, Half::First, 0);
    let mut meter = Meter::new(spend, split, keys);
    let mut period: PeriodIndex = 0;
    let (value, limit) = by_turns(
        scale.rounds,
        || {
            seconds(scale.calls, || {
                period = (period + 1) % PERIODS_PER_CYCLE;
                meter.shares(&GENESIS, &key(period), black_box(412))
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
    let key = key(3);
    let mut builder = filter::Builder::period(&key, u32::from(scale.batch).div_ceil(2));
    let mut shares: Vec<SignedShare> = (0..u32::from(scale.batch).div_ceil(2))
        .flat_map(|number| {
            let keys = RootKey::from_bytes(ROOT).meter_secret(&bid(number)).cycle_keys();
            let spend = SpendKey::from_seed(&bid(number));
            Meter::new(spend, SplitKey::from_bytes([4; 32]), keys).shares(&GENESIS, &key, 412)
        })
        .collect();
    shares.sort_unstable_by_key(|share| share.prid);
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
    let (root, roster) = (RootKey::from_bytes(ROOT), roster(scale.meters));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut failed = None;
    let (value, limit) = by_turns(
        scale.rounds,
        || {
            let begun = Instant::now();
            if let Err(error) = prepare(&root, &roster, 0, scale.periods) {
                failed = Some(error);
            }
            let done = f64::from(scale.meters) * f64::from(scale.periods) * MULTIPLICATIONS;
            done / begun.elapsed().as_secs_f64()
        },
        || cores as f64 / seconds(scale.calls, || black_box(&scalar() * RISTRETTO_BASEPOINT_TABLE)),
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
    let (root, roster) = (RootKey::from_bytes(ROOT), roster(meters));
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

fn opening(scale: &Scale) -> Result<Figure, BenchError> {
    let (root, roster) = (RootKey::from_bytes(ROOT), roster(scale.meters));
    let dir = tempfile::tempdir()?;
    let ledger = Ledger::create(dir.path(), &[3; 32])?;
    let mut times = Vec::new();
    for period in (0..).take(scale.rounds) {
        let key = key(period);
        // One meter in twenty is silent.
        let mut shares: Vec<Share> = Vec::new();
        for member in roster
            .members
            .iter()
            .enumerate()
            .filter(|(place, _)| place % 20 != 0)
            .map(|(_, member)| member)
        {
            shares.extend(member.pair(period).map(|prid: Prid| Share { prid, value: 1 }));
        }
        shares.sort_unstable();
        let count = u32::try_from(shares.len()).unwrap_or(u32::MAX);
        let view = PeriodView {
            status: PeriodStatus::Faulty,
            meters: roster.meters(),
            count,
            sum: u64::from(count),
            tally: tally::EMPTY,
            outcome: None,
            price: None,
        };
        let begun = Instant::now();
        check_shares(&key, &view, &shares)?;
        let found = audit(&roster, &key, &shares);
        let decision = decide(&root, &roster, &key, 3, &found);
        let entered = ledger.decide(&key, &decision, &found.faults)?;
        times.push(begun.elapsed().as_secs_f64());
        let opened = matches!(&entered, Decision::Open(opening) if opening.left_out.len() == found.left_out.len());
        if !opened {
            return Err(BenchError::Wrong("a period that can be opened was not".into()));
        }
    }
    Ok(Figure {
        name: "opening: from the shares to the entered decision, 5 % silent, against two seconds",
        value: median(times),
        unit: "s",
        limit: OPENING,
        goal: Goal::AtMost(1.0),
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
            let report = Report::new(&bid(0), CYCLE, REGION, "£", &schedule, lines.clone(), vec![]);
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
        value: 1.0 / median(times),
        unit: "per second and core",
        limit: BILLS,
        goal: Goal::AtLeast(1.0),
    })
}
