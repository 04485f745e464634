//! A network of nodes that may be parted, each with its own idea of the chain and of what is final.
//!
//! A node is an honest one: it builds on the longest chain that it knows, votes by GRANDPA's rules and never twice in a
//! round. What makes a cheat is that its member has two nodes. Nodes of one side share everything they know; blocks are
//! executed by the pallet, each on its parent's state.

use super::{
    chain::{Call, State},
    rounds::{Member, Phase, Round, Tally, Vote},
    tree::{self, BlockId, Tree},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// A block: who made it when, and the state after it.
pub(super) struct Block {
    slot: u64,
    author: Option<Member>,
    pub(super) state: State,
    /// The set that the block announces, in force for what comes after it.
    pub(super) next_set: Option<Vec<Member>>,
}

/// The most votes that there can be.
const MOST_VOTES: usize = 4_096;

/// The votes that a node has heard, a bit for each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Heard([u64; MOST_VOTES / 64]);

impl Heard {
    const NONE: Self = Self([0; MOST_VOTES / 64]);

    fn has(&self, vote: usize) -> bool {
        self.0[vote / 64] >> (vote % 64) & 1 == 1
    }

    fn hear(&mut self, vote: usize) {
        self.0[vote / 64] |= 1 << (vote % 64);
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(one, other)| *one |= other);
    }
}

/// A round of a set.
type RoundOf = (u64, u32);

/// A node of a member.
pub(super) struct Node {
    pub(super) member: Member,
    /// The blocks that it knows, a bit for each.
    known: u128,
    heard: Heard,
    pub(super) last_final: BlockId,
    /// The number of the set that it votes in, who is in it, and the block that it came into force with.
    pub(super) set: u64,
    pub(super) voters: Vec<Member>,
    base: BlockId,
    round: u32,
    cast: BTreeSet<(RoundOf, Phase)>,
    /// How many votes of a round it had heard when it last looked what they make final.
    counted: BTreeMap<RoundOf, usize>,
    /// What it knew when it last found nothing to do.
    idle_at: Option<(u128, Heard)>,
}

impl Node {
    fn knows(&self, block: BlockId) -> bool {
        self.known >> block & 1 == 1
    }
}

/// Two blocks that were final for somebody and cannot both be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) one: BlockId,
    pub(super) other: BlockId,
}

/// The network.
pub(super) struct Network {
    pub(super) tree: Tree<Block>,
    pub(super) nodes: Vec<Node>,
    votes: Vec<Vote>,
    /// The votes of each round, by their places.
    rounds: BTreeMap<RoundOf, Vec<usize>>,
    /// The sets that anybody voted or followed votes in.
    pub(super) sets: BTreeSet<Vec<Member>>,
    /// The first conflict that there was.
    pub(super) conflict: Option<Conflict>,
}

impl Network {
    /// A network on a first state, with a node for each of `members` in order.
    pub(super) fn new(genesis: State, members: impl IntoIterator<Item = Member>) -> Self {
        let voters = genesis.voters();
        let node = |member| Node {
            member,
            known: 1,
            heard: Heard::NONE,
            last_final: 0,
            set: 0,
            voters: voters.clone(),
            base: 0,
            round: 1,
            cast: BTreeSet::new(),
            counted: BTreeMap::new(),
            idle_at: None,
        };
        let nodes = members.into_iter().map(node).collect();
        let first = Block {
            slot: 0,
            author: None,
            state: genesis,
            next_set: None,
        };
        Self {
            tree: Tree::new(first),
            nodes,
            votes: Vec::new(),
            rounds: BTreeMap::new(),
            sets: [voters].into(),
            conflict: None,
        }
    }

    /// Whether there is room for the blocks of another slot and for more votes.
    pub(super) fn has_room(&self) -> bool {
        self.tree.len() + self.nodes.len() <= tree::MOST && self.votes.len() < MOST_VOTES
    }

    /// Nodes that can talk to each other learn what each of them knows.
    pub(super) fn share(&mut self, side: &[usize]) {
        let (mut known, mut heard) = (0, Heard::NONE);
        for &node in side {
            known |= self.nodes[node].known;
            heard.join(&self.nodes[node].heard);
        }
        for &node in side {
            (self.nodes[node].known, self.nodes[node].heard) = (known, heard);
        }
    }

