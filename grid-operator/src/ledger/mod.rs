//! The key centre's ledger: what it has decided, on disk before anything of it is sent.
//!
//! One SQLite file, mode 0600, every commit flushed (`synchronous = FULL`). It belongs to one root key and, from its
//! first use with a node, to one chain, and refuses any other. Whoever restarts after a crash finds here what was
//! decided and sends that again, never something else. Several processes may use it at once.
//!
//! **Privacy.** It ties meters' names to bill identifiers and says which of them failed; it holds no key, no reading
//! and no bill, and whoever has the file without the root key unmasks nothing.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gridveil_primitives::{Bid, CycleId, PeriodIndex, RegionId};
use rusqlite::{params, Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior};

use crate::state::{check_private, create_private, StateError};

mod bills;
mod changes;
mod periods;

pub use bills::StoredBill;
pub use changes::Since;
pub use periods::{Decision, Fault, FaultKind, Prepared};

/// The ledger's file in the key centre's state directory.
pub const LEDGER_FILE: &str = "ledger.sqlite";
/// The form of the tables below.
const FORM: u32 = 2;
/// How long one process waits for another that is writing.
const BUSY: Duration = Duration::from_secs(20);

const TABLES: &str = "
CREATE TABLE about (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE meters (
    bid BLOB PRIMARY KEY, label TEXT NOT NULL UNIQUE, region INTEGER NOT NULL, first_cycle INTEGER NOT NULL,
    first_period INTEGER, left_cycle INTEGER, left_period INTEGER,
    spend_public BLOB NOT NULL UNIQUE, recipient BLOB NOT NULL, registered INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX meters_by_region ON meters (region, first_cycle);
CREATE TABLE filters (
    cycle INTEGER NOT NULL, region INTEGER NOT NULL, meters INTEGER NOT NULL, PRIMARY KEY (cycle, region)) STRICT;
CREATE TABLE prepared (
    cycle INTEGER NOT NULL, region INTEGER NOT NULL, period INTEGER NOT NULL, revision INTEGER, tally BLOB NOT NULL,
    manifest BLOB, PRIMARY KEY (cycle, region, period)) STRICT;
CREATE TABLE decisions (
    cycle INTEGER NOT NULL, region INTEGER NOT NULL, period INTEGER NOT NULL, decision BLOB NOT NULL,
    PRIMARY KEY (cycle, region, period)) STRICT;
CREATE TABLE faults (
    cycle INTEGER NOT NULL, period INTEGER NOT NULL, region INTEGER NOT NULL, bid BLOB, kind TEXT NOT NULL, prid BLOB)
    STRICT;
CREATE INDEX faults_by_cycle ON faults (cycle, region, period);
CREATE TABLE bills (
    cycle INTEGER NOT NULL, bid BLOB NOT NULL, cid BLOB NOT NULL, hash BLOB NOT NULL, region INTEGER NOT NULL,
    energy BLOB NOT NULL, amount BLOB NOT NULL, apart BLOB NOT NULL,
    published INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (cycle, bid)) STRICT;
";

/// What can be wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The ledger's file is not there.
    #[error("{path} is not there; run `grid-operator key-centre --dir DIR init`, or restore it from its backup")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The ledger's file could not be made or is open to others.
    #[error(transparent)]
    File(#[from] StateError),
    /// SQLite failed.
    #[error("the ledger failed while {doing}: {source}; check its disk and run the command again")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The ledger was made with another root key.
    #[error("{path} belongs to another root key; restore the root.key that it was made with")]
    OtherRootKey {
        /// The ledger.
        path: PathBuf,
    },
    /// The ledger was used with another chain.
    #[error(
        "the ledger belongs to the chain with genesis {known}, but the node's is {found}; give the right --nodes, or \
         another --dir for the other chain"
    )]
    OtherChain {
        /// The genesis hash in the ledger.
        known: String,
        /// The node's.
        found: String,
    },
    /// The ledger was written by another version of the program.
    #[error("{path} is of form {found}, this program writes form {FORM}; use the program that wrote it")]
    OtherForm {
        /// The ledger.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
    /// A copy of the ledger is not sound.
    #[error("{path} is damaged: {problem}; take another backup")]
    Unsound {
        /// What was copied.
        path: PathBuf,
        /// What SQLite says.
        problem: String,
    },
    /// A meter would join a cycle whose filter is made already.
    #[error(
        "nobody was enrolled: region {region} has its meters fixed up to cycle {fixed}, so a meter cannot join in \
         cycle {first_cycle}; enrol with --first-cycle {}", .fixed.saturating_add(1)
    )]
    Fixed {
        /// The region.
        region: RegionId,
        /// The last cycle whose meters are fixed.
        fixed: CycleId,
        /// The cycle that was asked for.
        first_cycle: CycleId,
    },
    /// Meters would change in another cycle than the latest whose meters are fixed.
    #[error(
        "no meter was taken out of region {region} in cycle {cycle}: {}", match .fixed {
            Some(fixed) if fixed >= cycle => format!(
                "its filter is published up to cycle {fixed}; take the meter out at a day's start of that one, --cycle {fixed} \
                 --from-day D"
            ),
            _ => "that cycle's filter is not published, so that meters can leave it as a whole, without --from-day".into(),
        }
    )]
    NotTheLatest {
        /// The region.
        region: RegionId,
        /// The last cycle whose meters are fixed.
        fixed: Option<CycleId>,
        /// The cycle that was asked for.
        cycle: CycleId,
    },
    /// A meter that would be taken out is not there.
    #[error("no meter was taken out: one of them is not in service then, or is to leave at another time already")]
    Gone,
    /// A value in the ledger does not decode.
    #[error("the ledger holds {what} that cannot be read; restore it from its backup")]
    Damaged {
        /// The value.
        what: &'static str,
    },
}

