//! The actors as the processes that they are: how `meter-client` and `grid-operator` are called.
//!
//! Promises that each meter, user and operator acts through its own program with its own state folder, as it would in a
//! real network; nothing here computes anything for them.
//!
//! **Privacy.** Secrets pass in files of mode 0600 inside the run's folder, never as arguments.

use std::{
    collections::BTreeSet,
    fmt,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use gridveil_primitives::{CycleId, RegionId};
use serde_json::Value;

use crate::{
    data::Home,
    process::{Finished, Invocation, Process, ProcessError},
};

/// How long a command of an operator or a user may take.
const COMMAND_TIME: Duration = Duration::from_secs(120);
/// How many user or meter processes are started side by side.
pub const SIDE_BY_SIDE: usize = 8;
/// Secret URIs of the roles on a development chain, by the name of their key file.
pub const ROLES: [(&str, &str); 2] = [("key-centre", "//KeyCentre"), ("control-centre", "//ControlCentre")];

/// How a meter brings its shares to the chain, as `meter-client --by` has it.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Each by itself.
    Direct,
    /// By way of its region's aggregator, and by itself where that fails.
    Both,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Both => "both",
        })
    }
}

/// Where the programs, the states and the logs are.
pub struct Stage {
    /// The `meter-client` program.
    pub meter_client: PathBuf,
    /// The `grid-operator` program.
    pub grid_operator: PathBuf,
    /// The run's folder.
    pub dir: PathBuf,
    /// The folder of the logs.
    pub logs: PathBuf,
    /// Where bills are kept: a folder, or a Kubo RPC address.
    pub store: String,
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

/// How many periods of all regions were missed, by what `key-centre publish` printed.
fn too_late(printed: &str) -> usize {
    let regions: Value = serde_json::from_str(printed).unwrap_or(Value::Null);
    let missed = |region: &Value| region["missed"].as_array().map_or(0, Vec::len);
    regions.as_array().map_or(0, |regions| regions.iter().map(missed).sum())
}

impl Stage {
    /// A meter's state folder.
    pub fn meter_dir(&self, meter: &str) -> PathBuf {
        self.dir.join("meters").join(meter)
    }

    /// Where a region's enrolment requests and responses are.
    pub fn enrolment_dir(&self, region: RegionId, kind: &str) -> PathBuf {
        self.dir.join("enrolment").join(region.to_string()).join(kind)
    }

    /// Where a user's fetched bill is.
    pub fn bill_file(&self, meter: &str) -> PathBuf {
        self.dir.join("fetched").join(format!("{meter}.age"))
    }

    /// The key file of a role.
    pub fn key_file(&self, role: &str) -> PathBuf {
        self.dir.join(format!("{role}.key"))
    }

    fn meter(&self, name: &str, meter: &str, urls: &str) -> Invocation {
        Invocation::new(format!("{meter} {name}"), &self.meter_client, &self.logs)
            .path("--dir", &self.meter_dir(meter))
            .option("--nodes", urls)
            .arg("--json")
            .arg("--json-log")
    }

    fn operator(&self, name: &str, urls: &str) -> Invocation {
        Invocation::new(name, &self.grid_operator, &self.logs)
            .option("--nodes", urls)
            .arg("--json")
            .arg("--json-log")
    }

    fn key_centre(&self, command: &str, urls: &str) -> Invocation {
        self.operator(&format!("key-centre {command}"), urls)
            .arg("key-centre")
            .path("--dir", &self.dir.join("key-centre"))
            .path("--key-file", &self.key_file("key-centre"))
            .path("--unlock-key", &self.dir.join("unlock.txt"))
            .arg(command)
    }

