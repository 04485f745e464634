//! What the extension lets through, and what it turns away.

use super::*;

#[test]
fn a_share_of_a_known_pseudonym_is_stored_and_counted() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let [(prid, value), _] = pair(&key, 0, 480);
        assert_eq!(send(prid, &key, value), Ok(()));
        assert_eq!(Readings::shares(&key), [Share { prid, value }]);
        assert_eq!(
            Tallies::<Test>::get(key),
            Tally {
                count: 1,
                sum: value,
                point: prid,
                singles: 1,
                batches: 0,
            }
        );
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Open));
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn shares_are_listed_by_ascending_pseudonym_and_add_up_modulo_two_to_the_64() {
    new_test_ext().execute_with(|| {
        let key = period(2, 0, 1);
        block(ends(&key));
        let mut sent: Vec<_> = (0..METERS).flat_map(|number| pair(&key, number, -40)).collect();
        for (prid, _) in &sent {
            assert_eq!(send(*prid, &key, u64::MAX), Ok(()));
        }
        sent.sort();
        let listed: Vec<_> = Readings::shares(&key).into_iter().map(|share| share.prid).collect();
        assert_eq!(listed, sent.iter().map(|(prid, _)| *prid).collect::<Vec<_>>());
        assert_eq!(Tallies::<Test>::get(key).sum, 6u64.wrapping_neg());
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_share_for_an_unknown_region_is_refused() {
    new_test_ext().execute_with(|| {
        let key = period(9, 0, 0);
        assert_eq!(answer(ends(&key), key), Err(Refusal::UnknownRegion));
    });
}

#[test]
fn a_share_for_an_unknown_cycle_is_refused() {
    new_test_ext().execute_with(|| {
        let key = period(1, 1, 0);
        assert_eq!(answer(ends(&key), key), Err(Refusal::UnknownCycle));
    });
}

#[test]
fn a_share_for_an_unknown_period_is_refused() {
    new_test_ext().execute_with(|| {
        assert_eq!(
            answer(ends(&period(1, 0, 3)), period(1, 0, PERIODS)),
            Err(Refusal::UnknownPeriod)
        );
    });
}

#[test]
fn a_share_before_the_end_of_its_period_is_too_early() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        assert_eq!(answer(ends(&key) - 1, key), Err(Refusal::TooEarly));
        assert_eq!(answer(ends(&key), key), Ok(()));
    });
}

#[test]
fn a_share_at_the_end_of_the_window_is_too_late_even_before_the_close() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        assert_eq!(answer(closes(&key), key), Err(Refusal::TooLate));
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Open));
    });
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        assert_eq!(answer(closes(&key) - 1, key), Ok(()));
    });
}

#[test]
fn a_share_for_a_period_without_a_manifest_is_refused() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        pallet_masks::Manifests::<Test>::remove(key);
        assert_eq!(answer(ends(&key), key), Err(Refusal::NoManifest));
        assert_eq!(Readings::status(&key), None);
    });
}

#[test]
fn a_share_for_a_period_whose_manifest_was_taken_back_is_refused_and_so_is_a_batch() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        revise(1, METERS - 1);
        assert_eq!(answer(ends(&key), key), Err(Refusal::NoManifest));
        assert_eq!(send_batch(&key, signed(&key, 0..2, 480)), Err(Refusal::NoManifest));
        assert_eq!(Readings::status(&key), None);
        close_at(closes(&key));
        assert_eq!(Readings::status(&key), None);
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_meter_that_was_eliminated_is_refused_and_the_others_are_not() {
    new_test_ext().execute_with(|| {
        let (key, out) = (period(1, 0, 0), METERS - 1);
        revise_and_publish(1, out);
        block(ends(&key));
        let [(first, value), _] = pair(&key, out, 480);
        assert_eq!(send(first, &key, value), Err(Refusal::NotInFilter));
        let with_it = signed(&key, 0..METERS, 480);
        assert_eq!(send_batch(&key, with_it), Err(Refusal::NotInFilter));
        send_pair(&key, 0, 480);
        assert!(send_batch(&key, signed(&key, 1..out, 480)).is_ok());
        assert_eq!(Tallies::<Test>::get(key).count, 2 * out);
    });
}

#[test]
fn a_pseudonym_that_is_in_no_filter_is_refused() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let [(stranger, value), _] = pair(&key, METERS, 480);
        assert_eq!(send(stranger, &key, value), Err(Refusal::NotInFilter));
    });
}

#[test]
fn a_pseudonym_of_another_period_is_refused() {
    new_test_ext().execute_with(|| {
        let (key, other) = (period(1, 0, 0), period(1, 0, 1));
        block(ends(&key));
        assert_eq!(send(pseudonym(&other), &key, 7), Err(Refusal::NotInFilter));
    });
}

#[test]
fn a_pseudonym_of_another_region_is_refused() {
    new_test_ext().execute_with(|| {
        let (key, other) = (period(1, 0, 0), period(2, 0, 0));
        block(ends(&key));
        assert_eq!(send(pseudonym(&other), &key, 7), Err(Refusal::NotInFilter));
    });
}

#[test]
fn a_pseudonym_of_another_cycle_is_refused() {
    new_test_ext().execute_with(|| {
        publish(1, &REGIONS);
        let (key, other) = (period(1, 0, 0), period(1, 1, 0));
        block(ends(&key));
        assert_eq!(send(pseudonym(&other), &key, 7), Err(Refusal::NotInFilter));
    });
}

