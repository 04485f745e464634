//! The month, from enrolment to checked bills.
//!
//! Promises the order that a real month has: filters are published before the first period opens, each period's shares are
//! final within its window, openings and prices follow the closes, bills follow the last price. The clock waits for the
//! operators where they fall behind.
//!
//! **Privacy.** Prints counts and times.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};

use comfy_table::{presets::UTF8_FULL_CONDENSED, Table};
use futures::future::try_join_all;
use gridveil_bills::store;
use gridveil_chain_client::{calls, Chain, RoleKey};
use gridveil_demo::{checks::Checks, process, spec};
use gridveil_grid_operator::{
    control_centre::{prices::Prices, run as control_centre, tariff::Tariff},
    grid::Node,
    key_centre::{
        self, bill,
        enrol::{self, Enrolled},
        publish,
        schedule::{self, Start},
        watch, KeyCentre,
    },
    lock::Lock,
};
use gridveil_primitives::{CycleId, CycleSchedule, Moment, PeriodIndex, PeriodKey, RegionId};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::{
    clock::{millis, Clock, SLOT},
    error::{broken, ReplayError},
    meters::{gather, Meter},
    month::{Extract, Month},
    verdict,
};

/// The cycle that is replayed.
pub const CYCLE: CycleId = 0;
/// The currency on the bills.
const CURRENCY: &str = "£";
const PERIOD: Duration = Duration::from_secs(30 * 60);
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The time on the chain's clock before the first period opens: enough for everything that is published before.
const AHEAD: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// The members, who are the regions' aggregators in turn. One node stands for all of them.
pub const MEMBERS: [&str; 4] = ["alice", "bob", "charlie", "dave"];
/// How many periods' shares are made ahead.
const MADE_AHEAD: usize = 8;
/// How many periods of regions may wait to be opened, or to be priced, before the clock waits for them.
const BEHIND: usize = 96;
/// How long the clock waits at a time.
const WAIT: Duration = Duration::from_millis(50);

/// The prices, in millionths of a pound per kWh, by how many watt-hours a region used in the half hour.
pub const STEPS: [(i64, u64); 3] = [(12_000, 117_600), (20_000, 180_000), (28_000, 260_000)];
/// The price beyond.
pub const CAP: u64 = 672_000;

/// What is to be replayed.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The file of readings.
    pub readings: PathBuf,
    /// What is taken of it.
    pub extract: Extract,
}

/// What a replay took.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// How many homes.
    pub homes: usize,
    /// How many half hours.
    pub periods: PeriodIndex,
    /// How many shares.
    pub shares: usize,
    /// How many blocks.
    pub blocks: u32,
    /// How many extrinsics were in them.
    pub extrinsics: usize,
    /// What took how many seconds, in order.
    pub phases: Vec<(&'static str, f64)>,
    /// All of it, from the start of the node to the last check, in seconds.
    pub seconds: f64,
    /// The most memory of the node, in bytes.
    pub node_memory: u64,
    /// The node's database, in bytes.
    pub database: u64,
    /// Of it the indexes, whose size does not follow from what is in them.
    pub database_indexes: u64,
    /// The same for each share.
    pub database_per_share: f64,
}

impl Measured {
    /// Writes it to a file, as JSON.
    pub fn write(&self, file: &Path) -> Result<(), ReplayError> {
        let text = serde_json::to_string_pretty(self).map_err(broken)?;
        Ok(std::fs::write(file, text + "\n")?)
    }

    /// The table that a person reads.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        let mut row = |what: &str, value: String| {
            table.add_row([what.to_owned(), value]);
        };
        row("homes, half hours", format!("{}, {}", self.homes, self.periods));
        row("shares on chain", self.shares.to_string());
        row("blocks, extrinsics", format!("{}, {}", self.blocks, self.extrinsics));
        for (phase, seconds) in &self.phases {
            row(phase, format!("{seconds:.1} s"));
        }
        row("all of it", format!("{:.1} s", self.seconds));
        row("the node's memory, at most", format!("{} MiB", self.node_memory >> 20));
        row("the node's database", format!("{} MiB", self.database >> 20));
        row("of it indexes", format!("{} MiB", self.database_indexes >> 20));
        row(
            "all of it for each share",
            format!("{:.0} bytes", self.database_per_share),
        );
        table
    }
}

