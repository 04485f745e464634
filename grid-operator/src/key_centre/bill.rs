//! Billing: once a cycle is over and priced, every meter's readings from its shares, a sealed report for each user, and
//! the chain told where it is and, hidden, what it comes to.
//!
//! The paper's phase 7 (dynamic billing); DESIGN section 4, step 8. A pair of shares that is complete and plausible is
//! billed at its period's price, which for a withheld period is the region's fallback price; a period without one is not
//! billed, and the report says so. Each bill is in the store, then in the ledger, then on chain; a rerun makes only
//! those that are missing. When all are out, each region's are reconciled with its totals ([`super::reconcile`]). Works
//! on a bounded group of meters at a time.
//!
//! **Privacy.** Readings are in memory, which is wiped, and in their owner's sealed report, and nowhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use gridveil_bills::{
    envelope,
    report::{Line, Report},
    store::Store,
};
use gridveil_primitives::{
    bill::BillSecret, mask, pseudonym, share, BillRecord, CycleId, CycleSchedule, Half, Outcome, PeriodIndex,
    PeriodKey, PeriodView, Price, RegionId, Share,
};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{
    audit::check_shares,
    roster::{Member, Roster},
    KeyCentre,
};
use crate::{
    error::{show, Error},
    grid::{carry_out, BlockHash, Grid, Order},
    limits,
    work::{aside, on_all_cores},
};

/// How many meters' readings are in memory at a time.
pub(super) const GROUP: usize = 1_024;
/// How many periods' shares are in memory at a time.
const SPAN: usize = 48;
/// How many sealed bills are in memory at a time.
const SHEAF: usize = 32;
/// The most spans of periods that a note names.
const NAMED: usize = 24;

/// What was billed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Billed {
    /// The cycle.
    pub cycle: CycleId,
    /// How many bills were made now.
    pub made: usize,
    /// How many were made before.
    pub present: usize,
    /// How many were published now.
    pub published: usize,
}