/// A meter as enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// The user's bill identifier.
    pub bid: Bid,
    /// The name that the key centre knows the meter by.
    pub label: String,
    /// The region that it counts in.
    pub region: RegionId,
    /// The first cycle in which it takes part.
    pub first_cycle: CycleId,
    /// The first period of that cycle's revision that brings it in; `None` where it is there from the beginning.
    pub first_period: Option<PeriodIndex>,
    /// Since when it takes part no more.
    pub left: Option<Since>,
    /// P0, the public half of the meter's spend key.
    pub spend_public: [u8; 32],
    /// The user's age recipient, as raw bytes.
    pub recipient: [u8; 32],
}

/// The ledger.
pub struct Ledger {
    connection: Mutex<Connection>,
    path: PathBuf,
}

/// Puts a name to what SQLite was doing when it failed.
fn doing(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Sql { doing, source }
}

fn not_text(path: &Path) -> StateError {
    StateError::Write {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "the name is no text"),
    }
}

fn meter(row: &Row<'_>) -> rusqlite::Result<Meter> {
    Ok(Meter {
        bid: row.get("bid")?,
        label: row.get("label")?,
        region: row.get("region")?,
        first_cycle: row.get("first_cycle")?,
        first_period: row.get("first_period")?,
        left: match row.get("left_cycle")? {
            Some(cycle) => Some((cycle, row.get("left_period")?)),
            None => None,
        },
        spend_public: row.get("spend_public")?,
        recipient: row.get("recipient")?,
    })
}

/// The last cycle whose meters in a region are fixed.
fn fixed(connection: &Connection, region: RegionId) -> Result<Option<CycleId>, LedgerError> {
    connection
        .query_row("SELECT max(cycle) FROM filters WHERE region = ?1", [region], |row| {
            row.get(0)
        })
        .map_err(doing("reading a region's meters"))
}

/// Enters a meter, which has not left.
fn enter(connection: &Connection, meter: &Meter) -> Result<(), LedgerError> {
    connection
        .execute(
            "INSERT INTO meters (bid, label, region, first_cycle, first_period, spend_public, recipient)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                meter.bid,
                meter.label,
                meter.region,
                meter.first_cycle,
                meter.first_period,
                meter.spend_public,
                meter.recipient
            ],
        )
        .map(|_| ())
        .map_err(doing("entering meters"))
}

