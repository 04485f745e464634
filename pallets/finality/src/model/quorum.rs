//! Any two quorums share more members than there may be cheats, and honest members alone are one.

use finality_grandpa::voter_set::VoterSet;

/// The largest consortium.
const MOST: u32 = 100;

/// How many of `members` may be cheats.
pub(super) fn tolerated(members: u32) -> u32 {
    (members - 1) / 3
}

/// How many of `members` are a quorum.
pub(super) fn quorum(members: u32) -> u32 {
    members - tolerated(members)
}

/// The least and the greatest number of members that a set of `a` and one of `b` out of `members` can share.
fn overlaps(members: u32, a: u32, b: u32) -> std::ops::RangeInclusive<u32> {
    (a + b).saturating_sub(members)..=a.min(b)
}

#[test]
fn the_engine_counts_by_the_same_threshold() {
    for members in 1..=MOST {
        let set = VoterSet::new((0..members).map(|member| (member, 1))).expect("it is not empty");
        assert_eq!(set.threshold().get(), u64::from(quorum(members)), "of {members}");
    }
}

#[test]
fn two_quorums_of_any_sizes_share_more_members_than_there_are_cheats() {
    for members in 1..=MOST {
        let least = quorum(members);
        for a in least..=members {
            for b in least..=members {
                for shared in overlaps(members, a, b) {
                    assert!(shared > tolerated(members), "{a} and {b} of {members} share {shared}");
                }
            }
        }
    }
}

#[test]
fn honest_members_alone_are_a_quorum_and_with_one_cheat_more_they_are_not() {
    for members in 1..=MOST {
        assert_eq!(members - tolerated(members), quorum(members));
        assert!(members - (tolerated(members) + 1) < quorum(members));
    }
}

#[test]
fn a_lower_threshold_would_let_two_quorums_share_cheats_only() {
    for members in 1..=MOST {
        let lower = quorum(members) - 1;
        let shared = *overlaps(members, lower, lower).start();
        // Of 3f + 3 members one vote less would do; the engine does not go that far.
        assert_eq!(shared > tolerated(members), members.is_multiple_of(3), "of {members}");
    }
}

#[test]
fn no_two_candidates_can_have_more_than_half_of_the_votes() {
    for members in 1..=MOST {
        let least = (1..=members)
            .find(|votes| votes * 2 > members)
            .expect("all are more than half");
        assert!(*overlaps(members, least, least).start() >= 1, "of {members}");
    }
}

/// All sets of at least `least` out of `members`, as bit masks.
fn sets(members: u32, least: u32) -> impl Iterator<Item = u32> + Clone {
    (0..1u32 << members).filter(move |set| set.count_ones() >= least)
}

#[test]
fn every_pair_of_actual_quorums_shares_an_honest_member_whoever_the_cheats_are() {
    for members in 1..=10 {
        let quorums: Vec<u32> = sets(members, quorum(members)).collect();
        let cheats: Vec<u32> = sets(members, tolerated(members))
            .filter(|set| set.count_ones() == tolerated(members))
            .collect();
        for one in &quorums {
            for other in &quorums {
                for cheats in &cheats {
                    assert_ne!(
                        one & other & !cheats,
                        0,
                        "{one:b} and {other:b} of {members}, cheats {cheats:b}"
                    );
                }
            }
        }
        // Without the cheats, a quorum remains.
        let all = (1 << members) - 1;
        assert!(cheats.iter().all(|cheats| quorums.contains(&(all & !cheats))));
    }
}

#[test]
fn one_cheat_more_can_be_all_that_two_quorums_share_where_members_are_three_times_the_cheats_and_one() {
    for members in 1..=10 {
        let quorums: Vec<u32> = sets(members, quorum(members)).collect();
        let fewest = quorums
            .iter()
            .flat_map(|one| quorums.iter().map(move |other| (one & other).count_ones()))
            .min();
        let more = tolerated(members) + 1;
        assert_eq!(fewest == Some(more), members % 3 == 1, "of {members}");
    }
}
