//! Batches: what the extension lets through, what is stored, and what becomes of shares that take both ways.

use super::*;
use crate::WeightInfo as _;

/// A chain on which period 0 of region 1 has just ended.
fn ended() -> (sp_io::TestExternalities, PeriodKey) {
    let (mut ext, key) = (new_test_ext(), period(1, 0, 0));
    ext.execute_with(|| block(ends(&key)));
    (ext, key)
}

fn stored(shares: &[SignedShare]) -> Vec<Share> {
    shares
        .iter()
        .map(|SignedShare { prid, value, .. }| Share {
            prid: *prid,
            value: *value,
        })
        .collect()
}

#[test]
fn a_batch_is_stored_in_one_piece_and_counted() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        assert!(send_batch(&key, shares.clone()).is_ok());
        assert_eq!(Readings::shares(&key), stored(&shares));
        assert_eq!(Batches::<Test>::iter().count(), 1);
        assert_eq!(Shares::<Test>::iter().count(), 0);
        assert_eq!(
            Tallies::<Test>::get(key),
            Tally {
                count: 6,
                sum: shares.iter().fold(0, |sum, share| sum.wrapping_add(share.value)),
                point: tally::sum(shares.iter().map(|share| &share.prid)).unwrap(),
                singles: 0,
                batches: 1,
            }
        );
        assert_eq!(
            events(),
            [Event::BatchAccepted {
                key,
                number: 0,
                count: 6
            }]
        );
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_period_reported_in_batches_closes_complete_like_one_reported_share_by_share() {
    let total = |send: fn(&PeriodKey)| {
        let (mut ext, key) = ended();
        ext.execute_with(|| {
            send(&key);
            close_at(closes(&key));
            assert_eq!(Readings::status(&key), Some(PeriodStatus::Complete));
            assert_ok!(Readings::check_state());
            (
                Readings::closed(&key),
                Readings::shares(&key),
                Tallies::<Test>::get(key).point,
            )
        })
    };
    let singly = total(|key| (0..METERS).for_each(|number| send_pair(key, number, 480)));
    let at_once = total(|key| assert!(send_batch(key, signed(key, 0..METERS, 480)).is_ok()));
    let mixed = total(|key| {
        assert!(send_batch(key, signed(key, [1], 480)).is_ok());
        send_pair(key, 0, 480);
        assert!(send_batch(key, signed(key, [2], 480)).is_ok());
    });
    assert_eq!(at_once, singly);
    assert_eq!(mixed, singly);
}

#[test]
fn a_share_that_came_on_its_own_is_left_out_of_a_later_batch() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        // Under the same pseudonym, even with another value.
        let first = shares[2];
        assert_eq!(send(first.prid, &key, first.value ^ 1), Ok(()));
        assert!(send_batch(&key, shares.clone()).is_ok());
        let mut expected = stored(&shares);
        expected[2].value ^= 1;
        assert_eq!(Readings::shares(&key), expected);
        let tally = Tallies::<Test>::get(key);
        assert_eq!((tally.count, tally.singles, tally.batches), (6, 1, 1));
        assert!(events().contains(&Event::BatchAccepted {
            key,
            number: 0,
            count: 5
        }));
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_share_that_came_in_a_batch_is_refused_on_its_own_and_left_out_of_a_later_batch() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let first = signed(&key, 0..2, 480);
        assert!(send_batch(&key, first.clone()).is_ok());
        for share in &first {
            assert_eq!(send(share.prid, &key, share.value), Err(Refusal::AlreadyUsed));
            assert_eq!(Readings::refusal(&key, &share.prid), Some(Refusal::AlreadyUsed));
        }
        let all = signed(&key, 0..METERS, 480);
        assert!(send_batch(&key, all.clone()).is_ok());
        assert_eq!(Readings::shares(&key), stored(&all));
        assert_eq!(Tallies::<Test>::get(key).count, 6);
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_batch_with_nothing_new_in_it_is_refused() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, [0, 1], 480);
        assert!(send_batch(&key, shares.clone()).is_ok());
        assert_eq!(send_batch(&key, shares.clone()), Err(Refusal::AlreadyUsed));
        assert_eq!(send_batch(&key, shares[1..].to_vec()), Err(Refusal::AlreadyUsed));
        assert_eq!(Tallies::<Test>::get(key).batches, 1);
    });
}

