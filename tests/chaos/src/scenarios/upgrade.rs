//! The runtime is replaced by that of the next version, by vote, while meters submit.
//!
//! Nothing but the code that two thirds voted on may come. Every node must run the new version without being started anew,
//! what was there before must be there after, and whoever signs must be heard again: members and meters, whose programs
//! are the same as before.
//!
//! **Privacy.** Development keys and made-up readings.

use std::{path::Path, time::Duration};

use gridveil_chain_client::{calls, Decision};
use gridveil_demo::process::Invocation;
use gridveil_primitives::hash::blake2b_256;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::Grid,
    ground::{until, Run},
    load::{PERIOD, WINDOW},
    members::{account, decide},
    report::seconds,
    scenarios::Going,
    verdict,
};

/// How long a node may take to compile the runtime ahead, beside the whole network on one machine.
const COMPILING: Duration = Duration::from_secs(180);
/// How long it may take from the block that brings the runtime until every node's finalised state has it.
const EVERYWHERE: Duration = Duration::from_secs(60);
/// How long the look at the chain is, afterwards: a period that began under the new version has closed by then.
const AFTERWARDS: Duration = PERIOD.saturating_mul(2).saturating_add(WINDOW);
/// How many blocks finality may be behind, afterwards.
const LAG: u32 = 5;

/// Runs it on a network.
pub fn act<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(upgrade(run, grid))
}

/// Has each node compile the runtime while it runs, as the operators do before they vote, one after another; the hashes that
/// they are told.
async fn compile(run: &Run, grid: &Grid, file: &Path) -> Result<Vec<String>, ChaosError> {
    let mut told = Vec::new();
    for node in grid.up() {
        let name = format!("{} compile-runtime", grid.network.name(node));
        let compiled = Invocation::new(name, &run.ground.node, &run.dir)
            .arg("compile-runtime")
            .arg(file.display())
            .path("--base-path", grid.network.base(node));
        let text = compiled.run(COMPILING).await?;
        let hash = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|said| said["codeHash"].as_str().map(String::from));
        told.push(hash.unwrap_or_default());
    }
    Ok(told)
}

async fn upgrade(run: &mut Run, grid: &mut Grid) -> Result<(), ChaosError> {
    let Some(file) = run.ground.next_runtime.clone() else {
        run.report
            .skip("there is no runtime of the next version; ./scripts/chaos builds it when this scenario is to run");
        return Ok(());
    };
    let code = std::fs::read(&file)?;
    let code_hash = blake2b_256(&[&code]);
    grid.leader(0).await?;
    let since = grid.chain.now().await?;
    let old = grid.any()?.spec_version().await?;
    run.report
        .measured("the new runtime", format!("{} KiB, compressed", code.len() / 1024));

    let brings = account(run.members - 1)?;
    let unasked = grid
        .chain
        .submit(&brings, calls::apply_authorized_upgrade(&code))
        .await
        .map(|inclusion| inclusion.number);
    run.report.check(
        "without a vote the chain does not take it",
        match unasked {
            Err(error) if !error.is_transient() => Ok(error.to_string()),
            other => Err(format!("{other:?}")),
        },
    );

    let hash = format!("0x{}", hex::encode(code_hash));
    run.report.check(
        "each node compiles it ahead, and tells the hash to be voted on",
        match compile(run, grid, &file).await?.iter().position(|told| *told != hash) {
            None => Ok(hash),
            Some(node) => Err(format!("{} tells another hash than {hash}", grid.network.name(node))),
        },
    );

    let members: Vec<usize> = (0..run.members).collect();
    let voted = decide(&grid.chain, &members, &Decision::AuthorizeUpgrade { code_hash }).await?;
    run.report
        .tell(format!("the runtime is voted on, in block {}", voted.number));
    let before = grid.judged().await?;
    let closed = verdict::closed_periods(grid, 0, before).await?;
    let from = grid.observer.now();
    let brought = grid
        .chain
        .submit(&brings, calls::apply_authorized_upgrade(&code))
        .await?;
    run.report
        .tell(format!("a member brings it, in block {}", brought.number));
    let all = grid.up();
    let there = until(EVERYWHERE * 3, || async {
        for node in &all {
            if grid.rpc(*node)?.spec_version().await? != old + 1 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    });
    run.report.check_within(
        format!("every node runs version {} of version {old}'s chain", old + 1),
        there.await?.map(|((), took)| took),
        EVERYWHERE,
    );

    sleep(AFTERWARDS).await;
    let now = grid.observer.now();
    let lag = grid.observer.ask(|seen| seen.longest_lag(from, now));
    run.report.measured("longest finality lag", seconds(lag));
    let look_from = now.saturating_sub(AFTERWARDS);
    let behind = grid.observer.ask(|seen| seen.most_blocks_behind(look_from, now, &all));
    run.report.check(
        format!("blocks and finality go on, at most {LAG} blocks apart"),
        if behind <= LAG {
            Ok(format!("{behind} blocks"))
        } else {
            Err(format!("{behind} blocks"))
        },
    );
    let still = verdict::closed_periods(grid, 0, before).await?;
    run.report.check(
        "what had closed before is as it was",
        match closed.len() {
            0 => Err("nothing had closed before".into()),
            count if closed == still => Ok(format!("{count} region periods")),
            count => Err(format!("{count} region periods, now {}", still.len())),
        },
    );
    run.report.check(
        "no period missed, meanwhile and after",
        verdict::no_period_missed(grid, since).await?,
    );
    let signed = grid.chain.submit(&account(0)?, calls::set_nodes(&[])).await;
    run.report.check(
        "what a member signs for the new version counts",
        signed
            .map(|inclusion| format!("in block {}", inclusion.number))
            .map_err(|error| error.to_string()),
    );
    verdict::settle(grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(grid, &mut run.report, run.members).await
}
