//! The story, from an empty folder to checked bills.
//!
//! Promises to do what a real network does, by the real programs: nodes, meters, key centre, control centre and users are
//! processes of their own. Leaves the judging to [`crate::verdict`], which sees only what came out.
//!
//! **Privacy.** The run's folder holds every secret of the story; it is deleted at the end unless it was asked for.

use std::{
    collections::BTreeMap,
    fmt,
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::try_join_all;
use gridveil_bills::store::{self, StoreError};
use gridveil_chain_client::{Chain, Options};
use gridveil_primitives::{CycleId, CycleSchedule, RegionId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rand::{rngs::StdRng, Rng, SeedableRng};
use tokio::time::{sleep, Instant};

use gridveil_demo::{
    actors::{Stage, Way, SIDE_BY_SIDE},
    checks::Checks,
    data::{select, unpack, DataError, Home, Selection},
    network::{Genesis, Network, NetworkError, NodePlan, MEMBERS},
    process::{program, Process, ProcessError},
};

use crate::{cli::Arguments, dashboard::Dashboard, logs::Secrets, tariff, verdict};

/// The consortium of the demo.
pub const AGGREGATORS: &[&str] = MEMBERS.split_at(4).0;

/// The cycle that the demo runs.
pub const CYCLE: CycleId = 0;
/// The currency of the bills.
pub const CURRENCY: &str = "GBP";
/// What is put into an IPFS daemon to see whether it is one.
const PROBE: &[u8] = b"gridveil asks whether this is stored and given back";
/// How much longer publishing may take for each meter.
const PUBLISHING: Duration = Duration::from_millis(100);
/// How long after the last window everything that follows may take.
const SETTLING: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(500);

/// What stopped the story.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// The readings.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The nodes.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] gridveil_chain_client::Error),
    /// The IPFS daemon.
    #[error("the bills can't be kept there: {0}")]
    Store(#[from] StoreError),
    /// The user, or the system.
    #[error("stopped by {0}")]
    Stopped(&'static str),
    /// A file.
    #[error("can't use the run's folder: {0}")]
    Io(#[from] std::io::Error),
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(String),
    /// The filters took too long.
    #[error(
        "{late} periods opened before their filters were on chain, although the key centre had {lead:?}: the machine is too \
         busy for so many meters; choose a longer --slot-ms or fewer --meters"
    )]
    Late {
        /// Region periods without filters.
        late: usize,
        /// The time before the first period.
        lead: Duration,
    },
    /// The day took too long.
    #[error("the day did not end: {done} of {all} periods were priced {late:?} after the last window closed")]
    Stuck {
        /// Region periods with a price.
        done: usize,
        /// All region periods.
        all: usize,
        /// How late it was.
        late: Duration,
    },
}

/// What came out of the day, for [`verdict`] to judge.
pub struct Day<'a> {
    /// The meters with their plain readings.
    pub homes: &'a [Home],
    /// The regions.
    pub regions: Vec<RegionId>,
    /// The cycle as the chain knows it.
    pub schedule: CycleSchedule,
    /// The programs and folders.
    pub stage: &'a Stage,
    /// The running network.
    pub network: &'a Network,
    /// A client of it.
    pub chain: &'a Chain,
    /// The aggregator that was killed, when, and when it came back.
    pub outage: String,
    /// What the run made that nobody may log.
    pub secrets: Secrets,
}

/// What there is when the story is told.
pub struct End {
    /// What was checked.
    pub checks: Checks,
    /// What stays up, if it was asked for.
    pub kept: Option<Kept>,
}

/// What stays up; ended when dropped, and in order by [`Kept::stop`].
pub struct Kept {
    network: Network,
    dashboard: Option<Dashboard>,
    /// A home's meter, BID and user's key, to try the bills' page with.
    home: Option<(String, String, PathBuf)>,
}

impl Kept {
    /// Ends it.
    pub async fn stop(self) -> Result<(), NetworkError> {
        if let Some(dashboard) = self.dashboard {
            dashboard.stop().await?;
        }
        self.network.stop().await
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "The network stays up. Its nodes are {}",
            self.network.urls().join(", ")
        )?;
        if let Some(dashboard) = &self.dashboard {
            writeln!(f, "The dashboard is at {}", dashboard.url())?;
            if let Some((meter, bid, key)) = &self.home {
                writeln!(f, "The bill of {meter}: BID {bid}, key in {}", key.display())?;
            }
        }
        f.write_str("Ctrl-C ends it all")
    }
}

