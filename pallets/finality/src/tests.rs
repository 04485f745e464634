//! What the consortium promises.

use crate::{mock::*, *};
use frame_support::{
    assert_noop, assert_ok,
    inherent::{InherentData, ProvideInherent},
    traits::{Contains, Get, Hooks, UnfilteredDispatchable},
    BoundedVec,
};
use sp_runtime::{traits::BadOrigin, DispatchResult};

mod blocks;
mod decisions;
mod election;
mod genesis;
mod inherent;
mod keys;
mod leaders;
mod leading;
mod leaving;
mod members;
mod nodes;
mod records;
mod state;
mod terms;
mod votes;

/// The consortium's origin.
fn decided() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

fn signed(account: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(account)
}

fn because(reason: &str) -> Reason {
    Reason::try_from(reason.as_bytes().to_vec()).unwrap()
}

fn add(account: u64) -> DispatchResult {
    Finality::add_member(decided(), account, because("they built a grid"))
}

fn remove(account: u64) -> DispatchResult {
    Finality::remove_member(decided(), account, because("they sold it"))
}

/// Adds a member that sets the keys of its number.
fn add_with_keys(account: u64) {
    assert_ok!(add(account));
    assert_ok!(Finality::set_keys(
        signed(account),
        mock::keys(account),
        ownership(account, account)
    ));
}

/// Lets a member vote in a block of its own.
fn vote(voter: u64, candidate: u64) {
    block_by(voter, || {
        assert_ok!(Finality::vote_leader(RuntimeOrigin::none(), candidate));
    });
}

/// Lets the author of this block vote as its node does that wants this; returns whether it has.
fn author_votes(data: &InherentData) -> bool {
    let Some(call) = Finality::create_inherent(data) else {
        return false;
    };
    assert!(Finality::is_inherent(&call));
    assert_ok!(call.dispatch_bypass_filter(RuntimeOrigin::none()));
    true
}

/// Makes `leader` the leader of the next term, by the votes of all, and begins that term.
fn elect(leader: u64) {
    for voter in Session::validators() {
        vote(voter, leader);
    }
    next_term();
    assert_eq!(Leader::<Test>::get(), Some(leader));
}

#[test]
fn the_constants_hold_together() {
    sp_io::TestExternalities::default().execute_with(<Finality as Hooks<u64>>::integrity_test);
}
