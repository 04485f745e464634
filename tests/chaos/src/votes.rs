//! What a node says in its log that it voted, and whether a later life of it contradicts an earlier one.
//!
//! Pure. A node that logs `grandpa=debug` says which kind of vote it casts in which round, and then for which block, round
//! and set it has signed. Two votes of one kind, round and set for two blocks are an equivocation, whether or not anybody
//! but the node itself ever sees both.
//!
//! **Privacy.** Blocks and rounds.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    path::Path,
};

/// The option that makes a node say so.
pub const LOG_OPTION: &str = "-lgrandpa=debug";

/// What stands before the round where a vote is cast, by kind.
const CAST: [(&str, Kind); 3] = [
    ("Sending primary block hint for round ", Kind::Proposal),
    ("Casting prevote for round ", Kind::Prevote),
    ("Casting precommit for round ", Kind::Precommit),
];
/// What stands before the block, between block and round, and between round and set where a vote is signed.
const SIGNED: [&str; 3] = ["Announcing block ", " to peers which we voted on in round ", " in set "];

/// A kind of vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A hint by the member whose turn the round is.
    Proposal,
    /// The first vote.
    Prevote,
    /// The second vote.
    Precommit,
}

/// A vote that a member has one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    set: u64,
    round: u64,
    kind: Kind,
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of round {} in set {}", self.kind, self.round, self.set)
    }
}

/// The blocks that a node voted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes(BTreeMap<Ballot, String>);

impl Votes {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds the votes in the log of one more life; those that contradict what was there.
    pub fn live(&mut self, log: &str) -> Vec<Ballot> {
        let mut cast: BTreeMap<u64, VecDeque<Kind>> = BTreeMap::new();
        let mut contradictions = Vec::new();
        for line in log.lines() {
            if let Some((round, kind)) = parse_cast(line) {
                cast.entry(round).or_default().push_back(kind);
            }
            let Some((block, round, set)) = parse_signed(line) else {
                continue;
            };
            // What is signed is what was cast first.
            let Some(kind) = cast.get_mut(&round).and_then(VecDeque::pop_front) else {
                continue;
            };
            let ballot = Ballot { set, round, kind };
            let first = self.0.entry(ballot).or_insert_with(|| block.to_owned());
            if first != block {
                contradictions.push(ballot);
            }
        }
        contradictions
    }
}

/// The log of a node, life by life.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    ends: Vec<usize>,
}

impl Lives {
    /// Notes that a life has ended, whose log goes up to here.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub fn end(&mut self, log: &Path) -> std::io::Result<()> {
        self.ends.push(std::fs::read(log)?.len());
        Ok(())
    }

    /// Whether any life contradicts one before: how many votes there are in all, or what was contradicted.
    ///
    /// # Errors
    ///
    /// If the log can't be read; inside, what was contradicted.
    pub fn judge(&self, log: &Path) -> std::io::Result<Result<usize, String>> {
        let bytes = std::fs::read(log)?;
        let mut votes = Votes::default();
        let mut start = 0;
        for end in self.ends.iter().copied().chain([bytes.len()]) {
            let life = bytes.get(start..end.min(bytes.len())).unwrap_or_default();
            let contradictions = votes.live(&String::from_utf8_lossy(life));
            if let Some(first) = contradictions.first() {
                let count = contradictions.len();
                return Ok(Err(format!("{count} votes contradict earlier ones, first the {first}")));
            }
            start = end;
        }
        Ok(Ok(votes.count()))
    }
}

fn parse_cast(line: &str) -> Option<(u64, Kind)> {
    CAST.iter().find_map(|(words, kind)| {
        let (_, round) = line.split_once(words)?;
        Some((round.trim().parse().ok()?, *kind))
    })
}

fn parse_signed(line: &str) -> Option<(&str, u64, u64)> {
    let [before, between, last] = SIGNED;
    let (_, rest) = line.split_once(before)?;
    let (block, rest) = rest.split_once(between)?;
    let (round, set) = rest.split_once(last)?;
    Some((block, round.parse().ok()?, set.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(kind: &str, round: u64) -> String {
        format!("2026-11-22 18:00:00 DEBUG grandpa: Casting {kind} for round {round}\n")
    }

    fn signed(block: &str, round: u64, set: u64) -> String {
        let said = format!("Announcing block {block} to peers which we voted on in round {round} in set {set}");
        format!("2026-11-22 18:00:00 DEBUG tokio-runtime-worker grandpa: {said}\n")
    }

    fn round(prevote: &str, precommit: &str, round: u64, set: u64) -> String {
        [
            cast("prevote", round),
            signed(prevote, round, set),
            "Imported #3\n".into(),
            cast("precommit", round),
            signed(precommit, round, set),
        ]
        .concat()
    }

    #[test]
    fn one_round_has_two_votes_which_may_be_for_two_blocks() {
        let mut votes = Votes::default();
        assert_eq!(votes.live(&round("0xbb", "0xaa", 7, 1)), vec![]);
        assert_eq!(votes.count(), 2);
        assert_eq!(votes.live("Idle\n"), vec![]);
        assert_eq!(votes.count(), 2);
    }

    #[test]
    fn rounds_that_run_side_by_side_are_kept_apart() {
        let log = [
            cast("precommit", 7),
            cast("prevote", 8),
            signed("0xbb", 8, 0),
            signed("0xaa", 7, 0),
        ]
        .concat();
        let mut votes = Votes::default();
        votes.live(&log);
        assert_eq!(votes.live(&[cast("prevote", 8), signed("0xbb", 8, 0)].concat()), vec![]);
        assert_eq!(
            votes.live(&[cast("prevote", 8), signed("0xaa", 8, 0)].concat()).len(),
            1
        );
    }

    #[test]
    fn another_block_in_a_round_of_a_former_life_is_a_contradiction_and_the_same_one_is_none() {
        let mut votes = Votes::default();
        votes.live(&round("0xbb", "0xbb", 7, 0));
        assert_eq!(votes.live(&round("0xbb", "0xbb", 7, 0)), vec![]);
        let contradictions = votes.live(&round("0xbb", "0xcc", 7, 0));
        assert_eq!(contradictions.len(), 1);
        assert_eq!(contradictions[0].to_string(), "Precommit of round 7 in set 0");
    }

    #[test]
    fn the_same_round_of_another_set_is_another_round() {
        let mut votes = Votes::default();
        votes.live(&round("0xbb", "0xbb", 7, 0));
        assert_eq!(votes.live(&round("0xcc", "0xcc", 7, 1)), vec![]);
    }

    #[test]
    fn lives_are_told_apart_by_where_their_logs_end() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut lives = Lives::default();
        std::fs::write(&log, round("0xaa", "0xaa", 1, 0)).unwrap();
        lives.end(&log).unwrap();
        std::fs::write(
            &log,
            [round("0xaa", "0xaa", 1, 0), round("0xbb", "0xbb", 2, 0)].concat(),
        )
        .unwrap();
        assert_eq!(lives.judge(&log).unwrap(), Ok(4));
        std::fs::write(
            &log,
            [round("0xaa", "0xaa", 1, 0), round("0xbb", "0xbb", 1, 0)].concat(),
        )
        .unwrap();
        assert!(lives.judge(&log).unwrap().unwrap_err().contains("Prevote of round 1"));
    }
}
