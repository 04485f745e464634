//! The consortium as a model: what must hold whatever its members, its network and its cheats do.
//!
//! Everything that executes the pallet executes the pallet itself, in its mock runtime with the stock session, Aura and
//! GRANDPA pallets; nothing of it is written down a second time but the few rules that the checks compare it with.
//!
//! | module | shows |
//! |---|---|
//! | `quorum` | any two quorums share an honest member: for every size of a consortium, by arithmetic and by enumeration |
//! | `history` | random histories of one chain: elections, set changes, cheats and blocks that never come |
//! | `invariants` | what a history checks after each of its steps |
//! | `twins` | random networks in which cheats run twice and every part executes its own chain: no two blocks that conflict are ever final |
//! | `network`, `rounds`, `tree` | the nodes, GRANDPA's rounds and the tree of blocks, as far as `twins` needs them |
//! | `chain` | the mock runtime as a chain that is cheap to copy, and what can be in its blocks |
//!
//! `twins` is in the manner of Bano et al., "Twins: BFT systems made robust": instead of writing attacks, the keys of a
//! cheat are given to a second node that runs honest code, and the network is parted at random, round by round.
//!
//! The number of cases is in the code. A case that fails is shrunk, and its seed is kept in `regressions/` beside the
//! module, where every later run tries it first.

mod chain;
mod history;
mod invariants;
mod network;
mod quorum;
mod rounds;
mod tree;
mod twins;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner},
};

/// Tries random cases, those first whose seeds are kept in a file of this crate. A case that fails is shrunk, its seed
/// kept, and it is shown.
fn try_cases<S: Strategy>(
    cases: u32,
    regressions: &'static str,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        max_shrink_iters: 10_000,
        ..Config::default()
    };
    if let Err(failure) = TestRunner::new(config).run(&strategy, check) {
        panic!("{failure}");
    }
}
