//! Listing the faults that the ledger names.
//!
//! Needs no chain: the ledger alone knows which meter a missing share would have come from.
//!
//! **Privacy.** Names meters; for the key centre's own eyes.

use gridveil_primitives::{CycleId, PeriodIndex, RegionId};
use serde::Serialize;

use crate::{
    error::Error,
    ledger::{Fault, FaultKind, Ledger},
};

/// A fault, as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// The cycle.
    pub cycle: CycleId,
    /// The period.
    pub period: PeriodIndex,
    /// The region.
    pub region: RegionId,
    /// What is wrong: `silent`, `first_only`, `second_only`, `implausible` or `alien`.
    pub kind: FaultKind,
    /// The meter's name; `None` for an alien share.
    pub label: Option<String>,
    /// The bill identifier of the meter's user, in hexadecimal; `None` for an alien share.
    pub bid: Option<String>,
    /// The pseudonym of the share that was left out, the first of two, in hexadecimal; `None` for a silent meter.
    pub prid: Option<String>,
}

impl From<Fault> for FaultLine {
    fn from(fault: Fault) -> FaultLine {
        FaultLine {
            cycle: fault.key.cycle,
            period: fault.key.period,
            region: fault.key.region,
            kind: fault.kind,
            label: fault.label,
            bid: fault.bid.map(hex::encode),
            prid: fault.prid.map(hex::encode),
        }
    }
}

/// The faults of a cycle, or of all, by cycle, region, period and name.
pub fn faults(ledger: &Ledger, cycle: Option<CycleId>) -> Result<Vec<FaultLine>, Error> {
    Ok(ledger.faults(cycle)?.into_iter().map(FaultLine::from).collect())
}
