//! Outsiders send ten thousand invalid shares a second to an aggregator's node while homes' meters send theirs.
//!
//! A real node, and beside it this program, which is the homes as well as the attacker. Spells without the flood and with it
//! take turns on one node, so that whatever else the machine does meets both alike. The paper has no network, and nothing
//! to flood.

mod attacker;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::future::join_all;
use gridveil_chain_client::{calls, Chain, RoleKey};
use gridveil_demo::{
    network::{Genesis, Network, NodePlan},
    process,
};
use gridveil_primitives::{CycleSchedule, PeriodKey};
use rand::{rngs::StdRng, seq::SliceRandom, Rng};
use tokio::time::sleep;

use self::attacker::{Ammunition, Attacker};
use super::READING;
use crate::{
    grid::Region,
    harness::Signer,
    report::{seen, Row},
};

/// Invalid shares a second.
pub const RATE: usize = 10_000;
const REGION: u32 = 1;
const HOMES: u8 = 240;
const SLOT: Duration = Duration::from_secs(2);
/// Spells without the flood, and as many with it.
const SPELLS: usize = 4;
/// How many shares go each way in a spell, and how far apart.
const SHARES: usize = 30;
const APART: Duration = Duration::from_millis(70);
/// How long the flood runs before the first honest share.
const RUN_UP: Duration = Duration::from_millis(500);
/// The time until the period begins, for publishing its filter.
const AHEAD: u64 = 10_000;
const WINDOW: u64 = 120_000;
/// What an honest share may take, in times of what it takes without the flood.
const LIMIT: f64 = 2.0;

/// A chain on which a period has just ended, and the homes' shares for it.
struct Ground {
    network: Network,
    /// The homes' connection.
    chain: Chain,
    key: PeriodKey,
    shares: Vec<(Signer, u64)>,
    _dir: tempfile::TempDir,
}

/// How long shares took, in milliseconds, by the way that they went.
#[derive(Default)]
struct Times {
    /// From the aggregator's being asked to its receipt.
    receipt: Vec<f64>,
    /// From a share's being sent to its finality.
    finality: Vec<f64>,
}

type Failed = Box<dyn std::error::Error>;

async fn prepare(rng: &mut StdRng) -> Result<Ground, Failed> {
    // On a disk, as a node's database is.
    let dir = tempfile::tempdir_in(std::env::temp_dir())?;
    let logs = dir.path().join("logs");
    std::fs::create_dir_all(&logs)?;
    let genesis = Genesis {
        members: &["alice"],
        slot: SLOT,
        regions: &[REGION],
        term_blocks: None,
    };
    let program = process::program("gridveil-node")?;
    let plans = vec![NodePlan::on_loopback("alice")?];
    let network = Network::start(&program, dir.path(), &logs, &genesis, plans).await?;
    let chain = network.client(0).await?;

    let region = Region::seeded(REGION, HOMES, rng.gen());
    let schedule = CycleSchedule {
        start: chain.now().await? + AHEAD,
        period_ms: 1_000,
        window_ms: WINDOW,
        periods: 1,
    };
    let centre = RoleKey::from_uri("//KeyCentre")?;
    let manifest = region.manifest(0);
    for call in [
        calls::schedule_cycle(0, schedule),
        calls::publish_cycle_filter(REGION, 0, manifest.meters, &region.cycle_filter(1)),
        calls::publish_manifests(REGION, 0, 0, &[manifest]),
    ] {
        chain.submit(&centre, call).await?;
    }
    let ended = schedule.start + schedule.period_ms;
    while chain.now().await? < ended {
        sleep(SLOT / 4).await;
    }
    let homes = 0..usize::from(HOMES);
    let mut shares: Vec<_> = homes
        .flat_map(|home| region.shares(home, 0, rng.gen_range(READING)))
        .collect();
    shares.shuffle(rng);
    Ok(Ground {
        network,
        chain,
        key: region.key(0),
        shares,
        _dir: dir,
    })
}

