//! Who leads: the count of the votes, and whom a node votes for that has no opinion.
//!
//! [`tally`] elects whom more than half of the electorate voted for, not more than half of those who voted: two leaders
//! cannot both be elected, and a silent majority elects no one. [`best`] orders candidates by what the chain has seen of
//! them. It is a total order, so every node that asks at the same block gets the same answer, and it looks at misses alone:
//! how many blocks each has authored changes with every slot, and members that vote at different times would differ.
//!
//! **Privacy.** Votes and records are of members, and public.

use crate::Record;
use core::cmp::Ordering;

/// Whom more than half of an electorate of `electorate` voted for, given `votes` of (voter, candidate) with each voter
/// once, if it is eligible.
pub fn tally<A: Clone + PartialEq>(votes: &[(A, A)], electorate: usize, eligible: impl Fn(&A) -> bool) -> Option<A> {
    let supporters = |candidate: &A| votes.iter().filter(|(_, other)| other == candidate).count();
    votes
        .iter()
        .map(|(_, candidate)| candidate)
        .find(|candidate| supporters(candidate).saturating_mul(2) > electorate)
        .filter(|winner| eligible(winner))
        .cloned()
}

/// The candidate with the best record: the lowest share of missed slots, then the lowest account. Who has had no slot yet
/// has missed none; should it be dead, it loses the lead by itself.
pub fn best<A: Ord>(candidates: impl IntoIterator<Item = (A, Record)>) -> Option<A> {
    candidates
        .into_iter()
        .min_by(|(account, record), (other, others)| missed_share(record, others).then_with(|| account.cmp(other)))
        .map(|(account, _)| account)
}

/// Compares the missed shares m/(a + m) by cross multiplication.
fn missed_share(record: &Record, other: &Record) -> Ordering {
    let slots = |record: &Record| {
        u128::from(record.authored)
            .saturating_add(u128::from(record.missed))
            .max(1)
    };
    let ours = u128::from(record.missed).saturating_mul(slots(other));
    let theirs = u128::from(other.missed).saturating_mul(slots(record));
    ours.cmp(&theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(for_seven: usize, for_eight: usize) -> Vec<(usize, usize)> {
        (0..for_seven + for_eight)
            .map(|voter| (voter, if voter < for_seven { 7 } else { 8 }))
            .collect()
    }

    fn record(authored: u32, missed: u32) -> Record {
        Record { authored, missed }
    }

    #[test]
    fn half_of_the_electorate_elects_no_one_and_one_more_does() {
        for w in 1..=100 {
            assert_eq!(tally(&votes(w / 2, 0), w, |_| true), None, "W = {w}");
            assert_eq!(tally(&votes(w / 2 + 1, 0), w, |_| true), Some(7), "W = {w}");
        }
    }

    #[test]
    fn a_tie_elects_no_one() {
        for w in 1..=50 {
            assert_eq!(tally(&votes(w, w), 2 * w, |_| true), None);
        }
    }

    #[test]
    fn most_of_a_few_votes_is_not_a_majority() {
        assert_eq!(tally(&votes(2, 1), 7, |_| true), None);
        assert_eq!(tally::<u64>(&[], 1, |_| true), None);
    }

    #[test]
    fn a_winner_who_is_not_eligible_does_not_pass_the_lead_on() {
        assert_eq!(tally(&votes(4, 3), 7, |&winner| winner != 7), None);
    }

    #[test]
    fn the_lowest_missed_share_is_best_however_many_were_authored() {
        assert_eq!(best([(1, record(1_000, 2)), (2, record(10, 0))]), Some(2));
        // 1 of 100 is less than 1 of 99.
        assert_eq!(best([(1, record(98, 1)), (2, record(99, 1))]), Some(2));
        assert_eq!(best([(1, record(u32::MAX, u32::MAX)), (2, record(2, 1))]), Some(2));
    }

    #[test]
    fn among_equal_shares_the_lowest_account_is_best_however_many_were_authored() {
        assert_eq!(best([(2, record(6, 0)), (1, record(5, 0))]), Some(1));
        assert_eq!(best([(1, record(5, 5)), (2, record(6, 6))]), Some(1));
        assert_eq!(best([(3, record(6, 0)), (2, record(0, 0)), (4, record(6, 0))]), Some(2));
    }

    #[test]
    fn who_had_no_slot_yet_has_missed_none() {
        assert_eq!(best([(1, record(9, 1)), (2, record(0, 0))]), Some(2));
        assert_eq!(best([(1, record(0, 1)), (2, record(0, 0))]), Some(2));
    }

    #[test]
    fn of_no_candidates_none_is_best() {
        assert_eq!(best::<u64>([]), None);
    }
}