/// What a replay leaves behind.
pub struct Told {
    /// What it took.
    pub measured: Measured,
    /// What was compared.
    pub checks: Checks,
}

/// Times one phase after another.
struct Watch {
    begun: Instant,
    last: Instant,
    phases: Vec<(&'static str, f64)>,
}

impl Watch {
    fn lap(&mut self, phase: &'static str) {
        self.phases.push((phase, self.last.elapsed().as_secs_f64()));
        self.last = Instant::now();
        eprintln!(
            "» {phase}: {:.1} s",
            self.phases.last().map_or(0.0, |(_, seconds)| *seconds)
        );
    }
}

/// Replays a month.
pub async fn run(wanted: &Wanted, dir: &Path) -> Result<Told, ReplayError> {
    let now = Instant::now();
    let mut watch = Watch {
        begun: now,
        last: now,
        phases: Vec::new(),
    };
    let month = Arc::new(Month::read(&wanted.readings, &wanted.extract)?);
    if month.homes.is_empty() || month.periods == 0 {
        return Err(broken("there is nothing to replay"));
    }
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs)?;
    let program = process::program("gridveil-node")?;
    let regions: Vec<RegionId> = (1..=wanted.extract.regions).collect();
    let genesis = spec::Genesis {
        members: &MEMBERS,
        slot: SLOT,
        regions: &regions,
        term_blocks: None,
    };
    let spec_file = dir.join("chain-spec.json");
    spec::write(&program, &logs, &spec_file, &genesis).await?;
    let start = Moment::try_from(month.start.timestamp_millis()).map_err(broken)?;
    let first = start.saturating_sub(millis(AHEAD));
    let mut clock = Clock::start(&program, dir, &logs, &spec_file, first).await?;
    watch.lap("readings, node");

    let key = |name: &str| RoleKey::from_uri(&format!("//{name}"));
    let state = dir.join("key-centre");
    let lock = Lock::generate();
    key_centre::init(&state, &lock)?;
    let centre = KeyCentre::open(&state, &lock, Node::new(clock.client().await?, Some(key("KeyCentre")?)))?;
    let meters = Arc::new(enrol_all(&month, &centre, &mut clock, dir, &regions).await?);
    watch.lap("enrolment");

    let schedule = CycleSchedule {
        start,
        period_ms: millis(PERIOD),
        window_ms: millis(WINDOW),
        periods: month.periods,
    };
    let scheduled = schedule::schedule(
        &centre,
        CYCLE,
        Start::At(start),
        schedule.period_ms,
        schedule.window_ms,
        schedule.periods,
    );
    clock.until(scheduled).await??;
    let hidden = ProgressBar::hidden();
    let published = clock
        .until(publish::publish(&centre, CYCLE, &[], None, &hidden))
        .await??;
    if published.iter().any(|region| !region.missed.is_empty()) || clock.next() >= start {
        return Err(broken("the filters were not published before the first period opened"));
    }
    watch.lap("filters");

    let operators = Operators::start(&centre, clock.client().await?, dir).await?;
    let aggregators = Aggregators {
        keys: aggregators(&clock.client().await?).await?,
        chain: clock.client().await?,
        meters: meters.clone(),
        month: month.clone(),
    };
    aggregators
        .send_all(&mut clock, &schedule, &operators, regions.len())
        .await?;
    watch.lap("shares");
    clock.until(operators.finish()).await??;
    watch.lap("openings and prices after the last share");

    let bills = dir.join("bills");
    let bills = bills
        .to_str()
        .ok_or_else(|| broken("the run's folder has a name that is no text"))?;
    let store: Arc<dyn store::Store> = Arc::from(store::open(bills)?);
    let chain = clock.client().await?;
    let seen = verdict::See {
        month: &month,
        meters: &meters,
        regions: &regions,
        chain: &chain,
        centre: &centre,
        store: &*store,
    };
    let mut checks = Checks::default();
    verdict::judge_shares(&seen, &mut checks).await?;
    watch.lap("checks of the shares");
    clock
        .until(bill::bill(&centre, CYCLE, store.clone(), CURRENCY, &hidden))
        .await??;
    watch.lap("bills");
    verdict::judge(&seen, &mut checks).await?;
    watch.lap("checks");

