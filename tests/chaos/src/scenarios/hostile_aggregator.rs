//! An aggregator that drops, delays, alters or replays the shares that meters hand it, or says that they are final.
//!
//! One region's meters know other nodes beside it: each of their shares must arrive the other way, and their periods be
//! complete whatever the aggregator does. The other region's meters know nobody else, which is the worst case: there what it
//! does must show, as faulty periods. What it hands in itself must be refused by the chain, every time.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use gridveil_demo::checks::Seen;
use gridveil_primitives::{Moment, PeriodStatus, RegionId};

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{needed, present, Run, SLOT},
    load::{PERIOD, REGIONS, WINDOW},
    proxy::{Deeds, Malice, Proxy},
    scenarios::Going,
    verdict,
};

/// How long a share is held back: until its window is over for sure.
const DELAY: Duration = WINDOW.saturating_add(Duration::from_secs(9));
/// How many periods in a row see the whole of a malice.
const PERIODS: u32 = 2;
/// How long after a window's end its period is judged: the close is in a later block, and final after that.
const JUDGED: Duration = Duration::from_secs(15);

/// What the aggregator does, with its name, and whether meters that know nobody else get their shares through.
const DEEDS: [(Malice, &str, PeriodStatus); 6] = [
    (Malice::None, "honest", PeriodStatus::Complete),
    (Malice::Drop, "drops", PeriodStatus::Faulty),
    (Malice::Lie, "lies", PeriodStatus::Faulty),
    (Malice::Alter, "alters", PeriodStatus::Faulty),
    (Malice::Replay, "replays", PeriodStatus::Complete),
    (Malice::Delay, "delays", PeriodStatus::Faulty),
];

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(betray(run))
}

