//! The command line.
//!
//! **Privacy.** Names, numbers and a file.

use std::path::PathBuf;

use clap::Parser;

use crate::scenarios::{Scenario, SCENARIOS, SHORT};

/// Runs a consortium of real nodes on this machine, with meters that submit all the while, breaks something, and checks
/// that what gridveil promises still holds.
///
/// Each node lives in its own network namespace where the machine allows it, else on loopback. Ends all that it started,
/// whatever happens. The last line is "N passed, M failed"; the exit status is 0 only if something was checked and nothing
/// failed. The same seed breaks the same things at the same moments.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Arguments {
    /// Run this scenario; may be given several times.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["all", "short"], value_parser = known)]
    pub scenario: Vec<String>,
    /// Run all scenarios, which is what happens if nothing else is asked for.
    #[arg(long)]
    pub all: bool,
    /// Run the short selection, one after the other on one network of four members: ten minutes at most.
    #[arg(long, conflicts_with_all = ["all", "members"])]
    pub short: bool,
    /// Chooses who is hit and when.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Run with a consortium of this size only [default: 4 and 7, as far as the scenario has both].
    #[arg(long, value_name = "4|7", value_parser = size)]
    pub members: Option<usize>,
    /// List the scenarios and end.
    #[arg(long)]
    pub list: bool,
    /// Write what was measured and checked to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The folder of the run, when this process is the one inside of the namespaces.
    #[arg(long, hide = true)]
    pub nested: Option<PathBuf>,
}

fn known(name: &str) -> Result<String, String> {
    if SCENARIOS.iter().any(|scenario| scenario.name == name) {
        return Ok(name.into());
    }
    let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    Err(format!("there is {}", names.join(", ")))
}

fn size(text: &str) -> Result<usize, String> {
    match text {
        "4" => Ok(4),
        "7" => Ok(7),
        _ => Err("a consortium here has 4 or 7 members".into()),
    }
}

impl Arguments {
    /// What is to be run, in order: each scenario with the number of members.
    pub fn selection(&self) -> Vec<(&'static Scenario, usize)> {
        if self.short {
            let named = |name: &&str| SCENARIOS.iter().find(|scenario| scenario.name == *name);
            return SHORT.iter().filter_map(named).map(|scenario| (scenario, 4)).collect();
        }
        SCENARIOS
            .iter()
            .filter(|scenario| self.scenario.is_empty() || self.scenario.iter().any(|name| name == scenario.name))
            .flat_map(|scenario| scenario.sizes.iter().map(move |members| (scenario, *members)))
            .filter(|(_, members)| self.members.is_none_or(|size| size == *members))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn selected(arguments: &[&str]) -> Vec<(&'static str, usize)> {
        let all = [&["gridveil-chaos"][..], arguments].concat();
        let selection = Arguments::try_parse_from(all).unwrap().selection();
        selection
            .iter()
            .map(|(scenario, members)| (scenario.name, *members))
            .collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn everything_runs_with_both_sizes_but_for_what_has_one() {
        let all = selected(&[]);
        assert_eq!(all, selected(&["--all"]));
        assert!(all.contains(&("kill-leader", 4)) && all.contains(&("kill-leader", 7)));
        assert!(all.contains(&("partition-2-2", 4)) && !all.contains(&("partition-2-2", 7)));
        assert!(all.contains(&("partition-3-4", 7)) && !all.contains(&("partition-3-4", 4)));
    }

    #[test]
    fn the_short_selection_has_four_members_and_is_not_empty() {
        let short = selected(&["--short"]);
        assert!(
            !short.is_empty() && short.iter().all(|(_, members)| *members == 4),
            "{short:?}"
        );
        assert!(short.len() < selected(&["--members", "4"]).len());
    }

    #[test]
    fn scenarios_are_run_by_name_and_unknown_ones_refused() {
        assert_eq!(
            selected(&["--scenario", "f-down", "--members", "7"]),
            vec![("f-down", 7)]
        );
        assert!(Arguments::try_parse_from(["gridveil-chaos", "--scenario", "earthquake"]).is_err());
        assert!(Arguments::try_parse_from(["gridveil-chaos", "--members", "5"]).is_err());
    }
}
