//! An authority signs two blocks for one slot, or two votes in one round.
//!
//! Not by a build of its own that cheats but by a twin: a second node with the same keys and another identity, which is how
//! it happens to honest operators, too (a fail-over that left the first machine running). The evidence must be on chain
//! within two blocks of a node's noticing, and the member out of the set at the next term; the others must go on. Blocks
//! that the offender forms are not counted: nobody makes it report itself, and no pool takes a report from another node.
//!
//! A plain twin makes the same block as its model, for the block's contents follow from its parent and the pool, and only
//! seals it anew: that is no second block. But a vote is for the sealed block, and each votes for its own. To make two blocks
//! the twin keeps its member's vote for a leader back, which its model puts into its first block of a term; and it takes no
//! part in finality, so that its votes do not give it away before.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use gridveil_demo::network::{NodePlan, MEMBERS};
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::Grid,
    ground::{until, Run, SLOT},
    report::seconds,
    scenarios::Going,
    verdict,
};

/// A kind of offence.
struct Offence {
    /// What there are two of.
    what: &'static str,
    /// What a node says when it notices them.
    words: &'static [&'static str],
    /// Whether it is the one of blocks.
    by_blocks: bool,
    /// What is other than usual about the twin.
    options: &'static [&'static str],
}

const BLOCKS: Offence = Offence {
    what: "two blocks",
    words: &["two blocks in one slot"],
    by_blocks: true,
    options: &["--no-grandpa", "--leader-vote", "off"],
};
const VOTES: Offence = Offence {
    what: "two votes",
    words: &["Detected prevote equivocation", "Detected precommit equivocation"],
    by_blocks: false,
    options: &[],
};
/// How long the twin may take until it is noticed. It has to fetch the chain, and to wait for its slot in the next term.
const NOTICE: Duration = Duration::from_secs(180);
/// How many blocks of the others the evidence may take, its own among them.
const EVIDENCE: usize = 2;
/// How long the others are watched.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Runs it on a network, with two blocks.
pub fn two_blocks<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(cheat(run, grid, &BLOCKS))
}

/// Runs it on a network, with two votes.
pub fn two_votes<'a>(run: &'a mut Run, grid: &'a mut Grid) -> Going<'a> {
    Box::pin(cheat(run, grid, &VOTES))
}

async fn cheat(run: &mut Run, grid: &mut Grid, offence: &Offence) -> Result<(), ChaosError> {
    let leader = grid.leader(0).await?;
    // The leader owns so many slots that losing it is another scenario, and the first node is the one that is asked.
    let (_, status) = grid.consortium().await?;
    let spared: Vec<usize> = (0..run.members)
        .filter(|node| {
            let key = grid.keys(*node).map(|keys| keys.public).unwrap_or_default();
            let authority = status
                .members
                .iter()
                .any(|member| member.authority && member.account == key);
            *node == 0 || *node == leader || !authority
        })
        .collect();
    let cheat = run.chance.victim("cheat", run.members, &spared);
    let (key, voter) = (grid.keys(cheat)?.public, grid.keys(cheat)?.grandpa_public);
    let name = MEMBERS.get(cheat).copied().unwrap_or_default();
    let twin = format!("{name}-twin");
    let site = grid.site(&twin).await?;
    let plan = NodePlan {
        member: Some(name),
        options: offence.options.iter().map(ToString::to_string).collect(),
        ..NodePlan::named(twin, site)
    };
    let honest: Vec<usize> = grid.up().into_iter().filter(|node| *node != cheat).collect();
    let twin = grid.add(plan).await?;
    grid.network.restart(twin)?;
    run.report.tell(format!("a twin of {name} starts"));

    let what = offence.what;
    let noticed = until(NOTICE, || async {
        let best = grid.any()?.best().await?.number;
        Ok(says(grid, &honest, offence.words)?.then_some(best))
    });
    // The best block from before the look, so that none is given away.
    let Some((height, took)) = noticed.await? else {
        run.report.check(
            format!("{what} are noticed"),
            Err(format!("not within {}", seconds(NOTICE))),
        );
        return Ok(());
    };
    run.report
        .measured("from the start of the twin until it is noticed", seconds(took));
    let evidence = until(SLOT * 20, || async {
        let best = grid.any()?.best().await?;
        let offences = verdict::offences(grid, best.hash).await?;
        let found: Vec<_> = offences.into_iter().filter(|found| found.offender == key).collect();
        Ok(found
            .iter()
            .any(|found| found.by_blocks == offence.by_blocks)
            .then_some(found))
    });
    let Some((evidence, _)) = evidence.await? else {
        run.report.check(
            format!("{what}: evidence on chain"),
            Err(format!("noticed at block {height}, none within {}", seconds(SLOT * 20))),
        );
        return Ok(());
    };
    let reported = |by_blocks: bool| {
        let blocks = evidence.iter().filter(|found| found.by_blocks == by_blocks);
        blocks.map(|found| found.reported_at).min()
    };
    let (of_this, of_other) = (reported(offence.by_blocks), reported(!offence.by_blocks));
    if let Some(other) = of_other {
        run.report
            .measured("the twin did the other offence, too, reported in block", other);
    }
    // Who does both is put out by what is reported first, and the two blocks that change the set have no room for more.
    let first = of_this.into_iter().chain(of_other).min().unwrap_or(u32::MAX);
    let others = formed_by_others(grid, key, height, first).await?;
    let told = format!("noticed at block {height}, reported in block {first}, block {others} of the others since");
    run.report.check(
        format!("{what}: evidence on chain within {EVIDENCE} blocks of being noticed"),
        if others <= EVIDENCE { Ok(told) } else { Err(told) },
    );
    run.report.measured(
        format!("block with the evidence of {what}"),
        of_this.unwrap_or_default(),
    );
    out_of_the_set(run, grid, key, voter).await?;

    let from = grid.observer.now();
    let afterwards = run.look(AFTERWARDS);
    sleep(afterwards).await;
    let to = grid.observer.now();
    let blocks = grid
        .observer
        .ask(|seen| seen.finalised_at(to).saturating_sub(seen.finalised_at(from)));
    run.report.check(
        "the others go on",
        if blocks > 0 {
            Ok(format!("{blocks} blocks final in {}", seconds(afterwards)))
        } else {
            Err("nothing is final any more".into())
        },
    );
    verdict::settle(grid, &mut run.report, &honest).await
}

