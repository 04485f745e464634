//! kill -9 of all nodes at once, twenty times at random moments: the power of a whole region, or of a data centre that all
//! share.
//!
//! After each of them the consortium must be ready within thirty seconds, no block that anybody saw final may be gone, and
//! no node may contradict what it signed before it died.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::Run,
    report::seconds,
    scenarios::Going,
    verdict,
    votes::{Lives, LOG_OPTION},
};

/// How often all are killed.
const TIMES: usize = 20;
/// The pauses between being ready and the next kill.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(14));
/// How long it may take until all answer and something new is final.
const READY: Duration = Duration::from_secs(30);

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(kill(run))
}

async fn kill(run: &mut Run) -> Result<(), ChaosError> {
    let setup = Setup {
        amend: Some(Box::new(|_, plan| plan.options.push(LOG_OPTION.into()))),
        time: (PAUSES.1 + READY) * u32::try_from(TIMES).unwrap_or(u32::MAX),
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    let all = grid.up();
    let mut lives = vec![Lives::default(); all.len()];
    let mut slowest = Some(Duration::ZERO);
    let pauses = run.chance.pauses("kill", TIMES, PAUSES.0, PAUSES.1);
    for (time, pause) in (1..).zip(pauses) {
        sleep(pause).await;
        grid.network.kill_all(&all).await?;
        let height = grid.observer.finalised().height();
        for (node, lives) in all.iter().zip(&mut lives) {
            lives.end(&grid.network.log(*node))?;
            grid.network.restart(*node)?;
        }
        let ready = grid.all_finalise(&all, height + 1, READY * 3).await?;
        let told = ready.map_or_else(|| format!("not within {}", seconds(READY * 3)), seconds);
        run.report
            .tell(format!("time {time}: killed after {}, ready {told}", seconds(pause)));
        slowest = slowest.max(ready).filter(|_| ready.is_some());
        if slowest.is_none() {
            break;
        }
    }
    run.report.check_within(
        format!("ready within 30 s, the slowest of {TIMES} times"),
        slowest,
        READY,
    );
    for (node, lives) in all.iter().zip(&lives) {
        run.report.check(
            format!("{} contradicts no vote of a former life", grid.network.name(*node)),
            lives
                .judge(&grid.network.log(*node))?
                .map(|votes| format!("{votes} votes in all")),
        );
    }
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await
}
