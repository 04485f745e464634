//! Whose slot is whose.
//!
//! A schedule is a list of authorities that repeats: slot `s` belongs to the entry at `s` modulo its length, which is how
//! Aura reads it. Without a leader it is plain rotation. With one, the leader owns every other slot and the rest take the
//! others in order, so that a leader that fails costs every other slot and not the chain. Authorities are numbered by their
//! place in the set. Everything here is total: a leader who is not in the set is no leader, and an empty set owns nothing.
//!
//! **Privacy.** It knows of numbers only.

use alloc::vec::Vec;

/// The place of the leader, if that is one who makes a difference: not alone, and in the set.
fn effective(w: usize, leader: Option<usize>) -> Option<usize> {
    leader.filter(|&leader| w > 1 && leader < w)
}

/// How many slots the schedule of `w` authorities has: `w`, or 2(w − 1) with a leader.
pub fn period(w: usize, leader: Option<usize>) -> usize {
    match effective(w, leader) {
        Some(_) => w.saturating_sub(1).saturating_mul(2),
        None => w,
    }
}

/// The owner of each slot of one round of the schedule, as places in a set of `w` authorities.
pub fn slots(w: usize, leader: Option<usize>) -> Vec<usize> {
    match effective(w, leader) {
        Some(leader) => (0..w)
            .filter(|&other| other != leader)
            .flat_map(|other| [leader, other])
            .collect(),
        None => (0..w).collect(),
    }
}

/// The owner of `slot`, as a place in a set of `w` authorities; `None` for an empty set.
pub fn owner(slot: u64, w: usize, leader: Option<usize>) -> Option<usize> {
    let period = u64::try_from(period(w, leader)).ok()?;
    let place = usize::try_from(slot.checked_rem(period)?).ok()?;
    Some(match effective(w, leader) {
        Some(leader) if place % 2 == 0 => leader,
        Some(leader) if place / 2 < leader => place / 2,
        Some(_) => place / 2 + 1,
        None => place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schedule of up to a hundred authorities: its size and leader.
    fn all() -> impl Iterator<Item = (usize, Option<usize>)> {
        (1..=100).flat_map(|w| (0..w).map(move |leader| (w, Some(leader))).chain([(w, None)]))
    }

    #[test]
    fn the_owner_of_a_slot_is_the_one_in_the_list() {
        for (w, leader) in all() {
            let list = slots(w, leader);
            assert_eq!(list.len(), period(w, leader));
            for slot in 0..2 * list.len() as u64 + 1 {
                let listed = list[(slot % list.len() as u64) as usize];
                assert_eq!(owner(slot, w, leader), Some(listed), "slot {slot}, {w}, {leader:?}");
            }
        }
    }

    #[test]
    fn without_a_leader_each_owns_one_slot_in_turn() {
        for w in 1..=100 {
            assert_eq!(slots(w, None), (0..w).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_leader_owns_every_other_slot_and_each_of_the_rest_one() {
        for (w, leader) in all().filter(|&(w, _)| w > 1) {
            let Some(leader) = leader else { continue };
            let list = slots(w, Some(leader));
            assert_eq!(list.len(), 2 * (w - 1));
            assert!(list.iter().step_by(2).all(|&owner| owner == leader));
            let rest: Vec<_> = list.iter().skip(1).step_by(2).copied().collect();
            assert_eq!(rest, (0..w).filter(|&other| other != leader).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_one_owns_two_slots_in_a_row_where_there_are_two() {
        for (w, leader) in all().filter(|&(w, _)| w > 1) {
            let list = slots(w, leader);
            for place in 0..list.len() {
                assert_ne!(list[place], list[(place + 1) % list.len()], "{w}, {leader:?}");
            }
        }
    }

    #[test]
    fn one_alone_owns_every_slot_whoever_leads() {
        assert_eq!(slots(1, None), vec![0]);
        assert_eq!(slots(1, Some(0)), vec![0]);
        assert_eq!(owner(u64::MAX, 1, Some(0)), Some(0));
    }

    #[test]
    fn a_leader_outside_the_set_is_none() {
        for w in 1..=100 {
            assert_eq!(slots(w, Some(w)), slots(w, None));
            assert_eq!(owner(17, w, Some(usize::MAX)), owner(17, w, None));
        }
    }

    #[test]
    fn an_empty_set_owns_no_slot() {
        assert!(slots(0, None).is_empty());
        assert_eq!(owner(0, 0, None), None);
        assert_eq!(owner(9, 0, Some(0)), None);
    }
}
