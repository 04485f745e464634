//! Selective disclosure: an auditor reads some periods of a meter from the chain, and no others.
//!
//! [`disclose`] writes what shows a span of periods to a file ([`gridveil_primitives::disclosure`] says what that is, and what
//! it proves); [`audit`] reads those periods with it. The auditor needs the file and a node, and nothing of the meter's or of
//! the key centre's.
//!
//! **Privacy.** The file is as secret as the readings that it shows: it is written mode 0600 and goes to the auditor alone,
//! for instance encrypted with `age`. To read, all shares of each period are asked for, so that no node learns which are
//! the meter's.

use crate::{
    bill::{BillError, Ledger},
    keys::Secret,
    state::{read_secret, write_atomically, StateDir, StateError},
};
use gridveil_bills::envelope::Identity;
use gridveil_primitives::{
    disclosure::{Cover, Disclosure, Span},
    keys::SpendPublic,
    share::{is_plausible, unmask_with},
    CycleId, Moment, PeriodIndex, PeriodKey, RegionId, Share, MAX_PERIODS,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The version of the form of a disclosure.
const VERSION: u16 = 1;

/// Why nothing could be disclosed or read.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    /// The first period is after the last one, or no cycle has so many.
    #[error("periods {from} to {to} are no span of a cycle; give its first period and its last, counted from 0")]
    NoSpan {
        /// The first period.
        from: PeriodIndex,
        /// The last one.
        to: PeriodIndex,
    },
    /// The meter takes part in no cycle yet.
    #[error("this meter is not enrolled; accept the key centre's response first")]
    NotEnrolled,
    /// The user has no seeds of this cycle.
    #[error("there are no seeds of cycle {cycle}: the meter seals them to its user when it comes to a cycle")]
    NoSeeds {
        /// The cycle.
        cycle: CycleId,
    },
    /// A file is no disclosure.
    #[error("{}: not a disclosure: {cause}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it; never a value.
        cause: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The chain could not be asked.
    #[error(transparent)]
    Bill(#[from] BillError),
}

/// The file of a disclosure, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u16,
    #[serde(with = "hex::serde")]
    genesis: [u8; 32],
    region: RegionId,
    cycle: CycleId,
    from: PeriodIndex,
    to: PeriodIndex,
    /// P0.
    #[serde(with = "hex::serde")]
    spend: [u8; 32],
    /// Nodes of the trees of s and s', ascending.
    pseudonym: [Vec<Secret>; 2],
    /// Nodes of the trees of r and r', ascending.
    mask: [Vec<Secret>; 2],
}

/// What an auditor was given, and about what.
pub struct Disclosed {
    /// The genesis hash of the chain.
    pub genesis: [u8; 32],
    /// The meter's region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The periods.
    pub span: Span,
    /// What shows them.
    disclosure: Disclosure,
}

/// What was disclosed, without any secret.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// The cycle.
    pub cycle: CycleId,
    /// The first period.
    pub from: PeriodIndex,
    /// The last one.
    pub to: PeriodIndex,
}

/// What the chain shows of a period to an auditor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The consumption, in watt-hours.
    Energy(i64),
    /// Both shares are there and no home can have used what they say: rightly not billed, or disclosed with other masks.
    Implausible,
    /// The meter did not send both shares.
    NotSent,
    /// The chain no longer has all shares, or never had the period.
    NotKept,
}

/// A period as an auditor reads it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The period.
    pub period: PeriodIndex,
    /// When it began, in milliseconds since the Unix epoch.
    pub start: Moment,
    /// What the chain shows.
    pub shown: Shown,
}

/// What an auditor reads.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The meter's region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The periods, ascending.
    pub lines: Vec<Line>,
    /// The sum of the consumptions that are shown, in watt-hours.
    pub energy: i64,
}

/// The span from one period to another.
fn span(from: PeriodIndex, to: PeriodIndex) -> Result<Span, DisclosureError> {
    let span = Span::new(from, to).filter(|_| to < MAX_PERIODS);
    span.ok_or(DisclosureError::NoSpan { from, to })
}

