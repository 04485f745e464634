//! Why an operator's command failed.
//!
//! Every variant says what happened, to what, and what to do. Whatever was decided before is in the ledger or on chain,
//! so the same command can be given again.
//!
//! **Privacy.** Errors name files, periods and accounts, and meters only by the key centre's own labels; never a key, a
//! reading or a bill.

use std::path::PathBuf;

use gridveil_chain_client::{enrolment::EnrolmentError, KeyError};
use gridveil_primitives::{CycleId, PeriodIndex, PeriodKey, RegionId, Role};

use crate::{
    control_centre::tariff::TariffError, ledger::LedgerError, lock::LockError, root_key::RootKeyError,
    state::StateError,
};

/// An operator's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain or the way to it failed.
    #[error(transparent)]
    Chain(#[from] gridveil_chain_client::Error),
    /// The role's key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key centre's ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The root key's file failed.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The root key's lock failed.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] StateError),
    /// The tariff is wrong.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// Enrolment requests were refused; nothing was entered.
    #[error("nobody was enrolled: {}", .0.join("; "))]
    Requests(Vec<String>),
    /// An enrolment file is wrong.
    #[error("{path}: {source}")]
    Request {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: EnrolmentError,
    },
    /// A bill could not be made or kept.
    #[error("the bill of {label} for cycle {cycle} {problem}; the others are safe: give the command again")]
    Bill {
        /// Whose bill.
        label: String,
        /// The cycle.
        cycle: CycleId,
        /// What happened.
        problem: String,
    },
    /// The bills' store could not be used.
    #[error("the store of bills cannot be used: {0}")]
    Store(String),
    /// A configuration file is wrong.
    #[error("the configuration {path} cannot be used: {problem}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Something that the command needs was not given.
    #[error("{what} is not given; use {flag} or set it in the configuration")]
    Missing {
        /// What is needed.
        what: &'static str,
        /// The flag that gives it.
        flag: &'static str,
    },
    /// A flag's value makes no sense.
    #[error("{flag} {problem}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// The account of the key file does not have the role.
    #[error("the account 0x{account} is not the chain's {role:?}; give the key of the right account with --key-file")]
    WithoutRole {
        /// The account.
        account: String,
        /// The role that is needed.
        role: Role,
    },
    /// The account of the key file is no member of the consortium.
    #[error(
        "the account {account} is not a member of the consortium; give a member's key with --key-file, or let the members \
         take it in: `consortium propose add-member {account} --reason …`"
    )]
    NotAMember {
        /// The account.
        account: String,
    },
    /// There is no such motion.
    #[error("no motion {name} is open, {}; it was closed, or it never was", those_open(.open))]
    NoMotion {
        /// How it was named.
        name: String,
        /// The numbers of those that are open.
        open: Vec<String>,
    },
    /// A motion cannot be closed yet.
    #[error(
        "motion {index} cannot be closed yet: it has {ayes} of the {needed} ayes that it needs, and runs until block {end}; \
         let more members vote"
    )]
    Undecided {
        /// The motion's number.
        index: u32,
        /// How many ayes it has.
        ayes: usize,
        /// How many it needs.
        needed: u32,
        /// The block from which on it can be closed all the same.
        end: u32,
    },
    /// A member's keys are too fresh to be changed.
    #[error(
        "the keys of {account} were set a short while ago and can be set again from block {from} on; the chain is at {best}. \
         No keys were made: wait for that block"
    )]
    KeysTooSoon {
        /// The member.
        account: String,
        /// The first block that takes new keys.
        from: u32,
        /// The best block.
        best: u32,
    },
    /// A runtime's code cannot be used.
    #[error("the runtime {path} cannot be used: {problem}")]
    Code {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The chain does not know the region.
    #[error("the chain has no region {0}; the consortium registers regions")]
    UnknownRegion(RegionId),
    /// The chain does not know the cycle.
    #[error("cycle {0} is not scheduled; run `key-centre schedule --cycle {0}` first")]
    UnknownCycle(CycleId),
    /// The cycle cannot be scheduled.
    #[error("cycle {cycle} cannot be scheduled: {problem}")]
    Schedule {
        /// The cycle.
        cycle: CycleId,
        /// Why not.
        problem: String,
    },
    /// No meter takes part.
    #[error("no meter of the ledger takes part in cycle {cycle}{}; enrol some first", in_region(.region))]
    NoMeters {
        /// The cycle.
        cycle: CycleId,
        /// The region, where one was asked for.
        region: Option<RegionId>,
    },
    /// The ledger's meters are not those that the filter was made for.
    #[error(
        "region {region} has {ledger} meters in cycle {cycle} by the ledger, and {chain} by a filter that is published; use \
         the ledger that the filter was made from, or enrol again whom an older backup of it lacks"
    )]
    MetersDiffer {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
        /// How many the ledger has.
        ledger: u32,
        /// How many the filter was made for.
        chain: u32,
    },
    /// No meter has this name.
    #[error("no meter of the ledger is called {0}; `key-centre faults` and the requests have the names")]
    UnknownMeter(String),
    /// Other meters of the region change already.
    #[error(
        "nothing was changed: other meters of region {region} change in cycle {cycle} with period {from} already. If that \
         command was broken off, give it again; then choose a later day for this one"
    )]
    Revised {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
        /// The first period of the change.
        from: PeriodIndex,
    },
    /// The day has begun, or begins before the chain could be told.
    #[error("nothing was changed: period {from} of cycle {cycle} has opened; choose a later day")]
    TooLate {
        /// The cycle.
        cycle: CycleId,
        /// The first period of the day.
        from: PeriodIndex,
    },
    /// The region's meters changed while manifests were made for those of before.
    #[error("the meters of region {region} were changed in cycle {cycle} in the meantime; give the command again")]
    Outdated {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
    },
    /// A stored key is no key.
    #[error("the ledger's spend key of {label} is not a point; restore the ledger from its backup")]
    SpendKey {
        /// The meter.
        label: String,
    },
    /// A node's shares are not those that the period was closed with.
    #[error(
        "the node's shares of {} are not those that it was closed with; nothing was decided: use another node",
        show(.0)
    )]
    SharesDisagree(PeriodKey),
    /// Periods could not be decided or priced.
    #[error("{count} periods could not be settled, {} first: {problem}", show(.first))]
    Unsettled {
        /// How many.
        count: usize,
        /// The first of them.
        first: PeriodKey,
        /// What happened there.
        problem: String,
    },
    /// A cycle cannot be billed yet.
    #[error("cycle {cycle} cannot be billed yet: {problem}")]
    NotYet {
        /// The cycle.
        cycle: CycleId,
        /// What is missing.
        problem: String,
    },
    /// An audit found that bills and totals differ, or cannot be compared.
    #[error("the bills of cycle {cycle} are not shown to add up to its totals: see {}", those(.regions))]
    DoesNotAddUp {
        /// The cycle.
        cycle: CycleId,
        /// Where not.
        regions: Vec<RegionId>,
    },
    /// A worker failed in a way that none should.
    #[error("a worker failed: {0}; please report this")]
    Worker(String),
    /// The operator stopped the command.
    #[error("stopped by a signal; nothing is lost: give the command again to carry on")]
    Stopped,
}