async fn betray(run: &mut Run) -> Result<(), ChaosError> {
    let phase = PERIOD * PERIODS + WINDOW + JUDGED + SLOT * 2;
    let setup = Setup {
        time: phase * 7,
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    let honest: Vec<String> = grid.network.urls().into_iter().skip(1).collect();
    let hostile = grid.network.urls().first().cloned().unwrap_or_default();
    let proxy = Proxy::start(&hostile, DELAY).await?;
    let [knows_others, knows_nobody] = REGIONS else {
        return Err(ChaosError::Missing("this takes two regions".into()));
    };
    let both = [&[proxy.url().to_owned()][..], &honest].concat().join(",");
    for (malice, name, status) in DEEDS {
        proxy.turn(malice);
        // A client leaves a node that failed it, and does not come back while the next one does well.
        grid.restart_meters_of(*knows_others, &both).await?;
        grid.restart_meters_of(*knows_nobody, proxy.url()).await?;
        let (from, to) = live_through(run, &grid, name, phase).await?;
        let closed = verdict::closed_periods(&grid, from, to).await?;
        let of = |region: RegionId| closed.iter().filter(move |(key, _, _)| key.region == region);
        let tell = |region: RegionId, expected: PeriodStatus| -> Seen {
            let all: Vec<_> = of(region).collect();
            let others: Vec<String> = all
                .iter()
                .filter(|(_, status, _)| *status != expected)
                .map(|(key, status, count)| format!("period {} is {status:?} with {count} shares", key.period))
                .collect();
            match (all.len(), others.first()) {
                (0, _) => Err("no period saw the whole of it".into()),
                (count, None) => Ok(format!("{count} periods {expected:?}")),
                (count, Some(first)) => Err(format!("{} of {count} periods are not: {first}", others.len())),
            }
        };
        run.report.check(
            format!("it {name}: meters that know other nodes get every share through"),
            tell(*knows_others, PeriodStatus::Complete),
        );
        let claim = match status {
            PeriodStatus::Faulty => format!("it {name}: where it is the only way, the chain shows a fault"),
            _ => format!("it {name}: where it is the only way, periods are complete"),
        };
        run.report.check(claim, tell(*knows_nobody, status));
    }
    // What is held back or replayed is handed in until then.
    let until = grid.chain.now().await?.saturating_add(millis(DELAY));
    wait_for(&grid, until, DELAY * 3).await?;
    for malice in [Malice::Drop, Malice::Lie, Malice::Alter, Malice::Replay, Malice::Delay] {
        let deeds = proxy.deeds(malice);
        run.report.check(
            format!("{malice:?}: what it did came to nothing"),
            came_to_nothing(malice, &deeds),
        );
        let kinds: std::collections::BTreeSet<String> = deeds.refused.iter().map(|words| gist(words)).collect();
        run.report.measured(
            format!("{malice:?}: the node's answers"),
            kinds.into_iter().collect::<Vec<_>>().join(" | "),
        );
    }
    run.report.check(
        "the chain holds nothing but what meters made",
        verdict::nothing_alien(&grid).await?,
    );
    // Who knows nobody else has to believe it; who knows others has not.
    grid.discredit(*knows_nobody, proxy.deeds(Malice::Lie).lies);
    let all = grid.up();
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await
}

/// Lets a phase pass; the span in which windows close whose periods saw the whole of it.
async fn live_through(run: &Run, grid: &Grid, name: &str, phase: Duration) -> Result<(Moment, Moment), ChaosError> {
    // Windows that open from now on, by the clock that meters go by; before the first period there are none.
    let from = present().max(grid.schedule.start);
    run.report.tell(format!("the aggregator {name}"));
    let end = from.saturating_add(millis(phase));
    wait_for(grid, end, (phase + Duration::from_secs(60)) * 2).await?;
    Ok((from.saturating_add(millis(WINDOW)), end.saturating_sub(millis(JUDGED))))
}

/// Waits until the chain's clock shows a moment.
async fn wait_for(grid: &Grid, moment: Moment, limit: Duration) -> Result<(), ChaosError> {
    needed("the chain's clock is that far", limit, || async {
        Ok((grid.chain.now().await? >= moment).then_some(()))
    })
    .await
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the aggregator got hold of shares, and the node took nothing that it tried with them.
fn came_to_nothing(malice: Malice, deeds: &Deeds) -> Seen {
    let caught: usize = deeds.caught.values().sum();
    let regions = deeds.caught.len();
    if regions < REGIONS.len() {
        return Err(format!("it got hold of shares of {regions} regions only"));
    }
    if deeds.taken > 0 {
        return Err(format!("the node took {} of {caught}", deeds.taken));
    }
    match (malice, deeds.refused.len()) {
        (Malice::Drop, _) => Ok(format!("{caught} shares dropped")),
        (Malice::Lie, _) if deeds.lies.is_empty() => Err(format!("{caught} shares dropped, and no lie told")),
        (Malice::Lie, _) => Ok(format!(
            "{caught} shares dropped, {} of them said to be final",
            deeds.lies.len()
        )),
        (_, 0) => Err(format!("{caught} shares, and nothing was tried with them")),
        (_, refused) => Ok(format!("{caught} shares, {refused} attempts, all refused")),
    }
}

/// What a node says in its answer, without the address and whatever else differs each time.
fn gist(words: &str) -> String {
    let known = [
        "Custom error: ",
        "bad signature",
        "Already Imported",
        "already imported",
        "temporarily banned",
        "Priority is too low",
        "outdated",
    ];
    let found = known.iter().find_map(|known| Some((known, words.find(known)?)));
    match found {
        // The number behind it is the reason.
        Some((known, at)) if known.ends_with(": ") => {
            let number = words.get(at + known.len()..).unwrap_or_default();
            let number: String = number.chars().take_while(char::is_ascii_digit).collect();
            format!("{known}{number}")
        }
        Some((known, _)) => (*known).into(),
        None => words.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn answers_are_told_by_what_they_say_and_not_by_when() {
        assert_eq!(gist("{\"code\":1010,\"data\":\"Custom error: 6\"}"), "Custom error: 6");
        let banned = "ws://127.0.0.1:9 did not answer: Transaction is temporarily banned";
        assert_eq!(gist(banned), "temporarily banned");
        assert_eq!(gist("no idea"), "no idea");
    }

    fn deeds(regions: usize, refused: usize, taken: usize) -> Deeds {
        Deeds {
            caught: (0..)
                .zip(0..regions)
                .map(|(region, _)| (region, 3))
                .collect::<BTreeMap<_, _>>(),
            refused: vec!["refused".into(); refused],
            taken,
            lies: Vec::new(),
        }
    }

    #[test]
    fn one_attempt_that_the_node_took_fails_the_check() {
        assert!(came_to_nothing(Malice::Alter, &deeds(2, 6, 0)).is_ok());
        assert!(came_to_nothing(Malice::Alter, &deeds(2, 5, 1)).is_err());
    }

    #[test]
    fn having_done_nothing_fails_the_check() {
        assert!(came_to_nothing(Malice::Drop, &deeds(1, 0, 0)).is_err());
        assert!(came_to_nothing(Malice::Replay, &deeds(2, 0, 0)).is_err());
        assert!(came_to_nothing(Malice::Drop, &deeds(2, 0, 0)).is_ok());
    }
}
