//! Networks that are parted at random, with cheats that run twice: as long as no set that finalises has more cheats in it
//! than it can bear, no two blocks that conflict are ever final for anybody, whoever comes and goes.
//!
//! That a check like this can fail is shown with one cheat more.

use super::{
    chain::{Call, State},
    network::{Conflict, Network},
    quorum::tolerated,
    rounds::Member,
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::cell::RefCell;

/// How many random networks are tried with no more cheats than can be borne.
const CASES: u32 = 2_000;
/// How many are tried at most with one cheat more, until there is a conflict.
const PATIENCE: u32 = 500;
/// The accounts beside the first members that may become some.
const NEWCOMERS: usize = 2;
/// How many slots the network has at the end to come together.
const CALM: u64 = 8;

/// A stretch of time in which the network is parted in one way.
#[derive(Clone, Debug)]
struct Weather {
    /// How many slots it lasts.
    slots: u64,
    /// The side that each node is on.
    sides: Vec<u8>,
    /// How often in a slot a side's nodes share what they know, and act on it.
    pace: usize,
    /// What a side's authors hear of in the first slot.
    news: Option<(u8, Vec<Call>)>,
}

/// A network and what befalls it.
#[derive(Clone, Debug)]
struct Scenario {
    members: usize,
    /// The members with two nodes.
    cheats: Vec<Member>,
    /// The blocks of a term.
    term: u64,
    /// Whether those who see a cheat report it.
    reports: bool,
    weather: Vec<Weather>,
}

/// What came of a scenario.
#[derive(Debug)]
struct Outcome {
    /// Two blocks that conflict and were final.
    conflict: Option<Conflict>,
    /// Whether every set that finalised could bear the cheats in it.
    bearable: bool,
    /// Whether all of it could be played.
    whole: bool,
    /// The highest final block before the calm, and the lowest and highest at the end.
    heights: [u32; 3],
    /// How many sets came into force after the first.
    sets: usize,
    /// Whether the chain forked.
    forked: bool,
    /// Whether a cheat voted twice in a round.
    voted_twice: bool,
    /// Whether a cheat was put out.
    caught: bool,
}

impl Scenario {
    /// The member of each node: first one of everybody who is or may become a member, then the second of each cheat.
    fn nodes(&self) -> Vec<Member> {
        (0..self.members + NEWCOMERS)
            .chain(self.cheats.iter().copied())
            .collect()
    }

    fn play(&self) -> Outcome {
        let nodes = self.nodes();
        let mut network = Network::new(State::genesis(self.members, self.term), nodes.iter().copied());
        let calm = Weather {
            slots: CALM,
            sides: vec![0; nodes.len()],
            pace: 6,
            news: None,
        };
        let (mut slot, mut whole, mut before_calm) = (0, true, 0);
        for weather in self.weather.iter().chain([&calm]) {
            before_calm = heights(&network).max().unwrap_or(0);
            let on = |number| (0..nodes.len()).filter(|node| weather.sides[*node] == number).collect();
            let sides: Vec<Vec<usize>> = (0..3).map(on).collect();
            for since in 0..weather.slots {
                whole &= network.has_room();
                if !whole {
                    break;
                }
                slot += 1;
                for (number, side) in sides.iter().enumerate() {
                    let heard = weather
                        .news
                        .iter()
                        .filter(|(to, _)| since == 0 && usize::from(*to) == number);
                    let calls: Vec<Call> = heard.flat_map(|(_, calls)| calls.clone()).collect();
                    network.share(side);
                    network.author(side, slot, &calls, self.reports);
                }
                for side in std::iter::repeat_n(&sides, weather.pace).flatten() {
                    network.share(side);
                    side.iter().for_each(|node| while network.step(*node) {});
                }
            }
        }
        // What is under way comes to its end.
        let all: Vec<usize> = (0..nodes.len()).collect();
        let mut acted = true;
        while std::mem::take(&mut acted) {
            network.share(&all);
            all.iter().for_each(|node| acted |= network.step(*node));
        }
        self.outcome(&network, whole, before_calm)
    }

    fn outcome(&self, network: &Network, whole: bool, before_calm: u32) -> Outcome {
        let bears = |voters: &Vec<Member>| {
            let cheats = voters.iter().filter(|voter| self.cheats.contains(voter)).count();
            cheats <= tolerated(voters.len() as u32) as usize
        };
        let best: Vec<_> = (0..network.nodes.len())
            .map(|node| network.best_containing(node, 0))
            .collect();
        let is_gone = |cheat: &Member| {
            best.iter()
                .any(|block| !network.tree.get(*block).state.is_member(*cheat))
        };
        let conflicts = |block: &usize| (0..network.tree.len()).any(|other| network.tree.conflict(*block, other));
        Outcome {
            conflict: network.conflict,
            bearable: network.sets.iter().all(bears),
            whole,
            heights: [
                before_calm,
                heights(network).min().unwrap_or(0),
                heights(network).max().unwrap_or(0),
            ],
            sets: network.sets.len() - 1,
            forked: best.iter().any(conflicts),
            voted_twice: network.has_voted_twice(),
            caught: self.cheats.iter().any(is_gone),
        }
    }
}

/// How high each node's last final block is.
fn heights(network: &Network) -> impl Iterator<Item = u32> + '_ {
    network.nodes.iter().map(|node| network.tree.number(node.last_final))
}

