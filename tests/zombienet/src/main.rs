//! `gridveil-zombienet FOLDER`: four aggregators under zombienet, from the programs in a folder.
//!
//! Promises to look at what a network that somebody else's tool has spawned does: blocks, finality, the way of readings, a
//! leader that is paused. Its last line counts the claims that hold; no process of its own outlives it, Ctrl-C and SIGTERM
//! included; the files of a run that failed are kept and named.
//!
//! **Privacy.** Development keys and made-up readings.

mod checks;
mod network;
mod programs;
mod reading;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use tokio::{
    signal::unix::{signal, SignalKind},
    time::timeout,
};

use crate::{
    checks::{until, Checks},
    network::{common_hash, statuses, Aggregators, Member, Status, TERM_BLOCKS},
    programs::Programs,
};

/// What is claimed, in the order in which it is looked at.
const CLAIMS: &[&str] = &[
    "four aggregators form blocks",
    "what they form becomes final, and it is one chain",
    "both shares of every reading are on the finalised chain",
    "the opened totals are the sums of the readings, and have their price",
    "a leader is elected, and all four know it",
    "a leader that is paused loses the term by itself",
    "blocks and finality go on without it",
    "another member leads a later term",
    "the paused aggregator catches up with the chain of the others",
];

/// The whole may take this long.
const ALL: Duration = Duration::from_secs(1_500);
/// How long the first blocks and their finality may take.
const FIRST: Duration = Duration::from_secs(120);
/// How long a term may last: with one member away a third of the slots is empty, a few more on a busy machine.
const TERM: Duration = Duration::from_secs(120);
/// How far into its term a leader may be when it is paused, so that what is left of the term is enough to lose it.
const EARLY: u64 = 7;
/// How many blocks must become final without the leader.
const FURTHER: u64 = 5;

/// The four run: blocks and finality.
async fn first_blocks(aggregators: &Aggregators, checks: &mut Checks) -> Result<()> {
    let all = aggregators.all();
    let start = statuses(&all).await?;
    let heights = until("three more blocks at each", FIRST, async || {
        let now = statuses(&all).await?;
        let grown = start
            .iter()
            .zip(&now)
            .all(|(then, now)| now.best.number >= then.best.number + 3);
        Ok(grown.then(|| {
            now.iter()
                .map(|status| status.best.number.to_string())
                .collect::<Vec<_>>()
        }))
    })
    .await?;
    checks.holds(format!("best blocks {}", heights.join(", ")));

    let (least, hash) = until("three final blocks at each", FIRST, async || {
        let least = statuses(&all).await?.iter().map(|status| status.finalised.number).min();
        let least = least.context("there are four")?;
        if least < 3 {
            return Ok(None);
        }
        Ok(common_hash(&all, least).await?.map(|hash| (least, hash)))
    })
    .await?;
    checks.holds(format!("block {least} is {hash} at all four"));
    Ok(())
}

/// The status that all of these have in common, as far as term and leader go.
fn agreed(seen: &[Status]) -> Option<&Status> {
    let first = seen.first()?;
    let same = |status: &Status| (status.term, &status.leader) == (first.term, &first.leader);
    seen.iter().all(same).then_some(first)
}

/// A leader that has not led for long, with its status.
async fn fresh_leader<'a>(aggregators: &'a Aggregators, checks: &mut Checks) -> Result<(&'a Member, Status)> {
    let all = aggregators.all();
    let mut told = false;
    let (leader, status) = until("a leader, early in its term", 4 * TERM, async || {
        let seen = statuses(&all).await?;
        let Some((status, account)) = agreed(&seen).and_then(|status| Some((status, status.leader.as_ref()?))) else {
            return Ok(None);
        };
        let leader = aggregators.member(account)?;
        if !told {
            checks.holds(format!("{} in term {}", leader.name, status.term));
            told = true;
        }
        let best = seen.iter().map(|status| status.best.number).max().unwrap_or(u64::MAX);
        Ok((best <= status.term_started + EARLY).then(|| (leader, status.clone())))
    })
    .await?;
    Ok((leader, status))
}

