//! The clock of one node is wrong: by five seconds, which is a slot or two, and by a minute, each way.
//!
//! Five seconds must change nothing for the chain. By a minute that node is left behind: none of its blocks is taken by the
//! others, who go on as if it were down. Once its clock is right again, it takes part again, without being started anew. The
//! clock is that of the day; timers run on, as they do when a real clock is set.
//!
//! **Privacy.** Development keys and made-up readings.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{until, Run, SLOT},
    measure::expected_blocks,
    report::seconds,
    scenarios::Going,
    verdict,
};

/// The errors of the clock, in seconds.
const OFFSETS: [i32; 4] = [5, -5, 60, -60];
/// From how many seconds on the node is left behind.
const FAR: i32 = 30;
/// How long after the clock was set the look at the chain begins.
const SETTLING: Duration = Duration::from_secs(15);
/// How long the look is.
const LOOK: Duration = Duration::from_secs(60);
/// How many blocks finality may be behind at the others.
const LAG: u32 = 5;
/// How long the node may take to take part again.
const BACK: Duration = Duration::from_secs(60);

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(set_clocks(run))
}

/// The words before a program that let it see the time that stands in a file, and where the kernel's timers stay as they
/// are.
fn wrapper(library: &Path, offset: &Path) -> Vec<String> {
    vec![
        "env".into(),
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", offset.display()),
        "FAKETIME_CACHE_DURATION=1".into(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
        "NO_FAKE_STAT=1".into(),
    ]
}

/// Sets the clock, at one stroke.
fn set(file: &Path, offset: i32) -> std::io::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{offset:+}\n"))?;
    std::fs::rename(new, file)
}

async fn set_clocks(run: &mut Run) -> Result<(), ChaosError> {
    let Some(library) = run.ground.faketime.clone() else {
        run.report
            .skip("libfaketime is not installed (Debian and Ubuntu: faketime)");
        return Ok(());
    };
    let file: PathBuf = run.dir.join("clock");
    set(&file, 0)?;
    let victim = run.chance.victim("clock", run.members, &[]);
    let setup = Setup {
        amend: Some(Box::new(|index, plan| {
            if index == victim {
                plan.site.wrapper.extend(wrapper(&library, &file));
            }
        })),
        time: (SETTLING + LOOK + BACK) * 5,
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    grid.leader(0).await?;
    let process = grid.network.process_id(victim);
    for offset in OFFSETS {
        look(run, &mut grid, victim, &file, offset).await?;
    }
    let all = grid.up();
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await?;
    remove_leftovers(process);
    Ok(())
}

async fn look(run: &mut Run, grid: &mut Grid, victim: usize, file: &Path, offset: i32) -> Result<(), ChaosError> {
    let name = grid.network.name(victim).to_owned();
    let key = grid.keys(victim)?.public;
    let others: Vec<usize> = grid.up().into_iter().filter(|node| *node != victim).collect();
    let judge = others.first().copied().unwrap_or(0);
    let since = grid.chain.now().await?;
    set(file, offset)?;
    run.report.tell(format!("{name}'s clock is off by {offset:+} s"));
    sleep(SETTLING).await;
    let (from, first) = (grid.observer.now(), grid.rpc(judge)?.finalised().await?.number);
    sleep(LOOK).await;
    let (to, last) = (grid.observer.now(), grid.rpc(judge)?.finalised().await?.number);

    let expected = expected_blocks(LOOK, SLOT, u32::try_from(run.members).unwrap_or(4), 1);
    let blocks = last.saturating_sub(first);
    let lag = grid.observer.ask(|seen| seen.most_blocks_behind(from, to, &others));
    run.report.check(
        format!("{offset:+} s: the chain goes on, at least {expected} blocks, finality at most {LAG} behind"),
        if blocks >= expected && lag <= LAG {
            Ok(format!("{blocks} blocks, {lag} behind"))
        } else {
            Err(format!("{blocks} blocks, {lag} behind"))
        },
    );
    run.report.check(
        format!("{offset:+} s: no period missed"),
        verdict::no_period_missed(grid, since).await?,
    );
    let mut own = 0;
    let chain = grid.rpc(judge)?.hashes(first + 1, last).await?;
    for hash in chain {
        let block = grid.rpc(judge)?.block(hash).await?;
        if grid.rpc(judge)?.author(&block).await? == Some(key) {
            own += 1;
        }
    }
    if offset.abs() >= FAR {
        run.report.check(
            format!("{offset:+} s: {name} is left behind"),
            if own == 0 {
                Ok("none of its blocks is in the chain".into())
            } else {
                Err(format!("{own} of its blocks are in the chain"))
            },
        );
    } else {
        run.report
            .measured(format!("{offset:+} s: blocks of {name} in the chain"), own);
    }

    set(file, 0)?;
    // A node forms no block for a slot that its clock has shown before, so that it forms none twice: one that was fast waits
    // until its clock has caught up.
    let limit = BACK + Duration::from_secs(offset.max(0).unsigned_abs().into());
    let began = grid.observer.now();
    let level = until(limit * 2, || async {
        let head = grid.rpc(judge)?.finalised().await?.number;
        let late = head.saturating_sub(grid.rpc(victim)?.finalised().await?.number);
        Ok((late <= LAG).then_some(()))
    });
    run.report.check_within(
        format!(
            "{offset:+} s: set right, {name} finalises with the others within {}",
            seconds(limit)
        ),
        level.await?.map(|((), took)| took),
        limit,
    );
    // Whoever does not lead has one slot in a round, of which every other slot is the leader's.
    let round = SLOT
        * u32::try_from(run.members)
            .unwrap_or(4)
            .saturating_sub(1)
            .saturating_mul(2);
    let forms = until((limit + round) * 2, || async {
        let head = grid.rpc(judge)?.finalised().await?;
        Ok((grid.rpc(judge)?.author(&head).await? == Some(key)).then_some(()))
    });
    let formed = forms.await?.map(|_| grid.observer.now().saturating_sub(began));
    run.report.check_within(
        format!(
            "{offset:+} s: and forms blocks again with its next slot, within {}",
            seconds(limit + round)
        ),
        formed,
        limit + round,
    );
    Ok(())
}

/// Removes what the library leaves in shared memory of a process that was killed.
fn remove_leftovers(process: Option<u32>) {
    for prefix in ["faketime_shm_", "sem.faketime_sem_"] {
        if let Some(id) = process {
            // Where the run had a shared memory of its own, or the process ended well, nothing is there.
            let _ = std::fs::remove_file(format!("/dev/shm/{prefix}{id}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_s_file_has_the_sign_that_the_library_wants() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clock");
        for (offset, text) in [(0, "+0\n"), (60, "+60\n"), (-5, "-5\n")] {
            set(&file, offset).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }
}
