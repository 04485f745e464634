//! Whether a bill is right.
//!
//! A bill is compared with everything that its user can know: its hash and CID with the chain's, its sums with its own
//! lines, its periods with the chain's schedule, every price with the chain's finalised price, what it comes to with the
//! chain's commitments, and every consumption with the meter's own record and with what the meter's seeds unmask from the
//! shares on the chain, for as long as these are there. All faults are found, not only the first. The checks are plain
//! functions over what was read, so that anyone can apply them; [`verify`] does the reading.
//!
//! **Privacy.** To recompute consumption all shares of every period are read, so that no node learns which two are the
//! meter's. The verdict holds the bill.

use crate::{
    bill::{BillError, Ledger},
    keys::MeterKeys,
    records::PeriodState,
};
use futures::{stream, StreamExt, TryStreamExt};
use gridveil_bills::{
    cid::Cid,
    envelope::{open_html, Identity},
    report::Report,
};
use gridveil_primitives::{
    keys::{CycleKeys, SpendPublic},
    pseudonym::prid,
    share::{is_plausible, unmask},
    Bid, BillRecord, CycleId, CycleSchedule, Half, Outcome, PeriodIndex, PeriodKey, PeriodView, PointBytes, Price,
    RegionId, Share,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many periods' shares are asked for at a time.
const AT_ONCE: usize = 8;

/// Something wrong with a bill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not those that the chain names.
    #[error("{from} is not the bill on the chain: its hash is {found}, and the chain has {expected}")]
    HashMismatch {
        /// Where the bytes came from.
        from: String,
        /// Their BLAKE2b-256, in hexadecimal.
        found: String,
        /// The chain's.
        expected: String,
    },
    /// The chain's CID is not that of the bytes.
    #[error("the chain's CID is not that of {from}")]
    CidMismatch {
        /// Where the bytes came from.
        from: String,
    },
    /// The bill does not open with this key.
    #[error("{from} does not open: {cause}")]
    WrongKey {
        /// Where the bytes came from.
        from: String,
        /// The cause.
        cause: String,
    },
    /// What was decrypted is no report.
    #[error("what is in {from} is no bill: {cause}")]
    Malformed {
        /// Where the bytes came from.
        from: String,
        /// The cause.
        cause: String,
    },
    /// The bill is another user's, or of another cycle, region or time.
    #[error("the bill is of another {what}: it says {billed}, and {expected} is right")]
    OtherBill {
        /// What differs.
        what: &'static str,
        /// What the bill says.
        billed: String,
        /// What it should say.
        expected: String,
    },
    /// The lines are not one for each period of the cycle.
    #[error("the bill has {lines} lines where the cycle has {periods} periods, each of which must have its own")]
    OtherPeriods {
        /// The bill's lines.
        lines: usize,
        /// The cycle's periods.
        periods: PeriodIndex,
    },
    /// A sum is wrong.
    #[error("{0}")]
    SumWrong(String),
    /// A price is not the chain's.
    #[error(
        "period {period} is billed at {}, and the chain's price is {}",
        shown(billed),
        shown(expected)
    )]
    PriceChanged {
        /// The period.
        period: PeriodIndex,
        /// The bill's price, in millionths per kWh.
        billed: Option<Price>,
        /// The chain's.
        expected: Option<Price>,
    },
    /// A commitment of the chain is not to what the bill comes to.
    #[error("the chain's commitment to the bill's {what} is not to what the bill says")]
    CommitmentWrong {
        /// Which commitment.
        what: &'static str,
    },
    /// A consumption is not what the meter sent.
    #[error(
        "period {period} is billed with {}, and {witness} says {}",
        watt_hours(billed),
        watt_hours(expected)
    )]
    ConsumptionWrong {
        /// The period.
        period: PeriodIndex,
        /// The bill's consumption, in watt-hours.
        billed: Option<i64>,
        /// What it should be.
        expected: Option<i64>,
        /// Who says so.
        witness: Witness,
    },
}

/// Who says what a consumption was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The shares on the chain, unmasked with the meter's seeds.
    Chain,
    /// The meter's own record.
    Record,
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Chain => "the chain",
            Self::Record => "the meter's record",
        })
    }
}

fn shown(price: &Option<Price>) -> String {
    price.map_or_else(|| "no price".into(), |price| format!("{price} millionths per kWh"))
}

fn watt_hours(energy: &Option<i64>) -> String {
    energy.map_or_else(|| "no reading".into(), |energy| format!("{energy} Wh"))
}

impl Fault {
    /// The kind of fault, a word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HashMismatch { .. } => "hash_mismatch",
            Self::CidMismatch { .. } => "cid_mismatch",
            Self::WrongKey { .. } => "wrong_key",
            Self::Malformed { .. } => "malformed",
            Self::OtherBill { .. } => "other_bill",
            Self::OtherPeriods { .. } => "other_periods",
            Self::SumWrong(_) => "sum_wrong",
            Self::PriceChanged { .. } => "price_changed",
            Self::CommitmentWrong { .. } => "commitment_wrong",
            Self::ConsumptionWrong { .. } => "consumption_wrong",
        }
    }
}