/// Bills a cycle: puts every user's sealed report into the store, publishes where it is, opens what each region's bills add
/// up to, and declares the cycle billed.
///
/// Errors: [`Error::NotYet`] while a period has not closed or has no price.
pub async fn bill<G: Grid>(
    centre: &KeyCentre<G>,
    cycle: CycleId,
    store: Arc<dyn Store>,
    currency: &str,
    bar: &ProgressBar,
) -> Result<Billed, Error> {
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    let schedule = centre.known_cycle(cycle, at).await?;
    let (now, over) = (
        centre.grid.now(at).await?,
        schedule.closes(schedule.periods.saturating_sub(1)),
    );
    if over.is_none_or(|over| over > now) {
        return Err(Error::NotYet {
            cycle,
            problem: "its last period has not closed".into(),
        });
    }
    let mut billed = Billed {
        cycle,
        made: 0,
        present: 0,
        published: 0,
    };
    let mut books = Vec::new();
    for region in centre.regions(cycle, &[])? {
        let revisions = centre.grid.revisions(region, cycle, at).await?;
        let roster = Roster::load_all(&centre.ledger, &centre.root, region, cycle, revisions)?;
        for revision in &roster.revisions {
            roster.agree(Some(revision.from), revision.meters)?;
        }
        match centre.grid.filter_meters(region, cycle, at).await? {
            Some(published) => roster.agree(None, published)?,
            None => {
                tracing::warn!(
                    region,
                    cycle,
                    "nothing was published for the region; its meters get no bill"
                );
                continue;
            }
        }
        let view = centre.grid.cycle_view(region, cycle, at).await?;
        let periods = ready(cycle, region, &schedule, &view)?;
        bar.inc_length(u64::from(roster.meters()));
        books.push(Book {
            centre,
            schedule,
            currency,
            roster: Arc::new(roster),
            periods: Arc::new(periods),
            bar,
        });
    }
    for book in &books {
        book.make(&store, &mut billed).await?;
    }
    billed.published = centre.publish_bills(cycle).await?;
    // A region that does not add up holds up no other.
    let mut failure = None;
    for book in &books {
        if let Err(error) = book.reconcile().await {
            failure.get_or_insert(error);
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    centre.finish(cycle).await?;
    Ok(billed)
}

/// What billing needs to know of a period; `None` for one that never had a manifest.
pub(super) type Known = Option<(PeriodView, Price)>;

/// The periods of a region's cycle, if each of them that took shares is settled and priced.
fn ready(
    cycle: CycleId,
    region: RegionId,
    schedule: &CycleSchedule,
    view: &[(PeriodIndex, PeriodView)],
) -> Result<Vec<Known>, Error> {
    let mut periods = vec![None; usize::from(schedule.periods)];
    for (period, view) in view {
        let key = PeriodKey {
            region,
            cycle,
            period: *period,
        };
        let problem = match (view.outcome, view.price) {
            (Some(_), Some(price)) => {
                if let Some(slot) = periods.get_mut(usize::from(*period)) {
                    *slot = Some((*view, price));
                }
                continue;
            }
            (None, _) => format!("{} is neither opened nor withheld; run `key-centre watch`", show(&key)),
            (Some(_), None) => format!("{} has no price; run `control-centre run`", show(&key)),
        };
        return Err(Error::NotYet { cycle, problem });
    }
    Ok(periods)
}

/// The billing of one region.
pub(super) struct Book<'a, G> {
    pub(super) centre: &'a KeyCentre<G>,
    schedule: CycleSchedule,
    currency: &'a str,
    pub(super) roster: Arc<Roster>,
    pub(super) periods: Arc<Vec<Known>>,
    bar: &'a ProgressBar,
}

/// A member's readings, by period.
pub(super) type Readings = Zeroizing<Vec<Option<i64>>>;

impl<G: Grid> Book<'_, G> {
    /// Makes the bills that are missing, group by group.
    async fn make(&self, store: &Arc<dyn Store>, billed: &mut Billed) -> Result<(), Error> {
        let unbilled = self.unbilled().await?;
        let present = self.roster.members.len().saturating_sub(unbilled.len());
        billed.present = billed.present.saturating_add(present);
        self.bar.inc(u64::try_from(present).unwrap_or(0));
        for group in unbilled.chunks(GROUP) {
            let mut readings = self.read(group).await?.into_iter();
            for sheaf in group.chunks(SHEAF) {
                let some: Vec<_> = readings.by_ref().take(sheaf.len()).collect();
                self.seal_and_store(sheaf, some, store).await?;
                billed.made = billed.made.saturating_add(sheaf.len());
                self.bar.inc(u64::try_from(sheaf.len()).unwrap_or(0));
            }
        }
        Ok(())
    }

    /// The members, by their place, that have no bill in the ledger or on chain.
    async fn unbilled(&self) -> Result<Vec<usize>, Error> {
        let cycle = self.roster.cycle;
        let known: BTreeSet<_> = self
            .centre
            .ledger
            .bills(cycle)?
            .into_iter()
            .map(|bill| bill.bid)
            .collect();
        let at = self.centre.grid.finalised().await?.hash;
        let mut unbilled = Vec::new();
        for (place, member) in self.roster.members.iter().enumerate() {
            let bid = member.meter.bid;
            if !known.contains(&bid) && self.centre.grid.bill(cycle, bid, at).await?.is_none() {
                unbilled.push(place);
            }
        }
        Ok(unbilled)
    }

    /// The readings of a group, from all periods' shares, span by span.
    pub(super) async fn read(&self, group: &[usize]) -> Result<Vec<Readings>, Error> {
        let empty = || Zeroizing::new(vec![None; usize::from(self.schedule.periods)]);
        let mut readings: Vec<Readings> = group.iter().map(|_| empty()).collect();
        for first in (0..self.schedule.periods).step_by(SPAN) {
            let shares = self.shares(first).await?;
            let count = PeriodIndex::try_from(shares.len()).unwrap_or(PeriodIndex::MAX);
            let (roster, group) = (self.roster.clone(), group.to_vec());
            let read = aside(move || {
                let member = |place: &usize| roster.members.get(*place).map(|one| unmask(one, first, count, &shares));
                Ok(on_all_cores(&group, member))
            })
            .await?;
            for (all, part) in readings.iter_mut().zip(read) {
                let span = all.iter_mut().skip(usize::from(first));
                span.zip(part.iter().flat_map(|part| part.iter()))
                    .for_each(|(to, from)| *to = *from);
            }
        }
        Ok(readings)
    }

    /// The shares of a span of periods from `first` on, each as its period was closed with.
    async fn shares(&self, first: PeriodIndex) -> Result<Vec<Vec<Share>>, Error> {
        let at = self.centre.grid.finalised().await?.hash;
        let span = self.periods.iter().skip(usize::from(first)).take(SPAN);
        let mut requests = JoinSet::new();
        let mut shares = Vec::new();
        for (offset, (period, known)) in (first..).zip(span).enumerate() {
            shares.push(Vec::new());
            if let Some((view, _)) = *known {
                let key = PeriodKey {
                    region: self.roster.region,
                    cycle: self.roster.cycle,
                    period,
                };
                let grid = self.centre.grid.clone();
                requests.spawn(async move { (offset, fetch(&grid, key, &view, at).await) });
            }
        }
        while let Some(done) = requests.join_next().await {
            let (offset, found) = done.map_err(|failure| Error::Worker(failure.to_string()))?;
            if let Some(slot) = shares.get_mut(offset) {
                *slot = found?;
            }
        }
        Ok(shares)
    }

    /// Seals some members' reports, puts them into the store, and enters where they are.
    async fn seal_and_store(
        &self,
        sheaf: &[usize],
        readings: Vec<Readings>,
        store: &Arc<dyn Store>,
    ) -> Result<(), Error> {
        let (roster, periods, schedule) = (self.roster.clone(), self.periods.clone(), self.schedule);
        let (currency, sheaf) = (self.currency.to_owned(), sheaf.to_vec());
        let root = self.centre.root.clone();
        let sealed = aside(move || {
            let work: Vec<_> = sheaf.iter().zip(&readings).collect();
            let sealed = on_all_cores(&work, |(place, readings)| {
                let member = roster
                    .members
                    .get(**place)
                    .ok_or(Error::Worker("a member is gone".into()))?;
                let secret = root.bill_secret(&member.meter.bid, roster.cycle);
                let report = report(&roster, member, &schedule, &currency, readings, &periods, &secret);
                let commitments = report
                    .commitments(|period| is_opened(&periods, period))
                    .ok_or(Error::Worker("a bill's secret is malformed".into()))?;
                match envelope::seal(&report, &member.meter.recipient) {
                    Ok(sealed) => Ok((member.meter.bid, member.meter.label.clone(), sealed, commitments)),
                    Err(error) => Err(failed(
                        roster.cycle,
                        &member.meter.label,
                        format!("was not sealed: {error}"),
                    )),
                }
            });
            sealed.into_iter().collect::<Result<Vec<_>, _>>()
        })
        .await?;
        let mut puts = JoinSet::new();
        for (bid, label, sealed, commitments) in sealed {
            let (store, cycle, region) = (store.clone(), self.roster.cycle, self.roster.region);
            puts.spawn(async move {
                let cid = store.put(&sealed).await;
                let cid = cid.map_err(|error| failed(cycle, &label, format!("was not stored: {error}")))?;
                Ok::<_, Error>((
                    bid,
                    BillRecord {
                        cid: cid.to_bytes(),
                        hash: gridveil_bills::hash(&sealed),
                        region,
                        commitments,
                    },
                ))
            });
        }
        let mut entries = Vec::new();
        let mut failure = None;
        while let Some(done) = puts.join_next().await {
            match done
                .map_err(|failure| Error::Worker(failure.to_string()))
                .and_then(|put| put)
            {
                Ok(entry) => entries.push(entry),
                Err(error) => failure = Some(error),
            }
        }
        // Those that are stored are not made again, even where another one failed.
        self.centre
            .ledger
            .enter_bills(self.roster.cycle, entries.iter().map(|(bid, record)| (bid, record)))?;
        failure.map_or(Ok(()), Err)
    }
}

