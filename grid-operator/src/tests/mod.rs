//! The operators against a chain in memory: whole stories, each fault, and a death at every step.

mod auditing;
mod backups;
mod billing;
mod enrolling;
mod outages;
mod pricing;
mod publishing;
mod revising;
mod watching;

use std::path::{Path, PathBuf};

use gridveil_bills::envelope::{decrypt_bytes, Identity};
use gridveil_chain_client::enrolment::{Request, Response};
use gridveil_primitives::{
    keys::{CycleKeys, MeterSecret, SpendKey, SplitKey},
    pseudonym::OneTimeKey,
    share::split_and_mask,
    CycleId, Half, Moment, PeriodIndex, PeriodKey, Prid, RegionId,
};
use indicatif::ProgressBar;
use tempfile::TempDir;

use crate::{
    control_centre::{prices::Prices, run, tariff::Tariff},
    error::Error,
    fake::{FakeGrid, CONTROL_CENTRE, GENESIS},
    key_centre::{
        enrol::{enrol, Enrolled},
        init,
        publish::publish,
        schedule::{schedule, Start},
        watch::{watch, Settled},
        KeyCentre,
    },
    lock::Lock,
};

const SECOND: u64 = 1_000;
/// The first region's meters; its minimum is three.
const FIRST: usize = 5;
/// The second region's.
const SECOND_REGION: usize = 4;
const PERIODS: PeriodIndex = 4;

/// A home with its meter.
struct Home {
    label: String,
    bid: [u8; 32],
    region: RegionId,
    spend: SpendKey,
    split: SplitKey,
    identity: Identity,
    /// What it adds to each reading that it sends.
    excess: i64,
    /// What its response gave it.
    secret: Option<[u8; 32]>,
}

impl Home {
    fn new(number: u8, region: RegionId) -> Home {
        Home {
            label: format!("home {number}"),
            bid: [number; 32],
            region,
            spend: SpendKey::from_seed(&[number; 32]),
            split: SplitKey::from_bytes([number ^ 0xff; 32]),
            identity: Identity::generate(),
            excess: 0,
            secret: None,
        }
    }

    fn request(&self) -> Request {
        let recipient = gridveil_bills::envelope::recipient_to_age(&self.identity.recipient());
        Request::new(self.label.clone(), self.bid, self.spend.public().to_bytes(), recipient)
    }

    /// The keys of a cycle, from the secret of the first one.
    fn keys(&self, cycle: CycleId) -> CycleKeys {
        let mut secret = MeterSecret::from_bytes(self.secret.expect("the home is enrolled"));
        for _ in 0..cycle {
            secret = secret.ratchet();
        }
        secret.cycle_keys()
    }

    /// What the home used in a period; sometimes it feeds in.
    fn reading(&self, key: &PeriodKey) -> i64 {
        let number = i64::from(self.bid[0]) * 131 + i64::from(key.period) * 17 + i64::from(key.cycle) * 7;
        number % 997 - 150
    }

    fn key(&self, cycle: CycleId, period: PeriodIndex) -> PeriodKey {
        PeriodKey {
            region: self.region,
            cycle,
            period,
        }
    }

    fn shares(&self, key: &PeriodKey) -> [(Prid, u64); 2] {
        let keys = self.keys(key.cycle);
        let pair = split_and_mask(
            self.reading(key) + self.excess,
            &self.split,
            &keys,
            key.cycle,
            key.period,
        );
        let prid = |half| OneTimeKey::derive(&self.spend, &keys, half, key.period).prid();
        [(prid(Half::First), pair.first), (prid(Half::Second), pair.second)]
    }
}

/// A key centre, its homes, and the chain.
struct Scene {
    dir: TempDir,
    lock: Lock,
    grid: FakeGrid,
    homes: Vec<Home>,
}

