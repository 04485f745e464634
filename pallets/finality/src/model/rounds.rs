//! GRANDPA's rounds, for a handful of voters of one vote each.
//!
//! The definitions are those of the paper (Stewart and Kokoris-Kogia) and of the `finality-grandpa` crate, whose own
//! state machine of a round is not for others to drive: what a set of votes is a supermajority for, the estimate of a
//! round, when it is complete, and what a round makes final. Plain counting over all blocks takes the place of the crate's
//! vote graph.

use super::{
    quorum::quorum,
    tree::{BlockId, Tree},
};
use std::cmp::Reverse;

/// A member, by its number.
pub(super) type Member = usize;

/// The two votes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Prevote,
    Precommit,
}

/// A vote of a round: of whom, for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) phase: Phase,
    pub(super) member: Member,
    pub(super) target: BlockId,
}

/// The votes of one phase of a round, as somebody knows them.
pub(super) struct Tally<'a, T> {
    tree: &'a Tree<T>,
    base: BlockId,
    voters: usize,
    quorum: usize,
    /// Who voted for which block; for none who voted for two.
    targets: Vec<(Member, Option<BlockId>)>,
}

impl<'a, T> Tally<'a, T> {
    /// Counts the votes of `voters` for `base` and what comes after it.
    pub(super) fn new(
        tree: &'a Tree<T>,
        base: BlockId,
        voters: &[Member],
        phase: Phase,
        votes: impl Iterator<Item = Vote>,
    ) -> Self {
        let mut targets: Vec<(Member, Option<BlockId>)> = Vec::with_capacity(voters.len());
        for vote in votes.filter(|vote| vote.phase == phase) {
            if !voters.contains(&vote.member) || !tree.contains(vote.target, base) {
                continue;
            }
            match targets.iter_mut().find(|(member, _)| *member == vote.member) {
                Some((_, target)) if *target == Some(vote.target) => {}
                Some((_, target)) => *target = None,
                None => targets.push((vote.member, Some(vote.target))),
            }
        }
        Self {
            tree,
            base,
            voters: voters.len(),
            quorum: quorum(voters.len() as u32) as usize,
            targets,
        }
    }

    fn has_quorum(&self) -> bool {
        self.targets.len() >= self.quorum
    }

    /// How many voted for a block or for what comes after it; whoever voted twice counts for everything.
    fn weight(&self, block: BlockId) -> usize {
        let counts = |target: &Option<BlockId>| target.is_none_or(|target| self.tree.contains(target, block));
        self.targets.iter().filter(|(_, target)| counts(target)).count()
    }

    /// The highest block that a quorum voted for.
    pub(super) fn ghost(&self) -> Option<BlockId> {
        if !self.has_quorum() {
            return None;
        }
        let highest = |target| {
            self.tree
                .line(target, self.base)
                .find(|block| self.weight(*block) >= self.quorum)
        };
        let found = self.targets.iter().filter_map(|(_, target)| highest((*target)?));
        found.max_by_key(|block| (self.tree.number(*block), Reverse(*block)))
    }

    /// Whether a quorum for a block may still come about, if as many vote twice as may be cheats.
    fn possible(&self, block: BlockId) -> bool {
        let (voted, here) = (self.targets.len(), self.weight(block));
        let twice = self.targets.iter().filter(|(_, target)| target.is_none()).count();
        let more_twice = (self.voters - self.quorum).saturating_sub(twice).min(voted - here);
        here + (self.voters - voted) + more_twice >= self.quorum
    }
}

/// What somebody knows of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// The highest block with a quorum of prevotes.
    pub(super) ghost: Option<BlockId>,
    /// The highest block that the round may have made final.
    pub(super) estimate: Option<BlockId>,
    /// Whether nothing above the estimate can become final in this round any more.
    pub(super) completable: bool,
}

impl Round {
    /// The round before the first: it made the base final.
    pub(super) fn before_the_first(base: BlockId) -> Self {
        Self {
            ghost: Some(base),
            estimate: Some(base),
            completable: true,
        }
    }