/// Writes what shows the meter's periods `from` to `to` of a cycle, both included, to a file. The cycle's seeds are those
/// that were sealed to `identity`.
///
/// # Errors
///
/// [`DisclosureError`]; nothing is written then.
pub fn disclose(
    state: &StateDir,
    identity: &Identity,
    cycle: CycleId,
    (from, to): (PeriodIndex, PeriodIndex),
    out: &Path,
) -> Result<Written, DisclosureError> {
    let span = span(from, to)?;
    let keys = state.keys()?;
    let enrolment = keys.enrolment.as_ref().ok_or(DisclosureError::NotEnrolled)?;
    let seeds = state
        .seeds(cycle, identity)?
        .ok_or(DisclosureError::NoSeeds { cycle })?;
    let disclosure = Disclosure::new(keys.spend.public(), &seeds, span);
    let nodes = |cover: &Cover| cover.nodes().iter().map(|node| Secret(Zeroizing::new(*node))).collect();
    let stored = Stored {
        version: VERSION,
        genesis: enrolment.genesis,
        region: enrolment.region,
        cycle,
        from,
        to,
        spend: disclosure.spend.to_bytes(),
        pseudonym: disclosure.pseudonym.each_ref().map(nodes),
        mask: disclosure.mask.each_ref().map(nodes),
    };
    // Roomy from the start, so that growing leaves no copy of a secret behind.
    let mut json = Zeroizing::new(Vec::with_capacity(16_384));
    // A struct of numbers and strings into memory cannot fail; a reader refuses the empty text.
    if serde_json::to_writer_pretty(&mut *json, &stored).is_err() {
        json.clear();
    }
    write_atomically(out, &json)?;
    let file = out.to_owned();
    Ok(Written { file, cycle, from, to })
}

/// Reads a disclosure from its bytes; what is wrong with them otherwise.
///
/// # Errors
///
/// A sentence that holds no value of the file.
pub fn parse(json: &[u8]) -> Result<Disclosed, String> {
    let stored: Stored = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if stored.version != VERSION {
        return Err(format!("version {}, and this program reads {VERSION}", stored.version));
    }
    let span = span(stored.from, stored.to).map_err(|error| error.to_string())?;
    let spend = SpendPublic::from_bytes(stored.spend).ok_or("its P0 is no point")?;
    let cover = |nodes: Vec<Secret>| {
        let nodes = Zeroizing::new(nodes.iter().map(|node| *node.0).collect());
        Cover::from_nodes(span, nodes).ok_or("it has not the nodes of its span")
    };
    let ([s, s2], [r, r2]) = (stored.pseudonym, stored.mask);
    Ok(Disclosed {
        genesis: stored.genesis,
        region: stored.region,
        cycle: stored.cycle,
        span,
        disclosure: Disclosure {
            spend,
            pseudonym: [cover(s)?, cover(s2)?],
            mask: [cover(r)?, cover(r2)?],
        },
    })
}

/// Reads a disclosure's file.
///
/// # Errors
///
/// [`DisclosureError::Malformed`], [`DisclosureError::State`].
pub fn read(file: &Path) -> Result<Disclosed, DisclosureError> {
    let malformed = |cause: String| DisclosureError::Malformed {
        file: file.to_owned(),
        cause,
    };
    let json = read_secret(file)?.ok_or_else(|| malformed("there is no such file".into()))?;
    parse(&json).map_err(malformed)
}

impl Disclosed {
    /// What a period's shares show. `None` outside the span.
    pub fn reading(&self, period: PeriodIndex, shares: &[Share]) -> Option<Shown> {
        let (prids, masks) = (self.disclosure.prids(period)?, self.disclosure.masks(period)?);
        let values = prids.map(|prid| shares.iter().find(|share| share.prid == prid).map(|share| share.value));
        Some(match values {
            [Some(first), Some(second)] => match unmask_with(first, second, &masks) {
                energy if is_plausible(energy) => Shown::Energy(energy),
                _ => Shown::Implausible,
            },
            _ => Shown::NotSent,
        })
    }
}

/// Reads the periods of a disclosure from the chain.
///
/// # Errors
///
/// [`BillError::UnknownCycle`], [`BillError::Chain`].
pub async fn audit(ledger: &impl Ledger, disclosed: &Disclosed) -> Result<Audit, BillError> {
    let (region, cycle) = (disclosed.region, disclosed.cycle);
    let schedule = ledger.schedule_of(cycle).await?;
    let schedule = schedule.ok_or(BillError::UnknownCycle { cycle })?;
    let views = ledger.views_of(region, cycle).await?;
    let mut lines = Vec::new();
    for period in disclosed.span.periods() {
        // No line for what the cycle does not have.
        let Some(start) = schedule.opens(period) else { break };
        let key = PeriodKey { region, cycle, period };
        let shares = ledger.shares_of(&key).await?;
        let view = views.iter().find(|(of, _)| *of == period);
        // Of a period that lacks any of its shares the chain says nothing any more: they were pruned.
        let kept = view.is_some_and(|(_, view)| shares.len() as u64 >= u64::from(view.count));
        let shown = match kept {
            true => disclosed.reading(period, &shares).unwrap_or(Shown::NotKept),
            false => Shown::NotKept,
        };
        lines.push(Line { period, start, shown });
    }
    let energy = lines.iter().fold(0i64, |sum, line| match line.shown {
        Shown::Energy(energy) => sum.saturating_add(energy),
        Shown::Implausible | Shown::NotSent | Shown::NotKept => sum,
    });
    Ok(Audit {
        region,
        cycle,
        lines,
        energy,
    })
}

#[cfg(test)]
#[path = "disclosure_tests.rs"]
mod tests;
