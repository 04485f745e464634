//! The way of readings: from three homes, by their meters' own programs, into the finalised chain, to an opened total with a
//! price.
//!
//! Promises that meters, key centre and control centre are processes of their own with their own state, and that what came out
//! is read from the chain of another aggregator than the one that the meters send to, at its last finalised block.
//!
//! **Privacy.** The homes and their readings are made up.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{ensure, Context, Result};
use serde_json::Value as Json;
use zombienet_sdk::subxt::{
    dynamic::{runtime_api_call, Value},
    ext::scale_decode::{self, DecodeAsType},
    OnlineClient, PolkadotConfig,
};

use crate::{
    checks::{until, Checks},
    network::Aggregators,
    programs::{arguments, write_secret, Programs, Running},
};

/// A region of the local chain; three meters are the fewest whose total is opened.
const REGION: u32 = 1;
const CYCLE: u32 = 0;
/// Watt-hours by home and period.
const READINGS: [(&str, [u64; PERIODS]); 3] =
    [("mill", [310, 42_000]), ("school", [95, 0]), ("vicarage", [1_207, 777])];
const PERIODS: usize = 2;
/// The label of the first reading; the meters count half hours from it, whatever the chain's clock says.
const LABELS: [&str; PERIODS] = ["2013-01-18T08:00:00Z", "2013-01-18T08:30:00Z"];
/// From the schedule to the first period: filters and mask commitments must be on chain by then.
const LEAD: Duration = Duration::from_secs(36);
const PERIOD: Duration = Duration::from_secs(9);
const WINDOW: Duration = Duration::from_secs(24);
/// Millionths of the currency unit per kWh.
const PRICE: u64 = 142_280;
/// How long after the last window everything may take.
const SETTLING: Duration = Duration::from_secs(120);

/// A share as the chain keeps it.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct Share {
    value: u64,
}

/// What the chain knows about a period.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct Period {
    outcome: Option<Outcome>,
    price: Option<u64>,
}

/// What became of a closed period.
#[derive(Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
enum Outcome {
    Opened(Total),
    Withheld,
}

/// The total of a region.
#[derive(Debug, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct Total {
    meters: u32,
    energy: i64,
}

/// The grid's actors and their folders.
struct Grid<'a> {
    programs: &'a Programs,
    dir: &'a Path,
    /// The RPC addresses, the region's aggregator first.
    urls: String,
}

impl Grid<'_> {
    fn meter_arguments(&self, home: &str, command: &[String]) -> Vec<String> {
        let dir = self.dir.join("meters").join(home);
        let mut all = arguments!["--dir", dir.display(), "--nodes", self.urls, "--json"].to_vec();
        all.extend_from_slice(command);
        all
    }

    fn operator_arguments(&self, role: &str, command: &[String]) -> Vec<String> {
        let (dir, key) = (self.dir.join(role), self.key_file(role));
        let mut all = arguments!["--nodes", self.urls, "--json", role].to_vec();
        all.extend(arguments!["--dir", dir.display(), "--key-file", key.display()]);
        if role == "key-centre" {
            all.extend(arguments!["--unlock-key", self.dir.join("unlock.txt").display()]);
        }
        all.extend_from_slice(command);
        all
    }

    fn key_file(&self, role: &str) -> PathBuf {
        self.dir.join(format!("{role}.key"))
    }

    fn enrolment(&self, kind: &str) -> PathBuf {
        self.dir.join(kind)
    }

    fn request(&self, home: &str) -> PathBuf {
        self.enrolment("requests").join(format!("{home}.json"))
    }

    async fn meter(&self, home: &str, what: &str, command: &[String]) -> Result<()> {
        let arguments = self.meter_arguments(home, command);
        let log = format!("{home}-{what}");
        self.programs.run(&log, "meter-client", &arguments).await.map(drop)
    }

    async fn key_centre(&self, command: &[String]) -> Result<()> {
        let what = command.first().context("a command of the key centre's")?;
        let arguments = self.operator_arguments("key-centre", command);
        let log = format!("key-centre-{what}");
        self.programs.run(&log, "grid-operator", &arguments).await.map(drop)
    }

    /// The homes' meters are enrolled, and the cycle is scheduled and published.
    async fn prepare(&self) -> Result<()> {
        for folder in ["requests", "responses", "meters"] {
            std::fs::create_dir_all(self.dir.join(folder))?;
        }
        for (role, secret) in [("key-centre", "//KeyCentre"), ("control-centre", "//ControlCentre")] {
            write_secret(&self.key_file(role), secret)?;
        }
        self.key_centre(&arguments!["init"]).await?;
        for (home, _) in READINGS {
            let request = self.request(home);
            let command = arguments!["enrol", "request", "--label", home, "--out", request.display()];
            self.meter(home, "enrol-request", &command).await?;
        }
        let (requests, responses) = (self.enrolment("requests"), self.enrolment("responses"));
        let mut enrol = arguments!["enrol", "--request-dir", requests.display()].to_vec();
        enrol.extend(arguments!["--response-dir", responses.display()]);
        enrol.extend(arguments!["--region", REGION, "--first-cycle", CYCLE]);
        self.key_centre(&enrol).await?;
        for (home, _) in READINGS {
            let request: Json = serde_json::from_slice(&std::fs::read(self.request(home))?)?;
            let bid = request["bid"].as_str().context("a request without a BID")?;
            let response = responses.join(format!("{bid}.response.age"));
            let command = arguments!["enrol", "accept", response.display()];
            self.meter(home, "enrol-accept", &command).await?;
        }
        let mut schedule = arguments!["schedule", "--cycle", CYCLE, "--periods", PERIODS].to_vec();
        schedule.extend(arguments!["--start", format!("+{}", LEAD.as_secs())]);
        schedule.extend(arguments!["--period-ms", PERIOD.as_millis()]);
        schedule.extend(arguments!["--window-ms", WINDOW.as_millis()]);
        self.key_centre(&schedule).await?;
        self.key_centre(&arguments!["publish", "--cycle", CYCLE]).await
    }

    /// Everybody who acts while periods pass.
    fn start(&self) -> Result<Vec<Running>> {
        let csv = self.dir.join("readings.csv");
        let mut table = String::from("meter,timestamp_utc,wh\n");
        for (home, readings) in READINGS {
            for (label, reading) in LABELS.iter().zip(readings) {
                table.push_str(&format!("{home},{label},{reading}\n"));
            }
        }
        std::fs::write(&csv, table)?;
        let tariff = self.dir.join("tariff.toml");
        std::fs::write(&tariff, format!("kind = \"flat\"\nprice = {PRICE}\n"))?;

        let mut running = Vec::new();
        for (home, _) in READINGS {
            let mut run = arguments!["run", "--source", "csv", "--csv", csv.display()].to_vec();
            run.extend(arguments!["--meter", home, "--start", LABELS[0], "--until-cycle-end"]);
            let arguments = self.meter_arguments(home, &run);
            running.push(
                self.programs
                    .start(&format!("{home}-run"), "meter-client", &arguments)?,
            );
        }
        let watch = arguments!["watch", "--cycle", CYCLE, "--until-closed"];
        let mut price = arguments!["run", "--tariff", tariff.display()].to_vec();
        price.extend(arguments!["--cycle", CYCLE, "--until-priced"]);
        for (role, command) in [("key-centre", &watch[..]), ("control-centre", &price[..])] {
            let arguments = self.operator_arguments(role, command);
            let what = format!("{role}-{}", command[0]);
            running.push(self.programs.start(&what, "grid-operator", &arguments)?);
        }
        Ok(running)
    }
}