/// Whether the log of one of these nodes has one of these words.
fn says(grid: &Grid, nodes: &[usize], words: &[&str]) -> Result<bool, ChaosError> {
    for node in nodes {
        let log = std::fs::read(grid.network.log(*node))?;
        let log = String::from_utf8_lossy(&log);
        if words.iter().any(|word| log.contains(word)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many of the blocks above `after`, up to `to`, the offender with this key did not form.
async fn formed_by_others(grid: &Grid, key: [u8; 32], after: u32, to: u32) -> Result<usize, ChaosError> {
    let rpc = grid.any()?;
    let mut others = 0_usize;
    for hash in rpc.hashes(after.saturating_add(1), to).await? {
        let by_offender = rpc.author(&rpc.block(hash).await?).await? == Some(key);
        others = others.saturating_add(usize::from(!by_offender));
    }
    Ok(others)
}

/// Checks that the member with these keys forms no blocks and has no vote any more when the next term begins.
async fn out_of_the_set(run: &mut Run, grid: &Grid, key: [u8; 32], voter: [u8; 32]) -> Result<(), ChaosError> {
    let (best, status) = grid.consortium().await?;
    let offences = verdict::offences(grid, best.hash).await?;
    let Some(reported) = offences.iter().map(|offence| offence.reported_at).min() else {
        run.report.check(
            "it is out of the set at the next term",
            Err("there is no evidence".into()),
        );
        return Ok(());
    };
    let rpc = grid.any()?;
    let limit = reported.saturating_add(status.term_blocks);
    let out = until(SLOT * status.term_blocks.saturating_mul(3), || async {
        for (height, hash) in (reported..).zip(rpc.hashes(reported, limit).await?) {
            let gone = !rpc.slot_keys(hash).await?.contains(&key) && !rpc.voters(hash).await?.contains(&voter);
            if gone {
                return Ok(Some(height));
            }
        }
        Ok(None)
    });
    let out = out.await?.map(|(height, _)| height);
    run.report.check(
        "it is out of the set at the next term",
        match out {
            Some(height) => Ok(format!(
                "reported in block {reported}, without a slot or a vote from block {height}"
            )),
            None => Err(format!(
                "reported in block {reported}, still in the set {} blocks later",
                status.term_blocks
            )),
        },
    );
    let (_, status) = grid.consortium().await?;
    run.report.check(
        "it is no member any more: coming back takes a vote",
        if status.members.iter().any(|member| member.account == key) {
            Err("it still is one".into())
        } else {
            Ok(format!("{} members", status.members.len()))
        },
    );
    Ok(())
}
