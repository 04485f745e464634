//! A user's bills: where they are, fetching them, opening them.
//!
//! The chain says by CID and hash which bytes a bill is; a store gives the bytes, and they are hashed before they are
//! kept. Whether a bill is right is [`crate::verify`]'s to say. Errors have a kind, which scripts read.
//!
//! **Privacy.** The node that is asked learns which BID this address asks about, the store learns which CID. A bill is
//! kept encrypted; only [`open`] writes plain text, to the file that the user names, mode 0600.

use crate::{
    node::Network,
    state::{write_atomically, StateDir, StateError},
};
use gridveil_bills::{
    cid::Cid,
    envelope::{open_html, Identity},
    store::{Store, StoreError},
};
use gridveil_chain_client::Error as ChainError;
use gridveil_primitives::{
    Bid, BillRecord, CycleId, CycleSchedule, PeriodIndex, PeriodKey, PeriodView, RegionId, Share,
};
use serde::Serialize;
use std::{
    future::Future,
    path::{Path, PathBuf},
};

/// Why a bill could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// The chain has no bill of this cycle for this user.
    #[error("the chain has no bill of cycle {cycle} for BID {bid}; it is published some time after the cycle's end")]
    MissingBill {
        /// The cycle.
        cycle: CycleId,
        /// The bill identifier, in hexadecimal.
        bid: String,
    },
    /// The cycle is unknown to the chain.
    #[error("the chain has no cycle {cycle}; check its number")]
    UnknownCycle {
        /// The cycle.
        cycle: CycleId,
    },
    /// The bytes are not those that the chain names.
    #[error("{from} is not the bill on the chain: its hash is {found}, and the chain has {expected}; do not trust it, fetch the bill again")]
    HashMismatch {
        /// Where the bytes came from.
        from: String,
        /// Their BLAKE2b-256.
        found: String,
        /// The chain's.
        expected: String,
    },
    /// The bill cannot be decrypted.
    #[error("{from} does not open: {cause}")]
    WrongKey {
        /// Where the bytes came from.
        from: String,
        /// The cause.
        cause: String,
    },
    /// The CID on the chain is none that a store has bytes for.
    #[error("the chain's CID of the bill of cycle {cycle} cannot be used: {cause}; ask the key centre")]
    BadCid {
        /// The cycle.
        cycle: CycleId,
        /// The cause.
        cause: String,
    },
    /// The store did not give the bill.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A file could not be read.
    #[error("{}: cannot be read: {cause}; check the path and the permissions", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// The state directory could not be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl BillError {
    /// The kind of error, a word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MissingBill { .. } => "missing_bill",
            Self::UnknownCycle { .. } => "unknown_cycle",
            Self::HashMismatch { .. } => "hash_mismatch",
            Self::WrongKey { .. } => "wrong_key",
            Self::BadCid { .. } => "bad_cid",
            Self::Store(_) => "store",
            Self::Chain(_) => "chain",
            Self::Unreadable { .. } => "unreadable",
            Self::State(_) => "state",
        }
    }
}

/// What the commands about bills ask of the finalised chain.
pub trait Ledger: Send + Sync {
    /// Where a user's bill of a cycle is.
    ///
    /// # Errors
    ///
    /// Those of the chain; so have all the methods below.
    fn bill_of(&self, cycle: CycleId, bid: &Bid)
        -> impl Future<Output = Result<Option<BillRecord>, ChainError>> + Send;

    /// Where all of a user's bills are.
    fn bills_of(&self, bid: &Bid) -> impl Future<Output = Result<Vec<(CycleId, BillRecord)>, ChainError>> + Send;

    /// A cycle's schedule.
    fn schedule_of(&self, cycle: CycleId) -> impl Future<Output = Result<Option<CycleSchedule>, ChainError>> + Send;

    /// What is known of the periods of a region's cycle.
    fn views_of(
        &self,
        region: RegionId,
        cycle: CycleId,
    ) -> impl Future<Output = Result<Vec<(PeriodIndex, PeriodView)>, ChainError>> + Send;

    /// The shares of a period; none once they are pruned.
    fn shares_of(&self, key: &PeriodKey) -> impl Future<Output = Result<Vec<Share>, ChainError>> + Send;
}

impl Ledger for Network {
    async fn bill_of(&self, cycle: CycleId, bid: &Bid) -> Result<Option<BillRecord>, ChainError> {
        self.route(0).await?.bill(cycle, bid).await
    }

    async fn bills_of(&self, bid: &Bid) -> Result<Vec<(CycleId, BillRecord)>, ChainError> {
        self.route(0).await?.bills(bid).await
    }

    async fn schedule_of(&self, cycle: CycleId) -> Result<Option<CycleSchedule>, ChainError> {
        self.route(0).await?.cycle(cycle).await
    }

    async fn views_of(&self, region: RegionId, cycle: CycleId) -> Result<Vec<(PeriodIndex, PeriodView)>, ChainError> {
        self.route(0).await?.cycle_view(region, cycle).await
    }

    async fn shares_of(&self, key: &PeriodKey) -> Result<Vec<Share>, ChainError> {
        self.route(0).await?.shares(key).await
    }
}

