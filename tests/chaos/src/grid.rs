//! A network under load: nodes, meters that submit, and somebody who watches.
//!
//! Promises that [`Grid::start`] returns a chain that finalises, with meters enrolled and a cycle published, whose first
//! period begins within [`LEAD`]. What is wrong with the chain is not judged here but in [`crate::verdict`].
//!
//! **Privacy.** Development keys and made-up readings.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use gridveil_chain_client::{Chain, ConsortiumStatus, Options};
use gridveil_demo::{
    actors::{Stage, Way},
    data::Home,
    network::{Genesis, Network, NodePlan, Site, MEMBERS},
    process::Process,
    spec::{self, Keys},
};
use gridveil_meter_client::{records::PeriodState, state::StateDir};
use gridveil_primitives::{pseudonym, share::split_and_mask, CycleSchedule, Half, Moment, PeriodKey, RegionId, Share};

use crate::{
    compiled,
    error::ChaosError,
    ground::{needed, until, Run, SLOT},
    load::{self, CYCLE, FIRST_CLOSE, LEAD, PERIOD, REGIONS, WINDOW},
    mesh::{Mesh, Side},
    observer::Observer,
    rpc::{Block, Rpc},
};

/// A change of what a node is to be, by its index.
pub type Amend<'a> = Box<dyn Fn(usize, &mut NodePlan) + 'a>;

/// What a network is to be like.
pub struct Setup<'a> {
    /// The name of its folder in the run's.
    pub name: &'a str,
    /// The blocks of a leader's term.
    pub term_blocks: u32,
    /// How long the scenario may last.
    pub time: Duration,
    /// What is other than usual about its nodes.
    pub amend: Option<Amend<'a>>,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            name: "grid",
            term_blocks: 20,
            time: Duration::from_secs(180),
            amend: None,
        }
    }
}

/// A share that a meter made, and whether the meter saw it on the finalised chain.
#[derive(Clone, Copy, Debug)]
pub struct MadeShare {
    /// Its period.
    pub key: PeriodKey,
    /// The share.
    pub share: Share,
    /// Whether its meter saw it on the finalised chain.
    pub landed: bool,
}

/// The running network.
pub struct Grid {
    /// The nodes; those of the members at genesis come first.
    pub network: Network,
    /// A client of all of them.
    pub chain: Chain,
    /// Who watches them.
    pub observer: Observer,
    /// The cycle.
    pub schedule: CycleSchedule,
    /// The nodes' RPC, by index.
    rpcs: Vec<Rpc>,
    /// The public keys of all names there are.
    keys: Vec<Keys>,
    mesh: Option<Mesh>,
    stage: Stage,
    homes: Vec<Home>,
    meters: BTreeMap<String, Process>,
    /// Transactions of a region that were said to be final by the only node that its meters know, and were not.
    lies: Vec<(RegionId, Vec<u8>)>,
    /// Where nodes that are added find the compiled runtime.
    compiled: PathBuf,
}