    let (blocks, extrinsics) = clock.made();
    let (node_memory, (database, database_indexes)) = (clock.peak_memory()?, clock.database()?);
    let shares = month.shares();
    clock.stop().await?;
    let measured = Measured {
        homes: month.homes.len(),
        periods: month.periods,
        shares,
        blocks,
        extrinsics,
        phases: watch.phases,
        seconds: watch.begun.elapsed().as_secs_f64(),
        node_memory,
        database,
        database_indexes,
        database_per_share: database as f64 / shares.max(1) as f64,
    };
    Ok(Told { measured, checks })
}

/// Enrols every home's meter, each region by one command as an operator would.
async fn enrol_all(
    month: &Month,
    centre: &KeyCentre<Node>,
    clock: &mut Clock,
    dir: &Path,
    regions: &[RegionId],
) -> Result<Vec<Meter>, ReplayError> {
    let mut meters: Vec<_> = month.homes.iter().map(Meter::new).collect();
    let (requests, responses) = (dir.join("requests"), dir.join("responses"));
    std::fs::create_dir_all(&requests)?;
    let mut enrolled: Vec<Enrolled> = Vec::new();
    for &region in regions {
        let mut files = Vec::new();
        for meter in meters.iter().filter(|meter| meter.region == region) {
            let file = requests.join(format!("{}.json", hex::encode(meter.bid)));
            std::fs::write(&file, meter.request())?;
            files.push(file);
        }
        if !files.is_empty() {
            let enrol = enrol::enrol(centre, &files, region, CYCLE, &responses);
            enrolled.extend(clock.until(enrol).await??);
        }
    }
    for meter in &mut meters {
        let answer = enrolled.iter().find(|one| one.bid == meter.bid);
        let answer = answer.ok_or_else(|| broken(format!("{} was not enrolled", meter.label)))?;
        meter.accept(&answer.response)?;
    }
    Ok(meters)
}

/// The key centre and the control centre at work, each on a task of its own.
struct Operators {
    watching: JoinHandle<Result<(), gridveil_grid_operator::error::Error>>,
    pricing: JoinHandle<Result<(), gridveil_grid_operator::error::Error>>,
    opened: Arc<AtomicUsize>,
    priced: Arc<AtomicUsize>,
}

impl Operators {
    async fn start(centre: &KeyCentre<Node>, chain: Chain, dir: &Path) -> Result<Operators, ReplayError> {
        let (opened, priced) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let watching = tokio::spawn({
            let (centre, opened) = (centre.clone(), opened.clone());
            async move {
                let count = |_| {
                    opened.fetch_add(1, Ordering::Relaxed);
                };
                watch::watch(&centre, CYCLE, &[], true, &ProgressBar::hidden(), count).await
            }
        });
        let tariff = Tariff::load(&write_tariff(dir)?)?;
        let prices = Prices::open(&dir.join("control-centre"), &chain.genesis_hash())?;
        let grid = Node::new(chain, Some(RoleKey::from_uri("//ControlCentre")?));
        let pricing = tokio::spawn({
            let priced = priced.clone();
            async move {
                let count = |_| {
                    priced.fetch_add(1, Ordering::Relaxed);
                };
                control_centre::run(&grid, tariff, prices, Some(CYCLE), true, &ProgressBar::hidden(), count).await
            }
        });
        Ok(Operators {
            watching,
            pricing,
            opened,
            priced,
        })
    }

    /// How many periods of regions they have done, whoever has done less; or that one of them has ended.
    fn done(&self) -> Result<usize, ReplayError> {
        if self.watching.is_finished() || self.pricing.is_finished() {
            return Err(broken("an operator ended before the month did"));
        }
        Ok(self
            .opened
            .load(Ordering::Relaxed)
            .min(self.priced.load(Ordering::Relaxed)))
    }

