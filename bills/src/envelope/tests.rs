use super::*;
use crate::report::Line;
use gridveil_primitives::{bill::BillSecret, CycleSchedule, PeriodIndex, MAX_PERIODS};

/// A key and its recipient from the `age` specification's own tests.
const SECRET: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

fn report_of(periods: PeriodIndex, figures: impl Fn(PeriodIndex) -> (Option<i64>, Option<u64>)) -> Report {
    let schedule = CycleSchedule {
        start: 1_793_491_200_000,
        period_ms: 1_800_000,
        window_ms: 1,
        periods,
    };
    let lines = (0..periods).map(|period| {
        let (energy, price) = figures(period);
        Line { period, energy, price }
    });
    let secret = BillSecret::from_bytes([5; 32]);
    Report {
        notes: vec!["A note.".into()],
        ..Report::new(&[7; 32], 3, 2, "GBP", &schedule, lines.collect(), &secret)
    }
}

fn report() -> Report {
    report_of(48, |period| (Some(i64::from(period) * 10), Some(200_000)))
}

/// Homes of a full month that differ as much as homes can.
fn homes(periods: PeriodIndex) -> Vec<Report> {
    vec![
        report_of(periods, |_| (Some(0), Some(0))),
        report_of(periods, |_| (Some(-999_999), Some(999_999_999))),
        report_of(periods, |_| (None, None)),
        report_of(periods, |period| {
            ((period % 2 == 0).then_some(123_456), Some(u64::from(period) * 1_001))
        }),
        report_of(periods, |period| {
            (Some(i64::from(period)), (period % 3 == 0).then_some(345_678))
        }),
    ]
}

#[test]
fn a_bill_is_opened_by_its_user() {
    let user = Identity::generate();
    let sealed = seal(&report(), &user.recipient()).unwrap();
    assert_eq!(open(&sealed, &user).unwrap(), report());
    assert_eq!(open_html(&sealed, &user).unwrap(), report().to_html());
}

#[test]
fn the_plaintext_is_a_page_followed_by_spaces() {
    let user = Identity::generate();
    let plain = decrypt_bytes(&seal(&report(), &user.recipient()).unwrap(), &user).unwrap();
    let page = report().to_html();
    assert_eq!(&plain[..page.len()], page.as_bytes());
    assert!(plain[page.len()..].iter().all(|byte| *byte == b' '));
    assert_eq!(plain.len() % STEP, 0);
}

#[test]
fn homes_that_differ_in_everything_get_bills_of_one_size() {
    let user = Identity::generate();
    // What is encrypted is looked at: `age` adds a header of random length.
    let size = |report: &Report| {
        let sealed = seal(report, &user.recipient()).unwrap();
        decrypt_bytes(&sealed, &user).unwrap().len()
    };
    for periods in [6, 48, 1_440, MAX_PERIODS] {
        let sizes: Vec<usize> = homes(periods).iter().map(size).collect();
        assert!(
            sizes.iter().all(|size| *size == sizes[0]),
            "{periods} periods: {sizes:?}"
        );
    }
}

#[test]
fn the_longest_month_fits_into_one_block() {
    for report in homes(MAX_PERIODS) {
        let sealed = seal(&report, &Identity::generate().recipient()).unwrap();
        assert!(sealed.len() <= MAX_LEN, "{}", sealed.len());
        assert!(crate::cid::of(&sealed).is_ok());
    }
}

#[test]
fn a_bill_that_does_not_fit_is_refused_and_not_cut() {
    let mut report = report();
    report.notes = vec!["x".repeat(MAX_LEN)];
    let refused = seal(&report, &Identity::generate().recipient());
    assert!(matches!(refused, Err(EnvelopeError::TooLarge { len }) if len > MAX_LEN));
}

#[test]
fn the_same_bill_is_sealed_differently_each_time() {
    let user = Identity::generate().recipient();
    assert_ne!(seal(&report(), &user).unwrap(), seal(&report(), &user).unwrap());
}

