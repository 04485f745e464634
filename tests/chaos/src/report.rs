//! What a scenario measured and what it checked: printed line by line as it goes, counted at the end, and as JSON.
//!
//! Promises that each check is entered once with what was seen, that the last line counts every check, and that nothing is
//! counted that was not checked: a scenario that is skipped counts for nothing and says why.
//!
//! **Privacy.** Times, heights, names of nodes.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use gridveil_demo::checks::Seen;
use serde::Serialize;

/// One check.
#[derive(Clone, Debug, Serialize)]
struct Check {
    claim: String,
    ok: bool,
    seen: String,
}

/// One number.
#[derive(Clone, Debug, Serialize)]
struct Measure {
    what: String,
    value: String,
}

/// What came of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    scenario: String,
    members: usize,
    seed: u64,
    skipped: Option<String>,
    seconds: f64,
    measured: Vec<Measure>,
    checks: Vec<Check>,
    #[serde(skip)]
    began: Instant,
}

impl Report {
    /// The report of a scenario that begins now.
    pub fn new(scenario: &str, members: usize, seed: u64) -> Self {
        Self {
            scenario: scenario.into(),
            members,
            seed,
            skipped: None,
            seconds: 0.0,
            measured: Vec::new(),
            checks: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Says what happens, for whoever looks on.
    pub fn tell(&self, text: impl Display) {
        println!("[{:>5.0} s] {text}", self.began.elapsed().as_secs_f64());
    }

    /// Enters a number.
    pub fn measured(&mut self, what: impl Into<String>, value: impl Display) {
        let (what, value) = (what.into(), value.to_string());
        println!("  measured  {what}: {value}");
        self.measured.push(Measure { what, value });
    }

    /// Enters a check.
    pub fn check(&mut self, claim: impl Into<String>, seen: Seen) {
        let claim = claim.into();
        let (ok, seen) = match seen {
            Ok(seen) => (true, seen),
            Err(seen) => (false, seen),
        };
        println!("  {}  {claim}: {seen}", if ok { "ok      " } else { "FAILED  " });
        self.checks.push(Check { claim, ok, seen });
    }

    /// Enters a check that a time was kept.
    pub fn check_within(&mut self, claim: impl Into<String>, took: Option<Duration>, limit: Duration) {
        self.check(claim, within(took, limit));
    }

    /// Says that the scenario can't be run here.
    pub fn skip(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        println!("  skipped   {} with {} members: {reason}", self.scenario, self.members);
        self.skipped = Some(reason);
    }

    /// Says how long it took.
    pub fn close(&mut self) {
        self.seconds = self.began.elapsed().as_secs_f64();
        let (passed, failed) = self.count();
        if self.skipped.is_none() {
            println!(
                "  {} with {} members: {passed} passed, {failed} failed, {:.0} s\n",
                self.scenario, self.members, self.seconds
            );
        }
    }

    /// How many checks hold and how many don't.
    pub fn count(&self) -> (usize, usize) {
        let passed = self.checks.iter().filter(|check| check.ok).count();
        (passed, self.checks.len() - passed)
    }

    /// Whether it was skipped.
    pub fn is_skipped(&self) -> bool {
        self.skipped.is_some()
    }
}

/// Whether a time was kept; `None` is the time of what did not come about.
pub fn within(took: Option<Duration>, limit: Duration) -> Seen {
    match took {
        None => Err(format!("not within {}", seconds(limit))),
        Some(took) if took <= limit => Ok(seconds(took)),
        Some(took) => Err(format!("{} (the limit is {})", seconds(took), seconds(limit))),
    }
}

/// A time as people read it.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// How many checks of all scenarios hold, and how many don't.
pub fn total(reports: &[Report]) -> (usize, usize) {
    reports
        .iter()
        .map(Report::count)
        .fold((0, 0), |(passed, failed), (more, worse)| {
            (passed + more, failed + worse)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_counted_once_and_a_skipped_scenario_not_at_all() {
        let mut report = Report::new("kill-leader", 4, 1);
        report.check("water is wet", Ok("it was".into()));
        report.check("fire is cold", Err("it was not".into()));
        let mut skipped = Report::new("disk-full", 4, 1);
        skipped.skip("no disk");
        assert_eq!(total(&[report, skipped.clone()]), (1, 1));
        assert!(skipped.is_skipped());
    }

    #[test]
    fn a_time_is_kept_up_to_its_limit_and_never_by_what_did_not_happen() {
        let limit = Duration::from_secs(6);
        assert_eq!(within(Some(limit), limit), Ok("6.0 s".into()));
        assert!(within(Some(limit + Duration::from_millis(1)), limit).is_err());
        assert!(within(None, limit).unwrap_err().contains("not within 6.0 s"));
    }

    #[test]
    fn the_json_has_what_was_checked_and_measured() {
        let mut report = Report::new("kill-leader", 7, 3);
        report.measured("next block", "3.0 s");
        report.check_within(
            "next block within 2 slots",
            Some(Duration::from_secs(3)),
            Duration::from_secs(6),
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["members"], 7);
        assert_eq!(json["measured"][0]["value"], "3.0 s");
        assert_eq!(json["checks"][0]["ok"], true);
        assert!(json["skipped"].is_null());
    }
}