/// The leader is paused, loses the term, is followed by another, and comes back.
async fn pause_leader(aggregators: &Aggregators, checks: &mut Checks) -> Result<()> {
    let (leader, before) = fresh_leader(aggregators, checks).await?;
    let others = aggregators.but(leader);
    aggregators.pause(leader).await?;
    checks.tell(format!(
        "{} is paused, {} blocks into its term {} of {TERM_BLOCKS}",
        leader.name,
        before.best.number.saturating_sub(before.term_started),
        before.term
    ));
    let lost = until("the others know that the leader lost the term", TERM, async || {
        let seen = statuses(&others).await?;
        let Some(status) = agreed(&seen) else {
            return Ok(None);
        };
        Ok((status.leader.as_ref() != Some(&leader.account)).then(|| status.clone()))
    })
    .await?;
    ensure!(
        lost.term == before.term && lost.leader.is_none(),
        "{} lost no term {}: afterwards term {} has the leader {:?}",
        leader.name,
        before.term,
        lost.term,
        lost.leader
    );
    checks.holds(format!(
        "{} no longer leads term {}, nobody does",
        leader.name, lost.term
    ));

    let further = lost.finalised.number + FURTHER;
    until("more final blocks without the leader", TERM, async || {
        let seen = statuses(&others).await?;
        Ok(seen
            .iter()
            .all(|status| status.finalised.number >= further)
            .then_some(()))
    })
    .await?;
    checks.holds(format!("block {further} is final at the other three"));

    // The votes for the next term may have been cast before the pause; those for the one after it were not.
    let next = until("another leader", 4 * TERM, async || {
        let seen = statuses(&others).await?;
        let status = agreed(&seen).filter(|status| status.term > lost.term);
        let account = status.and_then(|status| status.leader.clone());
        Ok(account
            .filter(|account| *account != leader.account)
            .zip(status.cloned()))
    })
    .await?;
    let (account, after) = next;
    checks.holds(format!("{} in term {}", aggregators.member(&account)?.name, after.term));

    aggregators.resume(leader).await?;
    checks.tell(format!(
        "{} goes on, the others have finalised block {}",
        leader.name, after.finalised.number
    ));
    let (height, hash) = until("the paused aggregator has what the others have", TERM, async || {
        let height = leader.status().await?.finalised.number;
        if height < after.finalised.number {
            return Ok(None);
        }
        Ok(common_hash(&aggregators.all(), height)
            .await?
            .map(|hash| (height, hash)))
    })
    .await?;
    checks.holds(format!("block {height} is {hash} at all four"));
    Ok(())
}

/// Everything, in a folder of its own.
async fn story(bin: &Path, dir: &Path, checks: &mut Checks) -> Result<()> {
    let programs = Programs::find(bin, dir)?;
    checks.tell("zombienet spawns alice, bob, charlie and dave");
    let aggregators = Aggregators::spawn(&programs, dir).await?;
    let outcome = async {
        first_blocks(&aggregators, checks).await?;
        reading::travel(&programs, &aggregators, dir, checks).await?;
        pause_leader(&aggregators, checks).await
    }
    .await;
    let stopped = aggregators.stop().await;
    outcome.and(stopped)
}

/// The story until it ends or is ended; dropping it ends its processes.
async fn run(bin: &Path, dir: &Path, checks: &mut Checks) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = timeout(ALL, story(bin, dir, checks)) => {
            outcome.unwrap_or_else(|_| bail!("not done after {} s", ALL.as_secs()))
        }
        _ = tokio::signal::ctrl_c() => bail!("stopped by Ctrl-C"),
        _ = terminate.recv() => bail!("stopped by SIGTERM"),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [bin] = &arguments[..] else {
        eprintln!("usage: gridveil-zombienet FOLDER, where FOLDER has gridveil-node, grid-operator and meter-client");
        return ExitCode::FAILURE;
    };
    let dir = match tempfile::Builder::new().prefix("gridveil-zombienet-").tempdir() {
        Ok(dir) => dir,
        Err(error) => {
            eprintln!("error: no folder for the run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut checks = Checks::of(CLAIMS);
    let outcome = run(bin, dir.path(), &mut checks).await;
    let (passed, failed) = checks.end(&outcome);
    if failed > 0 {
        // What went wrong is in the logs, so they outlive a failed run.
        eprintln!("the run's files are kept in {}", dir.keep().display());
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
