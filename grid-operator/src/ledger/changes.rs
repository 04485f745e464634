//! Who leaves a region, and who takes another's place.
//!
//! A meter leaves with a cycle, before the cycle's meters are fixed, or with a revision: a day's start within the cycle,
//! from which on the chain has other meters. Only the latest fixed cycle is revised, so that nobody is left in a later one.
//! Whether the chain has a revision is not the ledger's to know; what holds in a period is asked of the chain, and
//! [`Meter::takes_part`] says who is in it then.
//!
//! **Privacy.** Says when a home got another meter; the chain says how many did.

use gridveil_primitives::{Bid, CycleId, PeriodIndex, RegionId};
use rusqlite::{params, TransactionBehavior};

use super::{doing, enter, fixed, Ledger, LedgerError, Meter};

/// A cycle, and the first period of the revision within it; `None` stands for the cycle's beginning.
pub type Since = (CycleId, Option<PeriodIndex>);

impl Meter {
    /// Whether the meter is one of its region's where a revision holds, which is named by its first period; `None` for
    /// where none does.
    pub fn takes_part(&self, cycle: CycleId, revision: Option<PeriodIndex>) -> bool {
        let at = (cycle, revision);
        (self.first_cycle, self.first_period) <= at && self.left.is_none_or(|left| left > at)
    }
}

impl Ledger {
    /// Enters that meters of a region leave, and that a new one comes in one's place; all of it or nothing.
    ///
    /// Errors: [`LedgerError::NotTheLatest`] unless a revision is of the last cycle whose meters are fixed, and what is no
    /// revision of a later one; [`LedgerError::Gone`].
    pub fn enter_change(
        &self,
        region: RegionId,
        since: Since,
        leaving: &[Bid],
        joining: Option<&Meter>,
    ) -> Result<(), LedgerError> {
        let (cycle, from) = since;
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(doing("entering who leaves"))?;
        let fixed = fixed(&transaction, region)?;
        let in_turn = match from {
            Some(_) => fixed == Some(cycle),
            None => fixed < Some(cycle),
        };
        if !in_turn {
            return Err(LedgerError::NotTheLatest { region, fixed, cycle });
        }
        for bid in leaving {
            let left = transaction
                .execute(
                    "UPDATE meters SET left_cycle = ?1, left_period = ?2 WHERE bid = ?3 AND left_cycle IS NULL",
                    params![cycle, from, bid],
                )
                .map_err(doing("entering who leaves"))?;
            if left != 1 {
                return Err(LedgerError::Gone);
            }
        }
        if let Some(meter) = joining {
            enter(&transaction, meter)?;
        }
        transaction.commit().map_err(doing("entering who leaves"))
    }