/// Asks the chain about a period, at its last finalised block.
async fn ask<T: DecodeAsType>(chain: &OnlineClient<PolkadotConfig>, method: &str, period: usize) -> Result<T> {
    let key = Value::named_composite([
        ("region", Value::u128(REGION.into())),
        ("cycle", Value::u128(CYCLE.into())),
        ("period", Value::u128(u128::try_from(period)?)),
    ]);
    let answer = chain.runtime_api().at_latest().await?;
    let answer = answer.call(runtime_api_call("GridApi", method, vec![key])).await?;
    Ok(answer.as_type()?)
}

/// Sends the readings on their way and looks at what arrives: two claims.
///
/// # Errors
///
/// If a program fails or a claim does not hold.
pub async fn travel(programs: &Programs, aggregators: &Aggregators, dir: &Path, checks: &mut Checks) -> Result<()> {
    let dir = dir.join("grid");
    std::fs::create_dir_all(&dir)?;
    let grid = Grid {
        programs,
        dir: &dir,
        urls: aggregators.urls(),
    };
    checks.tell("three homes enrol; the key centre schedules two periods and publishes their filters");
    grid.prepare().await?;
    checks.tell("the meters send their shares, the key centre and the control centre follow the chain");
    let mut running = grid.start()?;
    let last = aggregators.members.last().context("there are members")?;
    let chain = aggregators.client(last).await?;

    let passing = PERIOD * u32::try_from(PERIODS)?;
    let views = until(
        "all periods opened and priced",
        LEAD + passing + WINDOW + SETTLING,
        async || {
            for process in &mut running {
                process.has_ended()?;
            }
            let mut views = Vec::new();
            for period in 0..PERIODS {
                let view: Option<Period> = ask(&chain, "period", period).await?;
                match view {
                    Some(view) if view.price.is_some() => views.push(view),
                    _ => return Ok(None),
                }
            }
            Ok(Some(views))
        },
    )
    .await?;

    let mut count = 0;
    for period in 0..PERIODS {
        let shares: Vec<Share> = ask(&chain, "shares", period).await?;
        let plain = READINGS.map(|(_, readings)| readings[period]);
        ensure!(
            shares.len() == 2 * READINGS.len(),
            "{} shares of {} meters in period {period}",
            shares.len(),
            READINGS.len()
        );
        let shown = shares.iter().find(|share| plain.contains(&share.value));
        ensure!(shown.is_none(), "a share of period {period} is a plain reading");
        count += shares.len();
    }
    checks.holds(format!("{count} shares at {}, none of them a reading", last.name));

    let mut told = Vec::new();
    for (period, view) in views.iter().enumerate() {
        let sum: u64 = READINGS.iter().map(|(_, readings)| readings[period]).sum();
        let total = Total {
            meters: u32::try_from(READINGS.len())?,
            energy: i64::try_from(sum)?,
        };
        ensure!(
            view.outcome == Some(Outcome::Opened(total)) && view.price == Some(PRICE),
            "period {period} came to {view:?}, its readings sum to {sum}"
        );
        told.push(format!("{sum} Wh"));
    }
    checks.holds(told.join(", "));

    until("the programs end by themselves", SETTLING, async || {
        let mut ended = true;
        for process in &mut running {
            ended &= process.has_ended()?;
        }
        Ok(ended.then_some(()))
    })
    .await
}