    /// Waits until every period is opened and priced.
    async fn finish(self) -> Result<(), ReplayError> {
        self.watching.await.map_err(broken)??;
        self.pricing.await.map_err(broken)??;
        Ok(())
    }
}

fn write_tariff(dir: &Path) -> Result<PathBuf, ReplayError> {
    let steps: Vec<_> = STEPS
        .iter()
        .map(|(up_to, price)| format!("{{ up_to_wh = {up_to}, price = {price} }}"))
        .collect();
    let path = dir.join("tariff.toml");
    std::fs::write(
        &path,
        format!("kind = \"supply_curve\"\ncap = {CAP}\nsteps = [{}]\n", steps.join(", ")),
    )?;
    Ok(path)
}

/// The key of each region's aggregator.
async fn aggregators(chain: &Chain) -> Result<BTreeMap<RegionId, RoleKey>, ReplayError> {
    let members: Vec<_> = MEMBERS
        .iter()
        .map(|member| RoleKey::from_uri(&spec::secret_uri(member)))
        .collect::<Result<_, _>>()?;
    let mut keys = BTreeMap::new();
    for (region, info) in chain.regions().await? {
        let key = members.iter().find(|key| key.account() == info.aggregator);
        let key = key.ok_or_else(|| broken(format!("region {region} has an aggregator that is no member")))?;
        keys.insert(region, key.clone());
    }
    Ok(keys)
}

/// Those who gather what the meters send.
struct Aggregators {
    chain: Chain,
    keys: BTreeMap<RegionId, RoleKey>,
    meters: Arc<Vec<Meter>>,
    month: Arc<Month>,
}

impl Aggregators {
    /// Sends every period's shares within its window.
    async fn send_all(
        &self,
        clock: &mut Clock,
        schedule: &CycleSchedule,
        operators: &Operators,
        regions: usize,
    ) -> Result<(), ReplayError> {
        let (make, mut made) = mpsc::channel(MADE_AHEAD);
        let (meters, month, genesis) = (self.meters.clone(), self.month.clone(), self.chain.genesis_hash());
        tokio::task::spawn_blocking(move || {
            // Ends early only where nobody waits for it any more.
            (0..month.periods).all(|period| {
                make.blocking_send(gather(&meters, &month, &genesis, CYCLE, period))
                    .is_ok()
            })
        });
        let bar = ProgressBar::new(schedule.periods.into());
        if let Ok(style) = ProgressStyle::with_template("shares [{bar:40}] {pos}/{len} {elapsed} (eta {eta})") {
            bar.set_style(style.progress_chars("=> "));
        }
        for period in 0..schedule.periods {
            let past = || broken("the schedule ends before the month");
            clock.advance(schedule.ends(period).ok_or_else(past)?);
            // The pool judges by the best block's clock.
            clock.seal().await?;
            let batches = made.recv().await.ok_or_else(|| broken("the meters have stopped"))?;
            let sent = batches
                .iter()
                .filter(|(_, shares)| !shares.is_empty())
                .filter_map(|(region, shares)| {
                    let key = PeriodKey {
                        region: *region,
                        cycle: CYCLE,
                        period,
                    };
                    Some(
                        self.chain
                            .submit(self.keys.get(region)?, calls::submit_batch(&key, shares)),
                    )
                });
            clock.until(try_join_all(sent)).await??;
            if clock.next() >= schedule.closes(period).ok_or_else(past)? {
                return Err(broken(format!(
                    "the shares of period {period} took longer than its window"
                )));
            }
            while (usize::from(period) * regions).saturating_sub(operators.done()?) > BEHIND {
                // Each head is something to look at for them: fewer of them leave more time for the work.
                clock.seal().await?;
                sleep(WAIT).await;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let last = schedule.closes(schedule.periods.saturating_sub(1));
        clock.advance(
            last.ok_or_else(|| broken("the schedule has no end"))?
                .saturating_add(millis(SLOT)),
        );
        Ok(())
    }
}
