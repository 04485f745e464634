use super::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const SHARES: [(Prid, u64); 2] = [([1; 32], u64::MAX), ([2; 32], 7)];
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000,
    period_ms: 10,
    window_ms: 20,
    periods: 3,
};

fn records() -> (TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::open(&dir.path().join("periods.sqlite")).unwrap();
    (dir, records)
}

fn again(dir: &TempDir) -> Records {
    Records::open(&dir.path().join("periods.sqlite")).unwrap()
}

#[test]
fn a_fixed_pair_is_there_after_reopening() {
    let (dir, mut records) = records();
    let fixed = records.fix(1, 2, -5, SHARES, 9).unwrap();
    drop(records);
    let found = again(&dir).period(1, 2).unwrap().unwrap();
    assert!(found == fixed);
    assert_eq!((found.state, found.reading), (PeriodState::Pending, Some(-5)));
    let shares = found.shares.unwrap();
    assert_eq!(shares.map(|share| (share.prid, share.value)), SHARES);
    assert_eq!(shares.map(|share| (share.attempts, share.landed)), [(0, false); 2]);
}

#[test]
fn a_receipt_is_kept_until_its_cycle_is_erased_also_in_a_file_that_had_none() {
    let (dir, records) = records();
    records.database.execute_batch("DROP TABLE receipts").unwrap();
    drop(records);
    let mut records = again(&dir);
    records.keep_receipt(1, 2, Half::Second, b"promised").unwrap();
    assert_eq!(records.receipt(1, 2, Half::First).unwrap(), None);
    assert_eq!(
        again(&dir).receipt(1, 2, Half::Second).unwrap(),
        Some(b"promised".to_vec())
    );
    records.forget_before(2).unwrap();
    assert_eq!(records.receipt(1, 2, Half::Second).unwrap(), None);
}

#[test]
fn a_pair_that_is_fixed_never_changes() {
    let (_dir, mut records) = records();
    let first = records.fix(1, 2, 5, SHARES, 9).unwrap();
    let second = records.fix(1, 2, 6, [([3; 32], 1), ([4; 32], 2)], 10).unwrap();
    assert!(first == second);
}

#[test]
fn a_period_passed_over_in_silence_gets_no_pair_later() {
    let (_dir, mut records) = records();
    records.pass(1, 2, PeriodState::Silent, "", 9).unwrap();
    let fixed = records.fix(1, 2, 6, SHARES, 10).unwrap();
    assert_eq!(
        (fixed.state, fixed.reading, fixed.shares.is_none()),
        (PeriodState::Silent, None, true)
    );
}

#[test]
fn a_fixed_period_cannot_be_passed_over() {
    let (_dir, mut records) = records();
    records.fix(1, 2, 6, SHARES, 10).unwrap();
    records.pass(1, 2, PeriodState::Missed, "", 9).unwrap();
    assert_eq!(records.period(1, 2).unwrap().unwrap().state, PeriodState::Pending);
}

#[test]
fn a_period_settles_by_the_shares_that_landed() {
    let (_dir, mut records) = records();
    for (period, halves, state) in [
        (0, &[][..], PeriodState::Lost),
        (1, &[Half::Second][..], PeriodState::Partial),
        (2, &Half::BOTH[..], PeriodState::Finalised),
    ] {
        records.fix(1, period, 5, SHARES, 9).unwrap();
        for half in halves {
            records.landed(1, period, *half, Some(4)).unwrap();
        }
        assert_eq!(records.first_pending(1).unwrap(), Some(period));
        assert_eq!(records.settle(1, period, "note").unwrap(), state);
        let settled = records.period(1, period).unwrap().unwrap();
        assert_eq!(
            (settled.state, settled.reading, settled.shares.is_none()),
            (state, Some(5), true)
        );
        assert_eq!((records.next(1).unwrap(), records.next(2).unwrap()), (period + 1, 0));
    }
    assert!(records.pending().unwrap().is_empty());
    let counts = records.counts(1).unwrap();
    assert_eq!(
        counts,
        Counts {
            finalised: 1,
            partial: 1,
            lost: 1,
            ..Counts::default()
        }
    );
    assert_eq!(counts.total(), 3);
}

