//! How long the key centre takes to open a period: its own code at work on the bench's node.
//!
//! **Privacy.** Works on made-up meters.

use std::{io::Write, os::unix::fs::OpenOptionsExt, time::Instant};

use gridveil_chain_client::RoleKey;
use gridveil_grid_operator::{
    grid::Node,
    key_centre::{self, watch, KeyCentre},
    lock::Lock,
    root_key::{protect_root_key, ROOT_KEY_FILE},
};
use gridveil_primitives::Moment;
use indicatif::ProgressBar;
use tokio::sync::mpsc;

use crate::{
    figure::{median, BenchError, Figure, Goal},
    meters::{self, key, CYCLE},
    stage::{told, Plan, Stage},
    transactions,
};

/// One meter in so many is silent.
const SILENT: usize = 20;
/// The most time from the close of a period to its opening, in seconds.
const OPENING: f64 = 2.0;

impl Stage {
    /// The time from the block that closes a period, in which one meter in twenty was silent, until its opening is final.
    pub async fn opening(&mut self, plan: &Plan, rounds: usize) -> Result<Figure, BenchError> {
        let centre = self.centre(plan).await?;
        let (roster, aggregator) = self.region(plan.region)?;
        let aggregator = aggregator.clone();
        let mut batches = Vec::new();
        for period in (0..).take(rounds) {
            let key = key(plan.region, period);
            let mut shares = Vec::new();
            for (place, member) in roster.members.iter().enumerate() {
                if place % SILENT != 0 {
                    let mut meter = meters::meter(&member.meter.bid);
                    shares.extend(meter.shares(&self.genesis, &key, meters::READING));
                }
            }
            shares.sort_unstable_by_key(|share| share.prid);
            batches.push(transactions::batch(&self.genesis, &aggregator, &key, &shares)?);
        }
        self.blocks(batches).await?;

        let (tell, mut opened) = mpsc::unbounded_channel();
        let watching = tokio::spawn(async move {
            let bar = ProgressBar::hidden();
            let said = |settled| {
                // Nobody listens any more once the last one is opened.
                let _ = tell.send((Instant::now(), settled));
            };
            watch::watch(&centre, CYCLE, &[], false, &bar, said).await
        });
        let mut times = Vec::new();
        for period in (0..).take(rounds) {
            self.clock.advance(self.schedule.closes(period).unwrap_or(Moment::MAX));
            // A block closes what was due by its parent's clock.
            self.clock.seal().await?;
            self.clock.seal().await?;
            let begun = Instant::now();
            let (ended, settled) = self
                .clock
                .until(opened.recv())
                .await?
                .ok_or_else(|| BenchError::Wrong("the key centre stopped watching".into()))?;
            let silent = usize::try_from(plan.meters).map_err(told)?.div_ceil(SILENT);
            if (settled.event, settled.period, settled.left_out) != ("opened", period, silent) {
                return Err(BenchError::Wrong(format!(
                    "a period was not opened as it should: {settled:?}"
                )));
            }
            times.push((ended - begun).as_secs_f64());
        }
        watching.abort();
        Ok(Figure {
            name:
                "opening: from the close to the opened sum, 1,000 meters of which 5 % were silent, against two seconds",
            value: median(&times),
            unit: "s",
            limit: OPENING,
            goal: Goal::AtMost(1.0),
        })
    }

    /// The key centre, with a region's meters in its ledger.
    async fn centre(&self, plan: &Plan) -> Result<KeyCentre<Node>, BenchError> {
        let dir = self.dir().join("key-centre");
        std::fs::create_dir(&dir)?;
        let mut file = std::fs::OpenOptions::new();
        let mut file = file
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dir.join(ROOT_KEY_FILE))?;
        writeln!(file, "{}", hex::encode(&meters::root().to_bytes()[..]))?;
        let lock = Lock::generate();
        protect_root_key(&dir, &lock).map_err(gridveil_grid_operator::error::Error::from)?;
        key_centre::init(&dir, &lock)?;
        let role = RoleKey::from_uri("//KeyCentre").map_err(told)?;
        let centre = KeyCentre::open(&dir, &lock, Node::new(self.clock.client().await?, Some(role)))?;
        let (roster, _) = self.region(plan.region)?;
        let meters: Vec<_> = roster.members.iter().map(|member| member.meter.clone()).collect();
        centre.ledger().enter_meters(&meters)?;
        Ok(centre)
    }
}
