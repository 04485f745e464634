use super::*;
use proptest::prelude::*;
use std::{fs, mem, os::unix::fs::PermissionsExt};
use tempfile::TempDir;

/// Two hours of half hours.
const HOURS: CycleSchedule = CycleSchedule {
    start: 1_800_000_000,
    period_ms: 1_800_000,
    window_ms: 1_800_000,
    periods: 4,
};
/// What is to be expected of a register that rolls over after this many digits of kilowatt-hours.
const DIGITS: u32 = 6;

fn state() -> (TempDir, StateDir) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::new(dir.path());
    (dir, state)
}

fn metered(state: &StateDir) -> Metered {
    let mut metered = Metered::open(state, DIGITS).unwrap();
    metered.begin(&HOURS);
    metered
}

fn telegram(meter: &str, registers: &[(&str, u64)]) -> Telegram {
    Telegram {
        meter: meter.into(),
        at: None,
        registers: registers.iter().map(|(name, wh)| ((*name).into(), *wh)).collect(),
    }
}

/// The moment so many milliseconds after a period's start.
fn at(period: PeriodIndex, after: i64) -> Moment {
    let start = HOURS.start + HOURS.period_ms * u64::from(period);
    start.checked_add_signed(after).unwrap()
}

/// Enters a telegram of one register.
fn hear(metered: &Metered, moment: Moment, wh: u64) {
    assert!(metered.shared().enter(telegram("M", &[("1.8.0", wh)]), moment));
}

/// The reading between two telegrams, each a second before a boundary.
fn between(first: Telegram, second: Telegram) -> Result<Option<i64>, String> {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    metered.shared().enter(first, at(0, -1_000));
    metered.shared().enter(second, at(1, -1_000));
    metered.reading(0).map_err(|error| error.reason)
}

#[test]
fn a_reading_is_what_all_tariffs_rose_less_what_was_fed_in() {
    let first = telegram("M", &[("1.8.1", 5_000), ("1.8.2", 7_000), ("2.8.1", 100)]);
    let second = telegram("M", &[("1.8.1", 5_200), ("1.8.2", 7_030), ("2.8.1", 1_100)]);
    assert_eq!(between(first, second), Ok(Some(200 + 30 - 1_000)));
}

#[test]
fn a_register_that_rolls_over_is_followed() {
    let first = telegram("M", &[("1.8.1", 999_999_900), ("1.8.2", 3)]);
    let second = telegram("M", &[("1.8.1", 250), ("1.8.2", 3)]);
    assert_eq!(between(first, second), Ok(Some(350)));
}

#[test]
fn what_no_home_can_have_used_is_an_error_that_says_what_to_do() {
    let one = |meter, wh| telegram(meter, &[("1.8.0", wh)]);
    let two = telegram("M", &[("1.8.0", 500), ("2.8.0", 0)]);
    for (first, second, error) in [
        (one("M", 500), one("N", 600), RegisterError::Replaced),
        (one("M", 500), two, RegisterError::OtherRegisters),
        (one("M", 500_000_000), one("M", 400_000_000), RegisterError::WentBack),
        (one("M", u64::MAX), one("M", 0), RegisterError::WentBack),
        (one("M", 500), one("M", 100_501), RegisterError::Jumped),
    ] {
        let told = between(first, second).unwrap_err();
        assert_eq!(told, error.to_string());
        assert!(told.contains("if ") || told.contains("check"), "{told}");
    }
    assert_eq!(between(one("M", 500), one("M", 100_500)), Ok(Some(100_000)));
}

#[test]
fn after_a_replaced_meter_the_next_period_starts_from_the_new_ones_register() {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    for (period, meter, wh) in [(0, "OLD", 900_000), (1, "NEW", 3), (2, "NEW", 45)] {
        metered
            .shared()
            .enter(telegram(meter, &[("1.8.0", wh)]), at(period, -1_000));
    }
    assert!(metered.reading(0).is_err());
    assert_eq!(metered.reading(1).unwrap(), Some(42));
}

#[test]
fn a_gap_leaves_the_periods_it_touches_without_a_reading_and_is_shared_out_over_none() {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    for (moment, wh) in [
        (at(0, -1_000), 100),
        (at(1, -30_000), 200),
        // Nothing for half an hour, over the end of period 1.
        (at(2, 900_000), 900),
        (at(3, -1_000), 1_000),
        (at(4, -1_000), 1_300),
    ] {
        hear(&metered, moment, wh);
    }
    let readings: Vec<_> = (0..4).map(|period| metered.reading(period).unwrap()).collect();
    assert_eq!(readings, [Some(100), None, None, Some(300)]);
}

#[test]
fn a_register_counts_at_a_boundary_until_it_is_a_minute_old() {
    for (age, reading) in [(60_000, Some(7)), (60_001, None), (0, Some(7))] {
        let (_dir, state) = state();
        let mut metered = metered(&state);
        hear(&metered, at(0, 0), 5);
        hear(&metered, at(1, -age), 12);
        hear(&metered, at(1, 20_000), 13);
        assert_eq!(metered.reading(0).unwrap(), reading, "{age}");
    }
}