#[test]
fn the_state_is_the_same_whether_few_or_many_single_shares_are_there() {
    // With more single shares than the batch is long, each of its shares is looked up by itself.
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        send_pair(&key, 0, 480);
        send_pair(&key, 1, 480);
        let batch = signed(&key, [1, 2], 480);
        let used = batch
            .iter()
            .position(|share| pair(&key, 1, 480)[0].0 == share.prid)
            .unwrap();
        let fresh: Vec<_> = signed(&key, [2], 480);
        let two = {
            let mut two = vec![batch[used], fresh[0]];
            two.sort_by_key(|share| share.prid);
            two
        };
        assert!(send_batch(&key, two).is_ok());
        assert_eq!(Tallies::<Test>::get(key).count, 5);
        assert!(send_batch(&key, batch).is_ok());
        assert_eq!(Readings::shares(&key), stored(&signed(&key, 0..METERS, 480)));
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_batch_of_anyone_but_the_regions_aggregator_is_refused() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        for who in [AccountId32::new([5; 32]), KEY_CENTRE, shares[0].prid.into()] {
            assert_eq!(send_batch_by(who, &key, shares.clone()), Err(Refusal::NotTheAggregator));
        }
        for origin in [RawOrigin::Root, RawOrigin::None, RawOrigin::Signed(AGGREGATOR)] {
            let call = submit_batch(&key, shares.clone());
            assert_eq!(
                call.dispatch(origin.into()).unwrap_err().error,
                DispatchError::BadOrigin
            );
        }
        assert_eq!(Readings::shares(&key), []);
    });
}

#[test]
fn an_aggregator_cannot_make_a_meters_call_with_its_origin_nor_a_meter_an_aggregators() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let aggregator = Origin::Aggregator {
            tally: tally::EMPTY,
            used: Default::default(),
        };
        let refused = submit(&key, 7).dispatch(aggregator.into()).unwrap_err();
        assert_eq!(refused.error, DispatchError::BadOrigin);
        let meter = Origin::Meter(pseudonym(&key));
        let refused = submit_batch(&key, signed(&key, [0], 7))
            .dispatch(meter.into())
            .unwrap_err();
        assert_eq!(refused.error, DispatchError::BadOrigin);
    });
}

#[test]
fn a_batch_outside_its_window_or_for_what_is_unknown_is_refused() {
    let sent = |now, key: PeriodKey, in_call: PeriodKey| {
        new_test_ext().execute_with(|| {
            block(now);
            send_batch(&in_call, signed(&key, 0..METERS, 480)).map(drop)
        })
    };
    let key = period(1, 0, 0);
    let at = ends(&key);
    assert_eq!(sent(at - 1, key, key), Err(Refusal::TooEarly));
    assert_eq!(sent(at, key, key), Ok(()));
    assert_eq!(sent(closes(&key) - 1, key, key), Ok(()));
    assert_eq!(sent(closes(&key), key, key), Err(Refusal::TooLate));
    assert_eq!(sent(at, key, period(9, 0, 0)), Err(Refusal::UnknownRegion));
    assert_eq!(sent(at, key, period(1, 1, 0)), Err(Refusal::UnknownCycle));
    assert_eq!(sent(at, key, period(1, 0, PERIODS)), Err(Refusal::UnknownPeriod));
    assert_eq!(sent(at, key, period(2, 0, 0)), Err(Refusal::NotInFilter));
    assert_eq!(sent(at, period(1, 0, 1), key), Err(Refusal::NotInFilter));
}

#[test]
fn a_batch_for_a_period_without_a_manifest_is_refused() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        pallet_masks::Manifests::<Test>::remove(key);
        assert_eq!(send_batch(&key, signed(&key, [0], 480)), Err(Refusal::NoManifest));
    });
}

#[test]
fn one_bad_share_refuses_its_batch() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let good = signed(&key, 0..METERS, 480);
        let with = |change: &dyn Fn(&mut Vec<SignedShare>)| {
            let mut shares = good.clone();
            change(&mut shares);
            send_batch(&key, shares)
        };
        let bad = Err(Refusal::BadSignature);
        assert_eq!(with(&|shares| shares[3].value ^= 1), bad);
        assert_eq!(with(&|shares| shares[3].signature[0] ^= 1), bad);
        assert_eq!(with(&|shares| shares[3].signature = shares[2].signature), bad);
        assert_eq!(with(&|shares| shares.swap(0, 1)), Err(Refusal::BadOrder));
        assert_eq!(with(&|shares| shares.insert(0, shares[0])), Err(Refusal::BadOrder));
        assert_eq!(with(&|shares| shares.clear()), Err(Refusal::BadOrder));
        assert_eq!(
            send_batch(&key, signed(&key, [0, METERS], 480)),
            Err(Refusal::NotInFilter)
        );
        assert_eq!(Readings::shares(&key), []);
        assert_eq!(with(&|_| ()).map(drop), Ok(()));
    });
}

#[test]
fn a_batch_signed_for_another_chain_is_refused() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        frame_system::BlockHash::<Test>::insert(0, sp_core::H256::repeat_byte(9));
        assert_eq!(send_batch(&key, shares), Err(Refusal::BadSignature));
        let here = signed(&key, 0..METERS, 480);
        assert_eq!(send_batch(&key, here).map(drop), Ok(()));
    });
}

#[test]
fn a_pseudonym_that_is_no_point_is_refused_in_a_batch_even_if_the_filter_holds_it() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        pallet_masks::Manifests::<Test>::mutate(key, |manifest| {
            let filter = &mut manifest.as_mut().unwrap().filter;
            filter.iter_mut().for_each(|byte| *byte = 0xff)
        });
        for prid in [[0xff; 32], [0; 32]] {
            let share = SignedShare {
                prid,
                ..signed(&key, [0], 480)[0]
            };
            assert_eq!(send_batch(&key, vec![share]), Err(Refusal::NotAPoint));
        }
    });
}