fn failed(cycle: CycleId, label: &str, problem: String) -> Error {
    Error::Bill {
        label: label.to_owned(),
        cycle,
        problem,
    }
}

async fn fetch<G: Grid>(grid: &G, key: PeriodKey, view: &PeriodView, at: BlockHash) -> Result<Vec<Share>, Error> {
    let shares = grid.shares(key, at).await?;
    check_shares(&key, view, &shares)?;
    Ok(shares)
}

/// A member's readings of a span of periods, given each period's shares by ascending pseudonym. The trees of its
/// pseudonyms and masks are walked once.
fn unmask(member: &Member, first: PeriodIndex, count: PeriodIndex, shares: &[Vec<Share>]) -> Readings {
    let [firsts, seconds] =
        Half::BOTH.map(|half| pseudonym::prids(&member.spend, &member.keys, half, first, count).map(|(_, prid)| prid));
    let masks = mask::walk(&member.keys, first, count).map(|(_, masks)| masks);
    let mut readings = Zeroizing::new(Vec::with_capacity(usize::from(count)));
    for (((one, other), masks), shares) in firsts.zip(seconds).zip(masks).zip(shares) {
        let value = |prid| {
            let found = shares.binary_search_by_key(&prid, |share| share.prid).ok();
            found.and_then(|place| shares.get(place)).map(|share| share.value)
        };
        let pair = value(one).zip(value(other));
        let reading = pair.map(|(first, second)| share::unmask_with(first, second, &masks));
        readings.push(reading.filter(|reading| share::is_plausible(*reading)));
    }
    readings
}

/// Whether a period's total was opened.
pub(super) fn is_opened(periods: &[Known], period: PeriodIndex) -> bool {
    let known = periods.get(usize::from(period)).and_then(Option::as_ref);
    known.is_some_and(|(view, _)| matches!(view.outcome, Some(Outcome::Opened(_))))
}