    /// The round that `votes` are of, of `voters` on top of `base`.
    pub(super) fn new<T>(
        tree: &Tree<T>,
        base: BlockId,
        voters: &[Member],
        votes: impl Iterator<Item = Vote> + Clone,
    ) -> Self {
        let ghost = Tally::new(tree, base, voters, Phase::Prevote, votes.clone()).ghost();
        let precommits = Tally::new(tree, base, voters, Phase::Precommit, votes);
        let (estimate, completable) = match ghost {
            Some(ghost) if precommits.has_quorum() => {
                let estimate = tree.line(ghost, base).find(|block| precommits.possible(*block));
                let mut above = (ghost + 1..tree.len()).filter(|block| tree.contains(*block, ghost));
                let settled = estimate != Some(ghost) || !above.any(|block| precommits.possible(block));
                (estimate, estimate.is_some() && settled)
            }
            ghost => (ghost, false),
        };
        Self {
            ghost,
            estimate,
            completable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [Member; 4] = [0, 1, 2, 3];

    /// Two forks of two blocks on top of the first block: 1 and 2, 3 and 4.
    fn forks() -> Tree<()> {
        let mut tree = Tree::new(());
        let low = tree.add(0, ());
        tree.add(low, ());
        let low = tree.add(0, ());
        tree.add(low, ());
        tree
    }

    /// What is known of a round of four, and what is final by it.
    fn round(prevotes: &[(Member, BlockId)], precommits: &[(Member, BlockId)]) -> (Round, Option<BlockId>) {
        let vote = |phase| {
            move |(member, target): &(Member, BlockId)| Vote {
                phase,
                member: *member,
                target: *target,
            }
        };
        let votes: Vec<Vote> = (prevotes.iter().map(vote(Phase::Prevote)))
            .chain(precommits.iter().map(vote(Phase::Precommit)))
            .collect();
        let tree = forks();
        let last_final = Tally::new(&tree, 0, &FOUR, Phase::Precommit, votes.iter().copied()).ghost();
        (Round::new(&tree, 0, &FOUR, votes.into_iter()), last_final)
    }

    fn known(ghost: BlockId, estimate: BlockId, completable: bool) -> Round {
        Round {
            ghost: Some(ghost),
            estimate: Some(estimate),
            completable,
        }
    }

    #[test]
    fn without_a_quorum_nothing_is_known_of_a_round() {
        let (two, last_final) = round(&[(0, 1), (1, 1)], &[]);
        assert_eq!(
            (two.ghost, two.estimate, two.completable, last_final),
            (None, None, false, None)
        );
    }

    #[test]
    fn a_quorum_agrees_on_the_highest_block_that_all_of_it_voted_for() {
        assert_eq!(round(&[(0, 2), (1, 2), (2, 1)], &[]), (known(1, 1, false), None));
        assert_eq!(round(&[(0, 2), (1, 2), (2, 3)], &[]), (known(0, 0, false), None));
    }

    #[test]
    fn a_quorum_of_precommits_makes_final_and_completes() {
        let all = [(0, 2), (1, 2), (2, 2)];
        assert_eq!(round(&all, &all), (known(2, 2, true), Some(2)));
    }

    #[test]
    fn a_block_that_may_have_become_final_unseen_is_the_estimate() {
        // Two votes for block 2 are known; the third and the fourth may make it final elsewhere.
        let prevotes = [(0, 2), (1, 2), (2, 2)];
        assert_eq!(
            round(&prevotes, &[(0, 2), (1, 2), (2, 1)]),
            (known(2, 2, true), Some(1))
        );
        assert_eq!(
            round(&prevotes, &[(0, 2), (1, 1), (2, 1), (3, 1)]),
            (known(2, 1, true), Some(1))
        );
    }

    #[test]
    fn a_round_is_open_while_a_block_above_may_become_final() {
        // Nobody else may be a cheat, but the fourth may have voted for block 2 and be joined by one of the three.
        let all = [(0, 1), (1, 1), (2, 1)];
        assert_eq!(round(&all, &all), (known(1, 1, true), Some(1)));
        let (open, _) = round(&all, &[(0, 2), (1, 1), (2, 1)]);
        assert_eq!(open, known(1, 1, false));
    }

    #[test]
    fn who_votes_twice_counts_for_both_and_once() {
        let prevotes = [(0, 2), (1, 2), (3, 2), (3, 4), (3, 4)];
        assert_eq!(round(&prevotes, &[]).0, known(2, 2, false));
        assert_eq!(round(&[(3, 2), (3, 4)], &[]).0.ghost, None);
    }

    #[test]
    fn votes_of_strangers_do_not_count() {
        assert_eq!(round(&[(0, 2), (1, 2), (7, 2)], &[]).0.ghost, None);
    }
}