#[test]
fn a_pseudonym_that_is_used_is_refused_and_its_first_share_stands() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        let prid = pseudonym(&key);
        block(ends(&key));
        assert_eq!(send(prid, &key, 7), Ok(()));
        // In the same block and in a later one, with another share and with the same.
        assert_eq!(send(prid, &key, 8), Err(Refusal::AlreadyUsed));
        block(ends(&key) + SLOT_MS);
        assert_eq!(send(prid, &key, 7), Err(Refusal::AlreadyUsed));
        assert_eq!(Readings::shares(&key), [Share { prid, value: 7 }]);
        assert_eq!(Tallies::<Test>::get(key).count, 1);
    });
}

#[test]
fn a_pseudonym_that_is_not_a_point_is_refused_even_if_the_filter_holds_it() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        pallet_masks::Manifests::<Test>::mutate(key, |manifest| {
            manifest
                .as_mut()
                .unwrap()
                .filter
                .iter_mut()
                .for_each(|byte| *byte = 0xff)
        });
        block(ends(&key));
        assert_eq!(tally::add(&tally::EMPTY, &[0xff; 32]), None);
        assert_eq!(send([0xff; 32], &key, 7), Err(Refusal::NotAPoint));
        assert_eq!(Readings::shares(&key), []);
    });
}

#[test]
fn validating_a_share_writes_nothing() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let origin = RuntimeOrigin::signed(pseudonym(&key).into());
        assert_storage_noop!(assert!(pooled(origin, &submit(&key, 7)).is_ok()));
    });
}

#[test]
fn a_share_lives_in_the_pool_until_its_window_closes_and_excludes_others_of_its_pseudonym() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        let prid = pseudonym(&key);
        let validity = |now, share| {
            block(now);
            pooled(RuntimeOrigin::signed(prid.into()), &submit(&key, share))
                .unwrap()
                .0
        };
        let first = validity(ends(&key), 7);
        assert_eq!(first.longevity, WINDOW_MS / SLOT_MS);
        assert_eq!(first.provides, [("gridveil/share", (key, prid)).encode()]);
        assert!(first.requires.is_empty() && first.propagate);
        assert_eq!(validity(ends(&key) + 2 * SLOT_MS, 8).longevity, WINDOW_MS / SLOT_MS - 2);
        let last = validity(closes(&key) - 1, 9);
        assert_eq!(last.longevity, 1);
        assert_eq!(last.provides, first.provides);
    });
}

#[test]
fn a_share_goes_before_every_ordinary_transaction_and_after_a_report_of_a_cheat() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let signer = RuntimeOrigin::signed(pseudonym(&key).into());
        let (validity, ..) = pooled(signer, &submit(&key, 7)).unwrap();
        assert!(validity.priority > ValidTransaction::default().priority && validity.priority < u64::MAX);
    });
}

#[test]
fn an_admitted_share_comes_from_the_pallets_own_origin() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        let prid = pseudonym(&key);
        block(ends(&key));
        let (_, val, origin) = pooled(RuntimeOrigin::signed(prid.into()), &submit(&key, 7)).unwrap();
        assert_eq!(val, Checked::Share { prid, batches: 0 });
        assert_eq!(origin.caller(), &OriginCaller::Readings(Origin::Meter(prid)));
    });
}

#[test]
fn any_other_call_passes_with_the_origin_it_came_with() {
    new_test_ext().execute_with(|| {
        let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![1] });
        let who = AccountId32::new([5; 32]);
        let (validity, val, origin) = pooled(RuntimeOrigin::signed(who.clone()), &remark).unwrap();
        assert_eq!((validity, val), (ValidTransaction::default(), Checked::Other));
        assert_eq!(origin.caller(), &OriginCaller::system(RawOrigin::Signed(who)));
        assert_eq!(AuthenticateMeter::<Test>::new().weight(&remark), Weight::zero());
        assert_ne!(
            AuthenticateMeter::<Test>::new().weight(&submit(&period(1, 0, 0), 7)),
            Weight::zero()
        );
    });
}

#[test]
fn a_submit_from_any_origin_but_a_meters_is_refused() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let signed = RawOrigin::Signed(pseudonym(&key).into());
        for origin in [signed, RawOrigin::Root, RawOrigin::None] {
            let submit = || Readings::submit(origin.into(), key.region, key.cycle, key.period, 7);
            assert_noop!(submit(), DispatchError::BadOrigin);
        }
        // Unsigned, the extension lets it pass for what it is.
        let (_, val, origin) = pooled(RawOrigin::Root.into(), &submit(&key, 7)).unwrap();
        assert_eq!(val, Checked::Other);
        let refused = submit(&key, 7).dispatch(origin).unwrap_err();
        assert_eq!(refused.error, DispatchError::BadOrigin);
    });
}

#[test]
fn a_share_costs_no_fee_and_creates_no_account() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        assert_eq!(submit(&key, 7).get_dispatch_info().pays_fee, Pays::No);
        assert_eq!(send(pseudonym(&key), &key, 7), Ok(()));
        assert!(!frame_system::Account::<Test>::contains_key(AccountId32::new(
            pseudonym(&key)
        )));
    });
}

#[test]
fn there_is_no_event_for_a_share() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        send_pair(&key, 0, 480);
        assert_eq!(System::events(), []);
    });
}

#[test]
fn the_extension_encodes_to_nothing() {
    assert!(AuthenticateMeter::<Test>::new().encode().is_empty());
    assert_eq!(AuthenticateMeter::<Test>::new().implicit(), Ok(()));
}
