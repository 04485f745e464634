//! Watching a cycle: as soon as a period has closed for good, find its faulty meters, name them in the ledger, and open
//! its mask sum for the pairs that count, or withhold it.
//!
//! The paper's phases of finding faults and of opening Z; DESIGN section 4, steps 5 and 6. The decision is in the
//! ledger before it is sent and is never made anew, so that no crash and no lying node leads to two openings of one
//! period. Where the chain has an outcome that the ledger does not know, as after an older backup was restored, nothing is
//! sent: the faults are found again and entered.
//!
//! **Privacy.** Mask sums of at least the region's minimum of meters, once each; who failed stays in the ledger.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use gridveil_primitives::{CycleId, PeriodIndex, PeriodKey, PeriodStatus, PeriodView, RegionId, Revision};
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
    /// `opened` or `withheld`; `recorded` where that had been done and only the ledger lacked it, and `gone` where the
    /// shares that would tell its faults have left the chain's state, too.
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

impl Settled {
    fn of(key: &PeriodKey) -> Settled {
        let PeriodKey { region, cycle, period } = *key;
        Settled {
            event: "",
            region,
            cycle,
            period,
            meters: 0,
            left_out: 0,
            excluded: 0,
        }
    }

    /// Whether it was opened or withheld now.
    pub fn is_decided_now(&self) -> bool {
        matches!(self.event, "opened" | "withheld")
    }
}

/// The rosters of a cycle, by region and by the first period of the revision that each is for.
type Rosters = BTreeMap<(RegionId, Option<PeriodIndex>), Arc<Roster>>;

#[derive(Clone)]
struct Opener<G> {
    centre: KeyCentre<G>,
    rosters: Arc<Mutex<Rosters>>,
}

impl<G: Grid> Opener<G> {
    /// The meters of a region while a revision is in force. These do not change any more, so they are loaded once.
    fn roster(&self, region: RegionId, cycle: CycleId, revision: Option<PeriodIndex>) -> Result<Arc<Roster>, Error> {
        let mut rosters = self.rosters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roster) = rosters.get(&(region, revision)) {
            return Ok(roster.clone());
        }
        let (ledger, root) = (&self.centre.ledger, &self.centre.root);
        let roster = Arc::new(Roster::load(ledger, root, region, cycle, revision)?);
        rosters.insert((region, revision), roster.clone());
        Ok(roster)
    }

    /// The decision about a closed period: the ledger's, or one made from the shares and entered there.
    async fn decision(&self, key: PeriodKey, view: &PeriodView, at: BlockHash) -> Result<Decision, Error> {
        if let Some(standing) = self.centre.ledger.decision(&key)? {
            return Ok(standing);
        }
        let revisions = self.centre.grid.revisions(key.region, key.cycle, at).await?;
        let revision = Revision::in_force(&revisions, key.period).map(|revision| revision.from);
        let roster = self.roster(key.region, key.cycle, revision)?;
        roster.agree(revision, view.meters)?;
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

    fn judge(&self, key: &PeriodKey, view: &PeriodView) -> Step {
        match (view.outcome, view.status) {
            // Whatever is wrong with the ledger is said by who acts.
            (Some(_), _) if !matches!(self.centre.ledger.decision(key), Ok(Some(_))) => Step::Act,
            (Some(_), _) => Step::Settled,
            (None, PeriodStatus::Open) => Step::Wait,
            (None, PeriodStatus::Complete | PeriodStatus::Faulty) => Step::Act,
        }
    }

    async fn act(&self, key: PeriodKey, view: PeriodView, at: BlockHash) -> Result<Settled, Error> {
        let mut settled = Settled::of(&key);
        let decision = match self.decision(key, &view, at).await {
            Err(Error::SharesDisagree(_)) if view.outcome.is_some() => {
                settled.event = "gone";
                return Ok(settled);
            }
            decision => decision?,
        };
        let order = match decision {
            Decision::Open(opening) => {
                (settled.left_out, settled.excluded) = (opening.left_out.len(), opening.excluded.len());
                let left_out = u32::try_from(settled.left_out).unwrap_or(u32::MAX);
                settled.meters = view.meters.saturating_sub(left_out);
                settled.event = "opened";
                Order::Open(key, opening)
            }
            Decision::Withhold(shares) => {
                settled.excluded = shares.len();
                settled.event = "withheld";
                Order::Withhold(key, shares)
            }
        };
        if view.outcome.is_some() {
            settled.event = "recorded";
            return Ok(settled);
        }
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
    let opener = Opener {
        centre: centre.clone(),
        rosters: Arc::default(),
    };
    let scope = Scope {
        cycle: Some(cycle),
        regions: Some(regions),
        until_settled: until_closed,
    };
    follow(&centre.grid, &scope, &opener, bar, said).await
}
