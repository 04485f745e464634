//! Who leads the next term.

use super::*;

#[test]
fn more_than_half_of_the_authorities_elect() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for voter in [1, 2, 3] {
            vote(voter, 4);
        }
        next_term();
        assert_eq!(Leader::<Test>::get(), Some(4));
        assert_eq!(slots_of_aura(), vec![4, 1, 4, 2, 4, 3]);
        let event = Event::TermStarted {
            term: 1,
            leader: Some(4),
        };
        assert_eq!(events(), vec![event]);
        assert_eq!(finalisers(), vec![1, 2, 3, 4], "each finalises once");
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn exactly_half_elect_no_one() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for voter in [1, 2] {
            vote(voter, 4);
        }
        next_term();
        assert_eq!(Leader::<Test>::get(), None);
        assert_in_force(&[1, 2, 3, 4]);
        assert_eq!(events(), vec![Event::TermStarted { term: 1, leader: None }]);
    });
}

#[test]
fn a_majority_of_an_odd_number_is_one_above_half() {
    for (voters, leader) in [(&[1, 2][..], None), (&[1, 2, 3], Some(5))] {
        consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
            for &voter in voters {
                vote(voter, 5);
            }
            next_term();
            assert_eq!(Leader::<Test>::get(), leader);
        });
    }
}

#[test]
fn a_tie_elects_no_one() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for (voter, candidate) in [(1, 1), (2, 1), (3, 4), (4, 4)] {
            vote(voter, candidate);
        }
        next_term();
        assert_eq!(Leader::<Test>::get(), None);
    });
}

#[test]
fn without_votes_the_slots_rotate() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        next_term();
        assert_eq!(Leader::<Test>::get(), None);
        assert_in_force(&[1, 2, 3, 4]);
    });
}

#[test]
fn a_leader_is_re_elected_and_aura_told_only_of_what_changes() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        for voter in [1, 3, 4] {
            vote(voter, 2);
        }
        let schedule = slots_of_aura();
        while Session::current_index() == 1 {
            let logs = block_at(slot() + 1);
            assert_eq!(logs.len(), 1, "the slot and no new schedule");
        }
        assert_eq!(Leader::<Test>::get(), Some(2));
        assert_eq!(slots_of_aura(), schedule);
    });
}

#[test]
fn a_winner_that_is_put_out_does_not_lead() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for voter in [1, 2, 3, 4] {
            vote(voter, 4);
        }
        assert_ok!(remove(4));
        blocks(1);
        assert_eq!(
            Session::validators(),
            vec![1, 2, 3, 4],
            "for one block it still has slots"
        );
        assert_eq!(Leader::<Test>::get(), None);
        blocks(1);
        assert_eq!(Leader::<Test>::get(), None);
        assert_in_force(&[1, 2, 3]);
    });
}

#[test]
fn the_votes_of_a_term_that_is_cut_short_count_for_the_next_which_has_one_block() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for voter in [1, 2, 3] {
            vote(voter, 2);
        }
        assert_ok!(remove(4));
        blocks(1);
        assert_eq!(Leader::<Test>::get(), Some(2));
        assert_eq!(slots_of_aura(), vec![2, 1, 2, 3, 2, 4]);
        blocks(1);
        assert_eq!(Leader::<Test>::get(), None);
        assert_in_force(&[1, 2, 3]);
    });
}

#[test]
fn a_vote_of_a_removed_member_does_not_elect_while_its_seat_counts() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for voter in [2, 3, 4] {
            vote(voter, 1);
        }
        assert_ok!(remove(4));
        assert_eq!(Votes::<Test>::get().into_inner(), vec![(2, 1), (3, 1)]);
        blocks(1);
        assert_eq!(Leader::<Test>::get(), None, "two of four are half");
    });
}

#[test]
fn new_authorities_vote_only_when_they_are_in_force() {
    consortium(&[1, 2, 3]).execute_with(|| {
        add_with_keys(4);
        next_term();
        block_by(1, || {
            let candidate = || Finality::vote_leader(RuntimeOrigin::none(), 4);
            assert_noop!(candidate(), Error::<Test>::NotAnAuthority);
        });
        next_term();
        elect(4);
        assert_eq!(slots_of_aura(), vec![4, 1, 4, 2, 4, 3]);
    });
}

#[test]
fn one_alone_leads_itself_and_nothing_changes() {
    consortium(&[1]).execute_with(|| {
        elect(1);
        assert_in_force(&[1]);
        assert_ok!(Finality::do_try_state());
        block_at(slot() + 10);
        assert_eq!(
            Leader::<Test>::get(),
            Some(1),
            "one round is one slot, and one is not too many"
        );
        block_at(slot() + 10);
        assert_ok!(Finality::do_try_state());
    });
}
