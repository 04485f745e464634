//! Members whose nodes vote for the best record find a leader by themselves.

use super::*;
use sp_runtime::BuildStorage;
use std::collections::{BTreeMap, BTreeSet};

/// The terms that are looked at, the first one among them.
const TERMS: u32 = 5;

/// What happened in a term.
#[derive(Default)]
struct Seen {
    /// Who led when it began.
    leader: Option<u64>,
    /// Whom each voter voted for.
    votes: BTreeMap<u64, u64>,
}

/// Goes through some terms of `term` blocks, of which the first block is made in `first`; the nodes of the members, all
/// but those that are `dead`, make each block of theirs in its slot and vote for the best record.
fn terms(members: &[u64], term: u64, first: u64, dead: &[u64]) -> Vec<Seen> {
    let mut genesis = configuration(members, members);
    genesis.finality.term_blocks = term;
    let mut state: sp_io::TestExternalities = genesis.build_storage().unwrap().into();
    state.execute_with(|| {
        let mut seen = vec![Seen::default()];
        let mut slot = first;
        while Session::current_index() < TERMS {
            if !dead.contains(&owner_of_slot(slot)) {
                block_with(slot, || {
                    author_votes(&wish(LeaderVote::Best));
                });
                for event in events() {
                    match event {
                        Event::TermStarted { leader, .. } => seen.push(Seen {
                            leader,
                            ..Default::default()
                        }),
                        Event::LeaderVoted { voter, candidate } => {
                            seen.last_mut().unwrap().votes.insert(voter, candidate);
                        }
                        _ => {}
                    }
                }
            }
            slot += 1;
        }
        assert_ok!(Finality::do_try_state());
        // Of the term that has only begun its votes say little.
        seen.pop();
        seen
    })
}

#[test]
fn healthy_members_agree_on_a_leader_in_every_term_and_have_one_from_the_second_on() {
    for w in [4, 7] {
        let members: Vec<_> = (1..=w).collect();
        for term in [2 * w, 5 * w, 5 * w + 1] {
            for offset in 0..w {
                for (number, seen) in terms(&members, term, FIRST_SLOT + offset, &[]).iter().enumerate() {
                    let case = format!("W = {w}, term {number} of {term} blocks from offset {offset}");
                    let candidates: BTreeSet<_> = seen.votes.values().collect();
                    assert_eq!(candidates.len(), 1, "{case}: {:?}", seen.votes);
                    // A round with a leader has 2(W − 1) slots, so everyone has had one.
                    assert!(seen.votes.keys().eq(&members), "{case}: {:?}", seen.votes);
                    assert_eq!(seen.leader.is_some(), number > 0, "{case}");
                }
            }
        }
    }
}

#[test]
fn in_terms_shorter_than_a_round_members_agree_but_too_few_may_come_to_vote() {
    let members: Vec<_> = (1..=4).collect();
    let seen = terms(&members, 4, FIRST_SLOT, &[]);
    assert!(seen
        .iter()
        .all(|term| term.votes.values().all(|&candidate| candidate == 1)));
    let leaders: Vec<_> = seen.iter().map(|term| term.leader).collect();
    assert_eq!(leaders, [None, Some(1), None, Some(1), Some(1)]);
}

#[test]
fn a_member_that_is_down_is_elected_at_most_once_and_then_a_live_one_is_in_every_term() {
    for w in [4, 7] {
        let members: Vec<_> = (1..=w).collect();
        for dead in 1..=w {
            for offset in 0..w {
                let seen = terms(&members, 5 * w, FIRST_SLOT + offset, &[dead]);
                for (number, term) in seen.iter().enumerate().skip(2) {
                    let case = format!("W = {w}, {dead} is down, term {number} from offset {offset}");
                    let leader = term.leader.unwrap_or_else(|| panic!("{case}: nobody leads"));
                    assert_ne!(leader, dead, "{case}");
                }
            }
        }
    }
}
