//! Figures, how they are taken, shown, and compared with those of before.
//!
//! A figure is held against its limit by their ratio, which says the same on a fast machine and a slow one.

use std::{collections::BTreeMap, hint::black_box};

use comfy_table::{presets::UTF8_FULL_CONDENSED, Cell, CellAlignment, Table};
use rustix::time::{clock_gettime, ClockId};
use serde::{ser::SerializeStruct, Deserialize, Serialize, Serializer};

/// How much worse a ratio may get before the quick run fails.
const SLACK: f64 = 1.25;

/// What can stop the bench.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file or a program.
    #[error("can't read, write or start something: {0}")]
    Io(#[from] std::io::Error),
    /// JSON that is not of the expected form.
    #[error("not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The key centre.
    #[error(transparent)]
    Operator(#[from] gridveil_grid_operator::error::Error),
    /// The node with a driven clock.
    #[error(transparent)]
    Node(#[from] gridveil_replay::error::ReplayError),
    /// The key centre's ledger.
    #[error(transparent)]
    Ledger(#[from] gridveil_grid_operator::ledger::LedgerError),
    /// Something did not come out as it must.
    #[error("{0}")]
    Wrong(String),
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// The more the better, and at least this.
    AtLeast(f64),
    /// The less the better, and at most this.
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// How much it is.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it is held against, in the same unit.
    pub limit: f64,
    /// What the ratio of the two should be.
    pub goal: Goal,
}

impl Figure {
    /// The value in units of the limit.
    pub fn ratio(&self) -> f64 {
        self.value / self.limit
    }

    /// Whether the goal is met.
    pub fn met(&self) -> bool {
        match self.goal {
            Goal::AtLeast(least) => self.ratio() >= least,
            Goal::AtMost(most) => self.ratio() <= most,
        }
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::AtLeast(least) => format!("at least {least}"),
            Goal::AtMost(most) => format!("at most {most}"),
        }
    }

    /// Whether it is worse than a ratio of before by more than may be chance.
    fn is_worse_than(&self, before: f64) -> bool {
        match self.goal {
            Goal::AtLeast(_) => self.ratio() < before / SLACK,
            Goal::AtMost(_) => self.ratio() > before * SLACK,
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_struct("Figure", 7)?;
        form.serialize_field("figure", self.name)?;
        form.serialize_field("value", &self.value)?;
        form.serialize_field("unit", self.unit)?;
        form.serialize_field("limit", &self.limit)?;
        form.serialize_field("ratio", &self.ratio())?;
        form.serialize_field("goal", &self.goal())?;
        form.serialize_field("met", &self.met())?;
        form.end()
    }
}

/// The ratios of a run, by figure.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(BTreeMap<String, f64>);

impl Baseline {
    /// Those of these figures.
    pub fn of(figures: &[Figure]) -> Baseline {
        let ratios = figures.iter().map(|figure| (figure.name.to_owned(), figure.ratio()));
        Baseline(ratios.collect())
    }

    /// What got worse since, and what nobody compares: a figure that is new, or that is gone.
    pub fn worse(&self, figures: &[Figure]) -> Vec<String> {
        let mut told = Vec::new();
        for figure in figures {
            match self.0.get(figure.name) {
                None => told.push(format!(
                    "{} has no ratio checked in: run with --write-baseline",
                    figure.name
                )),
                Some(before) if figure.is_worse_than(*before) => {
                    told.push(format!("{} is {:.3}, and was {before:.3}", figure.name, figure.ratio()));
                }
                Some(_) => {}
            }
        }
        let gone = self
            .0
            .keys()
            .filter(|name| !figures.iter().any(|figure| figure.name == *name));
        told.extend(gone.map(|name| format!("{name} was not measured")));
        told
    }
}

/// The table that a person reads.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header(["", "figure", "value", "limit", "unit", "ratio", "goal"]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for figure in figures {
        table.add_row([
            Cell::new(if figure.met() { "met" } else { "MISSED" }),
            Cell::new(figure.name),
            right(short(figure.value)),
            right(short(figure.limit)),
            Cell::new(figure.unit),
            right(format!("{:.3}", figure.ratio())),
            Cell::new(figure.goal()),
        ]);
    }
    table
}

/// A number with about four digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(upper), 0) => (upper + values.get(middle - 1).copied().unwrap_or(*upper)) / 2.0,
        (Some(one), _) => *one,
        (None, _) => f64::NAN,
    }
}

/// What this part of the values is at most: the smallest value for which that is so.
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = (part * values.len() as f64).ceil() as usize;
    values.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// How many seconds of a processor one of `count` calls takes, which does all of its work on this thread. What else the
/// machine does is not in it.
pub fn seconds<T>(count: u32, mut work: impl FnMut() -> T) -> f64 {
    let begun = thread_time();
    for _ in 0..count {
        black_box(work());
    }
    (thread_time() - begun) / f64::from(count)
}

/// How long this thread has been on a processor, in seconds.
fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The medians of two things that take turns.
pub fn by_turns(rounds: usize, mut one: impl FnMut() -> f64, mut other: impl FnMut() -> f64) -> (f64, f64) {
    let (ones, others): (Vec<_>, Vec<_>) = (0..rounds).map(|_| (one(), other())).unzip();
    (median(&ones), median(&others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, goal: Goal) -> Figure {
        Figure {
            name: "it",
            value,
            unit: "s",
            limit: 2.0,
            goal,
        }
    }

    #[test]
    fn a_goal_is_met_on_its_own_side() {
        assert!(figure(2.0, Goal::AtLeast(1.0)).met() && !figure(1.9, Goal::AtLeast(1.0)).met());
        assert!(figure(2.0, Goal::AtMost(1.0)).met() && !figure(2.1, Goal::AtMost(1.0)).met());
    }

    #[test]
    fn worse_by_a_quarter_is_told_and_less_is_not() {
        let before = Baseline::of(&[figure(2.0, Goal::AtLeast(1.0))]);
        assert!(before.worse(&[figure(1.7, Goal::AtLeast(1.0))]).is_empty());
        assert_eq!(before.worse(&[figure(1.5, Goal::AtLeast(1.0))]).len(), 1);
        assert!(before.worse(&[figure(2.4, Goal::AtMost(1.0))]).is_empty());
        assert_eq!(before.worse(&[figure(2.6, Goal::AtMost(1.0))]).len(), 1);
    }

    #[test]
    fn a_figure_that_is_new_or_gone_is_told() {
        let before = Baseline::of(&[figure(2.0, Goal::AtLeast(1.0))]);
        let new = Figure {
            name: "another",
            ..figure(2.0, Goal::AtLeast(1.0))
        };
        assert_eq!(before.worse(&[new]).len(), 2);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_percentile_is_a_value_that_so_many_do_not_exceed() {
        let values: Vec<_> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (100.0, 198.0));
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn the_json_has_the_agreed_fields() {
        let json = serde_json::to_value(figure(1.0, Goal::AtMost(1.0))).unwrap();
        let expected = serde_json::json!({ "figure": "it", "value": 1.0, "unit": "s", "limit": 2.0, "ratio": 0.5,
                                           "goal": "at most 1", "met": true });
        assert_eq!(json, expected);
    }
}
