//! f+1 machines are lost for good, keys and all: finality can't resume by itself, ever. The runbook, rehearsed.
//!
//! The members that lost their machines set up new nodes and set new keys. Blocks are still made, so that this and the
//! following can be done; but nothing of it is final, and the new keys can't take over by themselves, because that, too,
//! would have to be final first. Two thirds of the members vote on `note_stalled`, GRANDPA begins anew with the keys that
//! are in force by then, and everything becomes final.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use gridveil_chain_client::{Chain, Decision, Options, View};
use gridveil_demo::network::{NodePlan, MEMBERS};
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{needed, until, Run, SLOT},
    members::{decide, set_new_keys},
    scenarios::Going,
    verdict,
};

/// The blocks of a term: new keys wait for two of them, and half of the slots are empty meanwhile.
const TERM: u32 = 10;
/// The blocks from the vote to the new beginning.
const DELAY: u32 = 5;
/// How long the votes that are under way may still make something final.
const GRACE: Duration = Duration::from_secs(5);
/// How long a new node may take to fetch the chain.
const SYNC: Duration = Duration::from_secs(90);
/// How long finality may take after the vote: the delay, which takes half a minute with half of the slots, and a minute.
const RESUME: Duration = Duration::from_secs(90);

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(lose_machines(run))
}

async fn lose_machines(run: &mut Run) -> Result<(), ChaosError> {
    let setup = Setup {
        term_blocks: TERM,
        time: Duration::from_secs(600),
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    grid.leader(0).await?;
    let lost = run.chance.victims("lost", run.members, run.tolerated() + 1, &[0]);
    grid.network.kill_all(&lost).await?;
    run.report.tell(format!(
        "the machines of {} are lost for good",
        grid.network.names(&lost)
    ));
    sleep(GRACE).await;
    let stood = grid.observer.finalised().height();

    let mut options = Options::new(grid.network.urls());
    options.view = View::Best;
    let unfinalised = Chain::connect(options).await?;
    let mut new = Vec::new();
    for member in &lost {
        let name = format!("{}-new", MEMBERS.get(*member).copied().unwrap_or_default());
        let plan = NodePlan {
            options: vec!["--rpc-methods".into(), "unsafe".into()],
            ..NodePlan::named(name.clone(), grid.site(&name).await?)
        };
        let node = grid.add(plan).await?;
        grid.network.restart(node)?;
        new.push(node);
    }
    for (member, node) in lost.iter().zip(&new) {
        let name = grid.network.name(*node).to_owned();
        needed(&format!("{name} has fetched the chain"), SYNC, || async {
            let behind = grid
                .any()?
                .best()
                .await?
                .number
                .saturating_sub(grid.rpc(*node)?.best().await?.number);
            Ok((behind <= 2).then_some(()))
        })
        .await?;
        let url = grid.network.urls().get(*node).cloned().unwrap_or_default();
        let set = set_new_keys(&unfinalised, &url, *member).await?;
        run.report
            .tell(format!("{name} has new keys, set in block {}", set.number));
    }
    let in_force = needed("the new keys are in force", SLOT * TERM * 6, || async {
        let rpc = grid.any()?;
        let best = rpc.best().await?;
        let voters = rpc.voters(best.hash).await?;
        let mut gone = true;
        for member in &lost {
            gone &= !voters.contains(&grid.keys(*member)?.grandpa_public);
        }
        Ok((gone && voters.len() == run.members).then_some(best.number))
    })
    .await?;
    run.report
        .tell(format!("the new keys are in force from block {in_force} on"));
    let later = grid.observer.finalised().height();
    run.report.check(
        "new keys alone bring nothing back: finality still stands",
        if later == stood {
            Ok(format!("at block {stood}"))
        } else {
            Err(format!("it went from block {stood} to {later}"))
        },
    );

    let members: Vec<usize> = (0..run.members).collect();
    let decision = Decision::NoteStalled {
        delay: DELAY,
        best_finalised: stood,
    };
    let noted = decide(&unfinalised, &members, &decision).await?;
    run.report
        .tell(format!("the stall is noted by vote, in block {}", noted.number));
    let up = grid.up();
    let resumed = grid.all_finalise(&up, noted.number + DELAY, RESUME * 3).await?;
    run.report
        .check_within("finality is back, by the vote and nothing else", resumed, RESUME);
    let on = until(RESUME, || async {
        let head = grid.any()?.finalised().await?.number;
        Ok((head >= noted.number + DELAY + TERM).then_some(()))
    });
    run.report
        .check_within("and stays, for a term", on.await?.map(|((), took)| took), RESUME);
    let up = grid.up();
    verdict::settle(&mut grid, &mut run.report, &up).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await
}
