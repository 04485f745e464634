//! The disk of one node is full, by somebody else's fault.
//!
//! The node must stop by itself, with an exit status and a line in its log that says why; the others must go on; and it must
//! come back when there is space. Its disk is a small file system in memory, mounted for it alone.
//!
//! **Privacy.** Development keys and made-up readings.

use std::{fs::File, io::Write, path::Path, time::Duration};

use gridveil_demo::process::Invocation;
use tokio::time::sleep;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::{until, Run, SLOT},
    measure::expected_blocks,
    scenarios::Going,
    verdict,
};

/// The size of the disk, in MiB.
const DISK: u64 = 512;
/// The space that the node wants to be left, in MiB.
const THRESHOLD: u64 = 64;
/// The space that is left when the disk counts as full, in MiB: what a node needs for stopping.
const LEFT: u64 = 16;
const MIB: u64 = 1 << 20;
/// How long mounting and measuring may take.
const TOOL_TIME: Duration = Duration::from_secs(10);
/// How long the node may take to stop, and to come back.
const STOPS: Duration = Duration::from_secs(15);
const BACK: Duration = Duration::from_secs(60);
/// How long the others are watched.
const MEANWHILE: Duration = Duration::from_secs(60);
/// What the node's log must say.
const MESSAGE: &str = "dropped below threshold";

/// Runs it.
pub fn run(run: &mut Run) -> Going<'_> {
    Box::pin(fill(run))
}

async fn fill(run: &mut Run) -> Result<(), ChaosError> {
    if !run.ground.nested {
        run.report
            .skip("without a mount namespace no small disk can be had that goes away by itself");
        return Ok(());
    }
    let disk = run.dir.join("disk");
    std::fs::create_dir_all(&disk)?;
    let mount = Invocation::new("mount", Path::new("mount"), &run.dir)
        .option("-t", "tmpfs")
        .option("-o", format!("size={DISK}m"));
    mount.arg("tmpfs").arg(disk.display()).run(TOOL_TIME).await?;

    let victim = run.chance.victim("full", run.members, &[]);
    let base = disk.join("node");
    let setup = Setup {
        amend: Some(Box::new(|index, plan| {
            if index == victim {
                plan.base = Some(base.clone());
                for (option, value) in [
                    ("--db-storage-threshold", THRESHOLD),
                    ("--db-storage-polling-period", 1),
                ] {
                    plan.options.extend([option.to_string(), value.to_string()]);
                }
            }
        })),
        time: Duration::from_secs(240),
        ..Setup::default()
    };
    let mut grid = Grid::start(run, setup).await?;
    grid.start_meters()?;
    grid.leader(0).await?;
    let free = free_space(&disk, &run.dir).await?;
    run.report
        .measured("space of the node on its disk", format!("{} MiB", DISK - free / MIB));
    let since = grid.chain.now().await?;
    let ballast = disk.join("ballast");
    write_zeros(&ballast, free.saturating_sub(LEFT * MIB))?;
    let from = grid.observer.now();
    run.report
        .tell(format!("the disk of {} is full", grid.network.name(victim)));

    let mut ended = None;
    let stopped = loop {
        if let Some(status) = grid.network.ended(victim)? {
            ended = Some(status);
        }
        let took = grid.observer.now().saturating_sub(from);
        if ended.is_some() || took > STOPS * 2 {
            break ended.map(|_| took);
        }
        sleep(Duration::from_millis(100)).await;
    };
    run.report.check_within("it stops by itself", stopped, STOPS);
    run.report.check(
        "cleanly: with an exit status, not by a signal",
        match ended {
            Some(status) if status.code().is_some() => Ok(status.to_string()),
            Some(status) => Err(status.to_string()),
            None => Err("it runs on".into()),
        },
    );
    let log = String::from_utf8_lossy(&std::fs::read(grid.network.log(victim))?).into_owned();
    run.report.check(
        "its log says why",
        log.lines()
            .find(|line| line.contains(MESSAGE))
            .map(|line| line.trim().to_owned())
            .ok_or_else(|| format!("no line says {MESSAGE:?}")),
    );
    grid.network.kill(victim).await?;

    sleep(MEANWHILE).await;
    let to = grid.observer.now();
    let blocks = grid
        .observer
        .ask(|seen| seen.finalised_at(to).saturating_sub(seen.finalised_at(from)));
    let expected = expected_blocks(
        to.saturating_sub(from),
        SLOT,
        u32::try_from(run.members).unwrap_or(4),
        1,
    );
    run.report.check(
        format!("the others go on: at least {expected} blocks"),
        if blocks >= expected {
            Ok(format!("{blocks} blocks"))
        } else {
            Err(format!("{blocks} blocks"))
        },
    );
    run.report
        .check("no period missed", verdict::no_period_missed(&grid, since).await?);

    std::fs::remove_file(&ballast)?;
    grid.network.restart(victim)?;
    let height = grid.observer.finalised().height();
    let back = grid.all_finalise(&[victim], height + 1, BACK * 2).await?;
    run.report.check_within(
        "it comes back when there is space, and finalises with the others",
        back,
        BACK,
    );
    let key = grid.keys(victim)?.public;
    let makes = until(BACK * 2, || async {
        let best = grid.any()?.best().await?;
        Ok((grid.any()?.author(&best).await? == Some(key)).then_some(()))
    });
    run.report
        .check_within("it forms blocks again", makes.await?.map(|((), took)| took), BACK);
    let all = grid.up();
    verdict::settle(&mut grid, &mut run.report, &all).await?;
    verdict::nobody_cheated(&grid, &mut run.report, run.members).await?;
    grid.end().await?;
    let unmount = Invocation::new("umount", Path::new("umount"), &run.dir);
    unmount.arg(disk.display()).run(TOOL_TIME).await?;
    Ok(())
}

/// The bytes that are free on the file system of a folder.
async fn free_space(folder: &Path, logs: &Path) -> Result<u64, ChaosError> {
    let df = Invocation::new("df", Path::new("df"), logs)
        .arg("--output=avail")
        .arg("-B1");
    let told = df.arg(folder.display()).run(TOOL_TIME).await?;
    let free = told.lines().nth(1).and_then(|line| line.trim().parse().ok());
    free.ok_or_else(|| ChaosError::Missing(format!("df does not tell the free space: {told}")))
}

fn write_zeros(file: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file = File::create(file)?;
    let chunk = vec![0; usize::try_from(MIB).unwrap_or(1)];
    for _ in 0..bytes / MIB {
        file.write_all(&chunk)?;
    }
    file.sync_all()
}
