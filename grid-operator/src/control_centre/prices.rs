//! The prices that the control centre has decided on, on disk before they are sent.
//!
//! The chain takes a period's price once. Where the control centre is given a directory of its own, it also keeps to
//! what it has decided before it was stopped, though the tariff may have been changed since.
//!
//! **Privacy.** Prices are public.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use gridveil_primitives::{PeriodKey, Price};
use rusqlite::{params, Connection, TransactionBehavior};

use crate::{
    ledger::LedgerError,
    state::{create_private, make_private_dir},
};

/// The file of prices in the control centre's directory.
pub const PRICES_FILE: &str = "prices.sqlite";

/// Prices decided.
pub struct Prices {
    connection: Mutex<Connection>,
}

fn doing(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Sql { doing, source }
}

impl Prices {
    /// Opens the prices in a directory, making both where they are missing, for the chain with this genesis hash.
    pub fn open(directory: &Path, genesis: &[u8; 32]) -> Result<Prices, LedgerError> {
        make_private_dir(directory)?;
        let path = directory.join(PRICES_FILE);
        create_private(&path)?;
        let connection = Connection::open(&path).map_err(doing("opening the prices"))?;
        Prices::prepare(connection, genesis)
    }

    /// Prices that are forgotten at the end.
    pub fn in_memory(genesis: &[u8; 32]) -> Result<Prices, LedgerError> {
        Prices::prepare(
            Connection::open_in_memory().map_err(doing("making room for prices"))?,
            genesis,
        )
    }

    fn prepare(mut connection: Connection, genesis: &[u8; 32]) -> Result<Prices, LedgerError> {
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(doing("opening the prices"))?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(doing("opening the prices"))?;
        transaction
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS chain (only INTEGER PRIMARY KEY, genesis BLOB NOT NULL) STRICT;
                 CREATE TABLE IF NOT EXISTS prices (
                     cycle INTEGER NOT NULL, region INTEGER NOT NULL, period INTEGER NOT NULL, price BLOB NOT NULL,
                     PRIMARY KEY (cycle, region, period)) STRICT;",
            )
            .map_err(doing("opening the prices"))?;
        transaction
            .execute("INSERT OR IGNORE INTO chain VALUES (1, ?1)", [genesis])
            .map_err(doing("noting the chain"))?;
        let known: [u8; 32] = transaction
            .query_row("SELECT genesis FROM chain", [], |row| row.get(0))
            .map_err(doing("reading whose the prices are"))?;
        transaction.commit().map_err(doing("opening the prices"))?;
        if known != *genesis {
            return Err(LedgerError::OtherChain {
                known: hex::encode(known),
                found: hex::encode(genesis),
            });
        }
        Ok(Prices {
            connection: Mutex::new(connection),
        })
    }

    /// Enters a period's price unless one was entered before; gives the one that stands.
    pub fn decide(&self, key: &PeriodKey, price: Price) -> Result<Price, LedgerError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // As bytes, because SQLite's integers end at half of what a price can be.
        connection
            .execute(
                "INSERT OR IGNORE INTO prices (cycle, region, period, price) VALUES (?1, ?2, ?3, ?4)",
                params![key.cycle, key.region, key.period, price.to_be_bytes()],
            )
            .map_err(doing("entering a price"))?;
        connection
            .query_row(
                "SELECT price FROM prices WHERE cycle = ?1 AND region = ?2 AND period = ?3",
                params![key.cycle, key.region, key.period],
                |row| row.get(0),
            )
            .map(Price::from_be_bytes)
            .map_err(doing("reading a price"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PeriodKey = PeriodKey {
        region: 1,
        cycle: 2,
        period: 3,
    };

    #[test]
    fn a_price_once_decided_stands_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let prices = Prices::open(&dir.path().join("control"), &[1; 32]).unwrap();
        assert_eq!(prices.decide(&KEY, Price::MAX).unwrap(), Price::MAX);
        drop(prices);
        let prices = Prices::open(&dir.path().join("control"), &[1; 32]).unwrap();
        assert_eq!(prices.decide(&KEY, 5).unwrap(), Price::MAX);
        assert_eq!(prices.decide(&PeriodKey { period: 4, ..KEY }, 5).unwrap(), 5);
    }

    #[test]
    fn prices_stay_with_their_chain() {
        let dir = tempfile::tempdir().unwrap();
        drop(Prices::open(dir.path(), &[1; 32]).unwrap());
        assert!(matches!(
            Prices::open(dir.path(), &[2; 32]),
            Err(LedgerError::OtherChain { .. })
        ));
    }
}