    /// Takes back what was entered of a revision, which the chain does not have and can't take any more.
    pub fn withdraw_change(&self, region: RegionId, cycle: CycleId, from: PeriodIndex) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(doing("taking a change back"))?;
        for sql in [
            "DELETE FROM meters WHERE region = ?1 AND first_cycle = ?2 AND first_period = ?3",
            "UPDATE meters SET left_cycle = NULL, left_period = NULL
             WHERE region = ?1 AND left_cycle = ?2 AND left_period = ?3",
        ] {
            transaction
                .execute(sql, params![region, cycle, from])
                .map_err(doing("taking a change back"))?;
        }
        transaction.commit().map_err(doing("taking a change back"))
    }

    /// The first periods of the revisions of a region's cycle that were entered, ascending.
    pub fn changes(&self, region: RegionId, cycle: CycleId) -> Result<Vec<PeriodIndex>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(
                "SELECT DISTINCT left_period FROM meters
                 WHERE region = ?1 AND left_cycle = ?2 AND left_period IS NOT NULL ORDER BY left_period",
            )
            .map_err(doing("listing who leaves"))?;
        let changes = statement
            .query_map([region, cycle], |row| row.get(0))
            .map_err(doing("listing who leaves"))?;
        changes.collect::<Result<_, _>>().map_err(doing("listing who leaves"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: RegionId = 1;
    const CYCLE: CycleId = 4;

    fn meter(number: u8, first_period: Option<PeriodIndex>) -> Meter {
        Meter {
            bid: [number; 32],
            label: format!("meter {number}"),
            region: REGION,
            first_cycle: if first_period.is_some() { CYCLE } else { 0 },
            first_period,
            left: None,
            spend_public: [number; 32],
            recipient: [1; 32],
        }
    }

    /// A ledger with three meters in a cycle that is fixed.
    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &[7; 32]).unwrap();
        ledger
            .enter_meters(&[1, 2, 3].map(|number| meter(number, None)))
            .unwrap();
        assert_eq!(ledger.fix_meters(REGION, CYCLE).unwrap(), 3);
        (dir, ledger)
    }

    /// The numbers of those who take part.
    fn who(ledger: &Ledger, cycle: CycleId, revision: Option<PeriodIndex>) -> Vec<u8> {
        let meters = ledger.meters(REGION, cycle).unwrap().into_iter();
        meters
            .filter(|meter| meter.takes_part(cycle, revision))
            .map(|meter| meter.bid[0])
            .collect()
    }

    #[test]
    fn a_meter_takes_part_until_it_leaves_and_the_new_one_from_then_on() {
        let (_dir, ledger) = ledger();
        ledger
            .enter_change(REGION, (CYCLE, Some(48)), &[[2; 32]], Some(&meter(9, Some(48))))
            .unwrap();
        ledger
            .enter_change(REGION, (CYCLE, Some(96)), &[[3; 32]], None)
            .unwrap();
        assert_eq!(ledger.changes(REGION, CYCLE).unwrap(), [48, 96]);
        for (cycle, revision, expected) in [
            (CYCLE - 1, None, &[1, 2, 3][..]),
            (CYCLE, None, &[1, 2, 3]),
            (CYCLE, Some(48), &[1, 3, 9]),
            (CYCLE, Some(96), &[1, 9]),
            (CYCLE + 1, None, &[1, 9]),
        ] {
            assert_eq!(who(&ledger, cycle, revision), expected, "{cycle} {revision:?}");
        }
        assert_eq!(ledger.fix_meters(REGION, CYCLE).unwrap(), 3);
        assert_eq!(ledger.fix_meters(REGION, CYCLE + 1).unwrap(), 2);
    }

    #[test]
    fn a_meter_leaves_with_a_cycle_that_is_not_fixed() {
        let (_dir, ledger) = ledger();
        ledger
            .enter_change(REGION, (CYCLE + 1, None), &[[2; 32]], None)
            .unwrap();
        assert!(ledger.changes(REGION, CYCLE + 1).unwrap().is_empty());
        assert_eq!(who(&ledger, CYCLE, None), [1, 2, 3]);
        assert_eq!(who(&ledger, CYCLE + 1, None), [1, 3]);
        assert_eq!(ledger.fix_meters(REGION, CYCLE + 1).unwrap(), 2);
        ledger
            .enter_change(REGION, (CYCLE + 2, None), &[[1; 32], [3; 32]], None)
            .unwrap();
        assert_eq!(ledger.regions(CYCLE + 1).unwrap(), [REGION]);
        assert!(ledger.regions(CYCLE + 2).unwrap().is_empty());
    }

    #[test]
    fn only_the_latest_fixed_cycle_is_revised_and_no_fixed_one_is_left_as_a_whole() {
        let (_dir, ledger) = ledger();
        for since in [(CYCLE - 1, Some(48)), (CYCLE + 1, Some(48)), (CYCLE, None)] {
            let refused = ledger.enter_change(REGION, since, &[[1; 32]], None);
            assert!(
                matches!(refused, Err(LedgerError::NotTheLatest { fixed: Some(CYCLE), .. })),
                "{since:?}"
            );
        }
    }

    #[test]
    fn a_change_is_entered_whole_or_not_at_all() {
        let (_dir, ledger) = ledger();
        ledger
            .enter_change(REGION, (CYCLE, Some(48)), &[[2; 32]], None)
            .unwrap();
        let again = ledger.enter_change(REGION, (CYCLE, Some(96)), &[[1; 32], [2; 32]], None);
        assert!(matches!(again, Err(LedgerError::Gone)));
        // A joining meter that is there already.
        let known = meter(3, Some(96));
        assert!(ledger
            .enter_change(REGION, (CYCLE, Some(96)), &[[1; 32]], Some(&known))
            .is_err());
        assert_eq!(who(&ledger, CYCLE, Some(96)), [1, 3]);
    }

    #[test]
    fn a_change_that_is_withdrawn_never_was() {
        let (_dir, ledger) = ledger();
        ledger
            .enter_change(REGION, (CYCLE, Some(48)), &[[1; 32]], None)
            .unwrap();
        ledger
            .enter_change(REGION, (CYCLE, Some(96)), &[[2; 32]], Some(&meter(9, Some(96))))
            .unwrap();
        ledger.withdraw_change(REGION, CYCLE, 96).unwrap();
        assert_eq!(ledger.changes(REGION, CYCLE).unwrap(), [48]);
        assert_eq!(who(&ledger, CYCLE, Some(96)), [2, 3]);
        assert_eq!(ledger.meter(&[9; 32]).unwrap(), None);
    }
}
