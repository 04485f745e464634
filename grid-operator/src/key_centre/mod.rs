//! The key centre: enrols meters, publishes filters and mask commitments, finds faulty meters, opens mask sums and
//! bills.
//!
//! Each command is one function of a submodule over a [`KeyCentre`], which is bound to one state directory and one
//! chain. A command may be stopped or killed at any moment and given again: what it decided is in the ledger before it
//! is sent, and what the chain has is not sent twice.
//!
//! **Privacy.** The key centre can unmask every reading; this module never writes one down but into its owner's sealed
//! bill.

pub mod audit;
pub mod backup;
pub mod bill;
pub mod enrol;
pub mod faults;
pub mod prepare;
pub mod publish;
pub mod reconcile;
pub mod revise;
pub mod roster;
pub mod schedule;
pub mod status;
pub mod watch;

use std::{path::Path, sync::Arc};

use gridveil_primitives::{keys::RootKey, CycleId, CycleSchedule, RegionId, Role};
use tokio::sync::Mutex;

use crate::{
    error::Error,
    grid::{BlockHash, Grid},
    ledger::Ledger,
    lock::Lock,
    root_key::{fingerprint, load_root_key, make_root_key},
};

/// A key centre at work; clones share it.
#[derive(Clone)]
pub struct KeyCentre<G> {
    root: Arc<RootKey>,
    ledger: Arc<Ledger>,
    grid: G,
    /// Held by whoever makes manifests.
    making: Arc<Mutex<()>>,
}

/// Makes a key centre in `directory`: its root key, encrypted to `lock`, and its ledger. Content with one that is there;
/// says whether the root key was made now.
pub fn init(directory: &Path, lock: &Lock) -> Result<bool, Error> {
    // A ledger without its root key must not get a new one: every meter in it would be lost.
    if directory.join(crate::ledger::LEDGER_FILE).exists() {
        load_root_key(directory, lock)?;
    }
    let made = make_root_key(directory, lock)?;
    Ledger::create(directory, &fingerprint(&load_root_key(directory, lock)?))?;
    Ok(made)
}

/// The ledger of the key centre in `directory`, for reading without a chain.
pub fn open_ledger(directory: &Path, lock: &Lock) -> Result<Ledger, Error> {
    Ok(Ledger::open(directory, &fingerprint(&load_root_key(directory, lock)?))?)
}

impl<G: Grid> KeyCentre<G> {
    /// The key centre in `directory`, at work on a chain, which must be that of its ledger.
    pub fn open(directory: &Path, lock: &Lock, grid: G) -> Result<KeyCentre<G>, Error> {
        let root = load_root_key(directory, lock)?;
        let ledger = Ledger::open(directory, &fingerprint(&root))?;
        ledger.bind_chain(&grid.genesis())?;
        Ok(KeyCentre {
            root: Arc::new(root),
            ledger: Arc::new(ledger),
            grid,
            making: Arc::new(Mutex::new(())),
        })
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Refuses to begin what the chain would refuse to accept.
    pub(crate) async fn authorised(&self, at: BlockHash) -> Result<(), Error> {
        authorised(&self.grid, Role::KeyCentre, at).await
    }

    async fn known_cycle(&self, cycle: CycleId, at: BlockHash) -> Result<CycleSchedule, Error> {
        self.grid.cycle(cycle, at).await?.ok_or(Error::UnknownCycle(cycle))
    }

    /// The regions asked for, or all that have meters in a cycle.
    fn regions(&self, cycle: CycleId, asked: &[RegionId]) -> Result<Vec<RegionId>, Error> {
        let known = self.ledger.regions(cycle)?;
        if let Some(&without) = asked.iter().find(|region| !known.contains(region)) {
            return Err(Error::NoMeters {
                cycle,
                region: Some(without),
            });
        }
        if known.is_empty() {
            return Err(Error::NoMeters { cycle, region: None });
        }
        Ok(if asked.is_empty() { known } else { asked.to_vec() })
    }
}

/// Refuses an account that does not have the role.
pub(crate) async fn authorised<G: Grid>(grid: &G, role: Role, at: BlockHash) -> Result<(), Error> {
    let Some(account) = grid.account() else {
        return Err(Error::Missing {
            what: "the key of the role's account",
            flag: "--key-file",
        });
    };
    match grid.role(account, at).await? {
        Some(found) if found == role => Ok(()),
        _ => Err(Error::WithoutRole {
            account: hex::encode(account),
            role,
        }),
    }
}
