//! A member is added and another removed, by vote and under load.
//!
//! The newcomer's node has the chain before it is voted in, makes its own keys, and must then form blocks and sign
//! certificates. The member that is put out leaves its node running with its old keys: no block of its may be taken from
//! then on, and when so many others are down that its vote would tip the scales, nothing may become final.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use gridveil_chain_client::Decision;
use gridveil_demo::network::{NodePlan, MEMBERS};
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::Grid,
    ground::{until, Run, SLOT},
    members::{decide, set_new_keys},
    report::seconds,
    scenarios::Going,
    verdict,
};

/// How long the newcomer may take from its keys to its first block and vote: two terms, and some more.
const IN: Duration = Duration::from_secs(120);
/// How long the removed one may take to be out.
const OUT: Duration = Duration::from_secs(30);
/// How long it is watched whether the old keys do anything.
const LOOK: Duration = Duration::from_secs(40);
/// How long the votes that are under way may still make something final.
const GRACE: Duration = Duration::from_secs(5);
/// How long finality may take to resume.
const RESUME: Duration = Duration::from_secs(60);

/// Runs it on a network.
pub fn act<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(change(run, grid))
}

async fn change(run: &mut Run, grid: &mut Grid) -> Result<(), ChaosError> {
    grid.leader(0).await?;
    let since = grid.chain.now().await?;
    let newcomer = add(run, grid).await?;
    // The first two bring the regions' shares.
    let removed = run.chance.victim("removed", run.members, &[0, 1]);
    let out = remove(run, grid, removed).await?;
    old_keys_are_worth_nothing(run, grid, removed, newcomer, out).await?;
    run.report
        .check("no period missed", verdict::no_period_missed(grid, since).await?);
    let all = grid.up();
    verdict::settle(grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(grid, &mut run.report, run.members).await
}

/// Adds one member; the index of its node, which is its index among the names, too.
async fn add(run: &mut Run, grid: &mut Grid) -> Result<usize, ChaosError> {
    let newcomer = run.members;
    let name = MEMBERS.get(newcomer).copied().unwrap_or_default();
    let plan = NodePlan {
        // Its keys are made by an RPC that a node grants to its own machine, and here to the harness.
        options: vec!["--rpc-methods".into(), "unsafe".into()],
        ..NodePlan::named(name, grid.site(name).await?)
    };
    let node = grid.add(plan).await?;
    grid.network.restart(node)?;
    let height = grid.observer.finalised().height();
    let synced = grid.all_finalise(&[node], height, IN).await?;
    run.report.check_within(
        format!("{name}'s node fetches the chain before it is a member"),
        synced,
        IN,
    );

    let members: Vec<usize> = (0..run.members).collect();
    let account = grid.keys(newcomer)?.public;
    let decision = Decision::AddMember {
        account,
        reason: "joins the grid".into(),
    };
    let voted = decide(&grid.chain, &members, &decision).await?;
    run.report
        .tell(format!("{name} is voted in, in block {}", voted.number));
    let url = grid.network.urls().get(node).cloned().unwrap_or_default();
    let set = set_new_keys(&grid.chain, &url, newcomer).await?;
    run.report
        .tell(format!("{name} sets its keys, in block {}", set.number));

    let makes = until(IN * 2, || async {
        // The authority's key is one that its node made; the chain knows whose it is.
        let (best, status) = grid.consortium().await?;
        let status = status.members.iter().find(|member| member.account == account);
        Ok(status
            .filter(|member| member.authority && member.authored > 0)
            .map(|_| best.number))
    });
    let makes = makes.await?;
    run.report
        .check_within(format!("{name} forms blocks"), makes.map(|(_, took)| took), IN);
    let rpc = grid.any()?;
    let authorities = rpc.voters(rpc.best().await?.hash).await?;
    let mut old = Vec::new();
    for member in &members {
        old.push(grid.keys(*member)?.grandpa_public);
    }
    let new: Vec<_> = authorities.iter().filter(|key| !old.contains(key)).collect();
    run.report.check(
        "the new set has one more vote",
        if authorities.len() == run.members + 1 && new.len() == 1 {
            Ok(format!("{} votes", authorities.len()))
        } else {
            Err(format!("{} votes, {} of them new", authorities.len(), new.len()))
        },
    );
    let signs = until(IN, || async {
        let head = rpc.finalised().await?.number;
        let voters = rpc.certificate_voters(head).await?;
        Ok(new.iter().any(|key| voters.contains(key)).then_some(()))
    });
    run.report.check_within(
        format!("the new set finalises, and {name}'s vote is in a certificate"),
        signs.await?.map(|((), took)| took),
        IN,
    );
    Ok(node)
}

/// Removes one member; the first block in whose state its keys have neither slot nor vote.
async fn remove(run: &mut Run, grid: &Grid, removed: usize) -> Result<u32, ChaosError> {
    let name = grid.network.name(removed).to_owned();
    let members: Vec<usize> = (0..=run.members).collect();
    let decision = Decision::RemoveMember {
        account: grid.keys(removed)?.public,
        reason: "sold its grid".into(),
    };
    let voted = decide(&grid.chain, &members, &decision).await?;
    run.report
        .tell(format!("{name} is voted out, in block {}", voted.number));
    let (key, voter) = (grid.keys(removed)?.public, grid.keys(removed)?.grandpa_public);
    let rpc = grid.any()?;
    let out = until(OUT * 2, || async {
        let best = rpc.best().await?;
        for height in voted.number..=best.number {
            let Some(hash) = rpc.hashes(height, height).await?.first().copied() else {
                return Ok(None);
            };
            if !rpc.slot_keys(hash).await?.contains(&key) && !rpc.voters(hash).await?.contains(&voter) {
                return Ok(Some(height));
            }
        }
        Ok(None)
    });
    let out = out.await?;
    run.report
        .check_within(format!("{name} is out of the set"), out.map(|(_, took)| took), OUT);
    let height = out.map_or(u32::MAX, |(height, _)| height);
    run.report.measured(
        "blocks from the vote to the new set",
        height.saturating_sub(voted.number),
    );
    Ok(height)
}

/// Shows that a removed member's node, which runs on with its old keys, changes nothing.
async fn old_keys_are_worth_nothing(
    run: &mut Run,
    grid: &mut Grid,
    removed: usize,
    newcomer: usize,
    out: u32,
) -> Result<(), ChaosError> {
    let name = grid.network.name(removed).to_owned();
    let look = run.look(LOOK);
    sleep(look).await;
    let head = grid.any()?.finalised().await?.number;
    let (mut blocks, mut own) = (0, 0);
    let (key, voter) = (grid.keys(removed)?.public, grid.keys(removed)?.grandpa_public);
    let mut signed = 0;
    for hash in grid.any()?.hashes(out.saturating_add(1), head).await? {
        let block = grid.any()?.block(hash).await?;
        blocks += 1;
        own += u32::from(grid.any()?.author(&block).await? == Some(key));
        signed += u32::from(grid.any()?.certificate_voters(block.number).await?.contains(&voter));
    }
    run.report.check(
        format!("{name}'s node runs on, and none of its blocks and votes is taken"),
        if blocks > 0 && own == 0 && signed == 0 && grid.network.is_up(removed) {
            Ok(format!("{blocks} blocks without it"))
        } else {
            Err(format!(
                "{own} of its blocks and {signed} of its votes in {blocks} blocks"
            ))
        },
    );

    // As many members are down as make finality impossible by one vote: the removed one would have it.
    let spared = [removed, newcomer];
    let down = run.chance.victims("down", run.members, run.tolerated() + 1, &spared);
    grid.network.kill_all(&down).await?;
    run.report.tell(format!(
        "{} are killed; with {name}'s vote the others were enough",
        grid.network.names(&down)
    ));
    sleep(GRACE).await;
    let from = grid.observer.now();
    sleep(look).await;
    let to = grid.observer.now();
    let (stood, later) = grid
        .observer
        .ask(|seen| (seen.finalised_at(from), seen.finalised_at(to)));
    run.report.check(
        format!("{name}'s old key has no vote: nothing is final for {}", seconds(look)),
        if later == stood {
            Ok(format!("finality stands at block {stood}"))
        } else {
            Err(format!("it went from block {stood} to {later}"))
        },
    );
    for node in &down {
        grid.network.restart(*node)?;
    }
    let all = grid.up();
    let resumed = grid.all_finalise(&all, later + 1, RESUME * 2).await?;
    run.report
        .check_within("finality resumes when they are back", resumed, RESUME);
    run.report.measured(
        "slots until then",
        resumed.map_or(0, |took| took.as_secs() / SLOT.as_secs()),
    );
    Ok(())
}