    /// The end of the longest chain with `block` in it that a node knows.
    pub(super) fn best_containing(&self, node: usize, block: BlockId) -> BlockId {
        (block..self.tree.len())
            .filter(|other| self.nodes[node].knows(*other) && self.tree.contains(*other, block))
            .max_by_key(|other| (self.tree.number(*other), Reverse(*other)))
            .expect("it knows the block itself")
    }

    /// The crimes of members that a node has seen make two blocks in one slot, one of them on the way to `best`.
    fn crimes(&self, node: usize, best: BlockId) -> Vec<Call> {
        let known = (1..self.tree.len()).filter(|block| self.nodes[node].knows(*block));
        let made = |block: &BlockId| (self.tree.get(*block).author, self.tree.get(*block).slot);
        let mut slots: BTreeMap<_, Vec<BlockId>> = BTreeMap::new();
        known.for_each(|block| slots.entry(made(&block)).or_default().push(block));
        // The latest of each member, with what it has done it on.
        let twice = slots.into_iter().filter(|(_, blocks)| blocks.len() > 1);
        let here = twice.filter_map(|((author, slot), blocks)| {
            let block = blocks.into_iter().find(|block| self.tree.contains(best, *block))?;
            Some((author?, (slot, self.tree.parent(block))))
        });
        let latest: BTreeMap<Member, (u64, BlockId)> = here.collect();
        let state = |block| &self.tree.get(block).state;
        latest
            .into_iter()
            .filter(|(cheat, _)| state(best).is_member(*cheat))
            .filter_map(|(cheat, (slot, on))| state(on).two_blocks(cheat, slot))
            .map(|crime| Call::Report(Box::new(crime)))
            .collect()
    }

    /// Lets each node of a side whose slot it is, by the schedule of the chain that it builds on, make a block with the
    /// calls that are heard of in its side, and, where cheats are reported, with a report of each that it has seen. Two
    /// nodes of a member that build the same block have made one.
    pub(super) fn author(&mut self, side: &[usize], slot: u64, calls: &[Call], reports: bool) {
        let mut made = BTreeMap::new();
        for &node in side {
            let parent = self.best_containing(node, self.nodes[node].last_final);
            let (on, member) = (self.tree.get(parent), self.nodes[node].member);
            if on.slot >= slot || on.state.owner(slot) != member {
                continue;
            }
            let block = match made.get(&(member, parent)) {
                Some(block) => *block,
                None => {
                    let crimes = if reports { self.crimes(node, parent) } else { Vec::new() };
                    let (state, next_set) = on.state.next(slot, &[&crimes, calls].concat());
                    let block = Block {
                        slot,
                        author: Some(member),
                        state,
                        next_set,
                    };
                    self.tree.add(parent, block)
                }
            };
            made.insert((member, parent), block);
            self.nodes[node].known |= 1 << block;
        }
    }

    /// Whether a member has voted for two blocks in one phase of a round.
    pub(super) fn has_voted_twice(&self) -> bool {
        self.rounds.values().any(|votes| {
            let votes = || votes.iter().map(|vote| &self.votes[*vote]);
            let contradicts = |one: &Vote, other: &Vote| {
                (one.member, one.phase) == (other.member, other.phase) && one.target != other.target
            };
            votes().any(|one| votes().any(|other| contradicts(one, other)))
        })
    }

    /// Lets a node take note of what is final, or vote, or go on to the next round, as far as what it knows allows; whether
    /// it did anything.
    pub(super) fn step(&mut self, node: usize) -> bool {
        let at = (self.nodes[node].known, self.nodes[node].heard);
        if self.nodes[node].idle_at == Some(at) {
            return false;
        }
        let acted = self.note_final(node) || self.vote(node) || self.next_round(node);
        self.nodes[node].idle_at = (!acted).then_some(at);
        acted
    }

