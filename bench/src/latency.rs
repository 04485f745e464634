//! How long a share takes from its meter to finality, on a network of four nodes with slots of the usual length and little to do.
//!
//! **Privacy.** Made-up meters and development keys.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use gridveil_chain_client::{calls, RoleKey};
use gridveil_demo::{
    network::{Network, NodePlan, MEMBERS},
    process, spec,
};
use gridveil_primitives::{pseudonym::OneTimeKey, CycleSchedule, Half};
use tokio::time::sleep;

use crate::{
    figure::{percentile, BenchError, Figure, Goal},
    meters::{self, key, CYCLE},
    stage::{filters, told},
};

const REGION: u32 = 1;
const NODES: usize = 4;
/// The usual slot.
const SLOT: Duration = Duration::from_secs(3);
const METERS: u32 = 100;
/// The pause between one share and the next. It is no part of a slot, so that shares come at all moments of one.
const APART: Duration = Duration::from_millis(437);
/// The time until the period begins, for publishing its filter, in milliseconds.
const AHEAD: u64 = 30_000;

/// Sends shares one after the other, each to the next node, and times each until it is final.
pub fn measure() -> Result<Vec<Figure>, BenchError> {
    tokio::runtime::Runtime::new()?.block_on(run())
}

async fn run() -> Result<Vec<Figure>, BenchError> {
    let dir = tempfile::tempdir()?;
    let logs = dir.path().join("logs");
    std::fs::create_dir_all(&logs)?;
    let program = process::program("gridveil-node")?;
    let members: Vec<_> = MEMBERS.iter().copied().take(NODES).collect();
    let plans: Result<Vec<_>, _> = members.iter().map(|member| NodePlan::on_loopback(member)).collect();
    let genesis = spec::Genesis {
        members: &members,
        slot: SLOT,
        regions: &[REGION],
        term_blocks: None,
    };
    let network = Network::start(&program, dir.path(), &logs, &genesis, plans?)
        .await
        .map_err(told)?;
    let chains = try_join_all((0..NODES).map(|node| network.client(node)))
        .await
        .map_err(told)?;
    let chain = chains
        .first()
        .ok_or_else(|| BenchError::Wrong("there is no node".into()))?;

    let schedule = CycleSchedule {
        start: chain.now().await.map_err(told)? + AHEAD,
        period_ms: 1_000,
        window_ms: 600_000,
        periods: 1,
    };
    let centre = RoleKey::from_uri("//KeyCentre").map_err(told)?;
    chain
        .submit(&centre, calls::schedule_cycle(CYCLE, schedule))
        .await
        .map_err(told)?;
    for call in filters(&meters::roster(REGION, METERS), 1, 1)? {
        chain.submit(&centre, call).await.map_err(told)?;
    }
    let ended = |head: gridveil_chain_client::Head| async move {
        let now = chain.now_at(head.hash).await?;
        Ok((now >= schedule.start + schedule.period_ms).then_some(()))
    };
    let most = Duration::from_millis(4 * AHEAD);
    chain
        .wait_until("the period has ended", most, ended)
        .await
        .map_err(told)?;

    let signers = (0..METERS).flat_map(|number| {
        let bid = meters::bid(REGION, number);
        let keys = meters::root().meter_secret(&bid).cycle_keys();
        Half::BOTH.map(|half| OneTimeKey::derive(&meters::spend(&bid), &keys, half, 0))
    });
    let sending = signers
        .zip(chains.iter().cycle())
        .zip(0u32..)
        .map(|((signer, chain), place)| async move {
            sleep(APART * place).await;
            let begun = Instant::now();
            chain.submit_share(&key(REGION, 0), 7, &signer).await.map_err(told)?;
            Ok::<_, BenchError>(begun.elapsed().as_secs_f64() / SLOT.as_secs_f64())
        });
    let slots = try_join_all(sending).await?;
    network.stop().await.map_err(told)?;
    let figure = |name, part, limit| Figure {
        name,
        value: percentile(&slots, part),
        unit: "slots of 3 s",
        limit,
        goal: Goal::AtMost(1.0),
    };
    Ok(vec![
        figure(
            "latency: a share from its meter to finality, four nodes, p50 against two slots",
            0.5,
            2.0,
        ),
        figure("latency: the same, p99 against four slots", 0.99, 4.0),
    ])
}
