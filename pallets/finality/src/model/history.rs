//! Random histories of one chain: elections, members that come and go, sleep and cheat, and what nobody thought of together.

use super::{
    chain::{account, block, genesis, owners, Call, Crime, ACCOUNTS, GENERATIONS},
    invariants::{Before, Seen, Watch, OF_INTEREST},
    rounds::Member,
};
use crate::{mock::*, LeaderVote};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use sp_state_machine::BasicExternalities;
use std::{cell::RefCell, collections::BTreeSet};

/// How many histories are tried of each kind of consortium: small ones and large ones.
const CASES: u32 = 5_000;

/// What is in a block.
#[derive(Clone, Debug)]
enum Act {
    /// Somebody wants something.
    Call(Call),
    /// A member makes two blocks, or casts two votes; nobody says so yet.
    Cheat { member: Member, votes: bool },
    /// Somebody reports one of the crimes so far.
    Report(prop::sample::Index),
}

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// The next block that comes about. Its author votes for somebody, for the best (`Some(None)`), or not.
    Block {
        vote: Option<Option<Member>>,
        acts: Vec<Act>,
    },
    /// A member's node goes down.
    Sleep(Member),
    /// It is up again.
    Wake(Member),
    /// Nobody makes a block for some slots.
    Silence(u64),
}

/// A chain and what befalls it.
#[derive(Clone, Debug)]
struct History {
    members: usize,
    /// The blocks of a term.
    term: u64,
    steps: Vec<Step>,
}

/// A chain in the course of its history.
struct Life {
    term: u64,
    watch: Watch,
    asleep: BTreeSet<Member>,
    crimes: Vec<Crime>,
    /// The slot from which on blocks can be made.
    next_slot: u64,
}

impl Life {
    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Block { vote, acts } => self.block(*vote, acts)?,
            Step::Sleep(member) => {
                self.asleep.insert(*member);
            }
            Step::Wake(member) => {
                self.asleep.remove(member);
            }
            Step::Silence(slots) => self.next_slot += slots,
        }
        Ok(())
    }

    /// The first block from now on whose owner is awake; where all sleep, there is none.
    fn block(&mut self, vote: Option<Option<Member>>, acts: &[Act]) -> Result<(), TestCaseError> {
        let owners = owners();
        let is_awake = |slot: &u64| !self.asleep.contains(&owners[*slot as usize % owners.len()]);
        let Some(slot) = (self.next_slot..).take(owners.len()).find(is_awake) else {
            return Ok(());
        };
        self.next_slot = slot + 1;
        let wish = vote.map(|candidate| candidate.map_or(LeaderVote::Best, |member| LeaderVote::For(account(member))));
        let before = Before::look(self.term);
        let mut checked = Ok(());
        let logs = block(slot, wish, || {
            checked = self
                .watch
                .begun(&before, slot)
                .and_then(|()| acts.iter().try_for_each(|act| self.act(slot, act)));
        });
        checked.and_then(|()| self.watch.ended(&logs))
    }

    fn act(&mut self, slot: u64, act: &Act) -> Result<(), TestCaseError> {
        match act {
            Act::Call(call) => self.watch.call(call),
            Act::Cheat { member, votes } => {
                let crime = if *votes {
                    Crime::votes(*member, slot)
                } else {
                    Crime::blocks(*member, slot)
                };
                self.crimes.extend(crime);
                Ok(())
            }
            Act::Report(_) if self.crimes.is_empty() => Ok(()),
            Act::Report(which) => {
                let crime = Box::new(self.crimes[which.index(self.crimes.len())].clone());
                self.watch.call(&Call::Report(crime))
            }
        }
    }
}

impl History {
    fn play(&self) -> Result<Seen, TestCaseError> {
        let mut chain = BasicExternalities::new(genesis(self.members, self.term));
        chain.execute_with(|| {
            let mut life = Life {
                term: self.term,
                watch: Watch::new(self.members),
                asleep: BTreeSet::new(),
                crimes: Vec::new(),
                next_slot: FIRST_SLOT,
            };
            self.steps.iter().try_for_each(|step| life.take(step))?;
            Ok(life.watch.seen)
        })
    }
}

fn anybody() -> impl Strategy<Value = Member> {
    0..ACCOUNTS
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => anybody().prop_map(|newcomer| Act::Call(Call::Add(newcomer))),
        3 => anybody().prop_map(|member| Act::Call(Call::Remove(member))),
        2 => anybody().prop_map(|member| Act::Call(Call::Leave(member))),
        2 => anybody().prop_map(|member| Act::Call(Call::Return(member))),
        4 => (anybody(), 0..GENERATIONS).prop_map(|(member, keys)| Act::Call(Call::SetKeys(member, keys))),
        1 => (0..4u64).prop_map(|delay| Act::Call(Call::NoteStalled { delay })),
        4 => (anybody(), any::<bool>()).prop_map(|(member, votes)| Act::Cheat { member, votes }),
        4 => any::<prop::sample::Index>().prop_map(Act::Report),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // Most nodes vote for the best, so that somebody is elected now and then; the others for anybody.
    let vote = prop_oneof![
        6 => Just(Some(None)),
        1 => anybody().prop_map(|member| Some(Some(member))),
        1 => Just(None),
    ];
    prop_oneof![
        12 => (vote, vec(act(), 0..=2)).prop_map(|(vote, acts)| Step::Block { vote, acts }),
        1 => anybody().prop_map(Step::Sleep),
        1 => anybody().prop_map(Step::Wake),
        1 => (1..=20u64).prop_map(Step::Silence),
    ]
}

fn history(members: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = History> {
    (members, 2..=12u64, vec(step(), 8..=40)).prop_map(|(members, term, steps)| History { members, term, steps })
}

/// Plays histories of consortia of some sizes, and makes sure that they had something to show.
fn play_all(members: std::ops::RangeInclusive<usize>, regressions: &'static str) {
    let all = RefCell::new((0, Seen::new()));
    super::try_cases(CASES, regressions, history(members), |history| {
        let (histories, seen) = &mut *all.borrow_mut();
        *histories += 1;
        for (what, count) in history.play()? {
            *seen.entry(what).or_default() += count;
        }
        Ok(())
    });
    let (histories, seen) = all.into_inner();
    println!("{histories} histories: {seen:?}");
    for what in OF_INTEREST {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(count >= histories / 200, "{what}: {count} in {histories} histories");
    }
}

#[test]
fn nothing_breaks_the_invariants_of_a_small_consortium() {
    play_all(3..=4, "src/model/regressions/small.txt");
}

#[test]
fn nothing_breaks_the_invariants_of_a_large_consortium() {
    play_all(5..=7, "src/model/regressions/large.txt");
}