impl Error {
    /// Whether the same may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Chain(error) => is_passing(error),
            // Another node may have taken over, or this one may be catching up.
            Error::SharesDisagree(_) => true,
            _ => false,
        }
    }
}

/// The codes of a pool that has no room, or already has a transaction with this nonce: another command of the same role
/// is at work at the same time.
const POOL_IS_BUSY: [i32; 4] = [1012, 1013, 1014, 1016];

/// Whether a failure of the chain may pass.
pub fn is_passing(error: &gridveil_chain_client::Error) -> bool {
    let busy = matches!(error, gridveil_chain_client::Error::NotAccepted { code, .. } if POOL_IS_BUSY.contains(code));
    busy || error.is_transient()
}

/// The motions that are open, in words.
fn those_open(open: &[String]) -> String {
    match open {
        [] => "and no other either".into(),
        open => format!("only {}", open.join(", ")),
    }
}

/// The regions in question, in words.
fn those(regions: &[RegionId]) -> String {
    let named: Vec<_> = regions.iter().map(ToString::to_string).collect();
    match named.as_slice() {
        [] => "that no region took part".into(),
        named => format!("region {}", named.join(", ")),
    }
}

/// A region as it follows other words, where there is one.
fn in_region(region: &Option<RegionId>) -> String {
    region.map(|region| format!(" in region {region}")).unwrap_or_default()
}

/// A period's key as people read it.
pub fn show(key: &PeriodKey) -> String {
    format!("period {} of cycle {} in region {}", key.period, key.cycle, key.region)
}