#[test]
fn a_period_takes_no_more_batches_than_it_may_and_then_still_single_shares() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        MaxBatches::set(2);
        for share in &signed(&key, [0], 480) {
            assert!(send_batch(&key, vec![*share]).is_ok());
        }
        let more = signed(&key, [1], 480);
        assert_eq!(send_batch(&key, more), Err(Refusal::TooManyBatches));
        send_pair(&key, 1, 480);
        send_pair(&key, 2, 480);
        assert_eq!(Readings::shares(&key), stored(&signed(&key, 0..METERS, 480)));
        assert_ok!(Readings::check_state());
        // Another period has its own.
        let other = period(2, 0, 0);
        assert!(send_batch(&other, signed(&other, [0], 480)).is_ok());
    });
}

#[test]
fn validating_a_batch_writes_nothing_and_tells_the_pool_what_it_is() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        let call = submit_batch(&key, shares.clone());
        let origin = || RuntimeOrigin::signed(AGGREGATOR);
        assert_storage_noop!(assert!(pooled(origin(), &call).is_ok()));
        let (validity, checked, origin) = pooled(origin(), &call).unwrap();
        assert_eq!(validity.longevity, WINDOW_MS / SLOT_MS);
        assert!(validity.requires.is_empty() && validity.propagate);
        assert_eq!(validity.provides.len(), 1);
        let share = RuntimeOrigin::signed(pseudonym(&key).into());
        assert_eq!(validity.priority, pooled(share, &submit(&key, 7)).unwrap().0.priority);
        assert_eq!(checked, Checked::Batch { batches: 0, singles: 0 });
        let prids = shares.iter().map(|share| &share.prid);
        let expected = Origin::Aggregator {
            tally: tally::sum(prids).unwrap(),
            used: Default::default(),
        };
        assert_eq!(origin.caller(), &OriginCaller::Readings(expected));
        let other = pooled(
            RuntimeOrigin::signed(AGGREGATOR),
            &submit_batch(&key, shares[1..].to_vec()),
        )
        .unwrap();
        assert_ne!(other.0.provides, validity.provides);
    });
}

#[test]
fn a_batch_costs_no_fee_and_creates_no_account() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        let accounts = || frame_system::Account::<Test>::iter().count();
        let before = accounts();
        assert_eq!(
            submit_batch(&key, shares.clone()).get_dispatch_info().pays_fee,
            Pays::No
        );
        assert!(send_batch(&key, shares).is_ok());
        assert_eq!(accounts(), before);
    });
}

#[test]
fn what_the_checks_did_not_have_to_look_at_is_given_back() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let weight = AuthenticateMeter::<Test>::new().weight(&submit_batch(&key, signed(&key, [0], 480)));
        let alone = send_batch(&key, signed(&key, [0], 480)).unwrap();
        send_pair(&key, 1, 480);
        let later = send_batch(&key, signed(&key, [2], 480)).unwrap();
        assert!(later.ref_time() > alone.ref_time(), "{later} {alone}");
        let asked = weight + <Test as crate::Config>::WeightInfo::submit_batch(2);
        assert!(asked.ref_time() > later.ref_time(), "{asked} {later}");
    });
}

#[test]
fn the_sum_of_left_out_shares_is_found_wherever_they_are() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        send_pair(&key, 0, 480);
        assert!(send_batch(&key, signed(&key, [1], 480)).is_ok());
        assert!(send_batch(&key, signed(&key, [2], 480)).is_ok());
        let all = signed(&key, 0..METERS, 480);
        let sum = |shares: &[SignedShare]| shares.iter().fold(0u64, |sum, share| sum.wrapping_add(share.value));
        let prids: Vec<_> = all.iter().map(|share| share.prid).collect();
        assert_eq!(Readings::sum_of(&key, &prids), Some(sum(&all)));
        assert_eq!(Readings::sum_of(&key, &prids[2..4]), Some(sum(&all[2..4])));
        assert_eq!(Readings::sum_of(&key, &[]), Some(0));
        assert_eq!(Readings::sum_of(&key, &[prids[0], [0xff; 32]]), None);
        assert_eq!(Readings::sum_of(&period(2, 0, 0), &prids[..1]), None);
    });
}

#[test]
fn a_share_costs_little_more_state_than_its_information() {
    let (mut ext, key) = ended();
    ext.execute_with(|| {
        let shares = signed(&key, 0..METERS, 480);
        assert!(send_batch(&key, shares.clone()).is_ok());
        let place = Batches::<Test>::hashed_key_for((0, 1, 0, 0));
        let value = frame_support::storage::unhashed::get_raw(&place).unwrap();
        // 32 bytes of pseudonym and 8 of value each, and the number of them.
        assert_eq!(value.len(), 1 + 40 * shares.len());
    });
}
