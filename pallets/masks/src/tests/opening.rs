//! Which openings are accepted, and what they add up to.

use super::*;

#[test]
fn a_complete_period_opens_to_the_sum_of_its_readings() {
    published(5, |meters| {
        close(&key(2), &meters.shares(2, &READINGS));
        assert_ok!(open(2, meters.opening(2, &[], &[])));
        let total = Total {
            meters: 5,
            energy: READINGS.iter().sum(),
        };
        assert_eq!(Masks::outcome(&key(2)), Some(Outcome::Opened(total)));
        assert_eq!(
            last_event(),
            Event::PeriodOpened {
                key: key(2),
                total,
                left_out: 0,
                excluded: 0
            }
            .into()
        );
        assert_eq!(Told::get(), [(key(2), Outcome::Opened(total))]);
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_silent_meter_is_left_out_of_the_total() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..4]));
        assert_ok!(open(0, meters.opening(0, &[4], &[])));
        let total = Total {
            meters: 4,
            energy: READINGS[..4].iter().sum(),
        };
        assert_eq!(
            last_event(),
            Event::PeriodOpened {
                key: key(0),
                total,
                left_out: 1,
                excluded: 0
            }
            .into()
        );
    });
}

#[test]
fn halves_of_pairs_are_excluded_and_their_meters_left_out() {
    published(5, |meters| {
        let mut shares = meters.shares(0, &READINGS[..3]);
        let [half, _] = meters.pair(3, 0, READINGS[3]);
        let [_, other_half] = meters.pair(4, 0, READINGS[4]);
        shares.extend([half, other_half]);
        close(&key(0), &shares);
        assert_ok!(open(0, meters.opening(0, &[3, 4], &[half.0, other_half.0])));
        let total = Total {
            meters: 3,
            energy: READINGS[..3].iter().sum(),
        };
        assert_eq!(
            last_event(),
            Event::PeriodOpened {
                key: key(0),
                total,
                left_out: 2,
                excluded: 2
            }
            .into()
        );
    });
}

#[test]
fn an_alien_share_is_excluded_and_every_meter_counts() {
    published(5, |meters| {
        let mut shares = meters.shares(0, &READINGS);
        shares.push(([0xAA; 32], u64::MAX));
        close(&key(0), &shares);
        assert_ok!(open(0, meters.opening(0, &[], &[[0xAA; 32]])));
        let total = Total {
            meters: 5,
            energy: READINGS.iter().sum(),
        };
        assert_eq!(Masks::outcome(&key(0)), Some(Outcome::Opened(total)));
    });
}

#[test]
fn an_unknown_region_cycle_or_period_is_refused() {
    published(5, |meters| {
        let good = key(0);
        for (key, error) in [
            (
                PeriodKey {
                    region: REGION + 1,
                    ..good
                },
                Error::<Test>::UnknownRegion,
            ),
            (
                PeriodKey {
                    cycle: CYCLE + 1,
                    ..good
                },
                Error::UnknownCycle,
            ),
            (
                PeriodKey {
                    period: SCHEDULE.periods,
                    ..good
                },
                Error::UnknownPeriod,
            ),
        ] {
            close(&key, &meters.shares(0, &READINGS));
            let expected = DispatchError::from(error);
            assert_noop!(Masks::open(signed(), key, meters.opening(0, &[], &[])), expected);
            assert_noop!(Masks::withhold(signed(), key, Default::default()), expected);
        }
    });
}

#[test]
fn a_period_without_a_manifest_is_refused() {
    published(5, |meters| {
        close(&key(4), &meters.shares(4, &READINGS));
        assert_noop!(open(4, meters.opening(4, &[], &[])), Error::<Test>::ManifestMissing);
        assert_noop!(withhold(4, &[]), Error::<Test>::ManifestMissing);
    });
}

#[test]
fn a_period_opened_before_its_close_is_refused() {
    published(5, |meters| {
        assert_noop!(open(0, meters.opening(0, &[], &[])), Error::<Test>::PeriodNotClosed);
        assert_noop!(withhold(0, &[]), Error::<Test>::PeriodNotClosed);
    });
}

#[test]
fn a_period_opened_twice_is_refused_even_with_other_meters_left_out() {
    published(5, |meters| {
        let shares = meters.shares(0, &READINGS);
        close(&key(0), &shares);
        assert_ok!(open(0, meters.opening(0, &[], &[])));
        assert_noop!(open(0, meters.opening(0, &[], &[])), Error::<Test>::AlreadyDecided);
        let without_the_last = meters.opening(0, &[4], &[shares[8].0, shares[9].0]);
        assert_noop!(open(0, without_the_last), Error::<Test>::AlreadyDecided);
        assert_noop!(withhold(0, &[]), Error::<Test>::AlreadyDecided);
        assert_eq!(Told::get().len(), 1);
    });
}

