//! The network falls apart into two, neither of which has the votes for finality, and is healed.
//!
//! Neither side may finalise anything, and within thirty seconds of healing all nodes must finalise one chain. The meters
//! reach both sides all the while, which is worse than being cut off with one: a share that one side took must still be
//! there when it was seen final.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use tokio::time::sleep;

use crate::{error::ChaosError, grid::Grid, ground::Run, mesh::Side, report::seconds, scenarios::Going, verdict};

/// How long the votes that are under way may still make something final.
const GRACE: Duration = Duration::from_secs(5);
/// How long the network is in two.
const APART: Duration = Duration::from_secs(60);
/// How long finality may take after healing.
const HEALED: Duration = Duration::from_secs(30);

/// Runs it on a network.
pub fn act<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(fall_apart(run, grid))
}

async fn fall_apart(run: &mut Run, grid: &mut Grid) -> Result<(), ChaosError> {
    if !run.ground.nested {
        run.report
            .skip("without network namespaces there is no cable to unplug: all nodes share loopback");
        return Ok(());
    }
    grid.leader(0).await?;
    // The smaller half goes away.
    let away = run.chance.victims("away", run.members, run.members / 2, &[]);
    grid.plug(&away, Side::Away).await?;
    run.report
        .tell(format!("{} are cut off from the others", grid.network.names(&away)));
    sleep(GRACE).await;
    let halted = grid.observer.now();
    let apart = run.look(APART);
    sleep(apart).await;
    let now = grid.observer.now();
    let (stood, later) = grid
        .observer
        .ask(|seen| (seen.finalised_at(halted), seen.finalised_at(now)));
    run.report.check(
        format!("neither side finalises anything for {}", seconds(apart)),
        if later == stood {
            Ok(format!("finality stands at block {stood}"))
        } else {
            Err(format!("it went from block {stood} to {later}"))
        },
    );
    let best = grid.observer.ask(|seen| seen.best_at(now));
    run.report.measured("best block of the longer side", best);

    grid.plug(&away, Side::Main).await?;
    run.report.tell("the network is healed");
    let all = grid.up();
    let resumed = grid.all_finalise(&all, later + 1, HEALED * 6).await?;
    run.report
        .check_within("finality at every node within 30 s of healing", resumed, HEALED);
    // Long enough that a share of the time apart has been seen final, or not.
    sleep(run.look(HEALED)).await;
    verdict::settle(grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(grid, &mut run.report, run.members).await
}
