//! Checks: each a sentence with what was seen, printed as a table and counted.
//!
//! Promises that a check is entered once with what it saw, and that the closing line counts every row.
//!
//! **Privacy.** Prints what was compared, in totals and counts.

use std::fmt::Display;

use comfy_table::{presets::UTF8_FULL_CONDENSED, Cell, CellAlignment, ContentArrangement, Table};

/// What a check saw.
pub type Seen = Result<String, String>;

/// All checks so far.
#[derive(Default)]
pub struct Checks {
    rows: Vec<(String, Seen)>,
}

impl Checks {
    /// Enters a check.
    pub fn add(&mut self, claim: impl Into<String>, seen: Seen) {
        self.rows.push((claim.into(), seen));
    }

    /// How many hold and how many don't.
    pub fn count(&self) -> (usize, usize) {
        let passed = self.rows.iter().filter(|(_, seen)| seen.is_ok()).count();
        (passed, self.rows.len() - passed)
    }

    /// The table that a person reads.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_preset(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if table.width().is_none() {
            table.set_width(120);
        }
        table.set_header(["", "claim", "seen"]);
        for (claim, seen) in &self.rows {
            let (mark, text) = match seen {
                Ok(text) => ("ok", text),
                Err(text) => ("FAILED", text),
            };
            table.add_row([
                Cell::new(mark).set_alignment(CellAlignment::Center),
                Cell::new(claim),
                Cell::new(text),
            ]);
        }
        table
    }
}

/// Collects the differences between pairs that should be equal, and counts the pairs.
#[derive(Default)]
pub struct Comparison {
    compared: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// How many differences are told before the rest is only counted.
    const SHOWN: usize = 3;

    /// Compares one pair; `what` names it if it differs.
    pub fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: impl Display, expected: T, found: T) {
        self.compared += 1;
        if expected != found {
            self.differences
                .push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    /// The verdict; that nothing was compared is a failure too.
    pub fn verdict(self, things: &str) -> Seen {
        if self.compared == 0 {
            return Err(format!("no {things} to compare"));
        }
        if self.differences.is_empty() {
            return Ok(format!("{} {things}", self.compared));
        }
        let more = self.differences.len().saturating_sub(Self::SHOWN);
        let mut text = self
            .differences
            .into_iter()
            .take(Self::SHOWN)
            .collect::<Vec<_>>()
            .join("; ");
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        Err(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_nothing_fails() {
        assert!(Comparison::default().verdict("totals").is_err());
    }

    #[test]
    fn one_difference_fails_and_is_told() {
        let mut comparison = Comparison::default();
        comparison.equal("a", 1, 1);
        comparison.equal("b", 1, 2);
        let seen = comparison.verdict("totals").unwrap_err();
        assert!(seen.contains("b: expected 1, found 2"), "{seen}");
    }

    #[test]
    fn every_row_is_counted_and_shown() {
        let mut checks = Checks::default();
        checks.add("water is wet", Ok("it was".into()));
        checks.add("fire is cold", Err("it was not".into()));
        assert_eq!(checks.count(), (1, 1));
        let table = checks.table().to_string();
        assert!(table.contains("FAILED") && table.contains("water is wet"), "{table}");
    }
}