impl Scene {
    /// Nine homes that are not enrolled: five in region 1, four in region 2.
    fn new() -> Scene {
        let scene = Scene {
            dir: tempfile::tempdir().unwrap(),
            lock: Lock::generate(),
            grid: FakeGrid::new(),
            homes: Vec::new(),
        };
        init(&scene.state(), &scene.lock).unwrap();
        let first = (1..).take(FIRST).map(|number| Home::new(number, 1));
        let second = (100..).take(SECOND_REGION).map(|number| Home::new(number, 2));
        let homes = first.chain(second).collect();
        Scene { homes, ..scene }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("key-centre")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The key centre, as it starts anew.
    fn centre(&self) -> KeyCentre<FakeGrid> {
        KeyCentre::open(&self.state(), &self.lock, self.grid.clone()).unwrap()
    }

    /// Writes the requests of a region's homes into a directory of their own.
    fn requests(&self, region: RegionId) -> Vec<PathBuf> {
        let directory = self.path(&format!("requests-{region}"));
        std::fs::create_dir_all(&directory).unwrap();
        let homes = self.homes.iter().filter(|home| home.region == region);
        homes
            .map(|home| {
                let path = directory.join(format!("{}.json", home.bid[0]));
                std::fs::write(&path, home.request().to_json()).unwrap();
                path
            })
            .collect()
    }

    async fn enrol(&self, region: RegionId) -> Result<Vec<Enrolled>, Error> {
        enrol(
            &self.centre(),
            &self.requests(region),
            region,
            0,
            &self.path("responses"),
        )
        .await
    }

    /// The homes take up their responses.
    fn accept(&mut self) {
        let responses = self.path("responses");
        for home in &mut self.homes {
            let response = read_response(&responses, home);
            assert_eq!(
                (response.region, response.first_cycle, response.genesis),
                (home.region, 0, GENESIS)
            );
            home.secret = Some(*response.meter_secret);
        }
    }

    async fn schedule(&self, cycle: CycleId) -> Result<(), Error> {
        schedule(&self.centre(), cycle, Start::In(60), 10 * SECOND, 5 * SECOND, PERIODS)
            .await
            .map(|_| ())
    }

    /// Everything up to the published cycle 0.
    async fn published() -> Scene {
        let mut scene = Scene::new();
        scene.enrol(1).await.unwrap();
        scene.enrol(2).await.unwrap();
        scene.accept();
        scene.schedule(0).await.unwrap();
        publish(&scene.centre(), 0, &[], None, &ProgressBar::hidden())
            .await
            .unwrap();
        scene
    }

    fn home(&self, number: u8) -> &Home {
        self.homes
            .iter()
            .find(|home| home.bid[0] == number)
            .expect("there is such a home")
    }

    fn home_mut(&mut self, number: u8) -> &mut Home {
        let home = self.homes.iter_mut().find(|home| home.bid[0] == number);
        home.expect("there is such a home")
    }

    /// Sends some halves of a home's pair.
    fn send(&self, home: &Home, cycle: CycleId, period: PeriodIndex, halves: &[Half]) {
        let key = home.key(cycle, period);
        let shares = home.shares(&key);
        for half in halves {
            let (prid, value) = shares[half.index()];
            self.grid.world().send(key, prid, value);
        }
    }

    /// Every home sends everything but what `halves` says otherwise, and the cycle closes.
    fn play(&self, cycle: CycleId, halves: impl Fn(&Home, PeriodIndex) -> &'static [Half]) {
        for home in &self.homes {
            for period in 0..PERIODS {
                self.send(home, cycle, period, halves(home, period));
            }
        }
        self.grid.advance(self.closes(cycle));
    }

    fn closes(&self, cycle: CycleId) -> Moment {
        self.grid.world().cycles[cycle as usize].closes(PERIODS - 1).unwrap()
    }

    async fn watch(&self, cycle: CycleId) -> Result<Vec<Settled>, Error> {
        let mut all = Vec::new();
        watch(&self.centre(), cycle, &[], true, &ProgressBar::hidden(), |settled| {
            all.push(settled)
        })
        .await?;
        all.sort_by_key(|settled| (settled.region, settled.period));
        Ok(all)
    }

    async fn price(&self, tariff: Tariff) -> Result<Vec<run::Priced>, Error> {
        let grid = self.grid.seen_by(Some(CONTROL_CENTRE));
        let prices = Prices::in_memory(&GENESIS).unwrap();
        let mut all = Vec::new();
        let bar = ProgressBar::hidden();
        run::run(&grid, tariff, prices, Some(0), true, &bar, |priced| all.push(priced)).await?;
        Ok(all)
    }
}

fn read_response(responses: &Path, home: &Home) -> Response {
    let path = responses.join(format!("{}.response.age", hex::encode(home.bid)));
    let sealed = std::fs::read(path).unwrap();
    Response::from_json(&decrypt_bytes(&sealed, &home.identity).unwrap()).unwrap()
}

/// Everyone sends both halves.
fn all(_: &Home, _: PeriodIndex) -> &'static [Half] {
    &Half::BOTH
}
