//! The consortium as nodes and people read it.

use gridveil_runtime::AccountId;
use pallet_finality::{ConsortiumStatus, MemberStatus};

use crate::harness::Chain;

/// The consortium at the latest block.
pub fn status(chain: &mut Chain) -> ConsortiumStatus<AccountId> {
    chain.call("FinalityApi_consortium", ())
}

/// What it says about a member.
pub fn of<'a>(status: &'a ConsortiumStatus<AccountId>, member: &AccountId) -> &'a MemberStatus<AccountId> {
    let mut members = status.members.iter();
    members.find(|status| status.account == *member).expect("a member")
}