/// A bill as the chain lists it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The cycle.
    pub cycle: CycleId,
    /// The CID, as text.
    pub cid: String,
    /// BLAKE2b-256 of the encrypted bill, in hexadecimal.
    pub hash: String,
}

/// A bill that was fetched.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The cycle.
    pub cycle: CycleId,
    /// The CID, as text.
    pub cid: String,
    /// The file in which it is.
    pub file: PathBuf,
    /// Its length, in bytes.
    pub bytes: usize,
}

/// A CID as text; one that is none, in hexadecimal.
fn shown(cid: &[u8]) -> String {
    Cid::from_bytes(cid).map_or_else(|_| hex::encode(cid), |cid| cid.to_string())
}

/// The bills that the chain has for a user, by ascending cycle.
///
/// # Errors
///
/// [`BillError::Chain`].
pub async fn list(ledger: &impl Ledger, bid: &Bid) -> Result<Vec<Listed>, BillError> {
    let bills = ledger.bills_of(bid).await?;
    Ok(bills
        .into_iter()
        .map(|(cycle, bill)| Listed {
            cycle,
            cid: shown(&bill.cid),
            hash: hex::encode(bill.hash),
        })
        .collect())
}

/// Where the chain has a user's bill of a cycle.
///
/// # Errors
///
/// [`BillError::MissingBill`], [`BillError::Chain`].
pub async fn record(ledger: &impl Ledger, cycle: CycleId, bid: &Bid) -> Result<BillRecord, BillError> {
    ledger.bill_of(cycle, bid).await?.ok_or_else(|| BillError::MissingBill {
        cycle,
        bid: hex::encode(bid),
    })
}

/// Fetches a user's bill of a cycle from a store and keeps it in `out`, after its hash was found to be the chain's.
///
/// # Errors
///
/// [`BillError`].
pub async fn fetch(
    ledger: &impl Ledger,
    store: &dyn Store,
    cycle: CycleId,
    bid: &Bid,
    out: &Path,
) -> Result<Fetched, BillError> {
    let record = record(ledger, cycle, bid).await?;
    let cid = Cid::from_bytes(&record.cid).map_err(|error| BillError::BadCid {
        cycle,
        cause: error.to_string(),
    })?;
    let bytes = store.get(&cid).await?;
    same_hash(&format!("what the store has under {cid}"), &bytes, &record)?;
    write_atomically(out, &bytes)?;
    Ok(Fetched {
        cycle,
        cid: cid.to_string(),
        file: out.to_owned(),
        bytes: bytes.len(),
    })
}

/// Refuses bytes that are not those of a record.
///
/// # Errors
///
/// [`BillError::HashMismatch`].
pub fn same_hash(from: &str, bytes: &[u8], record: &BillRecord) -> Result<(), BillError> {
    let found = gridveil_bills::hash(bytes);
    if found == record.hash {
        Ok(())
    } else {
        let (found, expected) = (hex::encode(found), hex::encode(record.hash));
        Err(BillError::HashMismatch {
            from: from.to_owned(),
            found,
            expected,
        })
    }
}

/// Where a command takes a bill from.
pub struct Sought<'a> {
    /// The cycle.
    pub cycle: CycleId,
    /// The user.
    pub bid: Bid,
    /// A file to take it from.
    pub file: Option<&'a Path>,
    /// The store to fetch it from, where the meter has not fetched it before.
    pub store: &'a dyn Fn() -> Result<Box<dyn Store>, BillError>,
}

/// The encrypted bill, and where it came from: the file that was named, or the one fetched before, or the store.
///
/// # Errors
///
/// [`BillError`].
pub async fn load(state: &StateDir, ledger: &impl Ledger, sought: &Sought<'_>) -> Result<(Vec<u8>, String), BillError> {
    let kept = state.bill_file(sought.cycle);
    let file = sought.file.unwrap_or(&kept);
    if sought.file.is_none() && !kept.exists() {
        let store = (sought.store)()?;
        fetch(ledger, &*store, sought.cycle, &sought.bid, &kept).await?;
    }
    read_file(file)
}

/// The bytes of a file, and where they came from.
///
/// # Errors
///
/// [`BillError::Unreadable`].
pub fn read_file(file: &Path) -> Result<(Vec<u8>, String), BillError> {
    let bytes = std::fs::read(file).map_err(|error| BillError::Unreadable {
        file: file.to_owned(),
        cause: error.to_string(),
    })?;
    Ok((bytes, file.display().to_string()))
}

/// Decrypts a bill and writes its page to `out`. Does not ask whether the bill is right.
///
/// # Errors
///
/// [`BillError::WrongKey`], [`BillError::State`]; nothing is written then.
pub fn open(bytes: &[u8], from: &str, identity: &Identity, out: &Path) -> Result<(), BillError> {
    let html = open_html(bytes, identity).map_err(|error| BillError::WrongKey {
        from: from.to_owned(),
        cause: error.to_string(),
    })?;
    Ok(write_atomically(out, html.as_bytes())?)
}

#[cfg(test)]
#[path = "bill_tests.rs"]
mod tests;