/// A member's report.
fn report(
    roster: &Roster,
    member: &Member,
    schedule: &CycleSchedule,
    currency: &str,
    readings: &[Option<i64>],
    periods: &[Known],
    secret: &BillSecret,
) -> Report {
    let (mut lines, mut missing, mut withheld) = (Vec::with_capacity(periods.len()), Vec::new(), Vec::new());
    let mut absent = Vec::new();
    for ((period, energy), known) in (0..).zip(readings).zip(periods) {
        lines.push(Line {
            period,
            energy: *energy,
            price: known.map(|(_, price)| price),
        });
        if !roster.is_there(member, period) {
            absent.push(period);
        } else if energy.is_none() {
            missing.push(period);
        } else if known.is_some_and(|(view, _)| view.outcome == Some(Outcome::Withheld)) {
            withheld.push(period);
        }
    }
    let mut notes = Vec::new();
    if !absent.is_empty() {
        notes.push(format!(
            "The meter was not in service in {}. Nothing is charged for that time on this bill.",
            spans(&absent)
        ));
    }
    if !missing.is_empty() {
        notes.push(format!(
            "No complete and plausible reading arrived for {}. Nothing is charged for that time.",
            spans(&missing)
        ));
    }
    if !withheld.is_empty() {
        notes.push(format!(
            "Too few homes of the region reported for a total of {}. The region's fallback price applies.",
            spans(&withheld)
        ));
    }
    let (bid, cycle, region) = (&member.meter.bid, roster.cycle, roster.region);
    Report {
        notes,
        ..Report::new(bid, cycle, region, currency, schedule, lines, secret)
    }
}

/// Ascending periods, as people write them: `periods 1, 4 to 9 and 12`.
fn spans(periods: &[PeriodIndex]) -> String {
    let mut runs: Vec<RangeInclusive<PeriodIndex>> = Vec::new();
    for &period in periods {
        match runs.last_mut().filter(|run| run.end().checked_add(1) == Some(period)) {
            Some(run) => *run = *run.start()..=period,
            None => runs.push(period..=period),
        }
    }
    let more = runs.len().saturating_sub(NAMED);
    let named: Vec<_> = runs
        .iter()
        .take(NAMED)
        .map(|run| match run.end().saturating_sub(*run.start()) {
            0 => run.start().to_string(),
            _ => format!("{} to {}", run.start(), run.end()),
        })
        .collect();
    let word = if periods.len() == 1 { "period" } else { "periods" };
    let rest = if more > 0 {
        format!(" and {more} more spans")
    } else {
        String::new()
    };
    format!("{} {word} ({}{rest})", periods.len(), named.join(", "))
}

impl<G: Grid> KeyCentre<G> {
    /// Publishes the bills of the ledger that the chain is not known to have; gives how many.
    async fn publish_bills(&self, cycle: CycleId) -> Result<usize, Error> {
        let at = self.grid.finalised().await?.hash;
        let (mut there, mut missing) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for bill in self.ledger.bills(cycle)?.into_iter().filter(|bill| !bill.published) {
            match self.grid.bill(cycle, bill.bid, at).await? {
                Some(_) => there.push(bill.bid),
                None => missing
                    .entry(bill.record.region)
                    .or_default()
                    .push((bill.bid, bill.record)),
            }
        }
        self.ledger.note_published(cycle, &there)?;
        let batches = missing
            .iter()
            .flat_map(|(region, bills)| bills.chunks(limits::BATCH).map(move |batch| (*region, batch)));
        for (region, batch) in batches {
            let last = batch.last().map(|(bid, _)| *bid).unwrap_or_default();
            let order = Order::PublishBills(region, cycle, batch.to_vec());
            carry_out(&self.grid, &order, |at| async move {
                Ok(self.grid.bill(cycle, last, at).await?.is_some())
            })
            .await?;
            self.ledger.note_published(cycle, batch.iter().map(|(bid, _)| bid))?;
        }
        Ok(missing.values().map(Vec::len).sum())
    }

    /// Declares the cycle billed, unless it is.
    async fn finish(&self, cycle: CycleId) -> Result<(), Error> {
        match carry_out(&self.grid, &Order::FinishCycle(cycle), |_| async { Ok(false) }).await {
            Err(gridveil_chain_client::Error::Dispatch { error, .. }) if error == ALREADY_FINISHED => Ok(()),
            other => Ok(other?),
        }
    }
}

/// What the billing pallet calls the error of finishing a cycle again.
const ALREADY_FINISHED: &str = "AlreadyFinished";

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn periods_are_named_in_spans() {
        assert_eq!(spans(&[4]), "1 period (4)");
        assert_eq!(spans(&[1, 4, 5, 6, 9]), "5 periods (1, 4 to 6, 9)");
        let many: Vec<_> = (0..60).step_by(2).collect();
        assert!(spans(&many).ends_with("44, 46 and 6 more spans)"), "{}", spans(&many));
        assert_eq!(spans(&(0..1_440).collect::<Vec<_>>()), "1440 periods (0 to 1439)");
    }
}
