//! How sure a count is: rates and advantages with a 99.9 % interval.
//!
//! Promises that what is claimed is claimed of the interval's unfavourable end and not of the rate that happened to come out.
//!
//! **Privacy.** Counts.

use std::fmt;

use crate::report::Seen;

/// The quantile of the two-sided 99.9 % interval.
const Z: f64 = 3.290_526_731;

/// How often something came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    hits: u64,
    trials: u64,
}

impl Rate {
    /// The rate of `trials` runs of a trial; `trials` is not 0.
    pub fn of(trials: u64, mut trial: impl FnMut() -> bool) -> Self {
        let hits = (0..trials).filter(|_| trial()).count() as u64;
        Self { hits, trials }
    }

    /// Wilson's interval of the probability behind the rate.
    pub fn interval(self) -> (f64, f64) {
        let (hits, trials) = (self.hits as f64, self.trials as f64);
        let rate = hits / trials;
        let middle = (rate + Z * Z / (2.0 * trials)) / (1.0 + Z * Z / trials);
        let reach =
            Z / (1.0 + Z * Z / trials) * (rate * (1.0 - rate) / trials + Z * Z / (4.0 * trials * trials)).sqrt();
        ((middle - reach).max(0.0), (middle + reach).min(1.0))
    }

    /// Holds if the probability is at least `floor`.
    pub fn at_least(self, floor: f64) -> Seen {
        let (least, _) = self.interval();
        self.judge(least >= floor, format!("{self}, at least {} %", percent(least)))
    }

    /// Holds if it never came about.
    pub fn never(self) -> Seen {
        let (_, most) = self.interval();
        self.judge(self.hits == 0, format!("{self}, at most {} %", percent(most)))
    }

    /// Holds if it came about every time.
    pub fn always(self) -> Seen {
        let (least, _) = self.interval();
        self.judge(
            self.hits == self.trials,
            format!("{self}, at least {} %", percent(least)),
        )
    }

    /// Of a guess between two: holds if its advantage 2p − 1 may be nothing and is at most `margin` either way.
    pub fn chance(self, margin: f64) -> Seen {
        let (least, most) = self.interval();
        let (least, most) = (2.0 * least - 1.0, 2.0 * most - 1.0);
        let seen = format!("{self}; advantage between {least:+.4} and {most:+.4}");
        self.judge(least <= 0.0 && 0.0 <= most && -least <= margin && most <= margin, seen)
    }

    fn judge(self, ok: bool, seen: String) -> Seen {
        if ok && self.trials > 0 {
            Ok(seen)
        } else {
            Err(seen)
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", grouped(self.hits), grouped(self.trials))
    }
}

/// How well a score tells pairs from what is none: the probability that a pair scores higher than something else does (the area
/// under the ROC curve), equal scores counting half.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Auc {
    /// Twice the comparisons that a pair has won, ties once.
    wins: u64,
    comparisons: u64,
    pairs: u64,
    others: u64,
}

impl Auc {
    /// Compares all of one group's pairs with all that is none.
    pub fn add(&mut self, pairs: &[f64], others: &mut [f64]) {
        others.sort_by(f64::total_cmp);
        for pair in pairs {
            let below = others.partition_point(|other| other < pair);
            let up_to = others.partition_point(|other| other <= pair);
            self.wins += (below + up_to) as u64;
        }
        self.comparisons += 2 * (pairs.len() * others.len()) as u64;
        self.pairs += pairs.len() as u64;
        self.others += others.len() as u64;
    }

    /// The 99.9 % interval, with Hanley and McNeil's error for scores that say nothing, which is the largest for a given number
    /// of pairs.
    fn interval(self) -> (f64, f64) {
        let (pairs, others) = (self.pairs as f64, self.others as f64);
        let area = self.wins as f64 / self.comparisons as f64;
        let reach = Z * ((1.0 + (pairs + others - 2.0) / 3.0) / (4.0 * pairs * others)).sqrt();
        ((area - reach).max(0.0), (area + reach).min(1.0))
    }

