//! A leader that is not there loses the lead.

use super::*;

/// Whether Aura's nodes are told of new authorities in a header, and how often.
fn changes_of_aura(logs: &[sp_runtime::DigestItem]) -> usize {
    logs.iter()
        .filter(|log| matches!(log.as_consensus(), Some((sp_consensus_aura::AURA_ENGINE_ID, _))))
        .count()
}

#[test]
fn a_leader_that_misses_its_slots_in_a_row_is_deposed_in_the_first_block_after() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        let mut logs = Vec::new();
        for expected in [1, 2] {
            // The others form their blocks in the odd slots.
            logs = block_at(next_odd());
            assert_eq!(LeaderMissed::<Test>::get(), expected);
            assert_eq!(Leader::<Test>::get(), Some(2));
            assert_ok!(Finality::do_try_state());
        }
        assert_eq!(changes_of_aura(&logs), 0);
        logs = block_at(next_odd());
        assert_eq!(Leader::<Test>::get(), None);
        assert_eq!(LeaderMissed::<Test>::get(), 0);
        assert_eq!(events(), vec![Event::LeaderDeposed { leader: 2 }]);
        assert_eq!(changes_of_aura(&logs), 1);
        assert_in_force(&[1, 2, 3, 4]);
        assert_eq!(Session::current_index(), 1, "the term goes on");
        assert_ok!(Finality::do_try_state());
    });
}

/// The next slot that is not the leader's, after one that is.
fn next_odd() -> u64 {
    let next = slot() + 1;
    next + 1 + next % 2
}

#[test]
fn a_block_of_the_leader_starts_the_count_anew() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        for _ in 0..3 {
            block_at(next_odd());
            assert_eq!(LeaderMissed::<Test>::get(), 1);
            block_by(2, || {});
            assert_eq!(LeaderMissed::<Test>::get(), 0);
        }
        assert_eq!(Leader::<Test>::get(), Some(2));
    });
}

#[test]
fn slots_that_others_miss_do_not_cost_the_lead() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        for _ in 0..6 {
            let next = slot() + 1;
            block_at(next + next % 2);
        }
        assert_eq!(Leader::<Test>::get(), Some(2));
        assert_eq!(LeaderMissed::<Test>::get(), 0);
    });
}

#[test]
fn a_leader_that_comes_back_too_late_has_lost_the_lead_all_the_same() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        let mut next = slot() + 7;
        next += next % 2;
        block_with(next, || assert_eq!(Author::<Test>::get(), Some(2)));
        assert_eq!(Leader::<Test>::get(), None);
        assert_eq!(events(), vec![Event::LeaderDeposed { leader: 2 }]);
        assert_in_force(&[1, 2, 3, 4]);
    });
}

#[test]
fn a_leader_that_is_deposed_when_a_term_begins_leaves_one_change_in_the_header() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        for voter in [1, 3, 4] {
            vote(voter, 3);
        }
        let last = TermStarted::<Test>::get() + TERM - 1;
        while System::block_number() < last {
            block_by(2, || {});
        }
        let logs = block_at(next_odd() + 6);
        assert_eq!(
            events(),
            vec![
                Event::LeaderDeposed { leader: 2 },
                Event::TermStarted {
                    term: 2,
                    leader: Some(3)
                }
            ]
        );
        assert_eq!(changes_of_aura(&logs), 1);
        assert_eq!(slots_of_aura(), vec![3, 1, 3, 2, 3, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_deposed_leader_is_elected_again_if_most_still_want_it() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        block_at(next_odd() + 4);
        assert_eq!(Leader::<Test>::get(), None);
        elect(2);
        assert_eq!(LeaderMissed::<Test>::get(), 0);
    });
}

#[test]
fn missing_slots_costs_no_membership_however_many() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for _ in 0..50 {
            block_by(1, || {});
        }
        assert_eq!(Session::validators(), vec![1, 2, 3, 4]);
        assert_eq!(Evidence::<Test>::iter().count(), 0);
        assert_eq!(Finality::best_candidate(), Some(1));
    });
}
