//! kill -9 the leader, who owns every other slot.
//!
//! The next block must come within two slots of the kill, the leader must lose the term by itself, and finality must be
//! less than ten seconds behind again.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::Grid,
    ground::{present_slot, until, Run, SLOT},
    report::seconds,
    scenarios::Going,
    verdict,
};

/// How far finality may be behind once it is back.
const LAG: Duration = Duration::from_secs(10);
/// The own slots that a leader may miss in a row, as the runtime has it.
const MISSED: u32 = 3;
/// How long finality is looked at, once the leadership is gone.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Runs it on a network.
pub fn act<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(kill(run, grid))
}

async fn kill(run: &mut Run, grid: &mut Grid) -> Result<(), ChaosError> {
    // Enough of the term must be left for the leadership to go within it: a block every other slot.
    let leader = grid.leader(2 * MISSED + 2).await?;
    let leader_key = grid.keys(leader)?.public;
    let (_, before) = grid.consortium().await?;
    grid.network.kill(leader).await?;
    let (killed, slot_of_kill) = (grid.observer.now(), present_slot());
    let height = grid.any()?.best().await?.number;
    run.report.tell(format!(
        "{}, who leads term {}, is killed",
        grid.network.name(leader),
        before.term
    ));

    let next = until(SLOT * 10, || async {
        let best = grid.any()?.best().await?;
        let by_another = best.number > height && grid.any()?.author(&best).await? != Some(leader_key);
        Ok(best.slot.filter(|_| by_another))
    });
    let next = next.await?;
    run.report.measured(
        "time until the next block",
        next.map_or_else(|| "none came".into(), |(_, took)| seconds(took)),
    );
    run.report.check(
        "next block within 2 slots",
        match next.map(|(slot, _)| slot.saturating_sub(slot_of_kill)) {
            Some(slots) if slots <= 2 => Ok(format!("{slots} slots after the kill")),
            Some(slots) => Err(format!("{slots} slots after the kill")),
            None => Err(format!("not within {}", seconds(SLOT * 10))),
        },
    );

    // Every other slot is the leader's, and the last one missed shows with the block after it.
    let limit = SLOT * (2 * MISSED + 2);
    let gone = until(limit * 2, || async {
        let (_, status) = grid.consortium().await?;
        Ok((status.leader != Some(leader_key)).then_some((status.term, status.leader)))
    });
    let gone = gone.await?;
    let took = gone.map(|(_, took)| took);
    run.report
        .check_within(format!("leadership gone after {MISSED} own slots missed"), took, limit);
    run.report.check(
        "by itself, within the term",
        match gone.map(|(state, _)| state) {
            Some((term, None)) if term == before.term => Ok(format!("term {term} goes on without a leader")),
            other => Err(format!(
                "term and leader are {other:?}, the leader fell in term {}",
                before.term
            )),
        },
    );

    let afterwards = run.look(AFTERWARDS);
    sleep(afterwards).await;
    let now = grid.observer.now();
    let worst = grid.observer.ask(|seen| seen.longest_lag(killed, now));
    run.report
        .measured("longest finality lag after the kill", seconds(worst));
    let lag = grid
        .observer
        .ask(|seen| seen.longest_lag(now.saturating_sub(afterwards), now));
    run.report.check_within("finality lag back under 10 s", Some(lag), LAG);

    grid.network.restart(leader)?;
    let all = grid.up();
    verdict::settle(grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(grid, &mut run.report, run.members).await
}
