//! What a node takes for shares, on a development node whose clock the bench drives: full blocks of batches made and executed,
//! and the direct way.
//!
//! Times of the node are its process's time on a processor, which is one core's: blocks are made and executed on one thread, and
//! nothing else is asked of the node meanwhile. So a machine that has other work does not show in them. How long a full block
//! takes against its slot is by the wall's clock.
//!
//! **Privacy.** Works on made-up meters.

use gridveil_primitives::{
    batch::{share_message, verify_share, SignedShare, SHARE_CONTEXT},
    pseudonym::OneTimeKey,
    Half, PeriodIndex,
};
use gridveil_runtime::configs::grid::MAX_BATCH_SHARES;
use schnorrkel::{context::SigningContext, verify_batch_deterministic, PublicKey, Signature};

use crate::{
    figure::{median, seconds, BenchError, Figure, Goal},
    meters::{self, key},
    stage::{told, Plan, Stage},
    transactions,
};

/// How many meters an ordinary region has.
const ORDINARY: u32 = 1_000;
/// The slot that blocks are meant for, in seconds: genesis' own.
const SLOT: f64 = 3.0;
/// How many shares schnorrkel verifies in a batch.
const TOGETHER: u32 = 1_024;
/// How often it verifies them for a figure.
const TIMES: u32 = 4;
/// The chain on which those are signed.
const GENESIS: [u8; 32] = [7; 32];

/// Measures everything here.
pub fn measure(quick: bool) -> Result<Vec<Figure>, BenchError> {
    tokio::runtime::Runtime::new()?.block_on(all(quick))
}

async fn all(quick: bool) -> Result<Vec<Figure>, BenchError> {
    // More than a block takes, so that the first of each round is full; for a quick run, what takes half a second.
    let (rounds, shares) = if quick { (3, 24_000) } else { (4, 60_000) };
    let regions: &[u32] = if quick { &[ORDINARY] } else { &[100, ORDINARY, 10_000] };
    let plans: Vec<_> = (1..)
        .zip(regions)
        .map(|(region, meters)| Plan::new(region, *meters, shares))
        .collect();
    let (direct, opening) = (
        Plan::new(4, ORDINARY, 2 * ORDINARY),
        Plan::new(5, ORDINARY, 2 * ORDINARY),
    );
    let regions: Vec<_> = plans.iter().chain([&direct, &opening]).collect();
    let mut stage = Stage::new(&regions, rounds).await?;
    let mut limits = Limits::new();
    let mut found = Vec::new();
    for plan in &plans {
        found.push(stage.batches(plan, rounds, &mut limits).await?);
    }
    let mut figures = figures(&plans, &found, &limits)?;
    figures.push(stage.direct(&direct, rounds).await?);
    if !quick {
        figures.push(spread(&found));
        figures.push(full(&found));
        figures.push(stage.opening(&opening, rounds).await?);
    }
    stage.clock.stop().await?;
    Ok(figures)
}

/// What batches of a region took, as medians.
struct Found {
    /// Shares executed per second of a core.
    executed: f64,
    /// Shares made into blocks per second of a core.
    made: f64,
    /// The time to make a full block and then to execute it, in seconds.
    full: f64,
}

/// What schnorrkel takes on this machine for these signatures.
struct Limits {
    shares: Vec<SignedShare>,
    single: Vec<f64>,
    together: Vec<f64>,
}

impl Limits {
    fn new() -> Limits {
        let shares = meters::shares(&GENESIS, &meters::roster(1, TOGETHER / 2), 1);
        Limits {
            shares: shares.into_iter().flatten().collect(),
            single: Vec::new(),
            together: Vec::new(),
        }
    }

    /// Verifies them one by one and together, once more.
    fn measure(&mut self) -> Result<(), BenchError> {
        let (shares, key) = (&self.shares, key(1, 0));
        let mut good = true;
        let single = seconds(TIMES, || {
            good &= shares.iter().all(|share| verify_share(&GENESIS, &key, share))
        });
        let together = seconds(2 * TIMES, || {
            let publics: Result<Vec<_>, _> = shares.iter().map(|share| PublicKey::from_bytes(&share.prid)).collect();
            let signatures: Result<Vec<_>, _> = shares
                .iter()
                .map(|share| Signature::from_bytes(&share.signature))
                .collect();
            let context = SigningContext::new(SHARE_CONTEXT);
            let messages = shares
                .iter()
                .map(|share| context.bytes(&share_message(&GENESIS, &key, share.value)));
            let verified = publics.and_then(|publics| {
                signatures.and_then(|signatures| verify_batch_deterministic(messages, &signatures, &publics, false))
            });
            good &= verified.is_ok();
        });
        if !good {
            return Err(BenchError::Wrong("schnorrkel refuses a good signature".into()));
        }
        self.single.push(shares.len() as f64 / single);
        self.together.push(shares.len() as f64 / together);
        Ok(())
    }
}

fn per_second(name: &'static str, value: f64, limit: f64, goal: f64) -> Figure {
    Figure {
        name,
        value,
        unit: "shares per second and core",
        limit,
        goal: Goal::AtLeast(goal),
    }
}

