//! What is broken, one file each, and the list of it all.
//!
//! A scenario has a network of its own, breaks one thing, checks what `docs/consensus.md` promises of it, and ends with what must
//! hold after everything ([`crate::verdict`]). It returns an error only where it could not go on. Some can also take a
//! network over as another one left it: those are the short selection, one after the other on one network.
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
mod upgrade;
mod wipe_database;

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::{
    error::ChaosError,
    grid::{Grid, Setup},
    ground::Run,
    load::FIRST_CLOSE,
};

/// How a scenario goes on.
pub type Going<'a> = LocalBoxFuture<'a, Result<(), ChaosError>>;

/// What a scenario does.
pub enum Course {
    /// It starts and ends its own network.
    Own(fn(&mut Run) -> Going<'_>),
    /// It begins with a network under load, and leaves it mended.
    On {
        /// The blocks of a term, where the network is its own.
        term_blocks: u32,
        /// How long it may last.
        time: Duration,
        /// What it does.
        act: for<'a> fn(&'a mut Run, &'a mut Grid) -> Going<'a>,
    },
}

/// A scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is broken, and what must hold.
    pub about: &'static str,
    /// The sizes of the consortium that it is run with.
    pub sizes: &'static [usize],
    /// What it does.
    pub course: Course,
}

impl Scenario {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// Where it could not go on.
    pub async fn run(&self, run: &mut Run) -> Result<(), ChaosError> {
        match self.course {
            Course::Own(whole) => whole(run).await,
            Course::On { term_blocks, time, act } => {
                let setup = Setup {
                    term_blocks,
                    time: time + FIRST_CLOSE,
                    ..Setup::default()
                };
                let mut grid = Grid::start(run, setup).await?;
                grid.start_meters()?;
                grid.first_close().await?;
                act(run, &mut grid).await?;
                grid.end().await
            }
        }
    }
}

/// Both sizes.
const BOTH: &[usize] = &[4, 7];

/// The names of the short selection, in the order in which they are run: the last ones change who is a member.
pub const SHORT: &[&str] = &[
    "kill-leader",
    "f-plus-one-down",
    "partition-2-2",
    "membership",
    "two-votes",
];
/// The blocks of a term in the short selection.
pub const SHORT_TERM: u32 = 10;
/// How long the short selection may last.
pub const SHORT_TIME: Duration = Duration::from_secs(600);

/// All scenarios, in the order in which they are run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "kill-leader",
        about: "kill -9 the leader: next block within 2 slots, finality lag back under 10 s, leadership gone",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(180),
            act: kill_leader::act,
        },
    },
    Scenario {
        name: "f-down",
        about: "f nodes down for 5 minutes: nine tenths of the others' blocks, lag of 5 blocks at most, no period missed",
        sizes: BOTH,
        course: Course::Own(f_down::run),
    },
    Scenario {
        name: "f-plus-one-down",
        about: "f+1 nodes down, then restored: finality halts and resumes by itself within 60 s, nothing lost",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(180),
            act: f_plus_one_down::act,
        },
    },
    Scenario {
        name: "partition-2-2",
        about: "two and two cut off from each other, then healed: one chain, finality within 30 s, no share lost",
        sizes: &[4],
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(240),
            act: partition::act,
        },
    },
    Scenario {
        name: "partition-3-4",
        about: "three and four cut off from each other, then healed: one chain, finality within 30 s, no share lost",
        sizes: &[7],
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(240),
            act: partition::act,
        },
    },
    Scenario {
        name: "kill-all-20",
        about: "kill -9 of all nodes, 20 times at random moments: no equivocation, nothing final lost, ready within 30 s",
        sizes: BOTH,
        course: Course::Own(kill_all::run),
    },
    Scenario {
        name: "wipe-database",
        about: "one database wiped: the node resyncs and votes again, without having equivocated",
        sizes: BOTH,
        course: Course::Own(wipe_database::run),
    },
    Scenario {
        name: "disk-full",
        about: "disk full on one node: it stops cleanly and says why, the rest go on, it comes back when there is space",
        sizes: BOTH,
        course: Course::Own(disk_full::run),
    },
    Scenario {
        name: "clock-skew",
        about: "one clock off by 5 s: all is normal; by 60 s: that node is left behind, the chain is not",
        sizes: BOTH,
        course: Course::Own(clock_skew::run),
    },
    Scenario {
        name: "two-blocks",
        about: "an authority that signs two blocks in a slot: evidence within 2 blocks of detection, out of the set at the next term",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(300),
            act: equivocation::two_blocks,
        },
    },
    Scenario {
        name: "two-votes",
        about: "an authority that signs two votes in a round: evidence within 2 blocks of detection, out of the set at the next term",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(300),
            act: equivocation::two_votes,
        },
    },
    Scenario {
        name: "membership",
        about: "a member added, another removed, under load: the new set finalises, the old keys are worth nothing",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 10,
            time: Duration::from_secs(420),
            act: membership::act,
        },
    },
    Scenario {
        name: "stall",
        about: "f+1 machines lost for good: new keys and a vote on note_stalled bring finality back",
        sizes: BOTH,
        course: Course::Own(stall::run),
    },
    Scenario {
        name: "upgrade",
        about: "the runtime replaced by the next version's, by vote: all nodes run it, all data is kept, all are heard",
        sizes: BOTH,
        course: Course::On {
            term_blocks: 20,
            time: Duration::from_secs(300),
            act: upgrade::act,
        },
    },
    Scenario {
        name: "hostile-aggregator",
        about: "shares dropped, lied about, delayed, altered, replayed: rejected, seen as a fault, or there by another way",
        sizes: &[4],
        course: Course::Own(hostile_aggregator::run),
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

    #[test]
    fn the_short_selection_is_of_scenarios_that_can_share_a_network_of_four() {
        for name in SHORT {
            let scenario = SCENARIOS.iter().find(|scenario| scenario.name == *name).unwrap();
            assert!(matches!(scenario.course, Course::On { .. }), "{name}");
            assert!(scenario.sizes.contains(&4), "{name}");
        }
    }
}