async fn timed<T, E: Into<Failed>>(what: impl Future<Output = Result<T, E>>) -> Result<f64, Failed> {
    let begun = Instant::now();
    what.await.map_err(Into::into)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// Sends some shares, every other one by the aggregator, and waits until all have arrived.
async fn spell(ground: &Ground, shares: &[(Signer, u64)], times: &mut Times) -> Result<(), Failed> {
    let sending = shares.iter().enumerate().map(|(place, (signer, value))| async move {
        let Signer::Meter(signer) = signer else {
            return Err("a meter signs".into());
        };
        sleep(APART * place as u32 / 2).await;
        let batch = place % 2 == 0;
        let took = match batch {
            true => timed(ground.chain.hand_in_share(&ground.key, *value, signer)).await?,
            false => timed(ground.chain.submit_share(&ground.key, *value, signer)).await?,
        };
        Ok::<_, Failed>((batch, took))
    });
    for sent in join_all(sending).await {
        let (batch, took) = sent?;
        match batch {
            true => times.receipt.push(took),
            false => times.finality.push(took),
        }
    }
    Ok(())
}

/// The time within which 95 % came.
fn p95(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * 95).div_ceil(100) - 1]
}

/// Waits until a batch has brought all shares, and says how many are on the finalised chain.
async fn arrived(ground: &Ground) -> Result<usize, Failed> {
    let expected = ground.shares.len();
    for _ in 0..20 {
        let head = ground.chain.finalised().await?;
        let there = ground.chain.shares_at(&ground.key, head.hash).await?;
        if there.len() >= expected {
            return Ok(there.len());
        }
        sleep(SLOT / 2).await;
    }
    Ok(0)
}

async fn measure(rng: &mut StdRng, row: &mut Row) -> Result<(), Failed> {
    let ground = prepare(rng).await?;
    let prids = ground
        .shares
        .iter()
        .map(|(signer, _)| signer.account().into())
        .collect();
    let ammunition = Ammunition::new(ground.chain.genesis_hash(), ground.key, prids, rng);
    let url = ground.network.urls().concat();
    let mut attacker = Attacker::connect(&url, ammunition).await?;

    let (mut calm, mut flooded) = (Times::default(), Times::default());
    let mut spells = ground.shares.chunks_exact(2 * SHARES);
    for _ in 0..SPELLS {
        let two = spells.next().zip(spells.next());
        let (first, second) = two.ok_or("there are shares for all spells")?;
        spell(&ground, first, &mut calm).await?;
        attacker.begin();
        sleep(RUN_UP).await;
        spell(&ground, second, &mut flooded).await?;
        attacker.pause().await?;
    }
    let said = attacker.end();
    row.note(said.in_words());
    row.gridveil(
        "an invalid share is taken",
        seen(said.taken == 0, format!("{} of {}", said.taken, said.answered)),
    );
    for (what, calm, flooded) in [
        (
            "from a meter to its aggregator's receipt",
            &mut calm.receipt,
            &mut flooded.receipt,
        ),
        ("from a meter to finality", &mut calm.finality, &mut flooded.finality),
    ] {
        let (calm, flooded) = (p95(calm), p95(flooded));
        let ratio = flooded / calm;
        let claim = format!("p95 {what} under the flood is less than {LIMIT} times what it is without");
        row.gridveil(
            claim,
            seen(
                ratio < LIMIT,
                format!("{flooded:.1} ms to {calm:.1} ms, {ratio:.2} times"),
            ),
        );
    }
    let there = arrived(&ground).await?;
    let sent = ground.shares.len();
    row.gridveil(
        "every honest share arrives",
        seen(there == sent, format!("{there} of {sent}")),
    );
    ground.network.stop().await?;
    Ok(())
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    row.no_paper();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be had");
    if let Err(failure) = runtime.block_on(measure(rng, &mut row)) {
        row.gridveil("the flood runs to its end", Err(failure.to_string()));
    }
    row
}