struct Teller {
    began: Instant,
}

impl Teller {
    fn tell(&self, text: impl fmt::Display) {
        println!("[{:>4.0} s] {text}", self.began.elapsed().as_secs_f32());
    }
}

/// Runs the whole story in `dir`.
pub async fn run(arguments: &Arguments, dir: &Path) -> Result<End, StoryError> {
    let teller = Teller { began: Instant::now() };
    let mut rng = StdRng::seed_from_u64(arguments.seed);
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs)?;
    let (packaged, packaged_gaps) = unpack(dir)?;
    let selection = Selection {
        readings: arguments.readings.as_deref().unwrap_or(&packaged),
        gaps: arguments.gaps.as_deref().unwrap_or(&packaged_gaps),
        start: arguments.start(),
        periods: arguments.periods(),
        meters: usize::from(arguments.meters),
        regions: arguments.regions,
    };
    let homes = select(&selection, &mut rng)?;
    if let Some(address) = &arguments.kubo {
        // Found out now, not when the day is over.
        let daemon = store::open(address)?;
        daemon.get(&daemon.put(PROBE).await?).await?;
        teller.tell(format!("The IPFS daemon at {address} will keep the bills"));
    }
    let regions: Vec<RegionId> = (1..=arguments.regions).collect();
    let stage = Stage {
        meter_client: program("meter-client")?,
        grid_operator: program("grid-operator")?,
        dir: dir.into(),
        logs: logs.clone(),
        store: arguments
            .kubo
            .clone()
            .unwrap_or_else(|| dir.join("store").display().to_string()),
    };
    stage.prepare(&regions)?;

    teller.tell(format!(
        "Setup: four aggregators ({}) start as four processes",
        AGGREGATORS.join(", ")
    ));
    let nodes = dir.join("nodes");
    std::fs::create_dir_all(&nodes)?;
    let genesis = Genesis {
        members: AGGREGATORS,
        slot: arguments.slot(),
        regions: &regions,
        term_blocks: None,
    };
    let plans = AGGREGATORS
        .iter()
        .map(|name| {
            let mut plan = NodePlan::on_loopback(name)?;
            // All that clients need, and no more than a dashboard may show to everyone.
            plan.options = ["--rpc-methods", "safe"].map(String::from).to_vec();
            Ok(plan)
        })
        .collect::<std::io::Result<_>>()?;
    let mut network = Network::start(&program("gridveil-node")?, &nodes, &logs, &genesis, plans).await?;
    let urls = network.urls_from(0);
    let chain = Chain::connect(Options::new(network.urls())).await?;
    let victim = rng.gen_range(0..AGGREGATORS.len());
    // Whoever only looks on does so at a node that is not killed.
    let lasting = network.urls_from(victim + 1);
    let dashboard = match &arguments.dashboard {
        Some(folder) => {
            let node = lasting.split(',').next().unwrap_or_default();
            let dashboard = Dashboard::start(folder, dir, &logs, node, &stage.store).await?;
            teller.tell(format!("The dashboard is at {}", dashboard.url()));
            Some(dashboard)
        }
        None => None,
    };

    teller.tell(format!(
        "Key generation: {} meters in {} regions make their keys and are enrolled",
        homes.len(),
        regions.len()
    ));
    stage.enrol(&homes, CYCLE, &urls).await?;
    // Now, while the meters have what their keys start from.
    let secrets = Secrets::of_run(&stage, &homes)?;

    // Everything about the cycle has to be on chain before it begins.
    let lead = arguments.slot() * 8 + PUBLISHING * u32::from(arguments.meters);
    stage
        .schedule(
            CYCLE,
            lead,
            arguments.period(),
            arguments.window(),
            arguments.periods(),
            &urls,
        )
        .await?;
    teller.tell("Filter generation: the key centre publishes filters and mask commitments");
    let late = stage.publish(CYCLE, &urls).await?;
    if late > 0 {
        return Err(StoryError::Late { late, lead });
    }
    let schedule = chain
        .cycle(CYCLE)
        .await?
        .ok_or_else(|| StoryError::Missing("the chain does not know the cycle".into()))?;

    teller.tell(format!(
        "Data aggregation: {} periods of {} ms, each half an hour of {}",
        schedule.periods, schedule.period_ms, arguments.day
    ));
    let mut actors = Vec::new();
    // Every second home of a region hands its shares to the aggregator first.
    let mut ways = BTreeMap::<_, [Way; 2]>::new();
    for home in &homes {
        let [way, _] = ways
            .entry(home.region)
            .and_modify(|ways| ways.reverse())
            .or_insert([Way::Both, Way::Direct]);
        // The development chain gives the regions to the aggregators in turn.
        let aggregator = usize::try_from(home.region.saturating_sub(1)).unwrap_or_default();
        let urls = network.urls_from(aggregator);
        actors.push(stage.start_meter(home, arguments.start(), *way, &urls)?);
    }
    let tariff_file = dir.join("tariff.toml");
    std::fs::write(&tariff_file, tariff::file())?;
    actors.push(stage.start_watch(CYCLE, &lasting)?);
    actors.push(stage.start_control_centre(CYCLE, &tariff_file, &lasting)?);
    let outage = live_through(&teller, &mut network, &chain, &regions, &schedule, victim, &mut actors).await?;
    for actor in actors {
        actor.wait(SETTLING).await?;
    }

    teller.tell("Dynamic billing: the key centre bills every home");
    stage.bill(CYCLE, CURRENCY, &lasting).await?;
    teller.tell("Every user fetches its bill");
    for batch in homes.chunks(SIDE_BY_SIDE) {
        try_join_all(batch.iter().map(|home| stage.fetch_bill(&home.meter, CYCLE, &lasting))).await?;
    }
    teller.tell("Everything is checked");
    let day = Day {
        homes: &homes,
        regions,
        schedule,
        stage: &stage,
        network: &network,
        chain: &chain,
        outage,
        secrets,
    };
    let checks = verdict::judge(&day, &lasting).await?;
    if arguments.keep {
        let home = homes.first().map(|home| {
            let bid = stage.bid(home)?;
            Ok::<_, std::io::Error>((
                home.meter.clone(),
                bid,
                stage.meter_dir(&home.meter).join("identity.txt"),
            ))
        });
        let home = home.transpose()?;
        let kept = Some(Kept {
            network,
            dashboard,
            home,
        });
        return Ok(End { checks, kept });
    }
    network.stop().await?;
    teller.tell("The network has stopped");
    Ok(End { checks, kept: None })
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Lets the day pass: kills one aggregator half way through, brings it back later, and waits until the last price is set.
async fn live_through(
    teller: &Teller,
    network: &mut Network,
    chain: &Chain,
    regions: &[RegionId],
    schedule: &CycleSchedule,
    victim: usize,
    actors: &mut [Process],
) -> Result<String, StoryError> {
    let moment = |quarters: u64| {
        let length = u64::from(schedule.periods).saturating_mul(schedule.period_ms);
        schedule.start.saturating_add(length.saturating_mul(quarters) / 4)
    };
    let last = schedule.closes(schedule.periods.saturating_sub(1)).unwrap_or(u64::MAX);
    let all = usize::from(schedule.periods) * regions.len();
    let bar = ProgressBar::new(u64::try_from(all).unwrap_or(u64::MAX));
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} region periods priced, {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    if !std::io::stdout().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let (mut killed, mut restarted) = (false, false);
    let mut outage = String::new();
    loop {
        let now = now_ms();
        if !killed && now >= moment(2) {
            network.kill(victim).await?;
            killed = true;
            teller.tell(format!("Half way through, {} is killed", network.name(victim)));
        }
        if killed && !restarted && now >= moment(3) {
            network.restart(victim)?;
            restarted = true;
            teller.tell(format!("{} comes back", network.name(victim)));
            outage = format!("{} was dead from 1/2 to 3/4 of the day", network.name(victim));
        }
        for actor in actors.iter_mut() {
            actor.check_not_failed()?;
        }
        let mut done = 0;
        for region in regions {
            done += chain
                .cycle_view(*region, CYCLE)
                .await?
                .iter()
                .filter(|(_, view)| view.price.is_some())
                .count();
        }
        let previous = bar.position();
        let current = u64::try_from(done).unwrap_or(u64::MAX);
        bar.set_position(current);
        let eighth = (bar.length().unwrap_or(1) / 8).max(1);
        if !std::io::stdout().is_terminal() && current / eighth > previous / eighth {
            teller.tell(format!("Dynamic pricing: {done} of {all} region periods have a price"));
        }
        if done == all && restarted {
            bar.finish_and_clear();
            return Ok(outage);
        }
        let late = Duration::from_millis(now.saturating_sub(last));
        if late > SETTLING {
            return Err(StoryError::Stuck { done, all, late });
        }
        sleep(POLL).await;
    }
}