#[test]
fn a_wrong_key_is_refused() {
    let sealed = seal(&report(), &Identity::generate().recipient()).unwrap();
    assert!(matches!(
        open(&sealed, &Identity::generate()),
        Err(EnvelopeError::Open(_))
    ));
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let user = Identity::generate();
    let sealed = seal(&report(), &user.recipient()).unwrap();
    // Every byte of the header, and then some of the body and the last.
    let body = (400..sealed.len()).step_by(4_099);
    for place in (0..400).chain(body).chain([sealed.len() - 1]) {
        let mut tampered = sealed.clone();
        tampered[place] ^= 1;
        assert!(
            matches!(open(&tampered, &user), Err(EnvelopeError::Open(_))),
            "byte {place}"
        );
    }
}

#[test]
fn a_bill_that_was_cut_short_or_prolonged_is_refused() {
    let user = Identity::generate();
    let sealed = seal(&homes(1_440)[0], &user.recipient()).unwrap();
    // Three chunks of 64 KiB, each with a tag of 16 bytes: cut between them too, where nothing but the mark of the last
    // chunk gives it away.
    let chunk = 2 * STEP + 16;
    let header = sealed.len() - 3 * chunk;
    for len in [
        0,
        20,
        header - 1,
        header,
        header + 16,
        header + chunk,
        header + 2 * chunk,
        sealed.len() - 1,
    ] {
        assert!(
            matches!(open(&sealed[..len], &user), Err(EnvelopeError::Open(_))),
            "{len} bytes"
        );
    }
    let longer = [&sealed[..], b" "].concat();
    assert!(matches!(open(&longer, &user), Err(EnvelopeError::Open(_))));
}

#[test]
fn what_was_sealed_by_the_right_key_but_is_no_bill_is_refused() {
    let user = Identity::generate();
    let sealed = encrypt_bytes(b"hello", &user.recipient()).unwrap();
    assert!(matches!(
        open(&sealed, &user),
        Err(EnvelopeError::Report(ReportError::Malformed(_)))
    ));
}

#[test]
fn a_bill_whose_sums_are_wrong_is_refused() {
    let user = Identity::generate();
    let mut wrong = report();
    wrong.amount += 1;
    let sealed = seal(&wrong, &user.recipient()).unwrap();
    assert!(matches!(
        open(&sealed, &user),
        Err(EnvelopeError::Report(ReportError::Amount { .. }))
    ));
}

#[test]
fn keys_have_the_forms_of_the_stock_tool() {
    let user = Identity::from_string(&format!(" {SECRET}\n")).unwrap();
    assert_eq!(recipient_to_age(&user.recipient()), PUBLIC);
    assert_eq!(recipient_from_age(PUBLIC).unwrap(), user.recipient());
    assert_eq!(user.to_string().as_str(), SECRET);
}

#[test]
fn debug_shows_the_recipient_and_not_the_secret() {
    let shown = format!("{:?}", Identity::from_string(SECRET).unwrap());
    assert!(shown.contains(PUBLIC));
    assert!(!shown.contains("SECRET"));
}

#[test]
fn text_that_is_no_key_is_refused_without_being_repeated() {
    let error = Identity::from_string("AGE-SECRET-KEY-1NONSENSE").unwrap_err();
    assert!(!error.to_string().contains("NONSENSE"));
    for text in [
        "",
        "age1",
        "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pb",
        SECRET,
    ] {
        assert!(
            matches!(recipient_from_age(text), Err(EnvelopeError::Recipient)),
            "{text}"
        );
    }
}

#[test]
fn keys_of_low_order_are_refused_where_encryption_would_fail() {
    let mut one = [0; 32];
    one[0] = 1;
    let order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let order_8 = <[u8; 32]>::try_from(hex::decode(order_8).unwrap()).unwrap();
    for recipient in [[0; 32], one, order_8] {
        assert!(matches!(encrypt_bytes(b"", &recipient), Err(EnvelopeError::Recipient)));
        assert!(matches!(seal(&report(), &recipient), Err(EnvelopeError::Recipient)));
        assert!(matches!(
            recipient_from_age(&recipient_to_age(&recipient)),
            Err(EnvelopeError::Recipient)
        ));
    }
}
