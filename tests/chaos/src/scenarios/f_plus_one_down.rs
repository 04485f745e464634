//! f+1 nodes down, one more than the consortium can do without, then restored.
//!
//! Finality must halt, for otherwise two halves of a network could each go on alone, while blocks are still made; and it
//! must resume by itself within a minute of their return, with everything that was made meanwhile.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use tokio::time::sleep;

use crate::{error::ChaosError, grid::Grid, ground::Run, report::seconds, scenarios::Going, verdict};

/// How long the votes that are under way may still make something final.
const GRACE: Duration = Duration::from_secs(5);
/// How long they are down.
const DOWN: Duration = Duration::from_secs(50);
/// How long finality may take to resume.
const RESUME: Duration = Duration::from_secs(60);

/// Runs it on a network.
pub fn act<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(go_down(run, grid))
}

async fn go_down(run: &mut Run, grid: &mut Grid) -> Result<(), ChaosError> {
    grid.leader(0).await?;
    let victims = run.chance.victims("down", run.members, run.tolerated() + 1, &[]);
    let since = grid.chain.now().await?;
    grid.network.kill_all(&victims).await?;
    run.report.tell(format!("{} are killed", grid.network.names(&victims)));
    sleep(GRACE).await;
    let halted = grid.observer.now();
    let down = run.look(DOWN);
    sleep(down).await;
    let now = grid.observer.now();

    let (stood, best) = grid
        .observer
        .ask(|seen| (seen.finalised_at(halted), (seen.best_at(halted), seen.best_at(now))));
    let later = grid.observer.ask(|seen| seen.finalised_at(now));
    run.report.check(
        format!("finality halts for {}", seconds(down)),
        if later == stood {
            Ok(format!("it stands at block {stood}"))
        } else {
            Err(format!("it went from block {stood} to {later}"))
        },
    );
    run.report.check(
        "blocks are still made",
        if best.1 > best.0 {
            Ok(format!("{} of them", best.1 - best.0))
        } else {
            Err(format!("the best block stayed {}", best.0))
        },
    );

    for victim in &victims {
        grid.network.restart(*victim)?;
    }
    run.report.tell(format!("{} come back", grid.network.names(&victims)));
    let all = grid.up();
    let resumed = grid.all_finalise(&all, best.1, RESUME * 3).await?;
    run.report.check_within(
        "finality resumes by itself, up to what was made meanwhile",
        resumed,
        RESUME,
    );
    verdict::settle(grid, &mut run.report, &all).await?;
    run.report.check(
        "nothing lost: every period that closed since is complete",
        verdict::no_period_missed(grid, since).await?,
    );
    verdict::nobody_cheated(grid, &mut run.report, run.members).await
}
