//! What attacks achieved: printed as they end, and as a table at the last.
//!
//! Promises that each check is counted once. On the paper's side a check holds where the attack works, on gridveil's where it
//! fails; a side that was not checked fails.
//!
//! **Privacy.** Keys and readings are made up or public.

use comfy_table::{presets::UTF8_FULL_CONDENSED, Cell, ContentArrangement, Table};

use crate::attacks::Attack;

/// What was seen where a check holds, and where it doesn't.
pub type Seen = Result<String, String>;

/// Holds if `ok`; says what was seen either way.
pub fn seen(ok: bool, what: impl Into<String>) -> Seen {
    if ok {
        Ok(what.into())
    } else {
        Err(what.into())
    }
}

/// Holds if it was refused for the reason expected, by its name.
pub fn refused<T>(result: Result<T, String>, expected: &str) -> Seen {
    match result {
        Err(reason) if reason == expected => Ok(reason),
        Err(reason) => Err(format!("{reason}, and not {expected}")),
        Ok(_) => Err("accepted".into()),
    }
}

/// Holds if it was accepted.
pub fn accepted<T, E: std::fmt::Debug>(result: Result<T, E>) -> Seen {
    match result {
        Ok(_) => Ok("accepted".into()),
        Err(reason) => Err(format!("{reason:?}")),
    }
}

struct Check {
    claim: String,
    seen: Seen,
}

/// What came of one attack.
#[derive(Default)]
pub struct Row {
    paper: Vec<Check>,
    no_paper: bool,
    gridveil: Vec<Check>,
    notes: Vec<String>,
}

impl Row {
    /// Enters what the attack does to the paper's scheme.
    pub fn paper(&mut self, claim: impl Into<String>, seen: Seen) {
        let claim = claim.into();
        self.paper.push(Check { claim, seen });
    }

    /// Says that the paper's scheme has nothing that this attack could be tried on.
    pub fn no_paper(&mut self) {
        self.no_paper = true;
    }

    /// Enters how gridveil withstands it.
    pub fn gridveil(&mut self, claim: impl Into<String>, seen: Seen) {
        let claim = claim.into();
        self.gridveil.push(Check { claim, seen });
    }

    /// Enters a number that is no claim.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// How many checks hold, and how many don't.
    pub fn count(&self) -> (usize, usize) {
        let checks = || self.paper.iter().chain(&self.gridveil);
        let passed = checks().filter(|check| check.seen.is_ok()).count();
        let unchecked = usize::from(self.paper.is_empty() && !self.no_paper) + usize::from(self.gridveil.is_empty());
        (passed, checks().count() - passed + unchecked)
    }

    /// Prints the checks, one a line.
    pub fn print(&self) {
        for (side, checks) in [("paper", &self.paper), ("gridveil", &self.gridveil)] {
            for Check { claim, seen } in checks {
                let (mark, what) = match seen {
                    Ok(what) => ("ok    ", what),
                    Err(what) => ("FAILED", what),
                };
                println!("  {mark}  {side:<8}  {claim}: {what}");
            }
        }
        for note in &self.notes {
            println!("          {note}");
        }
    }
}

/// The first check of a side, which is its headline, or the first that doesn't hold.
fn cell(checks: &[Check]) -> String {
    let worst = checks.iter().find(|check| check.seen.is_err()).or(checks.first());
    worst.map_or_else(
        || "not checked".into(),
        |check| match &check.seen {
            Ok(what) => format!("{}: {what}", check.claim),
            Err(what) => format!("FAILED: {}: {what}", check.claim),
        },
    )
}

/// All rows, one an attack.
pub fn table(rows: &[(&Attack, Row)]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["attack", "on the paper", "on gridveil", "checks"]);
    if table.width().is_none() {
        table.set_width(160);
    }
    for (attack, row) in rows {
        let (passed, failed) = row.count();
        table.add_row([
            Cell::new(attack.name),
            Cell::new(if row.no_paper { "–".into() } else { cell(&row.paper) }),
            Cell::new(cell(&row.gridveil)),
            Cell::new(format!("{passed} of {}", passed + failed)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_was_not_checked_fails() {
        let mut row = Row::default();
        assert_eq!(row.count(), (0, 2));
        row.paper("it works", Ok("it did".into()));
        assert_eq!(row.count(), (1, 1));
        row.gridveil("it does not", Err("it did".into()));
        assert_eq!(row.count(), (1, 1));
        row.gridveil("nor does that", Ok("it did not".into()));
        assert_eq!(row.count(), (2, 1));
        let mut alone = Row::default();
        alone.no_paper();
        assert_eq!(alone.count(), (0, 1));
    }

    #[test]
    fn a_cell_shows_what_fails_before_what_holds() {
        let check = |claim: &str, seen| Check {
            claim: claim.into(),
            seen,
        };
        let mut checks = vec![check("one", Ok("1".into()))];
        assert_eq!(cell(&checks), "one: 1");
        checks.push(check("two", Err("3".into())));
        assert_eq!(cell(&checks), "FAILED: two: 3");
    }

    #[test]
    fn only_the_expected_refusal_is_one() {
        assert!(refused::<()>(Err("TooLate".into()), "TooLate").is_ok());
        assert!(refused::<()>(Err("TooEarly".into()), "TooLate").is_err());
        assert!(refused(Ok(()), "TooLate").is_err());
    }
}
