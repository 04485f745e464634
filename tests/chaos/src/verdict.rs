//! What must hold after every scenario, whatever was broken: one finalised chain, every finalised share still there, nobody
//! accused who did nothing; and whether periods came through whole.
//!
//! Promises to judge by what the nodes and the meters themselves say: hashes height by height from every node, shares from
//! the meters' own records against the finalised chain.
//!
//! **Privacy.** Compares masked shares by their pseudonyms, in the memory of a test.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use codec::Decode;
use gridveil_demo::checks::Seen;
use gridveil_primitives::{Moment, PeriodKey, PeriodStatus, Share};

use crate::{
    error::ChaosError,
    grid::{Grid, MadeShare},
    load::{CYCLE, REGIONS},
    report::Report,
};

/// How long nodes may take to agree once everything is mended.
const SETTLING: Duration = Duration::from_secs(60);

/// An offence in the chain's evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offence {
    /// Who committed it.
    pub offender: [u8; 32],
    /// Whether it is two blocks in one slot; else it is two votes in one round.
    pub by_blocks: bool,
    /// The block that holds the report.
    pub reported_at: u32,
}

/// The offences that the chain has evidence of, after the block with this hash.
///
/// # Errors
///
/// [`ChaosError::Rpc`], [`ChaosError::Missing`] where the evidence has another form.
pub async fn offences(grid: &Grid, at: [u8; 32]) -> Result<Vec<Offence>, ChaosError> {
    let entries = grid.any()?.map("Finality", "Evidence", at).await?;
    let read = entries.iter().map(|(key, value)| parse_offence(key, value));
    read.collect::<Option<_>>()
        .ok_or_else(|| ChaosError::Missing("the chain's evidence has another form than is known here".into()))
}

/// Reads an entry: the key has two hashes for pallet and map and one of the account before the account itself, the value
/// begins with the kind, the term and the block.
fn parse_offence(key: &[u8], value: &[u8]) -> Option<Offence> {
    let offender = key.get(48..80)?.try_into().ok()?;
    let (kind, _term, reported_at) = <(u8, u32, u32)>::decode(&mut &value[..]).ok()?;
    Some(Offence {
        offender,
        by_blocks: kind == 0,
        reported_at,
    })
}

/// Checks that these nodes agree on one finalised chain, now and ever since the run began, and that every share which a
/// meter saw finalised is on it.
///
/// # Errors
///
/// Where a node or a record can't be read.
pub async fn settle(grid: &mut Grid, report: &mut Report, nodes: &[usize]) -> Result<(), ChaosError> {
    // The shares first: what a meter saw by now must be there later.
    let made = grid.made_shares()?;
    let mut target = grid.observer.finalised().height();
    for node in nodes {
        // A look of the observer's may be a second old.
        target = target.max(grid.rpc(*node)?.finalised().await.map_or(0, |head| head.number));
    }
    let agreed = grid.all_finalise(nodes, target, SETTLING).await?;
    report.check_within(format!("all nodes have finalised block {target}"), agreed, SETTLING);
    report.check(
        "no two finalised chains, at any node at any time",
        one_chain(grid, nodes).await?,
    );
    report.check(
        "every share that a meter saw finalised is still there",
        shares_are_there(grid, &made).await?,
    );
    grid.check_meters()
}

/// Checks that nobody is accused of an offence, and that all `members` are still in the set.
///
/// # Errors
///
/// Where a node can't be read.
pub async fn nobody_cheated(grid: &Grid, report: &mut Report, members: usize) -> Result<(), ChaosError> {
    let (best, status) = grid.consortium().await?;
    let offences = offences(grid, best.hash).await?;
    let authorities = status.members.iter().filter(|member| member.authority).count();
    let seen = if offences.is_empty() && authorities == members {
        Ok(format!("no evidence, {authorities} authorities"))
    } else {
        Err(format!(
            "{} offences, {authorities} of {members} authorities",
            offences.len()
        ))
    };
    report.check("no equivocation", seen);
    Ok(())
}

async fn one_chain(grid: &Grid, nodes: &[usize]) -> Result<Seen, ChaosError> {
    let mut finalised = grid.observer.finalised();
    for node in nodes {
        let chain = grid.rpc(*node)?.finalised_chain().await?;
        finalised.note_chain(grid.network.name(*node), &chain);
    }
    Ok(finalised
        .verdict()
        .map(|heights| format!("{heights} heights, {} nodes", nodes.len())))
}