impl Ledger {
    /// Makes the ledger in `directory` for the root key of this fingerprint; content with one that is there already.
    pub fn create(directory: &Path, fingerprint: &[u8; 32]) -> Result<Ledger, LedgerError> {
        let path = directory.join(LEDGER_FILE);
        // SQLite gives its side files the mode of the main one, so making that one private makes them all so.
        create_private(&path)?;
        let ledger = Ledger::connect(path)?;
        {
            let mut connection = ledger.lock();
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(doing("making its tables"))?;
            let form: u32 = transaction
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .map_err(doing("reading its form"))?;
            if form == 0 {
                transaction.execute_batch(TABLES).map_err(doing("making its tables"))?;
                transaction
                    .execute("INSERT INTO about VALUES ('root', ?1)", [fingerprint])
                    .map_err(doing("making its tables"))?;
                transaction
                    .pragma_update(None, "user_version", FORM)
                    .map_err(doing("making its tables"))?;
            }
            transaction.commit().map_err(doing("making its tables"))?;
        }
        ledger.check(fingerprint)?;
        Ok(ledger)
    }

    /// Opens the ledger in `directory`, which must belong to the root key of this fingerprint.
    pub fn open(directory: &Path, fingerprint: &[u8; 32]) -> Result<Ledger, LedgerError> {
        let path = directory.join(LEDGER_FILE);
        if !path.exists() {
            return Err(LedgerError::Missing { path });
        }
        let ledger = Ledger::connect(path)?;
        ledger.check(fingerprint)?;
        Ok(ledger)
    }

    /// Copies the ledger in the directory `from` into the directory `to`, as it is between two commits, and reads the copy
    /// through. Other processes may write to it meanwhile.
    pub fn copy(from: &Path, to: &Path) -> Result<(), LedgerError> {
        let (path, target) = (from.join(LEDGER_FILE), to.join(LEDGER_FILE));
        if !path.exists() {
            return Err(LedgerError::Missing { path });
        }
        check_private(&path)?;
        create_private(&target)?;
        let name = target.to_str().ok_or_else(|| not_text(&target))?;
        // A backup may lie where nothing can be written.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |path: &Path| Connection::open_with_flags(path, flags).map_err(doing("opening its file"));
        let source = open(&path)?;
        source.busy_timeout(BUSY).map_err(doing("opening its file"))?;
        source
            .execute("VACUUM INTO ?1", [name])
            .map_err(doing("copying itself"))?;
        let sync = File::open(&target).and_then(|file| file.sync_all());
        sync.map_err(|source| StateError::Write {
            path: target.clone(),
            source,
        })?;
        let problem: String = open(&target)?
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(doing("reading its copy"))?;
        if problem != "ok" {
            return Err(LedgerError::Unsound { path, problem });
        }
        Ok(())
    }

    fn connect(path: PathBuf) -> Result<Ledger, LedgerError> {
        check_private(&path)?;
        let connection = Connection::open(&path).map_err(doing("opening its file"))?;
        connection.busy_timeout(BUSY).map_err(doing("opening its file"))?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(doing("opening its file"))?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(doing("opening its file"))?;
        Ok(Ledger {
            connection: Mutex::new(connection),
            path,
        })
    }