impl Grid {
    /// Starts the nodes and publishes a cycle. The meters do not run yet.
    ///
    /// # Errors
    ///
    /// Those of [`ChaosError`]. What was started has ended by then.
    pub async fn start(run: &Run, setup: Setup<'_>) -> Result<Self, ChaosError> {
        let dir = run.dir.join(setup.name);
        let (nodes, logs) = (dir.join("nodes"), dir.join("logs"));
        std::fs::create_dir_all(&nodes)?;
        std::fs::create_dir_all(&logs)?;
        let names = MEMBERS.get(..run.members).unwrap_or(MEMBERS);
        run.report.tell(format!(
            "{} nodes start; their logs are in {}",
            names.len(),
            logs.display()
        ));
        let mut mesh = run.mesh(&nodes, &logs).await?;
        let mut plans = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let mut plan = NodePlan::member(name, site(&mut mesh, name).await?);
            if let Some(amend) = &setup.amend {
                amend(index, &mut plan);
            }
            let base = plan.base.clone().unwrap_or_else(|| nodes.join(&plan.name));
            compiled::hand_on(&run.ground.compiled, &base)?;
            plans.push(plan);
        }
        let genesis = Genesis {
            members: names,
            slot: SLOT,
            regions: REGIONS,
            term_blocks: Some(setup.term_blocks),
        };
        let node = &run.ground.node;
        let mut keys = Vec::new();
        for name in MEMBERS {
            keys.push(spec::keys(node, &logs, name).await?);
        }
        let network = Network::start(node, &nodes, &logs, &genesis, plans).await?;
        compiled::keep(network.base(0), &run.ground.compiled)?;
        let mut observer = Observer::new();
        for (index, url) in network.urls().iter().enumerate() {
            observer.watch(network.name(index), url);
        }
        let chain = Chain::connect(Options::new(network.urls())).await?;
        let periods = load::periods(setup.time);
        let homes = load::homes(&dir.join("readings.csv"), periods, run.chance)?;
        let stage = Stage {
            meter_client: run.ground.meter_client.clone(),
            grid_operator: run.ground.grid_operator.clone(),
            dir: dir.clone(),
            logs,
            store: dir.join("store").display().to_string(),
        };
        run.report.tell(format!("{} meters are enrolled", homes.len()));
        stage.prepare(REGIONS)?;
        let urls = network.urls_from(0);
        stage.enrol(&homes, CYCLE, &urls).await?;
        stage.schedule(CYCLE, LEAD, PERIOD, WINDOW, periods, &urls).await?;
        stage.publish(CYCLE, &urls).await?;
        let schedule = chain.cycle(CYCLE).await?;
        let schedule = schedule.ok_or_else(|| ChaosError::Missing("the chain does not know the cycle".into()))?;
        Ok(Self {
            rpcs: network.urls().into_iter().map(Rpc::new).collect(),
            network,
            chain,
            observer,
            schedule,
            keys,
            mesh,
            stage,
            homes,
            meters: BTreeMap::new(),
            lies: Vec::new(),
            compiled: run.ground.compiled.clone(),
        })
    }

    /// Starts the meters, each with its region's aggregator first and all others after it.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`].
    pub fn start_meters(&mut self) -> Result<(), ChaosError> {
        for (region, aggregator) in REGIONS.iter().zip(0..) {
            let urls = self.network.urls_from(aggregator);
            self.start_meters_of(*region, &urls)?;
        }
        Ok(())
    }

    /// Waits until the first period has closed: what is lost or missed can be told only of what has been there.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Waited`].
    pub async fn first_close(&self) -> Result<(), ChaosError> {
        let closes = self.schedule.closes(0).unwrap_or_default();
        needed("the first period has closed", FIRST_CLOSE * 2, || async {
            Ok((self.judged().await? >= closes).then_some(()))
        })
        .await
    }

    /// A moment of the finalised chain's clock, up to which every window that has closed has been judged: a block does that
    /// by its parent's clock.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Waited`] where nothing more becomes final.
    pub async fn judged(&self) -> Result<Moment, ChaosError> {
        let now = self.chain.now().await?;
        needed("one more block is final", SLOT * 10, || async {
            Ok((self.chain.now().await? > now).then_some(()))
        })
        .await?;
        Ok(now)
    }

    /// Starts the meters of a region with these nodes, the first one first.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`].
    pub fn start_meters_of(&mut self, region: RegionId, urls: &str) -> Result<(), ChaosError> {
        for home in self.homes.iter().filter(|home| home.region == region) {
            let meter = self.stage.start_meter(home, load::start(), Way::Direct, urls)?;
            self.meters.insert(home.meter.clone(), meter);
        }
        Ok(())
    }

    /// Ends the meters of a region at once and starts them again with these nodes, so that each begins with the first one.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`].
    pub async fn restart_meters_of(&mut self, region: RegionId, urls: &str) -> Result<(), ChaosError> {
        for home in self.homes.iter().filter(|home| home.region == region) {
            if let Some(meter) = self.meters.remove(&home.meter) {
                meter.kill().await?;
            }
        }
        self.start_meters_of(region, urls)
    }

    /// An error if a meter has ended by an error.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`].
    pub fn check_meters(&mut self) -> Result<(), ChaosError> {
        for meter in self.meters.values_mut() {
            meter.check_not_failed()?;
        }
        Ok(())
    }

    /// Every share that the meters have made so far, from their own records. A meter keeps the shares of periods that it has
    /// settled no longer, so these are made again as its user could: from the reading and the cycle's sealed seeds.
    ///
    /// # Errors
    ///
    /// If a record can't be read.
    pub fn made_shares(&self) -> Result<Vec<MadeShare>, ChaosError> {
        let mut made = Vec::new();
        for home in &self.homes {
            let state = StateDir::new(&self.stage.meter_dir(&home.meter));
            let (records, keys) = (state.records()?, state.keys()?);
            let Some(seeds) = state.seeds(CYCLE, &state.identity(None)?)? else {
                continue;
            };
            for period in 0..self.schedule.periods {
                let key = PeriodKey {
                    region: home.region,
                    cycle: CYCLE,
                    period,
                };
                let Some(stored) = records.period(CYCLE, period)? else {
                    continue;
                };
                let shares = match (stored.shares, stored.reading) {
                    (Some(shares), _) => shares.map(|share| (share.prid, share.value, share.landed)),
                    (None, Some(reading)) => {
                        let pair = split_and_mask(reading, &keys.split, &seeds, CYCLE, period);
                        let prid = |half| pseudonym::prid(&keys.spend.public(), &seeds, half, period);
                        // Which one of a pair has landed, nobody knows any more.
                        let landed = stored.state == PeriodState::Finalised;
                        [
                            (prid(Half::First), pair.first, landed),
                            (prid(Half::Second), pair.second, landed),
                        ]
                    }
                    (None, None) => continue,
                };
                made.extend(shares.map(|(prid, value, landed)| MadeShare {
                    key,
                    share: Share { prid, value },
                    landed,
                }));
            }
        }
        Ok(made)
    }

    /// Takes note that a region's meters were lied to about these transactions, by the only node that they know: what they
    /// saw final there does not count.
    pub fn discredit(&mut self, region: RegionId, transactions: Vec<Vec<u8>>) {
        self.lies
            .extend(transactions.into_iter().map(|transaction| (region, transaction)));
    }

    /// Whether a meter was lied to about a share.
    pub fn is_discredited(&self, made: &MadeShare) -> bool {
        let names = |transaction: &[u8]| {
            transaction
                .windows(made.share.prid.len())
                .any(|part| part == made.share.prid)
        };
        self.lies
            .iter()
            .any(|(region, transaction)| *region == made.key.region && names(transaction))
    }

    /// A node's RPC.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Missing`] where there is no such node.
    pub fn rpc(&self, node: usize) -> Result<&Rpc, ChaosError> {
        let rpc = self.rpcs.get(node);
        rpc.ok_or_else(|| ChaosError::Missing(format!("there is no node {node}")))
    }

    /// All nodes that run.
    pub fn up(&self) -> Vec<usize> {
        (0..self.network.len())
            .filter(|node| self.network.is_up(*node))
            .collect()
    }

    /// The first node that runs.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Missing`] where none does.
    pub fn any(&self) -> Result<&Rpc, ChaosError> {
        let first = self.up().first().copied();
        self.rpc(first.ok_or_else(|| ChaosError::Missing("no node runs".into()))?)
    }

    /// A member's public keys, by its index among all names.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Missing`] where there is no such name.
    pub fn keys(&self, member: usize) -> Result<&Keys, ChaosError> {
        let keys = self.keys.get(member);
        keys.ok_or_else(|| ChaosError::Missing(format!("there is no name {member}")))
    }

    /// The member that an account or block key belongs to.
    pub fn member_of(&self, account: &[u8; 32]) -> Option<usize> {
        self.keys.iter().position(|keys| keys.public == *account)
    }

    /// Plugs nodes into one side of the network.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Missing`] where nodes have no network of their own.
    pub async fn plug(&self, nodes: &[usize], side: Side) -> Result<(), ChaosError> {
        let mesh = self.mesh.as_ref();
        let mesh = mesh.ok_or_else(|| ChaosError::Missing("the nodes share the machine's loopback".into()))?;
        Ok(mesh.plug(nodes, side).await?)
    }

    /// A place for one more node.
    ///
    /// # Errors
    ///
    /// If the system has none.
    pub async fn site(&mut self, name: &str) -> Result<Site, ChaosError> {
        site(&mut self.mesh, name).await
    }

    /// Adds a node, started or not, and watches it; returns its index.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Network`].
    pub async fn add(&mut self, plan: NodePlan) -> Result<usize, ChaosError> {
        let (name, url) = (plan.name.clone(), format!("ws://{}", plan.site.rpc));
        let index = self.network.prepare(plan).await?;
        compiled::hand_on(&self.compiled, self.network.base(index))?;
        self.observer.watch(&name, &url);
        self.rpcs.push(Rpc::new(url));
        Ok(index)
    }

    /// The best block of the first node that runs, and the consortium as it is there.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Rpc`].
    pub async fn consortium(&self) -> Result<(Block, ConsortiumStatus), ChaosError> {
        let rpc = self.any()?;
        let best = rpc.best().await?;
        Ok((best, rpc.call("FinalityApi_consortium", best.hash).await?))
    }

    /// Waits until a member leads, with at least `left` blocks of its term to come; which one it is.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Waited`] where nobody does within three terms.
    pub async fn leader(&self, left: u32) -> Result<usize, ChaosError> {
        let (_, status) = self.consortium().await?;
        let limit = SLOT * status.term_blocks.saturating_mul(3);
        needed("a leader is elected", limit, || async {
            let (best, status) = self.consortium().await?;
            let end = status.term_started.saturating_add(status.term_blocks);
            let leads = status.leader.filter(|_| best.number.saturating_add(left) <= end);
            Ok(leads.and_then(|leader| self.member_of(&leader)))
        })
        .await
    }

    /// How long it takes until each of these nodes has finalised a height; `None` if it takes longer than `limit`.
    ///
    /// # Errors
    ///
    /// Those of [`ChaosError`] that do not pass by themselves.
    pub async fn all_finalise(
        &self,
        nodes: &[usize],
        height: u32,
        limit: Duration,
    ) -> Result<Option<Duration>, ChaosError> {
        let reached = until(limit, || async {
            for node in nodes {
                if self.rpc(*node)?.finalised().await?.number < height {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        });
        Ok(reached.await?.map(|((), took)| took))
    }

    /// Ends meters and nodes, and takes their network away.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Process`] or [`ChaosError::Network`] where the system refuses.
    pub async fn end(mut self) -> Result<(), ChaosError> {
        drop(self.observer);
        drop(self.meters);
        let all: Vec<usize> = (0..self.network.len()).collect();
        self.network.kill_all(&all).await?;
        if let Some(mesh) = self.mesh {
            mesh.dismantle().await?;
        }
        Ok(())
    }
}

async fn site(mesh: &mut Option<Mesh>, name: &str) -> Result<Site, ChaosError> {
    Ok(match mesh {
        Some(mesh) => mesh.site(name).await?,
        None => Site::loopback()?,
    })
}
