//! What the ledger keeps of bills: where each was stored, from before the chain is told until it is.
//!
//! Sealing the same bill twice gives two different files; what is entered here is the one that counts.
//!
//! **Privacy.** A CID and a hash of something encrypted, and commitments that hide what they are to.

use gridveil_primitives::{Bid, BillCommitments, BillRecord, CycleId};
use rusqlite::params;

use super::{doing, Ledger, LedgerError};

/// A bill that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBill {
    /// Whose it is.
    pub bid: Bid,
    /// Where it is.
    pub record: BillRecord,
    /// Whether the chain is known to have it.
    pub published: bool,
}

impl Ledger {
    /// Enters bills that are in the store; one that was entered before stays as it is.
    pub fn enter_bills<'a>(
        &self,
        cycle: CycleId,
        bills: impl IntoIterator<Item = (&'a Bid, &'a BillRecord)>,
    ) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(doing("entering bills"))?;
        for (bid, record) in bills {
            transaction
                .execute(
                    "INSERT OR IGNORE INTO bills (cycle, bid, cid, hash, region, energy, amount, apart)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        cycle,
                        bid,
                        record.cid,
                        record.hash,
                        record.region,
                        record.commitments.energy,
                        record.commitments.amount,
                        record.commitments.apart
                    ],
                )
                .map_err(doing("entering bills"))?;
        }
        transaction.commit().map_err(doing("entering bills"))
    }

    /// The bills of a cycle that are in the store, by ascending bill identifier.
    pub fn bills(&self, cycle: CycleId) -> Result<Vec<StoredBill>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT * FROM bills WHERE cycle = ?1 ORDER BY bid")
            .map_err(doing("listing bills"))?;
        let bills = statement
            .query_map([cycle], |row| {
                Ok(StoredBill {
                    bid: row.get("bid")?,
                    record: BillRecord {
                        cid: row.get("cid")?,
                        hash: row.get("hash")?,
                        region: row.get("region")?,
                        commitments: BillCommitments {
                            energy: row.get("energy")?,
                            amount: row.get("amount")?,
                            apart: row.get("apart")?,
                        },
                    },
                    published: row.get("published")?,
                })
            })
            .map_err(doing("listing bills"))?;
        bills.collect::<Result<_, _>>().map_err(doing("listing bills"))
    }

    /// Notes that the chain has these bills.
    pub fn note_published<'a>(
        &self,
        cycle: CycleId,
        bids: impl IntoIterator<Item = &'a Bid>,
    ) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(doing("noting bills"))?;
        for bid in bids {
            transaction
                .execute(
                    "UPDATE bills SET published = 1 WHERE cycle = ?1 AND bid = ?2",
                    params![cycle, bid],
                )
                .map_err(doing("noting bills"))?;
        }
        transaction.commit().map_err(doing("noting bills"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_of_a_bill_is_the_one_that_counts() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &[7; 32]).unwrap();
        let record = |byte: u8| BillRecord {
            cid: vec![byte],
            hash: [byte; 32],
            region: byte.into(),
            commitments: BillCommitments {
                energy: [byte + 10; 32],
                amount: [byte + 20; 32],
                apart: [byte + 30; 32],
            },
        };
        let (first, second) = (record(1), record(2));
        ledger.enter_bills(3, [(&[9; 32], &first)]).unwrap();
        ledger.enter_bills(3, [(&[9; 32], &second)]).unwrap();
        let bills = ledger.bills(3).unwrap();
        assert_eq!(
            bills,
            [StoredBill {
                bid: [9; 32],
                record: first,
                published: false
            }]
        );
        ledger.note_published(3, [&[9; 32]]).unwrap();
        assert!(ledger.bills(3).unwrap()[0].published);
        assert_eq!(ledger.bills(2).unwrap(), []);
    }
}