/// A fault as JSON.
impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            kind: &'static str,
            message: String,
        }
        Told {
            kind: self.kind(),
            message: self.to_string(),
        }
        .serialize(serializer)
    }
}

/// By what the consumptions were checked: how many periods by each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// By the shares on the chain.
    pub by_chain: u32,
    /// By the meter's own record.
    pub by_record: u32,
    /// By neither: the shares are pruned or the seeds erased, and the meter has no record of the period.
    pub unchecked: u32,
}

/// What came of a verification.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The cycle.
    pub cycle: CycleId,
    /// The bill identifier, in hexadecimal.
    pub bid: String,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// How the consumptions were checked.
    pub consumption: Checked,
    /// The bill, where it could be read.
    pub report: Option<Report>,
}

/// What a meter knows about the cycle of a bill by itself.
pub struct Own<'a> {
    /// Its keys; it is enrolled.
    pub keys: &'a MeterKeys,
    /// Its region.
    pub region: RegionId,
    /// Its seeds of the cycle, while it has them.
    pub seeds: Option<CycleKeys>,
    /// Its record of the cycle.
    pub record: BTreeMap<PeriodIndex, (PeriodState, Option<i64>)>,
}

/// Compares the bytes with what the chain has of them.
pub fn check_bytes(from: &str, bytes: &[u8], record: &BillRecord) -> Vec<Fault> {
    let mut faults = Vec::new();
    let found = gridveil_bills::hash(bytes);
    if found != record.hash {
        let (found, expected) = (hex::encode(found), hex::encode(record.hash));
        faults.push(Fault::HashMismatch {
            from: from.to_owned(),
            found,
            expected,
        });
    } else if !Cid::from_bytes(&record.cid).is_ok_and(|cid| cid.is_of(bytes)) {
        faults.push(Fault::CidMismatch { from: from.to_owned() });
    }
    faults
}

/// Decrypts and reads a bill.
///
/// # Errors
///
/// [`Fault::WrongKey`], [`Fault::Malformed`].
pub fn read(from: &str, bytes: &[u8], identity: &Identity) -> Result<Report, Fault> {
    let html = open_html(bytes, identity).map_err(|error| Fault::WrongKey {
        from: from.to_owned(),
        cause: error.to_string(),
    })?;
    Report::from_html(&html).map_err(|error| Fault::Malformed {
        from: from.to_owned(),
        cause: error.to_string(),
    })
}