    /// The votes of a round that a node has heard.
    fn votes_of(&self, node: usize, round: RoundOf) -> impl Iterator<Item = Vote> + Clone + '_ {
        let heard = &self.nodes[node].heard;
        let votes = self.rounds.get(&round).into_iter().flatten();
        votes.filter(|vote| heard.has(**vote)).map(|vote| self.votes[*vote])
    }

    /// What a node knows of a round of its set.
    fn round(&self, node: usize, round: u32) -> Round {
        let me = &self.nodes[node];
        if round == 0 {
            return Round::before_the_first(me.base);
        }
        Round::new(&self.tree, me.base, &me.voters, self.votes_of(node, (me.set, round)))
    }

    /// Takes note of the highest block that any round of the present set made final.
    fn note_final(&mut self, node: usize) -> bool {
        let me = &self.nodes[node];
        let mut counts = Vec::new();
        let mut best = me.last_final;
        for &round in self.rounds.range((me.set, 0)..(me.set + 1, 0)).map(|(round, _)| round) {
            let count = self.votes_of(node, round).count();
            if me.counted.get(&round) == Some(&count) {
                continue;
            }
            counts.push((round, count));
            let votes = self.votes_of(node, round);
            let found = Tally::new(&self.tree, me.base, &me.voters, Phase::Precommit, votes).ghost();
            best = found
                .filter(|found| self.tree.number(*found) > self.tree.number(best))
                .unwrap_or(best);
        }
        let changed = best != me.last_final;
        if changed {
            // What a node has taken for final it does not give up; another may have taken something else.
            let other = self
                .nodes
                .iter()
                .map(|other| other.last_final)
                .find(|other| self.tree.conflict(*other, best));
            self.conflict = self.conflict.or(other.map(|other| Conflict { one: best, other }));
        }
        let next_set = self.tree.get(best).next_set.clone().filter(|_| changed);
        let me = &mut self.nodes[node];
        me.counted.extend(counts);
        me.last_final = best;
        if let Some(voters) = next_set {
            self.sets.insert(voters.clone());
            (me.set, me.voters, me.base, me.round) = (me.set + 1, voters, best, 1);
        }
        changed
    }

    /// Casts the vote that is due.
    fn vote(&mut self, node: usize) -> bool {
        let me = &self.nodes[node];
        let (member, round) = (me.member, (me.set, me.round));
        let has_cast = |phase| me.cast.contains(&(round, phase));
        let has_room = self.votes.len() < MOST_VOTES;
        if !has_room || !me.voters.contains(&member) || has_cast(Phase::Precommit) {
            return false;
        }
        let Some(estimate) = self.round(node, me.round - 1).estimate else {
            return false;
        };
        let (phase, target) = if has_cast(Phase::Prevote) {
            let ghost = self.round(node, me.round).ghost;
            let Some(ghost) = ghost.filter(|ghost| self.tree.contains(*ghost, estimate)) else {
                return false;
            };
            (Phase::Precommit, ghost)
        } else {
            let best = self.best_containing(node, estimate);
            (Phase::Prevote, self.up_to_the_next_set(me.base, best))
        };
        let vote = self.votes.len();
        self.votes.push(Vote { phase, member, target });
        self.rounds.entry(round).or_default().push(vote);
        let me = &mut self.nodes[node];
        me.heard.hear(vote);
        me.cast.insert((round, phase));
        true
    }

    /// The first block after `base` on the way to `best` that announces a set, which the present set may not pass; else
    /// `best`.
    fn up_to_the_next_set(&self, base: BlockId, best: BlockId) -> BlockId {
        let announces = |block: &BlockId| *block != base && self.tree.get(*block).next_set.is_some();
        self.tree.line(best, base).filter(announces).last().unwrap_or(best)
    }

    /// Goes on to the next round once nothing can become final in this one that the node does not know of, and what the
    /// round before may have made final is.
    fn next_round(&mut self, node: usize) -> bool {
        let me = &self.nodes[node];
        let settled = |estimate| self.tree.number(estimate) <= self.tree.number(me.last_final);
        // A round about nothing new is left for later.
        if self.best_containing(node, me.last_final) == me.last_final {
            return false;
        }
        let before = self.round(node, me.round - 1).estimate;
        let may = self.round(node, me.round).completable && before.is_some_and(settled);
        self.nodes[node].round += u32::from(may);
        may
    }
}