/// What blocks take of an ordinary region's shares.
fn figures(plans: &[Plan], found: &[Found], limits: &Limits) -> Result<Vec<Figure>, BenchError> {
    let ordinary = plans.iter().zip(found).find(|(plan, _)| plan.meters == ORDINARY);
    let (_, ordinary) = ordinary.ok_or_else(|| BenchError::Wrong("no ordinary region was measured".into()))?;
    Ok(vec![
        per_second(
            "executed: full blocks of batches, against schnorrkel one by one",
            ordinary.executed,
            median(&limits.single),
            1.0,
        ),
        per_second(
            "executed: full blocks of batches, against schnorrkel's batches",
            ordinary.executed,
            median(&limits.together),
            0.7,
        ),
        per_second(
            "authored: full blocks of batches, against executed",
            ordinary.made,
            ordinary.executed,
            0.8,
        ),
    ])
}

fn spread(found: &[Found]) -> Figure {
    let rates = || found.iter().map(|found| found.executed);
    per_second(
        "flatness: executed, the slowest of 100, 1,000 and 10,000 meters a region against the fastest",
        rates().fold(f64::INFINITY, f64::min),
        rates().fold(0.0, f64::max),
        0.85,
    )
}

fn full(found: &[Found]) -> Figure {
    Figure {
        name: "a full block: made, then executed by the others, against its slot",
        value: found.iter().map(|found| found.full).fold(0.0, f64::max),
        unit: "s",
        limit: SLOT,
        goal: Goal::AtMost(1.0),
    }
}

impl Stage {
    /// Sends the shares of a region's rounds in batches, and measures the fullest block of each round.
    async fn batches(&mut self, plan: &Plan, rounds: usize, limits: &mut Limits) -> Result<Found, BenchError> {
        let (roster, aggregator) = self.region(plan.region)?;
        let (aggregator, rounds) = (aggregator.clone(), PeriodIndex::try_from(rounds).map_err(told)?);
        let periods = plan.periods * rounds;
        let shares = meters::shares(&self.genesis, roster, periods);
        let (mut executed, mut made, mut full) = (Vec::new(), Vec::new(), Vec::new());
        // As few batches as may be, of the same length each.
        let of_period = 2 * plan.meters;
        let length = of_period.div_ceil(of_period.div_ceil(MAX_BATCH_SHARES));
        let length = usize::try_from(length).map_err(told)?;
        let mut period = 0..periods;
        for round in shares.chunks(usize::from(plan.periods)) {
            let mut batches = Vec::new();
            for (shares, period) in round.iter().zip(&mut period) {
                let key = key(plan.region, period);
                for batch in shares.chunks(length) {
                    batches.push(transactions::batch(&self.genesis, &aggregator, &key, batch)?);
                }
            }
            let blocks = self.blocks(batches).await?;
            let fullest = blocks.into_iter().max_by_key(|block| block.sent);
            let block = fullest.ok_or_else(|| BenchError::Wrong("there was nothing to send".into()))?;
            let (shares, seconds) = ((block.sent * length) as f64, |us: u64| us as f64 / 1e6);
            let before = self.clock.processor_time()?;
            let executing = seconds(self.clock.execute(&block.sealed).await?);
            executed.push(shares / (self.clock.processor_time()? - before));
            made.push(shares / block.making);
            full.push(seconds(block.sealed.made_us + block.sealed.imported_us) + executing);
            limits.measure()?;
            eprintln!(
                "» {} meters: a block of {shares} shares, made in {:.3} s, written in {:.3} s, executed in {executing:.3} s",
                plan.meters,
                seconds(block.sealed.made_us),
                seconds(block.sealed.imported_us)
            );
        }
        Ok(Found {
            executed: median(&executed),
            made: median(&made),
            full: median(&full),
        })
    }

    /// What the node's pool and the making of blocks take for shares that come on their own, against the plainest signed call.
    async fn direct(&mut self, plan: &Plan, rounds: usize) -> Result<Figure, BenchError> {
        let (mut rates, mut limits) = (Vec::new(), Vec::new());
        let mut nonce = self.nonce().await?;
        for period in (0..).take(rounds) {
            let shares = (0..plan.meters).flat_map(|number| {
                let bid = meters::bid(plan.region, number);
                let keys = meters::root().meter_secret(&bid).cycle_keys();
                Half::BOTH.map(|half| OneTimeKey::derive(&meters::spend(&bid), &keys, half, period))
            });
            let key = key(plan.region, period);
            let shares: Vec<_> = shares
                .map(|signer| transactions::share(&self.genesis, &signer, &key, 7))
                .collect();
            let count = shares.len();
            let [share_in, share_made] = self.carry(shares).await?;
            let plain = (0..)
                .take(count)
                .map(|more| transactions::plain(&self.genesis, &self.key_centre, nonce + more));
            let [plain_in, plain_made] = self.carry(plain.collect()).await?;
            rates.push(count as f64 / (share_in + share_made));
            limits.push(count as f64 / (plain_in + plain_made));
            let each = |seconds: f64| seconds * 1e6 / count as f64;
            eprintln!(
                "» a share takes {:.0} µs in the pool and {:.0} in the block, a plain call {:.0} and {:.0}",
                each(share_in),
                each(share_made),
                each(plain_in),
                each(plain_made)
            );
            nonce += u32::try_from(count).unwrap_or(u32::MAX);
        }
        Ok(Figure {
            name: "direct way: pool and block, against the plainest signed call",
            value: median(&rates),
            unit: "per second and core",
            limit: median(&limits),
            goal: Goal::AtLeast(0.9),
        })
    }
}