    fn check(&self, fingerprint: &[u8; 32]) -> Result<(), LedgerError> {
        let connection = self.lock();
        let found: u32 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(doing("reading its form"))?;
        if found != FORM {
            return Err(LedgerError::OtherForm {
                path: self.path.clone(),
                found,
            });
        }
        let known: [u8; 32] = connection
            .query_row("SELECT value FROM about WHERE name = 'root'", [], |row| row.get(0))
            .map_err(doing("reading whose it is"))?;
        if known != *fingerprint {
            return Err(LedgerError::OtherRootKey {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked inside left no half-done work: SQLite rolled its transaction back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ties the ledger to the chain with this genesis hash, the first time; afterwards refuses any other.
    pub fn bind_chain(&self, genesis: &[u8; 32]) -> Result<(), LedgerError> {
        let connection = self.lock();
        connection
            .execute("INSERT OR IGNORE INTO about VALUES ('genesis', ?1)", [genesis])
            .map_err(doing("noting the chain"))?;
        let known: [u8; 32] = connection
            .query_row("SELECT value FROM about WHERE name = 'genesis'", [], |row| row.get(0))
            .map_err(doing("reading whose it is"))?;
        if known != *genesis {
            return Err(LedgerError::OtherChain {
                known: hex::encode(known),
                found: hex::encode(genesis),
            });
        }
        Ok(())
    }

    /// Enters all these meters or none. They must have been checked against the ledger for duplicates. Errors:
    /// [`LedgerError::Fixed`] where a meter's first cycle has its filter already.
    pub fn enter_meters(&self, meters: &[Meter]) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(doing("entering meters"))?;
        for meter in meters {
            let (region, first_cycle) = (meter.region, meter.first_cycle);
            if let Some(fixed) = fixed(&transaction, region)?.filter(|fixed| *fixed >= first_cycle) {
                return Err(LedgerError::Fixed {
                    region,
                    fixed,
                    first_cycle,
                });
            }
            enter(&transaction, meter)?;
        }
        transaction.commit().map_err(doing("entering meters"))
    }

    fn find_meter(&self, sql: &str, key: impl rusqlite::ToSql) -> Result<Option<Meter>, LedgerError> {
        self.lock()
            .query_row(sql, [key], meter)
            .optional()
            .map_err(doing("looking up a meter"))
    }

    /// The meter of this bill identifier.
    pub fn meter(&self, bid: &Bid) -> Result<Option<Meter>, LedgerError> {
        self.find_meter("SELECT * FROM meters WHERE bid = ?1", bid)
    }

    /// The meter of this name.
    pub fn meter_called(&self, label: &str) -> Result<Option<Meter>, LedgerError> {
        self.find_meter("SELECT * FROM meters WHERE label = ?1", label)
    }

    /// The meter with this spend key.
    pub fn meter_with_key(&self, spend_public: &[u8; 32]) -> Result<Option<Meter>, LedgerError> {
        self.find_meter("SELECT * FROM meters WHERE spend_public = ?1", spend_public)
    }

    /// The meters of a region that took part up to a cycle, or do so in it, by ascending bill identifier; see
    /// [`Meter::takes_part`].
    pub fn meters(&self, region: RegionId, cycle: CycleId) -> Result<Vec<Meter>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT * FROM meters WHERE region = ?1 AND first_cycle <= ?2 ORDER BY bid")
            .map_err(doing("listing meters"))?;
        let meters = statement
            .query_map([region, cycle], meter)
            .map_err(doing("listing meters"))?;
        meters.collect::<Result<_, _>>().map_err(doing("listing meters"))
    }

    /// The regions that have meters in a cycle.
    pub fn regions(&self, cycle: CycleId) -> Result<Vec<RegionId>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(
                "SELECT DISTINCT region FROM meters WHERE first_cycle <= ?1
                 AND (left_cycle IS NULL OR left_cycle > ?1 OR (left_cycle = ?1 AND left_period IS NOT NULL))
                 ORDER BY region",
            )
            .map_err(doing("listing regions"))?;
        let regions = statement
            .query_map([cycle], |row| row.get(0))
            .map_err(doing("listing regions"))?;
        regions.collect::<Result<_, _>>().map_err(doing("listing regions"))
    }

    /// The meters that are not known to be registered on chain.
    pub fn unregistered(&self) -> Result<Vec<Meter>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT * FROM meters WHERE registered = 0 ORDER BY bid")
            .map_err(doing("listing meters"))?;
        let meters = statement.query_map([], meter).map_err(doing("listing meters"))?;
        meters.collect::<Result<_, _>>().map_err(doing("listing meters"))
    }

