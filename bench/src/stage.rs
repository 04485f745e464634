//! A development node whose clock the bench drives, with regions whose periods have ended and whose windows stay open for as long as
//! the bench may take.
//!
//! **Privacy.** Made-up meters and development keys.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use codec::Encode;
use futures::{stream, StreamExt, TryStreamExt};
use gridveil_chain_client::{calls, Call, RoleKey};
use gridveil_demo::{process, spec};
use gridveil_grid_operator::{
    key_centre::{
        prepare::{prepare, span},
        roster::Roster,
    },
    limits::{MANIFESTS, MANIFEST_BYTES},
};
use gridveil_primitives::{filter, CycleSchedule, Moment, PeriodIndex, RegionId};
use gridveil_replay::{
    clock::{Clock, Sealed},
    story::MEMBERS,
};
use sp_core::{crypto::Ss58Codec, sr25519, Pair};
use subxt::rpcs::rpc_params;

use crate::{
    figure::BenchError,
    meters::{self, CYCLE},
};

/// When the chain begins.
const FIRST: Moment = 1_356_998_400_000;
/// As long as some sixty blocks: more than it takes to open one period before the next closes.
const MINUTE: u64 = 60 * 1_000;
const HOUR: u64 = 60 * MINUTE;
/// How many requests are under way at a time.
const AT_ONCE: usize = 16;
/// A region that sends in rounds.
pub struct Plan {
    /// The region.
    pub region: RegionId,
    /// How many meters it has.
    pub meters: u32,
    /// How many periods' shares are a round.
    pub periods: PeriodIndex,
}

impl Plan {
    /// A region whose rounds have at least so many shares.
    pub fn new(region: RegionId, meters: u32, shares: u32) -> Plan {
        let periods = shares.div_ceil(2 * meters);
        Plan {
            region,
            meters,
            periods: PeriodIndex::try_from(periods).unwrap_or(PeriodIndex::MAX),
        }
    }
}

/// The node with its regions.
pub struct Stage {
    /// The node.
    pub clock: Clock,
    /// The hash of its first block.
    pub genesis: [u8; 32],
    /// The cycle's schedule.
    pub schedule: CycleSchedule,
    /// The key centre's key.
    pub key_centre: sr25519::Pair,
    /// The keys of the regions' aggregators.
    pub aggregators: BTreeMap<RegionId, sr25519::Pair>,
    /// The regions' meters.
    pub rosters: BTreeMap<RegionId, Roster>,
    /// How many extrinsics a block has that nobody sent.
    inherents: usize,
    dir: tempfile::TempDir,
}

/// A block of what was sent.
pub struct Block {
    /// What the node says of it.
    pub sealed: Sealed,
    /// How many of its extrinsics were sent.
    pub sent: usize,
    /// How long a processor was busy making it, in seconds.
    pub making: f64,
}

impl Stage {
    /// Starts the node, and publishes the filters of each region for so many rounds.
    pub async fn new(plans: &[&Plan], rounds: usize) -> Result<Stage, BenchError> {
        let dir = tempfile::tempdir()?;
        let (logs, file) = (dir.path().join("logs"), dir.path().join("chain-spec.json"));
        std::fs::create_dir_all(&logs)?;
        let program = process::program("gridveil-node")?;
        let regions: Vec<_> = plans.iter().map(|plan| plan.region).collect();
        let genesis = spec::Genesis {
            members: &MEMBERS,
            slot: Duration::from_secs(1),
            regions: &regions,
            term_blocks: None,
        };
        spec::write(&program, &logs, &file, &genesis).await.map_err(told)?;
        let mut clock = Clock::start(&program, dir.path(), &logs, &file, FIRST).await?;
        let chain = clock.client().await?;
        let rounds = PeriodIndex::try_from(rounds).map_err(told)?;
        let schedule = CycleSchedule {
            start: FIRST + HOUR,
            period_ms: MINUTE,
            window_ms: 24 * HOUR,
            periods: plans.iter().map(|plan| plan.periods * rounds).max().unwrap_or(1),
        };
        let centre = RoleKey::from_uri("//KeyCentre").map_err(told)?;
        let scheduling = chain.submit(&centre, calls::schedule_cycle(CYCLE, schedule));
        clock.until(scheduling).await?.map_err(told)?;
        let mut rosters = BTreeMap::new();
        for plan in plans {
            let roster = meters::roster(plan.region, plan.meters);
            for call in filters(&roster, plan.periods * rounds, schedule.periods)? {
                clock.until(chain.submit(&centre, call)).await?.map_err(told)?;
            }
            rosters.insert(plan.region, roster);
        }
        if clock.next() >= schedule.start {
            return Err(BenchError::Wrong("the filters took too long to publish".into()));
        }
        clock.advance(schedule.end().unwrap_or(Moment::MAX));
        // From the first of these on the chain's clock is past the periods' ends; the second is a block that nobody sent
        // anything for.
        clock.seal().await?;
        let inherents = clock.seal().await?.extrinsics;
        let mut aggregators = BTreeMap::new();
        for (region, info) in chain.regions().await.map_err(told)? {
            for member in MEMBERS {
                let pair = pair(&spec::secret_uri(member))?;
                if pair.public().0 == info.aggregator {
                    aggregators.insert(region, pair);
                }
            }
        }
        Ok(Stage {
            genesis: chain.genesis_hash(),
            schedule,
            key_centre: pair("//KeyCentre")?,
            clock,
            aggregators,
            rosters,
            inherents,
            dir,
        })
    }

