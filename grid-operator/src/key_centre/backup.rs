//! Backups: the root key and the ledger in a directory of their own, and back.
//!
//! A backup is what a key centre's directory is: the root key as it lies there, encrypted, and the ledger between two
//! commits, whatever other commands write meanwhile. It needs no passphrase and no key to be made; to be restored it
//! needs the one that the root key is locked with, which must be kept elsewhere.
//!
//! An old backup leads to no second opening of a period. A decision follows from the root key, the region's meters and the
//! shares on the finalised chain alone, so one that the backup lacks is made again just as it was; and what the chain has
//! is not sent. Where meters that were enrolled since are missing, nothing is decided until they are enrolled again, from the
//! same requests.
//!
//! **Privacy.** A backup tells what the ledger tells, and unmasks nothing without what unlocks the root key.

use std::path::Path;

use super::open_ledger;
use crate::{
    error::Error,
    ledger::Ledger,
    lock::Lock,
    root_key::{read_sealed_root_key, ROOT_KEY_FILE},
    state::{make_dir_whole, write_atomically},
};

/// Copies the key centre in `directory` into the directory `backup`, which is made whole or not at all and must not be there
/// yet, or be empty.
pub fn backup(directory: &Path, backup: &Path) -> Result<(), Error> {
    make_dir_whole(backup, |made| copy(directory, made))
}

/// Copies a backup to `directory`, which must not be there yet, or be empty, if `lock` opens its root key and its ledger is
/// sound and belongs to it. Gives how many meters the ledger has.
pub fn restore(backup: &Path, directory: &Path, lock: &Lock) -> Result<u32, Error> {
    let mut meters = 0;
    make_dir_whole(directory, |made| {
        copy(backup, made)?;
        (meters, _) = open_ledger(made, lock)?.count_meters()?;
        Ok::<_, Error>(())
    })?;
    Ok(meters)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    write_atomically(&to.join(ROOT_KEY_FILE), &read_sealed_root_key(from)?)?;
    Ok(Ledger::copy(from, to)?)
}