    /// Holds if the area is at least `floor`.
    pub fn at_least(self, floor: f64) -> Seen {
        let (least, _) = self.interval();
        self.judge(least >= floor)
    }

    /// Holds if the area is at most `ceiling`, and as near to a half from below.
    pub fn at_most(self, ceiling: f64) -> Seen {
        let (least, most) = self.interval();
        self.judge(most <= ceiling && least >= 1.0 - ceiling)
    }

    fn judge(self, ok: bool) -> Seen {
        let (least, most) = self.interval();
        let seen = format!("AUC between {least:.3} and {most:.3}, {} pairs", grouped(self.pairs));
        if ok && self.comparisons > 0 {
            Ok(seen)
        } else {
            Err(seen)
        }
    }
}

/// A probability in percent, with as many digits as it takes to tell it from nothing and from everything.
fn percent(probability: f64) -> String {
    if (0.01..=0.99).contains(&probability) {
        format!("{:.1}", probability * 100.0)
    } else if probability < 1e-6 {
        format!("{:.1e}", probability * 100.0)
    } else {
        format!("{:.4}", probability * 100.0)
    }
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hits: u64, trials: u64) -> Rate {
        Rate { hits, trials }
    }

    #[test]
    fn the_interval_is_wilsons() {
        // From the formula by hand: no hit in n trials leaves at most z² / (n + z²).
        let (least, most) = rate(0, 100).interval();
        assert_eq!(least, 0.0);
        assert!((most - Z * Z / (100.0 + Z * Z)).abs() < 1e-12);
        let (least, most) = rate(500, 1_000).interval();
        assert!(
            (least - 0.4482).abs() < 1e-3 && (most - 0.5518).abs() < 1e-3,
            "{least} {most}"
        );
    }

    #[test]
    fn what_is_claimed_is_claimed_of_the_unfavourable_end() {
        assert!(rate(2_000, 2_000).at_least(0.99).is_ok());
        assert!(rate(100, 100).at_least(0.99).is_err());
        assert!(rate(0, 10).never().is_ok());
        assert!(rate(1, 1_000_000).never().is_err());
        assert!(rate(10, 10).always().is_ok() && rate(9, 10).always().is_err());
        assert!(rate(5_010, 10_000).chance(0.05).is_ok());
        assert!(rate(5_400, 10_000).chance(0.2).is_err(), "it is no chance");
        assert!(rate(50, 100).chance(0.05).is_err(), "it is not known well enough");
    }

    #[test]
    fn the_area_is_the_share_of_comparisons_won() {
        let mut auc = Auc::default();
        auc.add(&[2.0, 3.0], &mut [3.0, 1.0]);
        // 2 beats 1 and loses to 3; 3 beats 1 and ties with 3.
        assert_eq!((auc.wins, auc.comparisons), (5, 8));
        assert!(Auc::default().at_least(0.0).is_err() && Auc::default().at_most(1.0).is_err());
    }

    #[test]
    fn an_area_is_claimed_of_the_unfavourable_end() {
        let scores = |from: u32| -> Vec<f64> { (from..from + 1_000).map(f64::from).collect() };
        let (mut same, mut above, mut below) = (Auc::default(), Auc::default(), Auc::default());
        same.add(&scores(0), &mut scores(0));
        above.add(&scores(900), &mut scores(0));
        below.add(&scores(0), &mut scores(900));
        assert!(same.at_most(0.55).is_ok() && same.at_most(0.52).is_err() && same.at_least(0.5).is_err());
        assert!(above.at_least(0.9).is_ok() && above.at_most(0.9).is_err());
        assert!(
            below.at_most(0.55).is_err(),
            "whoever turns it around has an area of nearly 1"
        );
    }

    #[test]
    fn nothing_is_claimed_of_no_trials() {
        let none = Rate::of(0, || true);
        assert!(
            none.never().is_err() && none.always().is_err() && none.at_least(0.0).is_err() && none.chance(1.0).is_err()
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1_000, 2_500_000].map(grouped),
            ["0", "999", "1,000", "2,500,000"]
        );
    }
}