#[test]
fn a_mask_sum_that_does_not_open_its_commitment_is_refused() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS));
        let good = meters.opening(0, &[], &[]);
        for bad in [
            BoundedOpening {
                mask_sum: good.mask_sum + 1,
                ..good.clone()
            },
            BoundedOpening {
                mask_sum: good.mask_sum + (1 << 64),
                ..good.clone()
            },
            BoundedOpening {
                mask_sum: u128::MAX,
                ..good.clone()
            },
            BoundedOpening {
                blinding: [1; 32],
                ..good.clone()
            },
            BoundedOpening {
                blinding: [0xFF; 32],
                ..good.clone()
            },
            meters.opening(1, &[], &[]),
        ] {
            assert_noop!(open(0, bad), Error::<Test>::DoesNotOpen);
        }
        assert_ok!(open(0, good));
    });
}

#[test]
fn a_left_out_meter_that_the_manifest_does_not_have_is_refused() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..4]));
        let good = meters.opening(0, &[4], &[]);
        let with = |change: fn(&mut LeftOut)| {
            let mut opening = Opening::from(good.clone());
            opening.left_out.iter_mut().for_each(change);
            OpeningOf::<Test>::try_from(opening).unwrap()
        };
        for bad in [
            with(|left_out| left_out.commitment = [0; 32]),
            with(|left_out| left_out.commitment = [0xFF; 32]),
            with(|left_out| left_out.index = (left_out.index + 1) % 5),
            with(|left_out| left_out.index = 5),
            with(|left_out| left_out.proof.iter_mut().for_each(|hash| hash[0] ^= 1)),
            with(|left_out| left_out.proof.clear()),
            meters.opening(1, &[4], &[]),
        ] {
            assert_noop!(open(0, bad), Error::<Test>::DoesNotOpen);
        }
        assert_ok!(open(0, good));
    });
}

#[test]
fn a_meter_left_out_twice_is_refused() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..3]));
        let mut opening = Opening::from(meters.opening(0, &[4], &[]));
        opening.left_out.push(opening.left_out[0].clone());
        assert_noop!(open(0, opening.try_into().unwrap()), Error::<Test>::DoesNotOpen);
    });
}

#[test]
fn excluded_shares_that_are_unordered_doubled_or_not_on_chain_are_refused() {
    published(5, |meters| {
        let mut shares = meters.shares(0, &READINGS[..3]);
        shares.extend([3, 4].map(|meter| meters.pair(meter, 0, READINGS[meter])[0]));
        close(&key(0), &shares);
        let good = sorted(vec![shares[6].0, shares[7].0]);
        let withholding = |excluded: &[Prid]| withhold(0, excluded);
        let opening = |excluded: &[Prid]| {
            let excluded = excluded.to_vec().try_into().unwrap();
            open(
                0,
                BoundedOpening {
                    excluded,
                    ..meters.opening(0, &[3, 4], &[])
                },
            )
        };
        for bad in [[good[1], good[0]], [good[0], good[0]]] {
            assert_noop!(withholding(&bad), Error::<Test>::ExcludedUnordered);
            assert_noop!(opening(&bad), Error::<Test>::ExcludedUnordered);
        }
        let of_another_period = meters.pair(3, 1, 0)[0].0;
        for unknown in [of_another_period, [0xFF; 32]] {
            let bad = sorted(vec![good[0], unknown]);
            assert_noop!(withholding(&bad), Error::<Test>::ExcludedUnknown);
            assert_noop!(opening(&bad), Error::<Test>::ExcludedUnknown);
        }
        assert_ok!(opening(&good));
    });
}

#[test]
fn counts_that_do_not_add_up_are_refused() {
    published(5, |meters| {
        let mut shares = meters.shares(0, &READINGS[..4]);
        let half = meters.pair(4, 0, READINGS[4])[0];
        shares.push(half);
        close(&key(0), &shares);
        for bad in [
            // The half is there, but its meter is not left out, or it is not excluded, or neither.
            meters.opening(0, &[], &[half.0]),
            meters.opening(0, &[4], &[]),
            meters.opening(0, &[], &[]),
            // A meter too many is left out, or a share too many excluded.
            meters.opening(0, &[3, 4], &[half.0]),
            meters.opening(0, &[4], &sorted(vec![half.0, shares[0].0])),
        ] {
            assert_noop!(open(0, bad), Error::<Test>::CountsDoNotAddUp);
        }
        assert_ok!(open(0, meters.opening(0, &[4], &[half.0])));
    });
}

#[test]
fn more_meters_left_out_than_there_are_is_refused() {
    published(2, |meters| {
        close(&key(0), &[]);
        let mut opening = Opening::from(meters.opening(0, &[0, 1], &[]));
        opening.left_out.push(opening.left_out[1].clone());
        assert_noop!(open(0, opening.try_into().unwrap()), Error::<Test>::CountsDoNotAddUp);
    });
}

#[test]
fn a_total_of_too_few_meters_is_refused() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..2]));
        assert_noop!(open(0, meters.opening(0, &[2, 3, 4], &[])), Error::<Test>::TooFewMeters);
        close(&key(1), &meters.shares(1, &READINGS[..3]));
        assert_ok!(open(1, meters.opening(1, &[3, 4], &[])));
        let total = Total {
            meters: MINIMUM,
            energy: READINGS[..3].iter().sum(),
        };
        assert_eq!(Masks::outcome(&key(1)), Some(Outcome::Opened(total)));
    });
}