async fn shares_are_there(grid: &Grid, made: &[MadeShare]) -> Result<Seen, ChaosError> {
    let mut landed: BTreeMap<PeriodKey, Vec<Share>> = BTreeMap::new();
    for made in made.iter().filter(|made| made.landed && !grid.is_discredited(made)) {
        landed.entry(made.key).or_default().push(made.share);
    }
    let mut count = 0;
    for (key, shares) in &landed {
        let there: BTreeSet<Share> = grid.chain.shares(key).await?.into_iter().collect();
        let lost = shares.iter().filter(|share| !there.contains(share)).count();
        if lost > 0 {
            return Ok(Err(format!("{lost} shares of {key:?} are gone")));
        }
        count += shares.len();
    }
    Ok(match count {
        0 => Err("no meter saw a share finalised".into()),
        _ => Ok(format!("{count} shares of {} periods", landed.len())),
    })
}

/// Checks that the chain holds no share but those that the meters made, unaltered.
///
/// # Errors
///
/// Where a node or a record can't be read.
pub async fn nothing_alien(grid: &Grid) -> Result<Seen, ChaosError> {
    // The chain first: a meter makes its shares before they can be there.
    let mut there = Vec::new();
    for region in REGIONS {
        for period in 0..grid.schedule.periods {
            let key = PeriodKey {
                region: *region,
                cycle: CYCLE,
                period,
            };
            there.extend(grid.chain.shares(&key).await?.into_iter().map(|share| (key, share)));
        }
    }
    let made: BTreeSet<(PeriodKey, Share)> = grid
        .made_shares()?
        .into_iter()
        .map(|made| (made.key, made.share))
        .collect();
    Ok(match there.iter().find(|share| !made.contains(share)) {
        Some((key, share)) => Err(format!(
            "region {} period {} holds a share of {} that no meter made",
            key.region,
            key.period,
            hex::encode(share.prid)
        )),
        None if there.is_empty() => Err("there is no share on the chain".into()),
        None => Ok(format!(
            "{} shares on the chain, all as their meters made them",
            there.len()
        )),
    })
}

/// The periods whose windows closed between two moments of the chain's clock, with what became of them.
///
/// # Errors
///
/// Where a node can't be read.
pub async fn closed_periods(
    grid: &Grid,
    from: Moment,
    to: Moment,
) -> Result<Vec<(PeriodKey, PeriodStatus, u32)>, ChaosError> {
    let mut closed = Vec::new();
    for region in REGIONS {
        for (period, view) in grid.chain.cycle_view(*region, CYCLE).await? {
            if grid.schedule.closes(period).is_some_and(|at| at > from && at <= to) {
                let key = PeriodKey {
                    region: *region,
                    cycle: CYCLE,
                    period,
                };
                closed.push((key, view.status, view.count));
            }
        }
    }
    Ok(closed)
}

/// Whether every period whose window closed since a moment came through whole.
///
/// # Errors
///
/// Where a node can't be read.
pub async fn no_period_missed(grid: &Grid, since: Moment) -> Result<Seen, ChaosError> {
    let closed = closed_periods(grid, since, grid.judged().await?).await?;
    let missed: Vec<String> = closed
        .iter()
        .filter(|(_, status, _)| *status != PeriodStatus::Complete)
        .map(|(key, status, count)| {
            format!(
                "region {} period {}: {status:?}, {count} shares",
                key.region, key.period
            )
        })
        .collect();
    Ok(match (closed.len(), missed.first()) {
        (0, _) => Err("no period closed meanwhile".into()),
        (all, None) => Ok(format!("{all} region periods closed, all complete")),
        (all, Some(first)) => Err(format!("{} of {all} region periods, first {first}", missed.len())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;

    #[test]
    fn evidence_tells_the_offender_what_it_did_and_where_that_is_reported() {
        let key = [vec![0; 32], vec![1; 16], vec![7; 32], vec![2; 8], vec![0; 5]].concat();
        let value = (1_u8, 3_u32, 44_u32, vec![9_u8; 10]).encode();
        let expected = Offence {
            offender: [7; 32],
            by_blocks: false,
            reported_at: 44,
        };
        assert_eq!(parse_offence(&key, &value), Some(expected));
        assert_eq!(parse_offence(&key[..60], &value), None);
    }
}
