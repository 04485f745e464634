//! One node loses its database, but not its keys: a new disk, or a machine set up anew.
//!
//! It must fetch the chain again and take part in finality again, and it must not contradict what it signed before, of which
//! it knows nothing any more. Its log tells what it signed in both lives.
//!
//! **Privacy.** Development keys and made-up readings.

use std::{path::Path, time::Duration};

use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{until, Run},
    scenarios::Going,
    verdict,
    votes::{Lives, LOG_OPTION},
};

/// How long the chain grows before.
const BEFORE: Duration = Duration::from_secs(45);
/// How long the node may take to have the chain again, and then to vote again.
const BACK: Duration = Duration::from_secs(60);
/// How long it is watched afterwards.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(wipe(run))
}

async fn wipe(run: &mut Run) -> Result<(), ChaosError> {
    let setup = Setup {
        amend: Some(Box::new(|_, plan| plan.options.push(LOG_OPTION.into()))),
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    grid.leader(0).await?;
    sleep(BEFORE).await;
    let victim = run.chance.victim("wiped", run.members, &[]);
    let voter = grid.keys(victim)?.grandpa_public;
    grid.network.kill(victim).await?;
    let removed = remove_databases(grid.network.base(victim))?;
    let log = grid.network.log(victim);
    let mut lives = Lives::default();
    lives.end(&log)?;
    run.report.tell(format!(
        "{} is killed, and its database wiped",
        grid.network.name(victim)
    ));
    run.report.measured("databases wiped", removed);
    let height = grid.observer.finalised().height();
    grid.network.restart(victim)?;

    let synced = grid.all_finalise(&[victim], height, BACK * 3).await?;
    run.report
        .check_within(format!("it has the chain again, up to block {height}"), synced, BACK);
    let votes = until(BACK * 3, || async {
        let rpc = grid.any()?;
        let head = rpc.finalised().await?.number;
        let voted = head > height && rpc.certificate_voters(head).await?.contains(&voter);
        Ok(voted.then_some(head))
    });
    let votes = votes.await?;
    run.report.check_within(
        "it votes again: its vote is in a later block's certificate",
        votes.map(|(_, took)| took),
        BACK,
    );

    sleep(AFTERWARDS).await;
    run.report.check(
        "it contradicts no vote of its former life",
        lives.judge(&log)?.map(|votes| format!("{votes} votes in both lives")),
    );
    let all = grid.up();
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await
}

/// Removes what a node has stored of its chains, all but its keys; how many databases that was.
fn remove_databases(base: &Path) -> std::io::Result<usize> {
    let mut removed = 0;
    for chain in std::fs::read_dir(base.join("chains"))? {
        for entry in std::fs::read_dir(chain?.path())? {
            let entry = entry?;
            if entry.file_name() != "keystore" && entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_survive_the_database() {
        let base = tempfile::tempdir().unwrap();
        let chain = base.path().join("chains/gridveil_local");
        for folder in ["paritydb/full", "network", "keystore"] {
            std::fs::create_dir_all(chain.join(folder)).unwrap();
        }
        assert_eq!(remove_databases(base.path()).unwrap(), 2);
        assert!(chain.join("keystore").is_dir() && !chain.join("paritydb").exists());
    }
}
