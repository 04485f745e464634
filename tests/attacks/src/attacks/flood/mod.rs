//! Outsiders send ten thousand invalid shares a second to an aggregator's node while homes' meters send theirs.
//!
//! A real node, and beside it this program, which is the homes as well as the attacker. Spells without the flood and with it
//! take turns on one node, so that whatever else the machine does meets both alike. The paper has no network, and nothing
//! to flood.

mod attacker;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::future::join_all;
use gridveil_chain_client::{calls, Chain, Error, RoleKey};
use gridveil_demo::{
    network::{Genesis, Network, NodePlan},
    process,
};
use gridveil_primitives::{CycleSchedule, PeriodKey, Prid};
use rand::{rngs::StdRng, seq::SliceRandom, Rng};
use tokio::{sync::watch, time::sleep};

use self::attacker::{Ammunition, Attacker};
use super::READING;
use crate::{
    grid::Region,
    harness::Signer,
    report::{seen, Row},
};

/// Invalid shares a second.
pub const RATE: usize = 10_000;
/// Fewer would be no flood. Attacker, homes and node share a machine, which may have other work.
const LEAST_RATE: f64 = RATE as f64 / 2.0;
const REGION: u32 = 1;
const HOMES: u8 = 120;
const SLOT: Duration = Duration::from_secs(2);
/// Spells without the flood, and as many with it.
const SPELLS: usize = 2;
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

/// How long shares took from their meter to finality, in milliseconds, by the way that they set out on.
#[derive(Default)]
struct Times {
    /// To the region's aggregator first; from there, where it was busy, as the others.
    by_aggregator: Vec<f64>,
    /// To a node's pool.
    directly: Vec<f64>,
    /// How many the aggregator had no room for.
    busy: usize,
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

/// Tells which shares are on the finalised chain, for ever.
async fn look(ground: &Ground, there: watch::Sender<BTreeSet<Prid>>) -> Failed {
    loop {
        let shares = match ground.chain.finalised().await {
            Ok(head) => ground.chain.shares_at(&ground.key, head.hash).await,
            Err(failure) => Err(failure),
        };
        match shares {
            Ok(shares) => there.send_replace(shares.into_iter().map(|share| share.prid).collect()),
            Err(failure) => return failure.into(),
        };
        sleep(SLOT / 8).await;
    }
}

/// Sends some shares, every other one by the aggregator, and waits until all are final. A meter does as `--by both` says:
/// told that the aggregator is busy, it submits its share itself.
async fn spell(ground: &Ground, shares: &[(Signer, u64)], times: &mut Times) -> Result<(), Failed> {
    let (tell, there) = watch::channel(BTreeSet::new());
    let there = &there;
    let sending = shares.iter().enumerate().map(|(place, (signer, value))| async move {
        let Signer::Meter(signer) = signer else {
            return Err("a meter signs".into());
        };
        sleep(APART * place as u32 / 2).await;
        let (begun, batch) = (Instant::now(), place % 2 == 0);
        let busy = match batch {
            true => match ground.chain.hand_in_share(&ground.key, *value, signer).await {
                Ok(_) => false,
                Err(Error::Busy { .. }) => true,
                Err(failure) => return Err(failure.into()),
            },
            false => false,
        };
        if busy || !batch {
            ground.chain.submit_share(&ground.key, *value, signer).await?;
        }
        there.clone().wait_for(|there| there.contains(&signer.prid())).await?;
        Ok::<_, Failed>((batch, busy, begun.elapsed().as_secs_f64() * 1e3))
    });
    let all = tokio::select! {
        all = join_all(sending) => all,
        failure = look(ground, tell) => return Err(failure),
        () = sleep(Duration::from_millis(WINDOW)) => return Err("an honest share is not final within its window".into()),
    };
    for sent in all {
        let (batch, busy, took) = sent?;
        times.busy += usize::from(busy);
        match batch {
            true => times.by_aggregator.push(took),
            false => times.directly.push(took),
        }
    }
    Ok(())
}

/// The time within which 95 % came.
fn p95(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * 95).div_ceil(100) - 1]
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
    row.gridveil(
        format!("the node answers to {LEAST_RATE} invalid shares a second at least, of {RATE} meant"),
        seen(said.rate() >= LEAST_RATE, format!("{:.0} a second", said.rate())),
    );
    row.note(format!(
        "The aggregator was busy for {} of {} honest shares under the flood, {} without it.",
        flooded.busy,
        flooded.by_aggregator.len(),
        calm.busy
    ));
    row.gridveil(
        "an invalid share is taken",
        seen(said.taken == 0, format!("{} of {}", said.taken, said.answered)),
    );
    for (what, calm, flooded) in [
        (
            "from a meter by its aggregator to finality",
            &mut calm.by_aggregator,
            &mut flooded.by_aggregator,
        ),
        (
            "from a meter directly to finality",
            &mut calm.directly,
            &mut flooded.directly,
        ),
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
    let arrived = [&calm, &flooded].map(|times| times.by_aggregator.len() + times.directly.len());
    let (there, sent) = (arrived.iter().sum::<usize>(), ground.shares.len());
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