#[test]
fn what_is_heard_between_a_periods_end_and_the_question_is_the_next_periods() {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    for (moment, wh) in [(at(0, -1), 10), (at(1, -1), 20), (at(1, 1), 21), (at(1, 9_000), 29)] {
        hear(&metered, moment, wh);
    }
    assert_eq!(metered.reading(0).unwrap(), Some(10));
    hear(&metered, at(2, -1), 60);
    assert_eq!(metered.reading(1).unwrap(), Some(40));
}

#[test]
fn a_cycle_starts_from_the_register_at_which_the_last_one_ended() {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    hear(&metered, at(3, -1_000), 10);
    hear(&metered, at(4, -1_000), 25);
    assert_eq!(metered.reading(3).unwrap(), Some(15));
    hear(&metered, at(4, 5_000), 30);
    metered.begin(&CycleSchedule {
        start: at(4, 0),
        ..HOURS
    });
    hear(&metered, at(5, -1_000), 45);
    assert_eq!(metered.reading(0).unwrap(), Some(20));
}

#[test]
fn a_restart_over_a_boundary_within_a_minute_loses_nothing() {
    let (_dir, state) = state();
    let first = metered(&state);
    hear(&first, at(0, -1_000), 10);
    hear(&first, at(1, -20_000), 25);
    drop(first);
    let mut second = metered(&state);
    hear(&second, at(1, 20_000), 26);
    assert_eq!(second.reading(0).unwrap(), Some(15));
    hear(&second, at(2, -1_000), 40);
    assert_eq!(second.reading(1).unwrap(), Some(15));
}

#[test]
fn a_period_is_told_again_where_the_program_died_before_it_was_fixed() {
    let (_dir, state) = state();
    let mut first = metered(&state);
    hear(&first, at(0, -1_000), 10);
    hear(&first, at(1, -1_000), 25);
    assert_eq!(first.reading(0).unwrap(), Some(15));
    mem::forget(first);
    assert_eq!(metered(&state).reading(0).unwrap(), Some(15));
}

#[test]
fn a_source_that_is_gone_takes_nothing_and_writes_nothing() {
    let (_dir, state) = state();
    let metered = metered(&state);
    let shared = metered.shared();
    drop(metered);
    let before = fs::read(state.path().join(FILE)).unwrap();
    assert!(!shared.enter(telegram("M", &[("1.8.0", 1)]), at(0, 0)) && shared.is_closed());
    assert_eq!(fs::read(state.path().join(FILE)).unwrap(), before);
}

#[test]
fn what_is_kept_is_its_owners_alone_and_a_damaged_file_says_so() {
    let (_dir, state) = state();
    drop(metered(&state));
    let file = state.path().join(FILE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&file, "{").unwrap();
    assert!(matches!(
        Metered::open(&state, DIGITS),
        Err(StateError::Registers { .. })
    ));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Metered::open(&state, DIGITS), Err(StateError::Exposed { .. })));
}

#[test]
fn what_is_kept_does_not_grow_with_the_cycle() {
    let (_dir, state) = state();
    let mut metered = metered(&state);
    for period in 0..50 {
        hear(&metered, at(0, 0) + 1_800_000 * u64::from(period), u64::from(period));
        if period > 0 {
            assert_eq!(metered.reading(period - 1).unwrap(), Some(1));
        }
    }
    assert!(metered.shared().lock().as_ref().unwrap().boundaries.len() <= 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn over_any_restarts_readings_add_up_to_the_registers_difference(
        steps in prop::collection::vec((1_u64..30_000, 0_u64..400, 0_u8..40), 400),
        first in 999_990_000_u64..1_000_000_000,
    ) {
        let (_dir, state) = state();
        let mut source = metered(&state);
        let (mut moment, mut total) = (at(0, -500), first);
        hear(&source, moment, total);
        // What the register was at each boundary, by a way of reckoning of its own.
        let mut heard = vec![(moment, total)];
        let (mut sum, mut told) = (0, 0);
        for (pause, wh, fate) in steps {
            moment += pause;
            total += wh;
            if fate == 0 {
                drop(source);
                source = metered(&state);
            }
            while told < 4 && at(told + 1, 0) <= moment {
                // The question is asked just after the boundary, before anything else is heard.
                sum += source.reading(told).unwrap().expect("something was heard at every boundary");
                told += 1;
                if fate < 20 {
                    // Killed once the reading was told.
                    mem::forget(source);
                    source = metered(&state);
                }
            }
            hear(&source, moment, total % 1_000_000_000);
            heard.push((moment, total));
        }
        let last = |boundary| heard.iter().rev().find(|(moment, _)| *moment <= boundary).unwrap().1;
        prop_assert_eq!(sum.cast_unsigned(), last(at(told, 0)) - last(at(0, 0)));
        prop_assert!(told > 0);
    }
}