    /// A new meter makes its keys and asks to be enrolled.
    async fn request_enrolment(&self, home: &Home, urls: &str) -> Result<(), ProcessError> {
        let request = self
            .enrolment_dir(home.region, "requests")
            .join(format!("{}.json", home.meter));
        let call = self
            .meter("enrol request", &home.meter, urls)
            .arg("enrol")
            .arg("request");
        call.option("--label", &home.meter)
            .path("--out", &request)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// The bill identifier that a meter asked with.
    ///
    /// # Errors
    ///
    /// If its request is not there or has none.
    pub fn bid(&self, home: &Home) -> std::io::Result<String> {
        let request = self
            .enrolment_dir(home.region, "requests")
            .join(format!("{}.json", home.meter));
        let request: Value = serde_json::from_slice(&std::fs::read(request)?)?;
        request["bid"]
            .as_str()
            .map(String::from)
            .ok_or_else(|| std::io::Error::other("a request without a BID"))
    }

    /// The meter takes the key centre's response.
    async fn accept_enrolment(&self, home: &Home, urls: &str) -> Result<(), ProcessError> {
        let bid = self.bid(home).map_err(|source| ProcessError::Lost {
            name: format!("{}'s enrolment request", home.meter),
            source,
        })?;
        let name = format!("{bid}.response.age");
        let response = self.enrolment_dir(home.region, "responses").join(name);
        let call = self.meter("enrol accept", &home.meter, urls).arg("enrol").arg("accept");
        call.arg(response.display()).run(COMMAND_TIME).await.map(drop)
    }

    /// The key centre makes its keys, and all meters make theirs and are enrolled from a cycle on, some side by side.
    pub async fn enrol(&self, homes: &[Home], cycle: CycleId, urls: &str) -> Result<(), ProcessError> {
        self.init_key_centre(urls).await?;
        for batch in homes.chunks(SIDE_BY_SIDE) {
            try_join_all(batch.iter().map(|home| self.request_enrolment(home, urls))).await?;
        }
        let regions: BTreeSet<RegionId> = homes.iter().map(|home| home.region).collect();
        for region in regions {
            self.enrol_region(region, cycle, urls).await?;
        }
        for batch in homes.chunks(SIDE_BY_SIDE) {
            try_join_all(batch.iter().map(|home| self.accept_enrolment(home, urls))).await?;
        }
        Ok(())
    }

    /// Makes the folders of the stage, and the key files of the two roles on a development chain.
    pub fn prepare(&self, regions: &[RegionId]) -> std::io::Result<()> {
        for region in regions {
            for kind in ["requests", "responses"] {
                std::fs::create_dir_all(self.enrolment_dir(*region, kind))?;
            }
        }
        std::fs::create_dir_all(self.dir.join("meters"))?;
        std::fs::create_dir_all(self.dir.join("fetched"))?;
        ROLES
            .iter()
            .try_for_each(|(role, uri)| write_secret(&self.key_file(role), uri))
    }

    /// The meter starts to replay its readings.
    pub fn start_meter(
        &self,
        home: &Home,
        start: DateTime<Utc>,
        way: Way,
        urls: &str,
    ) -> Result<Process, ProcessError> {
        self.meter("run", &home.meter, urls)
            .arg("run")
            .option("--source", "csv")
            .path("--csv", &home.file)
            .option("--meter", &home.meter)
            .option("--start", start.format("%Y-%m-%dT%H:%M:%SZ"))
            .option("--by", way)
            .arg("--until-cycle-end")
            .start()
    }

    /// A user fetches its bill from the store.
    pub async fn fetch_bill(&self, meter: &str, cycle: CycleId, urls: &str) -> Result<(), ProcessError> {
        let call = self
            .meter("bill fetch", meter, urls)
            .arg("bill")
            .option("--store", &self.store)
            .arg("fetch");
        call.option("--cycle", cycle)
            .path("--out", &self.bill_file(meter))
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// A user checks a bill in a file, with the keys in a state folder; how that ended is for the caller to judge.
    pub async fn verify_bill(
        &self,
        meter: &str,
        cycle: CycleId,
        file: &Path,
        urls: &str,
    ) -> Result<Finished, ProcessError> {
        let call = self
            .meter("bill verify", meter, urls)
            .arg("bill")
            .option("--store", &self.store)
            .arg("verify");
        call.option("--cycle", cycle)
            .path("--file", file)
            .finish(COMMAND_TIME)
            .await
    }

    /// A user decrypts a bill in a file to HTML.
    pub async fn open_bill(
        &self,
        meter: &str,
        cycle: CycleId,
        file: &Path,
        html: &Path,
        urls: &str,
    ) -> Result<Finished, ProcessError> {
        let call = self
            .meter("bill open", meter, urls)
            .arg("bill")
            .option("--store", &self.store)
            .arg("open");
        call.option("--cycle", cycle)
            .path("--file", file)
            .path("--out", html)
            .finish(COMMAND_TIME)
            .await
    }

    /// A user asks for a receipt of its bill.
    pub async fn make_receipt(&self, meter: &str, cycle: CycleId, out: &Path, urls: &str) -> Result<(), ProcessError> {
        let call = self.meter("bill receipt", meter, urls).arg("bill").arg("receipt");
        call.option("--cycle", cycle)
            .path("--out", out)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// Who finalises blocks, as a member tells it to whoever asks.
    pub async fn authorities(&self, urls: &str) -> Result<String, ProcessError> {
        let call = self.operator("consortium authorities", urls);
        call.arg("consortium").arg("authorities").run(COMMAND_TIME).await
    }

    /// Somebody with nothing but these files checks a receipt.
    pub async fn check_receipt(
        &self,
        receipt: &Path,
        genesis: &[u8; 32],
        authorities: &Path,
        bill: &Path,
    ) -> Result<Finished, ProcessError> {
        Invocation::new("receipt check", &self.meter_client, &self.logs)
            .arg("--json")
            .arg("receipt")
            .arg("check")
            .arg(receipt.display())
            .option("--genesis", hex::encode(genesis))
            .path("--authorities", authorities)
            .path("--bill", bill)
            .finish(COMMAND_TIME)
            .await
    }

    /// A meter's owner discloses periods, the first to the last.
    pub async fn disclose(
        &self,
        meter: &str,
        cycle: CycleId,
        (from, to): (u16, u16),
        out: &Path,
        urls: &str,
    ) -> Result<(), ProcessError> {
        let call = self.meter("disclose", meter, urls).arg("disclose");
        call.option("--cycle", cycle)
            .option("--from", from)
            .option("--to", to)
            .path("--out", out)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// What an auditor reads with that.
    pub async fn audit(&self, disclosure: &Path, urls: &str) -> Result<Value, ProcessError> {
        let call = Invocation::new("auditor", &self.meter_client, &self.logs);
        let text = call
            .option("--nodes", urls)
            .arg("--json")
            .arg("auditor")
            .arg(disclosure.display())
            .run(COMMAND_TIME)
            .await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Somebody without a key compares the cycle's bills with its totals.
    pub async fn audit_bills(&self, cycle: CycleId, urls: &str) -> Result<Finished, ProcessError> {
        let call = self.operator("audit", urls).arg("audit");
        call.option("--cycle", cycle).finish(COMMAND_TIME).await
    }

    /// The key centre makes its root key and its ledger.
    async fn init_key_centre(&self, urls: &str) -> Result<(), ProcessError> {
        self.key_centre("init", urls).run(COMMAND_TIME).await.map(drop)
    }

    /// The key centre enrols all meters that asked in a region.
    async fn enrol_region(&self, region: RegionId, cycle: CycleId, urls: &str) -> Result<(), ProcessError> {
        self.key_centre("enrol", urls)
            .path("--request-dir", &self.enrolment_dir(region, "requests"))
            .path("--response-dir", &self.enrolment_dir(region, "responses"))
            .option("--region", region)
            .option("--first-cycle", cycle)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// The key centre schedules a cycle that begins after `lead`.
    pub async fn schedule(
        &self,
        cycle: CycleId,
        lead: Duration,
        period: Duration,
        window: Duration,
        periods: u16,
        urls: &str,
    ) -> Result<(), ProcessError> {
        self.key_centre("schedule", urls)
            .option("--cycle", cycle)
            .option("--start", format!("+{}", lead.as_secs()))
            .option("--period-ms", period.as_millis())
            .option("--window-ms", window.as_millis())
            .option("--periods", periods)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// The key centre publishes the filters and mask commitments of a whole cycle. Returns how many came too late: their
    /// periods had opened.
    pub async fn publish(&self, cycle: CycleId, urls: &str) -> Result<usize, ProcessError> {
        let text = self
            .key_centre("publish", urls)
            .option("--cycle", cycle)
            .run(COMMAND_TIME)
            .await?;
        Ok(too_late(&text))
    }

    /// The key centre watches periods close, finds faults and opens mask sums, until the last is open.
    pub fn start_watch(&self, cycle: CycleId, urls: &str) -> Result<Process, ProcessError> {
        self.key_centre("watch", urls)
            .option("--cycle", cycle)
            .arg("--until-closed")
            .start()
    }

    /// The control centre prices periods, until the last has its price.
    pub fn start_control_centre(&self, cycle: CycleId, tariff: &Path, urls: &str) -> Result<Process, ProcessError> {
        self.operator("control-centre run", urls)
            .arg("control-centre")
            .path("--dir", &self.dir.join("control-centre"))
            .path("--key-file", &self.key_file("control-centre"))
            .arg("run")
            .path("--tariff", tariff)
            .option("--cycle", cycle)
            .arg("--until-priced")
            .start()
    }

    /// The key centre bills every home.
    pub async fn bill(&self, cycle: CycleId, currency: &str, urls: &str) -> Result<(), ProcessError> {
        self.key_centre("bill", urls)
            .option("--cycle", cycle)
            .option("--store", &self.store)
            .option("--currency", currency)
            .run(COMMAND_TIME)
            .await
            .map(drop)
    }

    /// The faults in the key centre's ledger, as JSON.
    pub async fn faults(&self, cycle: CycleId, urls: &str) -> Result<Value, ProcessError> {
        let text = self
            .key_centre("faults", urls)
            .option("--cycle", cycle)
            .run(COMMAND_TIME)
            .await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_that_opened_before_their_filters_are_counted_over_all_regions() {
        let printed = r#"[{"region":1,"manifests":6,"missed":[]},{"region":2,"manifests":3,"missed":[0,1,2]},
            {"region":3,"manifests":5,"missed":[0]}]"#;
        assert_eq!(too_late(printed), 4);
        assert_eq!(too_late("[]"), 0);
    }
}
