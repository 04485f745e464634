//! The shares that an aggregator has accepted, on disk: one file for each period, one record for each share.
//!
//! Promises: what [`Journal::append`] has returned from is on the disk, and a node that starts again finds it; a record that
//! was being written when the machine went down is cut off, and so is everything after it, none of which was promised to
//! anybody. A file that could not be written is cut to what it held; one that can't be cut takes no more, since half of a
//! record would hide the ones after it. The caller forgets a period once the finalised chain is past it.
//!
//! **Privacy.** The files hold what the chain will hold, in the order of arrival, and so are only the node's own to read.

use codec::{Decode, Encode};
use gridveil_primitives::{
    batch::{SignedShare, SIGNED_SHARE_LEN},
    hash::blake2b_256,
    PeriodKey,
};
use std::{
    collections::{hash_map::Entry, HashMap},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A share, and the first bytes of its hash.
const RECORD: usize = SIGNED_SHARE_LEN + CHECK;
const CHECK: usize = 4;
const SUFFIX: &str = ".shares";

/// What a journal holds, period by period, in the order in which it came.
pub type Held = Vec<(PeriodKey, Vec<SignedShare>)>;

/// The files of one node.
pub struct Journal {
    folder: PathBuf,
    /// Without those that can't be used any more.
    files: HashMap<PeriodKey, Option<File>>,
}

impl Journal {
    /// Opens the journal in `folder`, and reads what it holds.
    ///
    /// # Errors
    ///
    /// If the folder or a file in it can't be made, read or cut to its good part.
    pub fn open(folder: &Path) -> io::Result<(Self, Held)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if let Some(parent) = folder.parent() {
            File::open(parent)?.sync_all()?;
        }
        let mut held = Vec::new();
        let mut files = HashMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(key) = path.file_name().and_then(|name| key_of(name.to_str()?)) else {
                continue;
            };
            let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let shares = records(&bytes);
            let good = shares.len().saturating_mul(RECORD);
            if good < bytes.len() {
                file.set_len(u64::try_from(good).unwrap_or_default())?;
                file.sync_all()?;
            }
            held.push((key, shares));
            files.insert(key, Some(file));
        }
        let folder = folder.to_owned();
        Ok((Self { folder, files }, held))
    }

    /// Writes shares of one period, and returns once they are on the disk.
    ///
    /// # Errors
    ///
    /// If they can't be written, most likely because the disk is full.
    pub fn append(&mut self, key: &PeriodKey, shares: &[SignedShare]) -> io::Result<()> {
        let path = self.path(key);
        let file = match self.files.entry(*key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
                // The name has to be on the disk as well.
                File::open(&self.folder)?.sync_all()?;
                entry.insert(Some(file))
            }
        };
        let Some(open) = file else {
            return Err(io::Error::other("the period's file is damaged; start the node again"));
        };
        let before = open.metadata()?.len();
        let bytes: Vec<u8> = shares.iter().flat_map(record).collect();
        let written = open.write_all(&bytes).and_then(|()| open.sync_data());
        if written.is_err() && open.set_len(before).and_then(|()| open.sync_data()).is_err() {
            *file = None;
        }
        written
    }

    /// Removes a period's file.
    ///
    /// # Errors
    ///
    /// If it is there and can't be removed.
    pub fn forget(&mut self, key: &PeriodKey) -> io::Result<()> {
        self.files.remove(key);
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, key: &PeriodKey) -> PathBuf {
        self.folder
            .join(format!("{}-{}-{}{SUFFIX}", key.region, key.cycle, key.period))
    }
}

/// The period that a file is named after.
fn key_of(name: &str) -> Option<PeriodKey> {
    let mut parts = name.strip_suffix(SUFFIX)?.split('-');
    let key = PeriodKey {
        region: parts.next()?.parse().ok()?,
        cycle: parts.next()?.parse().ok()?,
        period: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(key)
}

fn record(share: &SignedShare) -> Vec<u8> {
    let mut bytes = share.encode();
    let check = blake2b_256(&[&bytes]);
    bytes.extend(check.iter().take(CHECK));
    bytes
}

/// The records up to the first that is not whole.
fn records(bytes: &[u8]) -> Vec<SignedShare> {
    bytes
        .chunks_exact(RECORD)
        .map_while(|bytes| {
            let share = SignedShare::decode(&mut &bytes[..]).ok()?;
            (record(&share) == bytes).then_some(share)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const KEY: PeriodKey = PeriodKey {
        region: 7,
        cycle: 1,
        period: 1_439,
    };

    fn share(number: u8) -> SignedShare {
        SignedShare {
            prid: [number; 32],
            value: u64::from(number) << 40,
            signature: [number ^ 0xff; 64],
        }
    }

    fn reopened(folder: &TempDir) -> Held {
        let (_, mut held) = Journal::open(folder.path()).unwrap();
        held.sort_by_key(|(key, _)| *key);
        held
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart_and_what_was_forgotten_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let other = PeriodKey { region: 8, ..KEY };
        {
            let (mut journal, held) = Journal::open(folder.path()).unwrap();
            assert_eq!(held, []);
            journal.append(&KEY, &[share(1), share(2)]).unwrap();
            journal.append(&other, &[share(3)]).unwrap();
            journal.append(&KEY, &[share(4)]).unwrap();
        }
        let all = vec![(KEY, vec![share(1), share(2), share(4)]), (other, vec![share(3)])];
        assert_eq!(reopened(&folder), all);

        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        journal.forget(&other).unwrap();
        journal.forget(&other).unwrap();
        journal.append(&KEY, &[share(5)]).unwrap();
        drop(journal);
        assert_eq!(reopened(&folder), [(KEY, vec![share(1), share(2), share(4), share(5)])]);
    }

    #[test]
    fn wherever_a_write_broke_off_the_shares_before_it_are_kept_and_the_file_goes_on() {
        let whole: Vec<u8> = [1, 2, 3].iter().flat_map(|number| record(&share(*number))).collect();
        for length in 0..=whole.len() {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("7-1-1439.shares"), &whole[..length]).unwrap();
            let (mut journal, held) = Journal::open(folder.path()).unwrap();
            let kept = length / RECORD;
            assert_eq!(held[0].1, [share(1), share(2), share(3)][..kept]);
            journal.append(&KEY, &[share(9)]).unwrap();
            drop(journal);
            let after = &reopened(&folder)[0].1;
            assert_eq!(after.len(), kept + 1);
            assert_eq!(after.last(), Some(&share(9)));
        }
    }

    #[test]
    fn a_record_that_is_damaged_ends_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes: Vec<u8> = [1, 2, 3].iter().flat_map(|number| record(&share(*number))).collect();
        bytes[RECORD + 5] ^= 1;
        fs::write(folder.path().join("7-1-1439.shares"), bytes).unwrap();
        assert_eq!(reopened(&folder), [(KEY, vec![share(1)])]);
    }

    #[test]
    fn files_of_other_names_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "readme",
            "1-2.shares",
            "1-2-3-4.shares",
            "1-2-x.shares",
            "1-2-70000.shares",
        ] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        assert_eq!(reopened(&folder), []);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