/// Checks a report by itself and against what it must be about.
pub fn check_report(
    report: &Report,
    bid: &Bid,
    region: RegionId,
    cycle: CycleId,
    schedule: &CycleSchedule,
) -> Vec<Fault> {
    let about: [(&'static str, String, String); 5] = [
        ("user", report.bid.to_lowercase(), hex::encode(bid)),
        ("cycle", report.cycle.to_string(), cycle.to_string()),
        ("region", report.region.to_string(), region.to_string()),
        ("start", report.start.to_string(), schedule.start.to_string()),
        (
            "period length",
            report.period_ms.to_string(),
            schedule.period_ms.to_string(),
        ),
    ];
    let mut faults: Vec<_> = about
        .into_iter()
        .filter(|(_, billed, expected)| billed != expected)
        .map(|(what, billed, expected)| Fault::OtherBill { what, billed, expected })
        .collect();
    if !report.lines.iter().map(|line| line.period).eq(0..schedule.periods) {
        faults.push(Fault::OtherPeriods {
            lines: report.lines.len(),
            periods: schedule.periods,
        });
    }
    if let Err(error) = report.check() {
        faults.push(Fault::SumWrong(error.to_string()));
    }
    faults
}

/// Compares every price with the chain's.
pub fn check_prices(report: &Report, views: &[(PeriodIndex, PeriodView)]) -> Vec<Fault> {
    let prices: BTreeMap<_, _> = views.iter().map(|(period, view)| (*period, view.price)).collect();
    let differs = |line: &gridveil_bills::report::Line| {
        let expected = prices.get(&line.period).copied().flatten();
        (line.price != expected).then_some(Fault::PriceChanged {
            period: line.period,
            billed: line.price,
            expected,
        })
    };
    report.lines.iter().filter_map(differs).collect()
}

/// Compares what the bill comes to with the commitments that the chain adds up for the user's region.
pub fn check_commitments(
    report: &Report,
    region: RegionId,
    record: &BillRecord,
    views: &[(PeriodIndex, PeriodView)],
) -> Vec<Fault> {
    let opened: BTreeSet<_> = views
        .iter()
        .filter(|(_, view)| matches!(view.outcome, Some(Outcome::Opened(_))))
        .map(|(period, _)| *period)
        .collect();
    let made = report.commitments(|period| opened.contains(&period));
    let said = record.commitments;
    let differ = |what, made: Option<PointBytes>, said: PointBytes| {
        (made != Some(said)).then_some(Fault::CommitmentWrong { what })
    };
    [
        (record.region != region).then(|| Fault::OtherBill {
            what: "region on the chain",
            billed: record.region.to_string(),
            expected: region.to_string(),
        }),
        differ("energy", made.map(|made| made.energy), said.energy),
        differ("amount", made.map(|made| made.amount), said.amount),
        differ("amount booked apart", made.map(|made| made.apart), said.apart),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The reading that a period's shares give with the meter's seeds; `None` unless both of its shares are among them and it is
/// one that counts.
pub fn reading(spend: &SpendPublic, seeds: &CycleKeys, period: PeriodIndex, shares: &[Share]) -> Option<i64> {
    let [first, second] = Half::BOTH.map(|half| {
        let prid = prid(spend, seeds, half, period);
        shares.iter().find(|share| share.prid == prid).map(|share| share.value)
    });
    Some(unmask(first?, second?, seeds, period)).filter(|reading| is_plausible(*reading))
}

/// Compares every consumption with the readings that the chain gives, for the periods for which it gives any, and with
/// the meter's record.
pub fn check_consumption(
    report: &Report,
    chain: &BTreeMap<PeriodIndex, Option<i64>>,
    record: &BTreeMap<PeriodIndex, (PeriodState, Option<i64>)>,
) -> (Vec<Fault>, Checked) {
    let (mut faults, mut checked) = (Vec::new(), Checked::default());
    for line in &report.lines {
        let by_chain = chain.get(&line.period).copied();
        let by_record = match record.get(&line.period) {
            Some((PeriodState::Finalised, reading)) => Some(reading.filter(|reading| is_plausible(*reading))),
            Some((PeriodState::Silent | PeriodState::Missed, _)) => Some(None),
            // Of a share that was given up on, the chain may still have taken the last try.
            Some((PeriodState::Pending | PeriodState::Partial | PeriodState::Lost, _)) | None => None,
        };
        for (said, witness, count) in [
            (by_chain, Witness::Chain, &mut checked.by_chain),
            (by_record, Witness::Record, &mut checked.by_record),
        ] {
            let Some(expected) = said else { continue };
            *count = count.saturating_add(1);
            if line.energy != expected {
                faults.push(Fault::ConsumptionWrong {
                    period: line.period,
                    billed: line.energy,
                    expected,
                    witness,
                });
            }
        }
        if by_chain.is_none() && by_record.is_none() {
            checked.unchecked = checked.unchecked.saturating_add(1);
        }
    }
    (faults, checked)
}

/// Verifies the bill in `bytes`, which came from `from` and is `record` on the chain; `progress` is told of each period
/// whose shares were read, and of how many there are.
///
/// # Errors
///
/// [`BillError::UnknownCycle`], [`BillError::Chain`]: what could not be found out. What is wrong with the bill is in the
/// verdict.
pub async fn verify(
    ledger: &impl Ledger,
    own: &Own<'_>,
    cycle: CycleId,
    (bytes, from): (&[u8], &str),
    record: &BillRecord,
    identity: &Identity,
    progress: &dyn Fn(usize),
) -> Result<Verdict, BillError> {
    let mut faults = check_bytes(from, bytes, record);
    let bid = own.keys.bid;
    let mut verdict = Verdict {
        cycle,
        bid: hex::encode(bid),
        ok: false,
        faults: Vec::new(),
        consumption: Checked::default(),
        report: None,
    };
    match read(from, bytes, identity) {
        Ok(report) => {
            let schedule = ledger
                .schedule_of(cycle)
                .await?
                .ok_or(BillError::UnknownCycle { cycle })?;
            let views = ledger.views_of(own.region, cycle).await?;
            faults.extend(check_report(&report, &bid, own.region, cycle, &schedule));
            faults.extend(check_prices(&report, &views));
            faults.extend(check_commitments(&report, own.region, record, &views));
            let chain = match &own.seeds {
                Some(seeds) => readings(ledger, own, seeds, cycle, &views, progress).await?,
                None => BTreeMap::new(),
            };
            let (wrong, checked) = check_consumption(&report, &chain, &own.record);
            faults.extend(wrong);
            verdict.consumption = checked;
            verdict.report = Some(report);
        }
        Err(fault) => faults.push(fault),
    }
    verdict.ok = faults.is_empty();
    verdict.faults = faults;
    Ok(verdict)
}

/// The meter's readings as the chain has them: of every period whose shares are still there.
async fn readings(
    ledger: &impl Ledger,
    own: &Own<'_>,
    seeds: &CycleKeys,
    cycle: CycleId,
    views: &[(PeriodIndex, PeriodView)],
    progress: &dyn Fn(usize),
) -> Result<BTreeMap<PeriodIndex, Option<i64>>, BillError> {
    let spend = own.keys.spend.public();
    let asked = views.iter().map(|(period, view)| {
        let (period, count, spend) = (*period, view.count, &spend);
        async move {
            let shares = ledger
                .shares_of(&PeriodKey {
                    region: own.region,
                    cycle,
                    period,
                })
                .await?;
            progress(views.len());
            // Shares that were counted and are gone were pruned, and a period may be half pruned: of a period that lacks any
            // the chain says nothing any more.
            let pruned = u32::try_from(shares.len()).is_ok_and(|left| left < count);
            Ok::<_, BillError>((!pruned).then(|| (period, reading(spend, seeds, period, &shares))))
        }
    });
    let read: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
