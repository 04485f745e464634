//! Forgetting the shares of expired cycles.

use super::*;
use crate::WeightInfo as _;

/// A chain in cycle 1, with cycle 0 closed and every period reported by meter 0 of each region; all in the database.
fn billed() -> sp_io::TestExternalities {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        publish(1, &[1]);
        for index in 0..PERIODS {
            block(ends(&period(1, 0, index)));
            REGIONS
                .iter()
                .for_each(|region| send_pair(&period(*region, 0, index), 0, 480));
        }
        close_at(closes(&period(1, 0, PERIODS - 1)));
        assert_eq!(left(0), 16);
    });
    ext.commit_all().unwrap();
    ext
}

fn left(cycle: CycleId) -> usize {
    Shares::<Test>::iter_key_prefix((cycle,)).count()
}

/// One block that has `room` at its end.
fn idle(ext: &mut sp_io::TestExternalities, room: Weight) {
    ext.execute_with(|| {
        System::reset_events();
        let used = Readings::on_idle(System::block_number(), room);
        assert!(used.all_lte(room), "{used} of {room}");
        assert_ok!(Readings::check_state());
    });
    ext.commit_all().unwrap();
}

#[test]
fn shares_stay_until_their_cycle_expires() {
    let mut ext = billed();
    idle(&mut ext, Weight::MAX);
    ext.execute_with(|| assert_eq!((left(0), events()), (16, vec![])));
}

#[test]
fn pruning_takes_the_shares_and_leaves_the_totals() {
    let mut ext = billed();
    let before = ext.execute_with(|| Tallies::<Test>::iter().collect::<Vec<_>>());
    ext.execute_with(|| Expired::set(vec![0]));
    idle(&mut ext, Weight::MAX);
    ext.execute_with(|| {
        assert_eq!(left(0), 8);
        assert_eq!(events(), [Event::SharesPruned { region: 1, cycle: 0 }]);
    });
    idle(&mut ext, Weight::MAX);
    ext.execute_with(|| {
        assert_eq!(left(0), 0);
        assert_eq!(events(), [Event::SharesPruned { region: 2, cycle: 0 }]);
        assert_eq!(Readings::shares(&period(1, 0, 0)), []);
        assert_eq!(Tallies::<Test>::iter().collect::<Vec<_>>(), before);
        assert_eq!(Readings::status(&period(1, 0, 0)), Some(PeriodStatus::Faulty));
        assert_eq!(Readings::closed(&period(1, 0, 0)).unwrap().count, 2);
    });
}

#[test]
fn a_block_prunes_no_more_than_it_has_room_for() {
    let mut ext = billed();
    ext.execute_with(|| Expired::set(vec![0]));
    let room = <Test as crate::Config>::WeightInfo::prune(3)
        .saturating_add(<Test as frame_system::Config>::DbWeight::get().reads(3));
    for expected in [13, 10, 8, 5, 2, 0] {
        idle(&mut ext, room);
        ext.execute_with(|| assert_eq!(left(0), expected));
    }
    idle(&mut ext, Weight::zero());
}

#[test]
fn pruning_goes_on_to_the_next_cycle_and_waits_for_it() {
    let mut ext = billed();
    ext.execute_with(|| {
        Expired::set(vec![0]);
        block(ends(&period(1, 1, 0)));
        send_pair(&period(1, 1, 0), 1, 480);
    });
    ext.commit_all().unwrap();
    for _ in 0..5 {
        idle(&mut ext, Weight::MAX);
    }
    ext.execute_with(|| assert_eq!((left(0), left(1)), (0, 2)));
    ext.execute_with(|| {
        close_at(closes(&period(1, 1, 3)));
        Expired::set(vec![0, 1]);
    });
    ext.commit_all().unwrap();
    idle(&mut ext, Weight::MAX);
    ext.execute_with(|| {
        assert_eq!(
            (left(1), events()),
            (0, vec![Event::SharesPruned { region: 1, cycle: 1 }])
        )
    });
    // Region 2 was not metered in cycle 1.
    idle(&mut ext, Weight::MAX);
    ext.execute_with(|| assert_eq!(events(), []));
}

#[test]
fn batches_are_forgotten_after_the_single_shares_of_their_region() {
    let mut ext = new_test_ext();
    let key = period(1, 0, 0);
    ext.execute_with(|| {
        publish(1, &[1]);
        block(ends(&key));
        send_pair(&key, 0, 480);
        assert!(send_batch(&key, signed(&key, [1], 480)).is_ok());
        assert!(send_batch(&key, signed(&key, [2], 480)).is_ok());
        close_at(closes(&period(1, 0, PERIODS - 1)));
        Expired::set(vec![0]);
    });
    ext.commit_all().unwrap();
    let room = <Test as crate::Config>::WeightInfo::prune(1)
        .saturating_add(<Test as frame_system::Config>::DbWeight::get().reads(3));
    for expected in [(1, 2), (0, 2), (0, 1), (0, 0)] {
        idle(&mut ext, room);
        ext.execute_with(|| assert_eq!((left(0), Batches::<Test>::iter().count()), expected));
    }
    ext.execute_with(|| assert_eq!(events(), [Event::SharesPruned { region: 1, cycle: 0 }]));
}
