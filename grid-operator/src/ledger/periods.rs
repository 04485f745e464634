//! What the ledger keeps of periods: their manifests until the chain has them, what was decided about their mask sums,
//! and the meters that failed.
//!
//! A decision is entered once and stands: an opening of other pairs for the same period would give away the difference.
//!
//! **Privacy.** A manifest is public, and so is an opening once it is on chain; the faults name meters.

use std::collections::BTreeMap;

use codec::{Decode, Encode};
use gridveil_primitives::{Bid, CycleId, Manifest, Opening, PeriodIndex, PeriodKey, PointBytes, Prid, RegionId};
use rusqlite::{params, OptionalExtension, Row};

use super::{doing, Ledger, LedgerError};

/// A period made ready for publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The period.
    pub period: PeriodIndex,
    /// T, the sum of its pseudonyms, for BF2.
    pub tally: PointBytes,
    /// Its manifest.
    pub manifest: Manifest,
}

/// What is to become of a closed period's mask sum.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Decision {
    /// It is opened for the pairs that count.
    Open(Opening),
    /// It stays closed; these shares belong to no pair that counts.
    Withhold(Vec<Prid>),
}

/// In which way a period's shares are not as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A meter sent nothing.
    Silent,
    /// A meter sent only the first share of its pair.
    FirstOnly,
    /// A meter sent only the second share of its pair.
    SecondOnly,
    /// A meter sent a reading that no home can have.
    Implausible,
    /// A share belongs to no meter of the region.
    Alien,
}

impl FaultKind {
    const ALL: [FaultKind; 5] = [
        FaultKind::Silent,
        FaultKind::FirstOnly,
        FaultKind::SecondOnly,
        FaultKind::Implausible,
        FaultKind::Alien,
    ];

    /// The kind's name, in the ledger and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Silent => "silent",
            FaultKind::FirstOnly => "first_only",
            FaultKind::SecondOnly => "second_only",
            FaultKind::Implausible => "implausible",
            FaultKind::Alien => "alien",
        }
    }
}

/// One fault of one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The period.
    pub key: PeriodKey,
    /// What is wrong.
    pub kind: FaultKind,
    /// The meter; `None` for an alien share.
    pub bid: Option<Bid>,
    /// The meter's name; `None` for an alien share.
    pub label: Option<String>,
    /// The pseudonym of the share that is there and does not count, the first of two; `None` for a silent meter.
    pub prid: Option<Prid>,
}

fn key(row: &Row<'_>) -> rusqlite::Result<PeriodKey> {
    Ok(PeriodKey {
        region: row.get("region")?,
        cycle: row.get("cycle")?,
        period: row.get("period")?,
    })
}

impl Ledger {
    /// Fixes the meters that a region begins a cycle with, before its filter is made: from now on none can join. Gives how
    /// many there are.
    pub fn fix_meters(&self, region: RegionId, cycle: CycleId) -> Result<u32, LedgerError> {
        let connection = self.lock();
        connection
            .execute(
                "INSERT OR IGNORE INTO filters (cycle, region, meters)
                 SELECT ?1, ?2, count(*) FROM meters WHERE region = ?2
                 AND (first_cycle < ?1 OR (first_cycle = ?1 AND first_period IS NULL))
                 AND (left_cycle IS NULL OR left_cycle > ?1 OR (left_cycle = ?1 AND left_period IS NOT NULL))",
                [cycle, region],
            )
            .map_err(doing("fixing a region's meters"))?;
        connection
            .query_row(
                "SELECT meters FROM filters WHERE cycle = ?1 AND region = ?2",
                [cycle, region],
                |row| row.get(0),
            )
            .map_err(doing("reading a region's meters"))
    }

