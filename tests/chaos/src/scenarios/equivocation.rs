//! An authority signs two blocks for one slot, and two votes in one round.
//!
//! Not by a build of its own that cheats but by a twin: a second node with the same keys and another identity, which is how
//! it happens to honest operators, too (a fail-over that left the first machine running). The two make different blocks in
//! their member's slots, and each votes for its own. The evidence must be on chain within two blocks of a node's noticing,
//! and the member out of the set at the next term; the others must go on.
//!
//! **Privacy.** Development keys and made-up readings.

use std::time::Duration;

use gridveil_demo::network::{NodePlan, MEMBERS};
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{until, Run, SLOT},
    report::seconds,
    scenarios::Going,
    verdict,
};

/// What a node says when it notices two blocks, and two votes.
const NOTICED: [(&str, &[&str]); 2] = [
    ("two blocks", &["two blocks in one slot"]),
    (
        "two votes",
        &["Detected prevote equivocation", "Detected precommit equivocation"],
    ),
];
/// How long the twin may take until it is noticed. It has to fetch the chain and wait for its slot.
const NOTICE: Duration = Duration::from_secs(120);
/// How many blocks the evidence may take.
const EVIDENCE: u32 = 2;
/// How long the others are watched.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(cheat(run))
}

async fn cheat(run: &mut Run) -> Result<(), ChaosError> {
    let setup = Setup {
        term_blocks: 20,
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    let leader = grid.leader(0).await?;
    // The first two bring the regions' shares; the leader owns so many slots that losing it is another scenario.
    let cheat = run.chance.victim("cheat", run.members, &[0, 1, leader]);
    let (key, voter) = (grid.keys(cheat)?.public, grid.keys(cheat)?.grandpa_public);
    let name = MEMBERS.get(cheat).copied().unwrap_or_default();
    let twin = format!("{name}-twin");
    let site = grid.site(&twin).await?;
    let plan = NodePlan {
        member: Some(name),
        ..NodePlan::named(twin, site)
    };
    let twin = grid.add(plan).await?;
    grid.network.restart(twin)?;
    run.report.tell(format!("a twin of {name} starts"));
    let honest: Vec<usize> = (0..run.members).filter(|node| *node != cheat).collect();

    // What was noticed, with the best height at that moment.
    let mut noticed = [None; NOTICED.len()];
    let began = grid.observer.now();
    while noticed.contains(&None) && grid.observer.now().saturating_sub(began) < NOTICE {
        for ((_, words), found) in NOTICED.iter().zip(&mut noticed) {
            if found.is_none() && says(&grid, &honest, words)? {
                *found = Some(grid.any()?.best().await?.number);
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
    for ((what, _), (found, by_blocks)) in NOTICED.iter().zip(noticed.into_iter().zip([true, false])) {
        let Some(height) = found else {
            run.report.check(
                format!("{what} are noticed"),
                Err(format!("not within {}", seconds(NOTICE))),
            );
            continue;
        };
        let evidence = until(SLOT * 20, || async {
            let best = grid.any()?.best().await?;
            let offences = verdict::offences(&grid, best.hash).await?;
            let found = offences.iter().find(|offence| offence.by_blocks == by_blocks);
            Ok(found.map(|offence| (offence.offender, offence.reported_at)))
        });
        run.report.check(
            format!("{what}: evidence on chain within {EVIDENCE} blocks of being noticed"),
            match evidence.await? {
                None => Err(format!(
                    "noticed at block {height}, no evidence within {}",
                    seconds(SLOT * 20)
                )),
                Some(((offender, _), _)) if offender != key => Err("against somebody else".into()),
                Some(((_, reported), _)) if reported <= height + EVIDENCE => {
                    Ok(format!("noticed at block {height}, reported in block {reported}"))
                }
                Some(((_, reported), _)) => Err(format!("noticed at block {height}, reported in block {reported}")),
            },
        );
    }
    out_of_the_set(run, &grid, key, voter).await?;

    let from = grid.observer.now();
    sleep(AFTERWARDS).await;
    let to = grid.observer.now();
    let blocks = grid
        .observer
        .ask(|seen| seen.finalised_at(to).saturating_sub(seen.finalised_at(from)));
    run.report.check(
        "the others go on",
        if blocks > 0 {
            Ok(format!("{blocks} blocks final in {}", seconds(AFTERWARDS)))
        } else {
            Err("nothing is final any more".into())
        },
    );
    verdict::settle(&mut grid, &mut run.report, &honest).await?;
    grid.end().await
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