#[test]
fn attempts_are_counted_for_each_half() {
    let (_dir, mut records) = records();
    records.fix(1, 2, 5, SHARES, 9).unwrap();
    assert_eq!(records.last_sent().unwrap(), None);
    assert_eq!(records.attempt(1, 2, Half::First, 11).unwrap(), Some(1));
    assert_eq!(records.attempt(1, 2, Half::First, 12).unwrap(), Some(2));
    assert_eq!(records.attempt(1, 2, Half::Second, 10).unwrap(), Some(1));
    assert_eq!(records.last_sent().unwrap(), Some(12));
    assert_eq!(records.pending().unwrap(), [(1, 2)]);
}

#[test]
fn a_cycle_with_another_schedule_is_refused() {
    let (_dir, records) = records();
    records.remember_cycle(1, &SCHEDULE).unwrap();
    records.remember_cycle(1, &SCHEDULE).unwrap();
    let other = CycleSchedule {
        start: 2_000,
        ..SCHEDULE
    };
    assert!(matches!(
        records.remember_cycle(1, &other),
        Err(RecordsError::OtherSchedule { cycle: 1 })
    ));
    assert_eq!(records.schedule(1).unwrap(), Some(SCHEDULE));
}

/// A pseudonym that is easily told.
const MARKER: Prid = *b"a pseudonym of an erased period.";

/// Whether it is anywhere in the directory.
fn is_on_disk(dir: &TempDir) -> bool {
    std::fs::read_dir(dir.path()).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(32).any(|bytes| bytes == MARKER)
    })
}

#[test]
fn settled_periods_leave_no_byte_of_their_shares_on_disk() {
    let (dir, mut records) = records();
    records.fix(1, 2, 5, [(MARKER, 1), (MARKER, 2)], 9).unwrap();
    records.keep_receipt(1, 2, Half::First, &MARKER).unwrap();
    records.attempt(1, 2, Half::First, 11).unwrap();
    records.landed(1, 2, Half::First, Some(4)).unwrap();
    assert!(is_on_disk(&dir));
    records.settle(1, 2, "").unwrap();
    assert!(!is_on_disk(&dir));
    assert_eq!(records.last_sent().unwrap(), Some(9));
}

#[test]
fn the_receipt_of_a_share_that_is_not_there_outlives_its_period() {
    let (_dir, mut records) = records();
    records.fix(1, 2, 5, SHARES, 9).unwrap();
    for half in Half::BOTH {
        records.keep_receipt(1, 2, half, b"promised").unwrap();
    }
    records.landed(1, 2, Half::First, Some(4)).unwrap();
    records.settle(1, 2, "").unwrap();
    assert_eq!(records.receipt(1, 2, Half::First).unwrap(), None);
    assert!(records.receipt(1, 2, Half::Second).unwrap().is_some());
}

#[test]
fn forgotten_cycles_leave_no_byte_of_their_shares_on_disk() {
    let (dir, mut records) = records();
    records.remember_cycle(1, &SCHEDULE).unwrap();
    records.fix(1, 2, 5, [(MARKER, 1), (MARKER, 2)], 9).unwrap();
    records.fix(2, 0, 5, SHARES, 9).unwrap();
    assert!(is_on_disk(&dir));
    records.forget_before(2).unwrap();
    assert!(!is_on_disk(&dir));
    assert!(records.schedule(1).unwrap().is_none() && records.period(1, 2).unwrap().is_none());
    assert!(records.period(2, 0).unwrap().is_some());
    assert_eq!(records.attempt(1, 2, Half::First, 11).unwrap(), None);
}

#[test]
fn the_database_is_readable_by_its_owner_alone() {
    let (dir, mut records) = records();
    records.fix(1, 2, 5, SHARES, 9).unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_database_of_another_version_is_refused() {
    let (dir, records) = records();
    records.database.pragma_update(None, "user_version", 9).unwrap();
    drop(records);
    let error = Records::open(&dir.path().join("periods.sqlite")).err();
    assert!(matches!(error, Some(RecordsError::Version { found: 9, .. })));
}

#[test]
fn a_file_that_is_no_database_is_an_error_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("periods.sqlite");
    std::fs::write(&file, "not a database, and long enough to be looked at".repeat(50)).unwrap();
    let error = Records::open(&file).err().unwrap().to_string();
    assert!(error.contains("periods.sqlite"), "{error}");
}

#[test]
fn every_state_has_a_word_of_its_own() {
    for state in PeriodState::ALL {
        assert_eq!(PeriodState::from_word(state.word()), Some(state));
    }
}
