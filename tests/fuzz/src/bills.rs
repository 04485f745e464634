//! Bills: what a store may give for one, and what may be in one.

use bech32::{Bech32, Hrp};
use gridveil_bills::{
    envelope::{open_html, seal, Identity},
    report::{Line, Report},
};
use gridveil_primitives::{bill::BillSecret, CycleSchedule};
use std::sync::LazyLock;

/// A user's key.
static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let text = bech32::encode::<Bech32>(Hrp::parse_unchecked("age-secret-key-"), &[7; 32]);
    Identity::from_string(&text.expect("it is short").to_uppercase()).expect("all 32 bytes are a key")
});

/// The one bill that was ever sealed to that key.
fn bill_of_month() -> Report {
    let line = |period: u16| Line {
        period,
        energy: (period != 3).then_some(i64::from(period) * 100 - 50),
        price: (period != 5).then_some(140_000 + u64::from(period)),
    };
    let lines = (0..8).map(line).collect();
    let notes = vec!["Nothing came from the meter in period 3 <and> \"it\" is not billed.".into()];
    let schedule = CycleSchedule {
        start: 1_750_000_000_000,
        period_ms: 1_800_000,
        window_ms: 600_000,
        periods: 8,
    };
    let secret = BillSecret::from_bytes([8; 32]);
    Report {
        notes,
        ..Report::new(&[7; 32], 2, 1, "GBP", &schedule, lines, &secret)
    }
}

/// Takes an encrypted bill, as a store or the post brings it.
pub fn bill(input: &[u8]) {
    if let Ok(page) = open_html(input, &IDENTITY) {
        assert_eq!(Report::from_html(&page).expect("it is a bill"), bill_of_month());
    }
}

/// The bill, sealed.
pub fn sealed() -> Vec<(&'static str, Vec<u8>)> {
    let sealed = seal(&bill_of_month(), &IDENTITY.recipient());
    vec![("sealed", sealed.expect("it is short"))]
}

/// Takes a page or its data, as the key centre may have written it.
pub fn report(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for report in [Report::from_html(text), Report::from_json(text)].into_iter().flatten() {
        let right = report.check().is_ok();
        let again = Report::from_html(&report.to_html()).expect("our own page");
        assert_eq!(again, report);
        assert_eq!(again.check().is_ok(), right);
        assert_eq!(again.commitments(|_| true), report.commitments(|_| true));
        assert_eq!(Report::from_json(&report.to_json()).expect("our own JSON"), report);
    }
}

/// The bill as page and as data.
pub fn reports() -> Vec<(&'static str, Vec<u8>)> {
    let report = bill_of_month();
    vec![
        ("page", report.to_html().into_bytes()),
        ("data", report.to_json().into_bytes()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_of_the_corpus_opens() {
        let target = crate::TARGETS.iter().find(|target| target.name == "bill").unwrap();
        let corpus = crate::corpus(target).unwrap();
        let page = open_html(&corpus["sealed"], &IDENTITY).unwrap();
        assert_eq!(Report::from_html(&page).unwrap(), bill_of_month());
    }
}
