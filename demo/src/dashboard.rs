//! The dashboard over the demo's network: `dashboard/serve.mjs` as a process of its own, with a node and the bills behind it.
//!
//! Promises that the page answers at [`Dashboard::url`] once it is started, and that its process ends with the value. What it
//! serves, and to whom, is `serve.mjs`'s to say.
//!
//! **Privacy.** Of loopback only, as `serve.mjs` has it where nobody says otherwise; the node must be one whose RPC is safe.

use std::{path::Path, time::Duration};

use gridveil_chain_client::{show_account, RoleKey};
use gridveil_demo::process::{log_file, Invocation, Process, ProcessError};
use serde_json::{json, Map};
use tokio::time::{sleep, Instant};

use crate::story::{StoryError, AGGREGATORS, CURRENCY};

/// What `serve.mjs` writes before its address, once it listens.
const AT: &str = "the dashboard is at ";
/// How long that may take.
const START_TIME: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A running dashboard.
pub struct Dashboard {
    url: String,
    process: Process,
}

impl Dashboard {
    /// Serves the dashboard that is built in `folder`, for a node's address and a store's folder; what it writes goes to `dir`
    /// and its log to `logs`. The system chooses the port.
    ///
    /// # Errors
    ///
    /// If there is no Node.js, the dashboard is not built, or the node's RPC is not safe.
    pub async fn start(folder: &Path, dir: &Path, logs: &Path, node: &str, store: &str) -> Result<Self, StoryError> {
        let page = folder.join("dist/index.html");
        if !page.is_file() {
            return Err(StoryError::Missing(format!(
                "{} is missing: build the dashboard first (./scripts/demo --keep does)",
                page.display()
            )));
        }
        let config = dir.join("dashboard.json");
        std::fs::write(&config, names()?)?;
        let mut process = Invocation::new("dashboard", Path::new("node"), logs)
            .arg(folder.join("serve.mjs").display())
            .option("--node", node)
            .option("--store", store)
            .option("--port", 0)
            .path("--config", &config)
            .start()?;
        let deadline = Instant::now() + START_TIME;
        loop {
            let said = std::fs::read_to_string(log_file(logs, "dashboard"))?;
            if let Some((url, _)) = said.split_once(AT).and_then(|(_, rest)| rest.split_once('\n')) {
                let url = url.to_owned();
                return Ok(Self { url, process });
            }
            process.check_alive()?;
            if Instant::now() > deadline {
                return Err(StoryError::Missing(format!(
                    "the dashboard did not start within {START_TIME:?}"
                )));
            }
            sleep(POLL).await;
        }
    }

    /// Its address, for a browser on this machine.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it: at once, since it has no state to put in order.
    pub async fn stop(self) -> Result<(), ProcessError> {
        self.process.kill().await
    }
}

/// What the chain does not say and the dashboard shows: the members' names, and what a period of the shortened clock stands for.
fn names() -> Result<String, StoryError> {
    let mut members = Map::new();
    for name in AGGREGATORS {
        // As the node's option that takes the member's keys has it.
        let mut key = format!("//{name}");
        if let Some(first) = key.get_mut(2..3) {
            first.make_ascii_uppercase();
        }
        let key =
            RoleKey::from_uri(&key).map_err(|error| StoryError::Missing(format!("{name} has no key: {error}")))?;
        members.insert(show_account(&key.account()), json!(name));
    }
    Ok(json!({ "currency": CURRENCY, "periodMinutes": 30, "members": members }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_aggregator_has_its_name_by_its_account() {
        let names: serde_json::Value = serde_json::from_str(&names().unwrap()).unwrap();
        assert_eq!(names["members"].as_object().unwrap().len(), AGGREGATORS.len());
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        assert_eq!(names["members"][alice], "alice");
    }

    #[tokio::test]
    async fn a_dashboard_that_was_not_built_is_told_with_what_builds_it() {
        let dir = tempfile::tempdir().unwrap();
        let started = Dashboard::start(dir.path(), dir.path(), dir.path(), "http://127.0.0.1:1", "store").await;
        let error = started.err().unwrap().to_string();
        assert!(error.contains("./scripts/demo --keep"), "{error}");
    }
}
