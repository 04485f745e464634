//! The command line.
//!
//! **Privacy.** Names and a number.

use clap::Parser;

use crate::attacks::{Attack, ATTACKS};

/// Runs known attacks against the paper's scheme, on which they work, and against gridveil, on which they must fail.
///
/// Each attack sees only what its attacker would see. The same seed gives the same keys, readings and guesses. Intervals are
/// Wilson's, at 99.9 %. The last line is "N passed, M failed", where a check passes that comes out as claimed; the exit
/// status is 0 only if something was checked and nothing failed.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Arguments {
    /// Run this attack; may be given several times [default: all].
    #[arg(long, value_name = "NAME", value_parser = known)]
    pub attack: Vec<String>,
    /// What keys, readings and guesses follow from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// List the attacks and end.
    #[arg(long)]
    pub list: bool,
}

fn known(name: &str) -> Result<String, String> {
    if ATTACKS.iter().any(|attack| attack.name == name) {
        return Ok(name.into());
    }
    let names: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
    Err(format!("there is {}", names.join(", ")))
}

impl Arguments {
    /// What is to be run, in the table's order.
    pub fn selection(&self) -> impl Iterator<Item = &'static Attack> + '_ {
        let asked = |attack: &&Attack| self.attack.is_empty() || self.attack.iter().any(|name| name == attack.name);
        ATTACKS.iter().filter(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn attacks_are_run_by_name_all_by_default_and_unknown_ones_refused() {
        let selected = |arguments: &[&str]| -> Vec<_> {
            let all = [&["gridveil-attacks"][..], arguments].concat();
            let arguments = Arguments::try_parse_from(all).unwrap();
            arguments.selection().map(|attack| attack.name).collect()
        };
        assert_eq!(selected(&[]).len(), ATTACKS.len());
        assert_eq!(selected(&["--attack", "replay"]), ["replay"]);
        assert!(Arguments::try_parse_from(["gridveil-attacks", "--attack", "magic"]).is_err());
    }

    #[test]
    fn no_two_attacks_have_one_name() {
        let names: std::collections::BTreeSet<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), ATTACKS.len());
    }
}