    /// Keeps periods prepared for a revision, by its first period, or for the meters that the cycle begins with: their
    /// tallies, and the manifests of those for which `keep` says so.
    pub fn keep_prepared(
        &self,
        region: RegionId,
        cycle: CycleId,
        revision: Option<PeriodIndex>,
        prepared: &[Prepared],
        keep: impl Fn(PeriodIndex) -> bool,
    ) -> Result<(), LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(doing("keeping manifests"))?;
        for one in prepared {
            let manifest = keep(one.period).then(|| one.manifest.encode());
            transaction
                .execute(
                    "INSERT OR REPLACE INTO prepared (cycle, region, period, revision, tally, manifest)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![cycle, region, one.period, revision, one.tally, manifest],
                )
                .map_err(doing("keeping manifests"))?;
        }
        transaction.commit().map_err(doing("keeping manifests"))
    }

    /// The tallies kept of a region's cycle for a revision.
    pub fn tallies(
        &self,
        region: RegionId,
        cycle: CycleId,
        revision: Option<PeriodIndex>,
    ) -> Result<BTreeMap<PeriodIndex, PointBytes>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT period, tally FROM prepared WHERE cycle = ?1 AND region = ?2 AND revision IS ?3")
            .map_err(doing("reading tallies"))?;
        let tallies = statement
            .query_map(params![cycle, region, revision], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(doing("reading tallies"))?;
        tallies.collect::<Result<_, _>>().map_err(doing("reading tallies"))
    }

    /// The manifest kept of a period for a revision, until [`Ledger::drop_manifests`].
    pub fn manifest(&self, key: &PeriodKey, revision: Option<PeriodIndex>) -> Result<Option<Manifest>, LedgerError> {
        let bytes: Option<Option<Vec<u8>>> = self
            .lock()
            .query_row(
                "SELECT manifest FROM prepared WHERE cycle = ?1 AND region = ?2 AND period = ?3 AND revision IS ?4",
                params![key.cycle, key.region, key.period, revision],
                |row| row.get(0),
            )
            .optional()
            .map_err(doing("reading a manifest"))?;
        match bytes.flatten() {
            None => Ok(None),
            Some(bytes) => Manifest::decode(&mut &bytes[..])
                .map(Some)
                .map_err(|_| LedgerError::Damaged { what: "a manifest" }),
        }
    }

    /// Lets go of the manifests of `count` periods from `first`, which the chain has now.
    pub fn drop_manifests(
        &self,
        region: RegionId,
        cycle: CycleId,
        first: PeriodIndex,
        count: PeriodIndex,
    ) -> Result<(), LedgerError> {
        self.lock()
            .execute(
                "UPDATE prepared SET manifest = NULL WHERE cycle = ?1 AND region = ?2 AND period >= ?3 AND period < ?4",
                params![cycle, region, first, u32::from(first) + u32::from(count)],
            )
            .map(|_| ())
            .map_err(doing("dropping manifests"))
    }

    /// Enters what is to become of a period's mask sum, with its faults, unless that was decided before; gives back
    /// what stands.
    pub fn decide(&self, key: &PeriodKey, decision: &Decision, faults: &[Fault]) -> Result<Decision, LedgerError> {
        {
            let mut connection = self.lock();
            let transaction = connection.transaction().map_err(doing("entering a decision"))?;
            let entered = transaction
                .execute(
                    "INSERT OR IGNORE INTO decisions (cycle, region, period, decision) VALUES (?1, ?2, ?3, ?4)",
                    params![key.cycle, key.region, key.period, decision.encode()],
                )
                .map_err(doing("entering a decision"))?;
            if entered == 1 {
                for fault in faults {
                    transaction
                        .execute(
                            "INSERT INTO faults (cycle, period, region, bid, kind, prid)
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                            params![
                                key.cycle,
                                key.period,
                                key.region,
                                fault.bid,
                                fault.kind.name(),
                                fault.prid
                            ],
                        )
                        .map_err(doing("entering a fault"))?;
                }
            }
            transaction.commit().map_err(doing("entering a decision"))?;
        }
        self.decision(key)?.ok_or(LedgerError::Damaged { what: "a decision" })
    }

    /// What was decided about a period's mask sum.
    pub fn decision(&self, key: &PeriodKey) -> Result<Option<Decision>, LedgerError> {
        let bytes: Option<Vec<u8>> = self
            .lock()
            .query_row(
                "SELECT decision FROM decisions WHERE cycle = ?1 AND region = ?2 AND period = ?3",
                params![key.cycle, key.region, key.period],
                |row| row.get(0),
            )
            .optional()
            .map_err(doing("reading a decision"))?;
        bytes
            .map(|bytes| Decision::decode(&mut &bytes[..]).map_err(|_| LedgerError::Damaged { what: "a decision" }))
            .transpose()
    }

    /// The faults found, of one cycle or of all, by cycle, region, period, name and kind.
    pub fn faults(&self, cycle: Option<CycleId>) -> Result<Vec<Fault>, LedgerError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(
                "SELECT faults.*, meters.label FROM faults LEFT JOIN meters USING (bid)
                 WHERE ?1 IS NULL OR cycle = ?1
                 ORDER BY cycle, faults.region, period, label IS NULL, label, kind, prid",
            )
            .map_err(doing("listing faults"))?;
        let rows = statement
            .query_map([cycle], |row| {
                let kind: String = row.get("kind")?;
                Ok((key(row)?, kind, row.get("bid")?, row.get("label")?, row.get("prid")?))
            })
            .map_err(doing("listing faults"))?;
        rows.map(|row| {
            let (key, kind, bid, label, prid) = row.map_err(doing("listing faults"))?;
            let kind = FaultKind::ALL.into_iter().find(|known| known.name() == kind);
            Ok(Fault {
                key,
                kind: kind.ok_or(LedgerError::Damaged {
                    what: "a kind of fault",
                })?,
                bid,
                label,
                prid,
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PeriodKey = PeriodKey {
        region: 2,
        cycle: 1,
        period: 7,
    };

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(dir.path(), &[7; 32]).unwrap();
        (dir, ledger)
    }

    fn fault(kind: FaultKind) -> Fault {
        Fault {
            key: KEY,
            kind,
            bid: None,
            label: None,
            prid: Some([5; 32]),
        }
    }

    #[test]
    fn a_decision_once_entered_stands_with_its_faults() {
        let (_dir, ledger) = ledger();
        let first = Decision::Withhold(vec![[5; 32]]);
        assert_eq!(ledger.decide(&KEY, &first, &[fault(FaultKind::Alien)]).unwrap(), first);
        let second = Decision::Withhold(vec![]);
        assert_eq!(
            ledger.decide(&KEY, &second, &[fault(FaultKind::Silent)]).unwrap(),
            first
        );
        assert_eq!(ledger.decision(&KEY).unwrap(), Some(first));
        assert_eq!(ledger.faults(Some(1)).unwrap(), [fault(FaultKind::Alien)]);
        assert_eq!(ledger.faults(Some(0)).unwrap(), []);
        assert_eq!(ledger.faults(None).unwrap().len(), 1);
    }

    #[test]
    fn manifests_are_kept_where_asked_and_until_dropped_but_tallies_stay() {
        let (_dir, ledger) = ledger();
        let manifest = Manifest {
            meters: 1,
            filter: vec![1, 2, 3],
            commitment: [4; 32],
            root: [5; 32],
        };
        let prepared: Vec<_> = (0..4)
            .map(|period| Prepared {
                period,
                tally: [period as u8; 32],
                manifest: manifest.clone(),
            })
            .collect();
        ledger
            .keep_prepared(2, 1, None, &prepared, |period| period != 3)
            .unwrap();
        let of = |period, revision| {
            let key = PeriodKey { period, ..KEY };
            ledger.manifest(&key, revision).unwrap()
        };
        let kept = |period| of(period, None);
        assert_eq!(kept(0), Some(manifest.clone()));
        assert_eq!(kept(3), None);
        ledger.drop_manifests(2, 1, 1, 2).unwrap();
        assert_eq!(
            [kept(0).is_some(), kept(1).is_some(), kept(2).is_some()],
            [true, false, false]
        );
        let tallies = |cycle, revision| ledger.tallies(2, cycle, revision).unwrap().len();
        assert_eq!((tallies(1, None), tallies(0, None)), (4, 0));

        // What is made for other meters takes the place of what was made before, and is not taken for it.
        ledger.keep_prepared(2, 1, Some(3), &prepared[3..], |_| true).unwrap();
        assert_eq!(
            (of(3, Some(3)), of(3, None), of(3, Some(0))),
            (Some(manifest), None, None)
        );
        assert_eq!((tallies(1, None), tallies(1, Some(3))), (3, 1));
    }
}
