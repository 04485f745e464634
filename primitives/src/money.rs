//! Energy times price, in integers.
//!
//! A bill adds up exact [`line()`]s and rounds once, at the end, by [`amount`]. The key centre and the user compute the same
//! bill with the same functions.
//!
//! **Privacy.** Nothing here is stored or sent.

use crate::types::Price;

/// Lines are 10^-9 of the currency unit, amounts are 10^-2.
const LINES_PER_HUNDREDTH: i128 = 10_000_000;

/// What `energy` (watt-hours) costs at `price` (millionths of the currency unit per kWh), in 10^-9 of the currency unit,
/// exactly. Negative for feed-in.
pub fn line(energy: i64, price: Price) -> i128 {
    // At most 2^63 · 2^64 in size, so this never saturates.
    i128::from(energy).saturating_mul(i128::from(price))
}

/// A sum of [`line()`]s as hundredths of the currency unit, a half rounded away from zero. A sum too large for the result
/// becomes the largest (or smallest) there is.
pub fn amount(lines_sum: i128) -> i64 {
    let (whole, rest) = (lines_sum / LINES_PER_HUNDREDTH, lines_sum % LINES_PER_HUNDREDTH);
    let up = rest.saturating_abs() >= LINES_PER_HUNDREDTH / 2;
    let rounded = if up {
        whole.saturating_add(lines_sum.signum())
    } else {
        whole
    };
    i64::try_from(rounded).unwrap_or(if rounded > 0 { i64::MAX } else { i64::MIN })
}
