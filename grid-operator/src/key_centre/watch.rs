//! Watching a cycle: as soon as a period has closed for good, find its faulty meters, name them in the ledger, and open
//! its mask sum for the pairs that count, or withhold it.
//!
//! The paper's phases of finding faults and of opening Z; DESIGN section 4, steps 5 and 6. The decision is in the
//! ledger before it is sent and is never made anew, so that no crash and no lying node leads to two openings of one
//! period.
//!
//! **Privacy.** Mask sums of at least the region's minimum of meters, once each; who failed stays in the ledger.

use std::{collections::BTreeMap, sync::Arc};

use gridveil_primitives::{CycleId, PeriodIndex, PeriodKey, PeriodStatus, PeriodView, RegionId};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    audit::{audit, check_shares, decide},
    roster::Roster,
    KeyCentre,
};
use crate::{
    error::Error,
    follow::{follow, Job, Scope, Step},
    grid::{carry_out, BlockHash, Grid, Order},
    ledger::Decision,
    work::aside,
};

/// What became of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// `opened` or `withheld`.
    pub event: &'static str,
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The period.
    pub period: PeriodIndex,
    /// The meters that count in the total; 0 where it is withheld.
    pub meters: u32,
    /// How many meters were left out of an opening.
    pub left_out: usize,
    /// How many shares belong to no pair that counts.
    pub excluded: usize,
}

#[derive(Clone)]
struct Opener<G> {
    centre: KeyCentre<G>,
    rosters: Arc<BTreeMap<RegionId, Arc<Roster>>>,
}

impl<G: Grid> Opener<G> {
    /// The decision about a closed period: the ledger's, or one made from the shares and entered there.
    async fn decision(&self, key: PeriodKey, view: &PeriodView, at: BlockHash) -> Result<Decision, Error> {
        if let Some(standing) = self.centre.ledger.decision(&key)? {
            return Ok(standing);
        }
        let missing = Error::NoMeters {
            cycle: key.cycle,
            region: Some(key.region),
        };
        let roster = self.rosters.get(&key.region).cloned().ok_or(missing)?;
        roster.agree(view.meters)?;
        let regions = self.centre.grid.regions(at).await?;
        let region = regions.into_iter().find(|(region, _)| *region == key.region);
        let (_, info) = region.ok_or(Error::UnknownRegion(key.region))?;
        let shares = self.centre.grid.shares(key, at).await?;
        check_shares(&key, view, &shares)?;
        let centre = self.centre.clone();
        aside(move || {
            let audit = audit(&roster, &key, &shares);
            let decision = decide(&centre.root, &roster, &key, info.minimum_meters, &audit);
            Ok(centre.ledger.decide(&key, &decision, &audit.faults)?)
        })
        .await
    }
}

impl<G: Grid> Job for Opener<G> {
    type Done = Settled;

    fn judge(&self, view: &PeriodView) -> Step {
        match (view.outcome, view.status) {
            (Some(_), _) => Step::Settled,
            (None, PeriodStatus::Open) => Step::Wait,
            (None, PeriodStatus::Complete | PeriodStatus::Faulty) => Step::Act,
        }
    }

    async fn act(&self, key: PeriodKey, view: PeriodView, at: BlockHash) -> Result<Settled, Error> {
        let PeriodKey { region, cycle, period } = key;
        let (order, settled) = match self.decision(key, &view, at).await? {
            Decision::Open(opening) => {
                let (left_out, excluded) = (opening.left_out.len(), opening.excluded.len());
                let meters = view.meters.saturating_sub(u32::try_from(left_out).unwrap_or(u32::MAX));
                let event = "opened";
                (
                    Order::Open(key, opening),
                    Settled {
                        event,
                        region,
                        cycle,
                        period,
                        meters,
                        left_out,
                        excluded,
                    },
                )
            }
            Decision::Withhold(shares) => {
                let (event, meters, left_out, excluded) = ("withheld", 0, 0, shares.len());
                (
                    Order::Withhold(key, shares),
                    Settled {
                        event,
                        region,
                        cycle,
                        period,
                        meters,
                        left_out,
                        excluded,
                    },
                )
            }
        };
        let grid = &self.centre.grid;
        carry_out(grid, &order, |at| async move {
            Ok(grid.period(key, at).await?.is_some_and(|view| view.outcome.is_some()))
        })
        .await?;
        Ok(settled)
    }
}

/// Watches a cycle in the regions asked for, or in all that have meters, and tells `said` of each period settled. Ends
/// with `until_closed`, once every period of the cycle has closed and is opened or withheld; else never.
pub async fn watch<G: Grid>(
    centre: &KeyCentre<G>,
    cycle: CycleId,
    regions: &[RegionId],
    until_closed: bool,
    bar: &ProgressBar,
    said: impl FnMut(Settled),
) -> Result<(), Error> {
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    centre.known_cycle(cycle, at).await?;
    let regions = centre.regions(cycle, regions)?;
    let mut rosters = BTreeMap::new();
    for &region in &regions {
        rosters.insert(
            region,
            Arc::new(Roster::load(&centre.ledger, &centre.root, region, cycle)?),
        );
    }
    let opener = Opener {
        centre: centre.clone(),
        rosters: Arc::new(rosters),
    };
    let scope = Scope {
        cycle: Some(cycle),
        regions: Some(regions),
        until_settled: until_closed,
    };
    follow(&centre.grid, &scope, &opener, bar, said).await
}
