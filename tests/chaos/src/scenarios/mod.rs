//! What is broken, one file each, and the list of it all.
//!
//! A scenario starts its own network, breaks one thing, checks what the table asks for, and ends with what must
//! hold after everything ([`crate::verdict`]). It returns an error only where it could not go on.
//!
//! **Privacy.** Development keys and made-up readings.

mod clock_skew;
mod disk_full;
mod equivocation;
mod f_down;
mod f_plus_one_down;
mod hostile_aggregator;
mod kill_all;
mod kill_leader;
mod membership;
mod partition;
mod stall;
mod wipe_database;

use futures::future::LocalBoxFuture;

use crate::{error::ChaosError, ground::Run};

/// How a scenario goes on.
pub type Going<'a> = LocalBoxFuture<'a, Result<(), ChaosError>>;

/// A scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is broken, and what must hold.
    pub about: &'static str,
    /// The sizes of the consortium that it is run with.
    pub sizes: &'static [usize],
    /// Whether it belongs to the short selection.
    pub short: bool,
    /// Runs it.
    pub run: fn(&mut Run) -> Going<'_>,
}

/// Both sizes.
const BOTH: &[usize] = &[4, 7];

/// All scenarios, in the order in which they are run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "kill-leader",
        about: "kill -9 the leader: next block within 2 slots, finality lag back under 10 s, leadership gone",
        sizes: BOTH,
        short: true,
        run: kill_leader::run,
    },
    Scenario {
        name: "f-down",
        about: "f nodes down for 5 minutes: nine tenths of the others' blocks, lag of 5 blocks at most, no period missed",
        sizes: BOTH,
        short: false,
        run: f_down::run,
    },
    Scenario {
        name: "f-plus-one-down",
        about: "f+1 nodes down, then restored: finality halts and resumes by itself within 60 s, nothing lost",
        sizes: BOTH,
        short: true,
        run: f_plus_one_down::run,
    },
    Scenario {
        name: "partition-2-2",
        about: "two and two cut off from each other, then healed: one chain, finality within 30 s, no share lost",
        sizes: &[4],
        short: false,
        run: partition::run,
    },
    Scenario {
        name: "partition-3-4",
        about: "three and four cut off from each other, then healed: one chain, finality within 30 s, no share lost",
        sizes: &[7],
        short: false,
        run: partition::run,
    },
    Scenario {
        name: "kill-all-20",
        about: "kill -9 of all nodes, 20 times at random moments: no equivocation, nothing final lost, ready within 30 s",
        sizes: BOTH,
        short: false,
        run: kill_all::run,
    },
    Scenario {
        name: "wipe-database",
        about: "one database wiped: the node resyncs and votes again, without having equivocated",
        sizes: BOTH,
        short: false,
        run: wipe_database::run,
    },
    Scenario {
        name: "disk-full",
        about: "disk full on one node: it stops cleanly and says why, the rest go on, it comes back when there is space",
        sizes: BOTH,
        short: false,
        run: disk_full::run,
    },
    Scenario {
        name: "clock-skew",
        about: "one clock off by 5 s: all is normal; by 60 s: that node is left behind, the chain is not",
        sizes: BOTH,
        short: false,
        run: clock_skew::run,
    },
    Scenario {
        name: "equivocation",
        about: "an authority that signs two blocks and two votes: evidence within 2 blocks, out of the set at the next term",
        sizes: BOTH,
        short: true,
        run: equivocation::run,
    },
    Scenario {
        name: "membership",
        about: "a member added, another removed, under load: the new set finalises, the old keys are worth nothing",
        sizes: BOTH,
        short: false,
        run: membership::run,
    },
    Scenario {
        name: "stall",
        about: "f+1 machines lost for good: new keys and a vote on note_stalled bring finality back",
        sizes: BOTH,
        short: false,
        run: stall::run,
    },
    Scenario {
        name: "hostile-aggregator",
        about: "shares dropped, delayed, altered, replayed: each is rejected or shows as a fault, or arrives another way",
        sizes: &[4],
        short: false,
        run: hostile_aggregator::run,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scenarios_have_one_name() {
        let names: std::collections::BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
    }
}
