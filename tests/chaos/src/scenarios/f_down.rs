//! f nodes down for five minutes: as many as the consortium can do without.
//!
//! The others must make nine tenths of the blocks that are theirs, finality must stay within five blocks, and every period
//! must come through whole, though its aggregator may be among the dead.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{Run, SLOT},
    measure::expected_blocks,
    report::seconds,
    scenarios::Going,
    verdict,
};

/// How long they are down.
const DOWN: Duration = Duration::from_secs(300);
/// How many blocks finality may be behind.
const LAG: u32 = 5;

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(go_down(run))
}

async fn go_down(run: &mut Run) -> Result<(), ChaosError> {
    let setup = Setup {
        time: DOWN + Duration::from_secs(120),
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    let leader = grid.leader(0).await?;
    run.report.measured("leader", grid.network.name(leader));
    let f = run.tolerated();
    let victims = run.chance.victims("down", run.members, f, &[]);
    let since = grid.chain.now().await?;
    grid.network.kill_all(&victims).await?;
    let from = grid.observer.now();
    run.report.tell(format!(
        "{} are killed, for {}",
        grid.network.names(&victims),
        seconds(DOWN)
    ));
    sleep(DOWN).await;
    let to = grid.observer.now();

    let up = grid.up();
    let blocks = grid
        .observer
        .ask(|seen| seen.finalised_at(to).saturating_sub(seen.finalised_at(from)));
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let expected = expected_blocks(to.saturating_sub(from), SLOT, narrow(run.members), narrow(f));
    run.report.check(
        format!(
            "at least {expected} blocks: 90 % of {}/{} of the slots",
            run.members - f,
            run.members
        ),
        if blocks >= expected {
            Ok(format!("{blocks} blocks"))
        } else {
            Err(format!("{blocks} blocks"))
        },
    );
    let lag = grid.observer.ask(|seen| seen.most_blocks_behind(from, to, &up));
    let longest = grid.observer.ask(|seen| seen.longest_lag(from, to));
    run.report.measured("longest finality lag", seconds(longest));
    run.report.check(
        format!("finality at most {LAG} blocks behind"),
        if lag <= LAG {
            Ok(format!("{lag} blocks"))
        } else {
            Err(format!("{lag} blocks"))
        },
    );
    run.report
        .check("no period missed", verdict::no_period_missed(&grid, since).await?);

    for victim in victims {
        grid.network.restart(victim)?;
    }
    let all = grid.up();
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await
}