    /// Notes that the chain has registered these users.
    pub fn note_registered<'a>(&self, bids: impl IntoIterator<Item = &'a Bid>) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(doing("noting registrations"))?;
        for bid in bids {
            transaction
                .execute("UPDATE meters SET registered = 1 WHERE bid = ?1", [bid])
                .map_err(doing("noting registrations"))?;
        }
        transaction.commit().map_err(doing("noting registrations"))
    }

    /// How many meters are enrolled, and how many of them the chain has registered.
    pub fn count_meters(&self) -> Result<(u32, u32), LedgerError> {
        self.lock()
            .query_row("SELECT count(*), coalesce(sum(registered), 0) FROM meters", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(doing("counting meters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ROOT: [u8; 32] = [7; 32];

    fn sample(number: u8, region: RegionId, first_cycle: CycleId) -> Meter {
        Meter {
            bid: [number; 32],
            label: format!("meter {number}"),
            region,
            first_cycle,
            first_period: None,
            left: None,
            spend_public: [number ^ 0x80; 32],
            recipient: [1; 32],
        }
    }

    #[test]
    fn a_ledger_is_private_and_flushes_every_commit() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger.enter_meters(&[sample(1, 1, 0)]).unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                entry.path()
            );
        }
        let synchronous: u32 = ledger
            .lock()
            .query_row("PRAGMA synchronous", [], |row| row.get(0))
            .unwrap();
        assert_eq!(synchronous, 2, "FULL");
    }

    #[test]
    fn a_ledger_of_another_root_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(Ledger::create(dir.path(), &ROOT).unwrap());
        assert!(matches!(
            Ledger::open(dir.path(), &[8; 32]),
            Err(LedgerError::OtherRootKey { .. })
        ));
        assert!(matches!(
            Ledger::create(dir.path(), &[8; 32]),
            Err(LedgerError::OtherRootKey { .. })
        ));
        assert!(Ledger::open(dir.path(), &ROOT).is_ok());
    }

    #[test]
    fn a_ledger_stays_with_its_chain() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger.bind_chain(&[1; 32]).unwrap();
        ledger.bind_chain(&[1; 32]).unwrap();
        assert!(matches!(
            ledger.bind_chain(&[2; 32]),
            Err(LedgerError::OtherChain { .. })
        ));
    }

    #[test]
    fn a_ledger_that_is_missing_is_not_made_by_opening_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            Ledger::open(dir.path(), &ROOT),
            Err(LedgerError::Missing { .. })
        ));
        assert!(!dir.path().join(LEDGER_FILE).exists());
    }

    #[test]
    fn a_ledger_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(Ledger::create(dir.path(), &ROOT).unwrap());
        let path = dir.path().join(LEDGER_FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(Ledger::open(dir.path(), &ROOT), Err(LedgerError::File(_))));
    }

    #[test]
    fn a_ledger_of_another_form_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger.lock().pragma_update(None, "user_version", 9).unwrap();
        drop(ledger);
        assert!(matches!(
            Ledger::open(dir.path(), &ROOT),
            Err(LedgerError::OtherForm { found: 9, .. })
        ));
    }

    #[test]
    fn meters_take_part_from_their_first_cycle_on_in_the_order_of_their_bids() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger
            .enter_meters(&[sample(3, 1, 0), sample(2, 1, 1), sample(1, 1, 0), sample(9, 2, 2)])
            .unwrap();
        let bids = |cycle| {
            ledger
                .meters(1, cycle)
                .unwrap()
                .iter()
                .map(|meter| meter.bid[0])
                .collect::<Vec<_>>()
        };
        assert_eq!(bids(0), [1, 3]);
        assert_eq!(bids(1), [1, 2, 3]);
        assert_eq!(ledger.regions(1).unwrap(), [1]);
        assert_eq!(ledger.regions(2).unwrap(), [1, 2]);
        assert_eq!(ledger.meter(&[2; 32]).unwrap(), Some(sample(2, 1, 1)));
        assert_eq!(ledger.meter_called("meter 9").unwrap(), Some(sample(9, 2, 2)));
        assert_eq!(ledger.meter_with_key(&[0x81; 32]).unwrap(), Some(sample(1, 1, 0)));
    }

    #[test]
    fn meters_are_entered_all_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        assert!(ledger.enter_meters(&[sample(1, 1, 0), sample(1, 1, 0)]).is_err());
        assert_eq!(ledger.count_meters().unwrap(), (0, 0));
    }

    #[test]
    fn a_meter_cannot_join_a_cycle_whose_meters_are_fixed() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger
            .enter_meters(&[sample(1, 1, 0), sample(2, 1, 0), sample(3, 2, 0), sample(4, 1, 6)])
            .unwrap();
        assert_eq!(ledger.fix_meters(1, 4).unwrap(), 2);
        let refused = ledger.enter_meters(&[sample(5, 1, 4)]);
        assert!(matches!(
            refused,
            Err(LedgerError::Fixed {
                region: 1,
                fixed: 4,
                first_cycle: 4
            })
        ));
        ledger.enter_meters(&[sample(5, 1, 5), sample(6, 2, 4)]).unwrap();
        assert_eq!(ledger.fix_meters(1, 4).unwrap(), 2);
        assert_eq!(ledger.fix_meters(1, 5).unwrap(), 3);
    }

    #[test]
    fn registrations_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &ROOT).unwrap();
        ledger.enter_meters(&[sample(1, 1, 0), sample(2, 1, 0)]).unwrap();
        ledger.note_registered([&[1; 32]]).unwrap();
        assert_eq!(ledger.unregistered().unwrap(), [sample(2, 1, 0)]);
        assert_eq!(ledger.count_meters().unwrap(), (2, 1));
    }
}