    /// A folder for the bench's own files.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().into()
    }

    /// A region's meters and its aggregator.
    pub fn region(&self, region: RegionId) -> Result<(&Roster, &sr25519::Pair), BenchError> {
        let both = self.rosters.get(&region).zip(self.aggregators.get(&region));
        both.ok_or_else(|| BenchError::Wrong(format!("region {region} is missing")))
    }

    /// The next nonce of the key centre.
    pub async fn nonce(&self) -> Result<u32, BenchError> {
        let account = self.key_centre.public().to_ss58check();
        let asking = self
            .clock
            .rpc()
            .request("system_accountNextIndex", rpc_params![account]);
        asking.await.map_err(told)
    }

    /// Hands transactions to the pool and makes blocks until all are in; how long a processor was busy with the one and with the
    /// other, in seconds.
    pub async fn carry(&mut self, transactions: Vec<Vec<u8>>) -> Result<[f64; 2], BenchError> {
        let before = self.clock.processor_time()?;
        let count = transactions.len();
        self.hand_in(transactions).await?;
        let between = self.clock.processor_time()?;
        self.make(count).await?;
        Ok([between - before, self.clock.processor_time()? - between])
    }

    /// Hands transactions to the pool and makes blocks until all are in.
    pub async fn blocks(&mut self, transactions: Vec<Vec<u8>>) -> Result<Vec<Block>, BenchError> {
        let count = transactions.len();
        self.hand_in(transactions).await?;
        self.make(count).await
    }

    async fn hand_in(&self, transactions: Vec<Vec<u8>>) -> Result<(), BenchError> {
        let handing_in = stream::iter(transactions).map(|bytes| {
            let text = format!("0x{}", hex::encode(bytes));
            let rpc = self.clock.rpc();
            async move { rpc.request::<String>("author_submitExtrinsic", rpc_params![text]).await }
        });
        let all = handing_in.buffered(AT_ONCE).try_for_each(|_| async { Ok(()) });
        all.await.map_err(told)
    }

    /// Makes blocks until they hold so many transactions.
    async fn make(&mut self, mut left: usize) -> Result<Vec<Block>, BenchError> {
        let mut blocks = Vec::new();
        while left > 0 {
            let before = self.clock.processor_time()?;
            let sealed = self.clock.seal().await?;
            let making = self.clock.processor_time()? - before;
            let sent = sealed.extrinsics.saturating_sub(self.inherents);
            if sent == 0 {
                return Err(BenchError::Wrong(format!("{left} transactions are in no block")));
            }
            left = left.saturating_sub(sent);
            blocks.push(Block { sealed, sent, making });
        }
        Ok(blocks)
    }
}

/// What publishes a region's filters for its first periods, of so many of the cycle.
pub fn filters(roster: &Roster, periods: PeriodIndex, of_cycle: PeriodIndex) -> Result<Vec<Call>, BenchError> {
    let (mut prepared, mut next) = (Vec::new(), 0);
    while next < periods {
        let count = span(roster.meters()).min(periods - next);
        prepared.extend(prepare(&meters::root(), roster, next, count)?);
        next += count;
    }
    let mut builder = filter::Builder::cycle(roster.region, CYCLE, of_cycle);
    for one in &prepared {
        builder.insert_tally(one.period, &one.tally);
    }
    let mut made = vec![calls::publish_cycle_filter(
        roster.region,
        CYCLE,
        roster.meters(),
        &builder.finish(),
    )];
    let manifests: Vec<_> = prepared.into_iter().map(|one| one.manifest).collect();
    let longest = manifests.first().map_or(1, Encode::encoded_size);
    let at_once = (MANIFEST_BYTES / longest).clamp(1, MANIFESTS);
    for (manifests, first) in manifests.chunks(at_once).zip((0..).step_by(at_once)) {
        made.push(calls::publish_manifests(roster.region, CYCLE, first, manifests));
    }
    Ok(made)
}

fn pair(uri: &str) -> Result<sr25519::Pair, BenchError> {
    sr25519::Pair::from_string(uri, None).map_err(|error| BenchError::Wrong(format!("{uri}: {error:?}")))
}

/// An error in its own words.
pub fn told(error: impl std::fmt::Display) -> BenchError {
    BenchError::Wrong(error.to_string())
}