/// What may come up in a network of `members` and some newcomers.
fn news(members: usize) -> impl Strategy<Value = Vec<Call>> {
    let newcomer = members..members + NEWCOMERS;
    prop_oneof![
        2 => newcomer.prop_map(|member| vec![Call::Add(member), Call::SetKeys(member, 0)]),
        2 => (0..members).prop_map(|member| vec![Call::Remove(member)]),
        1 => (0..members).prop_map(|member| vec![Call::Leave(member)]),
        1 => (0..members).prop_map(|member| vec![Call::Return(member)]),
    ]
}

fn weather(members: usize, nodes: usize) -> impl Strategy<Value = Weather> {
    let sides = prop_oneof![
        2 => Just(vec![0; nodes]),
        5 => vec(0..2u8, nodes),
        1 => vec(0..3u8, nodes),
    ];
    let news = prop::option::weighted(0.4, (0..2u8, news(members)));
    (1..=6u64, sides, 1..=6usize, news).prop_map(|(slots, sides, pace, news)| Weather {
        slots,
        sides,
        pace,
        news,
    })
}

/// A network of so many members, of whom so many cheat.
fn scenario(members: usize, cheats: usize) -> impl Strategy<Value = Scenario> {
    let nodes = members + NEWCOMERS + cheats;
    let all_weather = vec(weather(members, nodes), 1..=6);
    (0..members, 2..=6u64, any::<bool>(), all_weather).prop_map(move |(first, term, reports, weather)| Scenario {
        members,
        cheats: (first..first + cheats).map(|cheat| cheat % members).collect(),
        term,
        reports,
        weather,
    })
}

/// Networks that can bear their cheats, at least at first.
fn bearable() -> impl Strategy<Value = Scenario> {
    (4..=7usize)
        .prop_flat_map(|members| (Just(members), 1..=tolerated(members as u32) as usize))
        .prop_flat_map(|(members, cheats)| scenario(members, cheats))
}

#[test]
fn no_two_blocks_that_conflict_are_ever_final_while_the_cheats_can_be_borne() {
    let outcomes = RefCell::new(Vec::new());
    super::try_cases(CASES, "src/model/regressions/twins.txt", bearable(), |scenario| {
        let outcome = scenario.play();
        if outcome.bearable {
            prop_assert_eq!(outcome.conflict, None);
            let [before, lowest, highest] = outcome.heights;
            if outcome.whole {
                prop_assert_eq!(lowest, highest, "all agree once they can talk");
                prop_assert!(lowest > before, "finality goes on from {before}");
            }
        }
        outcomes.borrow_mut().push(outcome);
        Ok(())
    });
    let outcomes = outcomes.into_inner();
    let count = |which: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| which(outcome)).count();
    let [bearable, whole, forked, voted_twice, caught, changed] = [
        count(|outcome| outcome.bearable),
        count(|outcome| outcome.whole),
        count(|outcome| outcome.bearable && outcome.forked),
        count(|outcome| outcome.bearable && outcome.voted_twice),
        count(|outcome| outcome.bearable && outcome.caught),
        count(|outcome| outcome.bearable && outcome.sets > 0),
    ];
    println!(
        "{} networks, of which {whole} played to the end and {bearable} could bear their cheats; of these {forked} \
         forked, in {voted_twice} a cheat voted twice, {caught} put one out, {changed} changed the set",
        outcomes.len()
    );
    // The check is worth something only where it has something to look at.
    let all = outcomes.len();
    assert!(bearable * 2 > all && whole * 10 > all * 9);
    assert!(forked * 4 > all && voted_twice * 4 > all && caught * 10 > all && changed * 4 > all);
}

/// A network of `members` with one cheat more than it can bear, parted so that each side is a quorum by its own count.
fn torn(members: usize) -> Scenario {
    let more = tolerated(members as u32) as usize + 1;
    let honest = members - more;
    // The honest members on two sides, the newcomers on one, and a node of each cheat on either side.
    let sides = (0..honest)
        .map(|member| u8::from(member < honest / 2))
        .chain(vec![0; more])
        .chain([0; NEWCOMERS])
        .chain(vec![1; more]);
    let parted = Weather {
        slots: 12,
        sides: sides.collect(),
        pace: 6,
        news: None,
    };
    Scenario {
        members,
        cheats: (honest..members).collect(),
        term: 100,
        reports: true,
        weather: vec![parted],
    }
}

#[test]
fn one_cheat_more_than_can_be_borne_makes_conflicting_blocks_final() {
    for members in [4, 7] {
        let outcome = torn(members).play();
        assert!(
            !outcome.bearable && outcome.conflict.is_some(),
            "{members}: {outcome:?}"
        );
        // With the last cheat honest, the same weather does no harm.
        let mut borne = torn(members);
        borne.cheats.pop();
        let outcome = borne.play();
        assert!(outcome.bearable && outcome.conflict.is_none(), "{members}: {outcome:?}");
    }
}

#[test]
fn random_weather_finds_the_conflict_that_one_cheat_more_allows() {
    for members in [4, 7] {
        let networks = scenario(members, tolerated(members as u32) as usize + 1);
        let mut runner = TestRunner::new(Config::default());
        let tried = (1..=PATIENCE).find(|_| {
            let network = networks.new_tree(&mut runner).expect("a network can be made").current();
            network.play().conflict.is_some()
        });
        println!("{members} members and one cheat too many: a conflict in network {tried:?}");
        assert!(tried.is_some(), "of {members}");
    }
}
